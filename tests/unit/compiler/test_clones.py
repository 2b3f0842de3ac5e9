# SPDX-License-Identifier: MIT
"""Functions whose name is not theirs alone, or not what the source says: which are probed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kptrace.compiler import Options, compile_spec
from kptrace.kernel import Kernel
from kptrace.plan import Target
from kptrace.source import Source


def targets(point: str, kernel: Kernel, body: str = "@ = count();") -> list[Target]:
    source = Source(name="test", text=f"{point} {{ {body} }}")
    plan = compile_spec(source, kernel, Options()).plan
    return [target for program in plan.programs for target in program.targets]


@pytest.mark.parametrize(
    ("point", "names"),
    [
        ("kprobe:renamed", ["renamed.isra.0"]),
        ("kretprobe:vmlinux:renamed", ["renamed.isra.0"]),
        ("kprobe:rename*", ["renamed.isra.0"]),  # and not its cold part
        ("kprobe:shrunk", ["shrunk.constprop.0", "shrunk.constprop.1"]),
        ("kprobe:halved", ["halved"]),
        ("kprobe:halve*", ["halved"]),  # its part sees only some of the calls
        ("kprobe:halved.part*", ["halved.part.0"]),
        ("kprobe:only_half", ["only_half.part.0"]),
        ("kprobe:only_*", ["only_half.part.0"]),  # better than nothing
    ],
)
def test_clones(point: str, names: list[str], golden_kernel: Kernel) -> None:
    found = targets(point, golden_kernel)
    assert [one.name for one in found] == names
    assert [one.probe.rpartition(":")[2] for one in found] == names
    assert not any(one.address or one.group for one in found)


def test_arguments_of_a_clone_are_those_of_btf(golden_kernel: Kernel) -> None:
    assert targets("kprobe:renamed", golden_kernel, "@ = args.second;")


@pytest.mark.parametrize("point", ["kprobe:two_of_it", "kprobe:two_*"])
def test_all_functions_of_a_name_are_probed(point: str, golden_kernel: Kernel) -> None:
    found = targets(point, golden_kernel)
    assert [one.address for one in found] == [0xFFFFFFFF81000F00, 0xFFFFFFFF81000F80]


def test_a_wildcard_tells_modules_apart(golden_kernel: Kernel) -> None:
    found = targets("kprobe:submit_*", golden_kernel)
    assert [(one.group, one.address) for one in found] == [
        ("", 0xFFFFFFFF81000A00),
        ("dm_mod", 0xFFFFFFFFA0000100),
    ]


def test_sites_tell_which_function_of_a_name_can_be_probed(
    golden_root: Path, tmp_path: Path
) -> None:
    """Without them the kernel may refuse one."""
    root = tmp_path / "kernel"
    shutil.copytree(golden_root, root)
    first, second = 0xFFFFFFFF81001000, 0xFFFFFFFF81001080
    with Kernel(root) as kernel:
        found = targets("kprobe:one_*", kernel)
    assert [(one.address, one.optional) for one in found] == [(first, True), (second, True)]
    sites = root / "sys/kernel/tracing/available_filter_functions_addrs"
    sites.write_text("ffffffff81001084 one_traced\n")
    with Kernel(root) as kernel:
        found = targets("kprobe:one_*", kernel)
    assert [(one.address, one.optional) for one in found] == [(second, False)]


def test_hidden_addresses(golden_root: Path, tmp_path: Path) -> None:
    root = tmp_path / "kernel"
    shutil.copytree(golden_root, root)
    path = root / "proc/kallsyms"
    lines = path.read_text().splitlines()
    path.write_text("".join(f"{0:016x}{line[16:]}\n" for line in lines))
    source = Source(name="test", text="kprobe:t*, kprobe:submit_* { @ = count(); }")
    with Kernel(root) as kernel:
        made = compile_spec(source, kernel, Options())
    found = [target.name for program in made.plan.programs for target in program.targets]
    assert found == ["takes_much", "submit_twice", "submit_twice"]
    (warning,) = made.warnings
    assert warning.message == (
        "kprobe:two_of_it is left out: several functions have this name, and their addresses are"
        " hidden"
    )
