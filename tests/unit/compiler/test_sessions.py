# SPDX-License-Identifier: MIT
"""Which entry and return blocks share one link."""

from __future__ import annotations

import pytest

from kptrace.compiler import Options, compile_spec
from kptrace.compiler.sessions import call
from kptrace.kernel import Kernel
from kptrace.source import Source


def sessions(spec: str, kernel: Kernel, *, session: bool = True) -> list[tuple[str, str]]:
    source = Source(name="test", text=spec)
    plan = compile_spec(source, kernel, Options(session=session)).plan
    labels = {one.name: one.label for one in plan.programs}
    return [
        (one.label, labels[one.session])
        for one in plan.programs
        if one.session and one.kind.value == "kprobe"
    ]


@pytest.mark.parametrize(
    ("spec", "pairs"),
    [
        ("kprobe:vfs_read { } kretprobe:vfs_read { }", ["vfs_read"]),
        ("kretprobe:vfs_read { } begin { } kprobe:vfs_read { }", ["vfs_read"]),
        ("kprobe:vfs_* { } kretprobe:vfs_* { }", ["vfs_*"]),
        ("kprobe:vfs_read { } kretprobe:vfs_write { }", []),
        ("kprobe:vfs_* { } kretprobe:vfs_r* { }", []),
        ("kprobe:vfs_read { } kprobe:vfs_read { } kretprobe:vfs_read { }", []),
        ("kprobe:vfs_read { } kretprobe:vfs_read { } kretprobe:vfs_read { }", []),
        ("kprobe:vfs_read { } kretprobe:vfs_read { } kprobe:vfs_r* { }", []),
        ("kprobe:vfs_read+4 { } kretprobe:vfs_read { }", []),
        ("kprobe:vmlinux:vfs_* { } kretprobe:vmlinux:vfs_* { }", []),
        ("kprobe:dm_mod:dm_io { } kretprobe:dm_mod:dm_io { }", []),
        ("kprobe:vfs_read, kprobe:vfs_open { } kretprobe:vfs_read { }", []),
        ("kprobe:vfs_* { printf(probe); } kretprobe:vfs_* { }", []),
    ],
)
def test_pairs(spec: str, pairs: list[str], golden_kernel: Kernel) -> None:
    expected = [(f"kprobe:{one}", f"kretprobe:{one}") for one in pairs]
    assert sessions(spec, golden_kernel) == expected


def test_only_where_it_is_wanted(golden_kernel: Kernel) -> None:
    spec = "kprobe:vfs_read { } kretprobe:vfs_read { }"
    assert sessions(spec, golden_kernel, session=False) == []


def test_the_kernel_function_with_and_without_context() -> None:
    assert call("extern _Bool f(void);") == "bpf_session_is_return()"
    assert call("extern _Bool f(void *ctx);") == "bpf_session_is_return(ctx)"
