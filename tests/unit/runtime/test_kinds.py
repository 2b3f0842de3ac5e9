# SPDX-License-Identifier: MIT
"""Programs that are loaded for a target, sessions, and the order in which all are attached."""

from __future__ import annotations

import os
import struct

import pytest

from kptrace.plan import Plan, ProbeKind, Program, Target
from kptrace.runtime import attach, bpf_programs, iterators
from kptrace.runtime.bpf import ProgType, prog_load
from kptrace.runtime.mechanism import choose


def program(name: str, kind: ProbeKind, session: str = "") -> Program:
    target = Target(probe=name, name="vfs_read")
    return Program(name=name, kind=kind, label=name, targets=(target,), session=session)


@pytest.mark.parametrize(
    ("kind", "mechanism"),
    [
        (ProbeKind.FENTRY, "trampoline"),
        (ProbeKind.FEXIT, "trampoline"),
        (ProbeKind.ITER, "iterator"),
        (ProbeKind.PROFILE, "perf link"),
        (ProbeKind.SOFTWARE, "perf link"),
        (ProbeKind.SELF, "test run"),
        (ProbeKind.TEST, "test run"),
        (ProbeKind.BENCH, "test run"),
    ],
)
def test_mechanism_of_a_kind(kind: ProbeKind, mechanism: str) -> None:
    plan = Plan(name="t", arch="", programs=(program("a", kind),))
    assert choose(plan, lambda name: True)["a"].value == mechanism


def test_a_session_is_one_link() -> None:
    entry = program("entry", ProbeKind.KPROBE, session="exit")
    leave = program("exit", ProbeKind.KRETPROBE, session="entry")
    plan = Plan(name="t", arch="", programs=(entry, leave))
    found = choose(plan, lambda name: True)
    assert {one.value for one in found.values()} == {"kprobe.session"}


def test_what_the_kernel_runs_newest_first_is_attached_backwards() -> None:
    kinds = (
        ProbeKind.BEGIN, ProbeKind.FENTRY, ProbeKind.KPROBE, ProbeKind.TRACEPOINT,
        ProbeKind.FENTRY, ProbeKind.KPROBE, ProbeKind.TRACEPOINT, ProbeKind.FEXIT,
    )  # fmt: skip
    programs = tuple(program(str(number), kind) for number, kind in enumerate(kinds))
    order = attach._attach_order(Plan(name="t", arch="", programs=programs))
    assert [one.name for one in order] == ["7", "5", "4", "2", "1", "3", "6"]


def record(event: int, content: bytes) -> bytes:
    return struct.pack("=QII", 77, event, 16 + len(content)) + content


def test_records_of_an_iterator_may_be_cut_anywhere() -> None:
    whole = record(1, b"abcdefgh") + record(2, b"") + record(3, b"0123456789012345")
    expected, rest = iterators._split(whole)
    assert [(time, event, data[16:]) for time, event, data in expected] == [
        (77, 1, b"abcdefgh"), (77, 2, b""), (77, 3, b"0123456789012345"),
    ]  # fmt: skip
    assert rest == b""
    for cut in range(len(whole)):
        first, rest = iterators._split(whole[:cut])
        second, rest = iterators._split(rest + whole[cut:])
        assert first + second == expected
        assert rest == b""


@pytest.mark.skipif(os.geteuid() != 0, reason="loading programs needs root")
def test_programs_without_types_have_no_name() -> None:
    """Ours is loaded without BTF here; it must not disturb the list."""
    code = struct.pack("<BBhi", 0xB7, 0, 0, 0) + struct.pack("<BBhi", 0x95, 0, 0, 0)
    fd = prog_load(ProgType.RAW_TRACEPOINT, code)
    try:
        assert all(number > 0 and name for number, name in bpf_programs.loaded())
    finally:
        os.close(fd)
