# SPDX-License-Identifier: MIT
from __future__ import annotations

from pathlib import Path

import pytest

from kptrace.errors import HostError
from kptrace.kernel import Kernel
from kptrace.kernel.probeable import Function, Status, differences

TRACING = "sys/kernel/tracing"
BLACKLIST = "sys/kernel/debug/kprobes/blacklist"


def names(kernel: Kernel, pattern: str, module: str = "") -> list[str]:
    return [one.name for one in kernel.probeable.functions(pattern, module)]


# Wildcards


def test_functions(kernel: Kernel) -> None:
    assert names(kernel, "vfs_*") == ["vfs_read", "vfs_readv", "vfs_statx", "vfs_write"]
    assert names(kernel, "*") == [
        "finish_task_switch.isra.0",
        "overridable",
        "register_kprobe",
        "vfs_read",
        "vfs_readv",
        "vfs_statx",
        "vfs_write",
        "weak_function",
        "ext4_file_read_iter",
        "ext4_sync_file",
        "same_name",
        "jbd2_journal_commit_transaction",
        "same_name",
    ]
    assert names(kernel, "vfs_read") == ["vfs_read"]
    assert names(kernel, "vfs_rea") == []
    assert names(kernel, "vfs.read") == []


def test_functions_of_modules(kernel: Kernel) -> None:
    assert kernel.probeable.functions("same*") == [
        Function(name="same_name", module="ext4"),
        Function(name="same_name", module="jbd2"),
    ]
    assert names(kernel, "same*", "jbd2") == ["same_name"]
    assert names(kernel, "*sync*", "ex*") == ["ext4_sync_file"]
    assert names(kernel, "same*", "vmlinux") == []
    assert names(kernel, "vfs_read", "ext4") == []


def test_symbols_stand_in_for_an_unknown_list(root: Path) -> None:
    (root / TRACING / "available_filter_functions").unlink()
    kernel = Kernel(root)
    assert "available_filter_functions" in kernel.probeable.problem
    assert "vfs_read" in names(kernel, "vfs_*")
    assert "vfs_read.cold" not in names(kernel, "vfs_*")
    assert names(kernel, "start_*") == []
    (root / "proc/kallsyms").unlink()
    with pytest.raises(HostError, match="cannot list kernel functions"):
        Kernel(root).probeable.functions("vfs_*")


def test_modules(kernel: Kernel, root: Path) -> None:
    assert kernel.probeable.modules == frozenset({"ext4", "jbd2"})
    (root / "proc/modules").unlink()
    assert Kernel(root).probeable.modules == frozenset()  # CONFIG_MODULES=n
    (root / "proc/kallsyms").unlink()
    assert Kernel(root).probeable.modules is None


def test_raw_tracepoints(btf_root: Path, root: Path) -> None:
    with Kernel(btf_root) as kernel:
        probeable = kernel.probeable
        assert probeable.raw_tracepoints("*") == [("block_start", ""), ("tiny_event", "tiny")]
        assert probeable.raw_tracepoints("*", "vmlinux") == [("block_start", "")]
        assert probeable.raw_tracepoints("tiny*", "tiny") == [("tiny_event", "tiny")]
    without_btf = Kernel(root).probeable
    assert without_btf.raw_tracepoints("sched_*") == [("sched_switch", "")]


# Verdicts


@pytest.mark.parametrize(
    ("name", "module", "status"),
    [
        ("vfs_read", "", Status.OK),
        ("vfs_read", "vmlinux", Status.OK),
        ("overridable", "", Status.OK),
        ("vfs_readv_alias", "", Status.OK),  # listed under its other name
        ("weak_function", "", Status.AMBIGUOUS),
        ("finish_task_switch.isra.0", "", Status.OK),
        ("ext4_sync_file", "", Status.OK),
        ("ext4_sync_file", "ext4", Status.OK),
        ("same_name", "jbd2", Status.OK),
        ("rcu_read_unlock_strict", "", Status.OK),  # refused to wildcards only
        ("nonsense", "", Status.ABSENT),
        ("ext4_sync_file", "jbd2", Status.ABSENT),
        ("vfs_read", "ext4", Status.ABSENT),
        ("finish_task_switch", "", Status.CLONED),
        ("finish_task_switch", "ext4", Status.ABSENT),
        ("copy_page", "", Status.CLONED),
        ("reclaim_high", "", Status.ABSENT),  # its clone is not traceable
        ("f", "xfs", Status.MODULE_NOT_LOADED),
        ("__schedule", "", Status.NOT_TRACEABLE),
        ("cleanup_module", "", Status.NOT_TRACEABLE),  # several, and none of them will do
        ("start_kernel", "", Status.NOT_TRACEABLE),
        ("__pfx_vfs_read", "", Status.NOT_TRACEABLE),
        ("vfs_read.cold", "", Status.NOT_TRACEABLE),
        ("counter", "", Status.NOT_TRACEABLE),
        ("notifier_call_chain", "", Status.BLACKLISTED),
        ("same_name", "", Status.AMBIGUOUS),
    ],
)
def test_check(kernel: Kernel, name: str, module: str, status: Status) -> None:
    assert kernel.probeable.check(name, module).status is status


def test_reasons(kernel: Kernel) -> None:
    check = kernel.probeable.check
    assert check("f", "xfs").message == (
        "specified module xfs in probe kprobe:xfs:f is not loaded."
    )
    assert "kretprobe:xfs:f" in check("f", "xfs", is_return=True).message
    assert check("vfs_raed").hint == "did you mean 'vfs_read' or 'vfs_readv' or 'vfs_write'?"
    assert "freed" in check("start_kernel").message
    assert "data" in check("counter").message
    assert check("vfs_read.cold").hint == "probe vfs_read"
    assert check("vfs_read", "ext4").hint == "it is in vmlinux"
    assert check("__schedule").message == (
        "__schedule is not traceable (either non-existing, inlined, or marked as"
        ' "notrace"); attaching to it will likely fail'
    )


def test_clones_instead(kernel: Kernel) -> None:
    verdict = kernel.probeable.check("finish_task_switch")
    assert verdict.clones == ("finish_task_switch.isra.0",)
    assert verdict.hint == (
        "the compiler replaced it by finish_task_switch.isra.0 (its argument registers may"
        " differ), which kprobe can probe"
    )
    verdict = kernel.probeable.check("reclaim_high")
    assert verdict.clones == ()
    assert (
        verdict.hint
        == "the compiler replaced it by reclaim_high.constprop.0, which cannot be traced"
    )


@pytest.mark.parametrize(
    ("clones", "text"),
    [
        (["f.isra.0"], " (its argument registers may differ)"),
        (["f.part.0"], " (it sees only some of the calls)"),
        (
            ["f.constprop.0", "f.constprop.1"],
            " (their argument registers may differ; each sees only some of the calls)",
        ),
        (["f.llvm.7"], ""),
    ],
)
def test_what_clones_do_not_promise(clones: list[str], text: str) -> None:
    assert differences(clones) == text
    assert differences(["f.isra.0"], typed=True) == ""


def test_ambiguous_name_gives_usable_places(kernel: Kernel) -> None:
    verdict = kernel.probeable.check("same_name")
    assert [one.module for one in verdict.symbols] == ["ext4", "jbd2"]
    assert verdict.hint == "name the module: ext4:same_name"
    show = kernel.probeable.check("show")
    assert show.status is Status.AMBIGUOUS
    # The other one is on the blacklist, which is told by address.
    assert [one.address for one in show.symbols] == [0xFFFFFFFF81000400]


def test_name_of_code_and_data(kernel: Kernel) -> None:
    verdict = kernel.probeable.check("weak_function")
    assert verdict.message == "weak_function names 2 places (in vmlinux)"
    assert [one.type for one in verdict.symbols] == ["W"]


def test_ambiguous_places_without_site_are_left_out(root: Path) -> None:
    (root / TRACING / "available_filter_functions_addrs").write_text(
        "ffffffff81000114 vfs_read\nffffffffa0001304 same_name [ext4]\n"
    )
    verdict = Kernel(root).probeable.check("same_name")
    assert verdict.status is Status.AMBIGUOUS
    assert [one.module for one in verdict.symbols] == ["ext4"]


def test_ambiguous_with_hidden_addresses(root: Path) -> None:
    path = root / "proc/kallsyms"
    path.write_text("".join("0" * 16 + line[16:] + "\n" for line in path.read_text().splitlines()))
    check = Kernel(root).probeable.check
    assert check("same_name").status is Status.AMBIGUOUS
    assert check("vfs_read").status is Status.OK
    assert check("vfs_read", offset=4).status is Status.UNKNOWN
    assert check("", address=0xFFFFFFFF81000110).status is Status.UNKNOWN
    assert check("notifier_call_chain").status is Status.BLACKLISTED


@pytest.mark.parametrize(
    ("offset", "is_return", "status"),
    [
        (4, False, Status.OK),
        (0xEF, False, Status.OK),
        (0xF0, False, Status.BAD_OFFSET),
        (4, True, Status.BAD_OFFSET),
        (0, True, Status.OK),
    ],
)
def test_offsets(kernel: Kernel, offset: int, is_return: bool, status: Status) -> None:
    verdict = kernel.probeable.check("vfs_read", offset=offset, is_return=is_return)
    assert verdict.status is status


@pytest.mark.parametrize(
    ("address", "status"),
    [
        (0xFFFFFFFF81000110, Status.OK),
        (0xFFFFFFFF81000114, Status.OK),
        (0xFFFFFFFF81000710, Status.BLACKLISTED),
        (0xFFFFFFFF81000600, Status.NOT_TRACEABLE),
        (0xFFFFFFFF82000041, Status.NOT_TRACEABLE),
        (0x1234, Status.ABSENT),
    ],
)
def test_addresses(kernel: Kernel, address: int, status: Status) -> None:
    assert kernel.probeable.check("", address=address).status is status


@pytest.mark.parametrize(
    ("missing", "name", "status"),
    [
        (f"{TRACING}/available_filter_functions", "vfs_read", Status.UNKNOWN),
        (f"{TRACING}/available_filter_functions", "notifier_call_chain", Status.BLACKLISTED),
        (f"{TRACING}/available_filter_functions", "nonsense", Status.ABSENT),
        (BLACKLIST, "vfs_read", Status.UNKNOWN),
        (BLACKLIST, "__schedule", Status.NOT_TRACEABLE),
        ("proc/kallsyms", "vfs_read", Status.OK),
        ("proc/kallsyms", "nonsense", Status.UNKNOWN),
        ("proc/modules", "ext4_sync_file", Status.OK),
    ],
)
def test_a_missing_list_never_means_absent(
    root: Path, missing: str, name: str, status: Status
) -> None:
    (root / missing).unlink()
    verdict = Kernel(root).probeable.check(name)
    assert verdict.status is status
    if status is Status.UNKNOWN:
        assert Path(missing).name in verdict.message
