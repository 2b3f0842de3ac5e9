# SPDX-License-Identifier: MIT
"""Functions that the compiler renamed, split or made several of, as this kernel has them."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from harness import Kptrace, Worker
from workloads import folders

SEQUENCES = {"cpuinfo": 7, "consoles": 11, "crypto": 13}
"""Files of /proc that begin with a `c_start` of their own, and how often to read each."""


@cache
def functions() -> Counter[str]:
    """The functions of the core kernel by name, as often as there are."""
    text = Path("/proc/kallsyms").read_text()
    return Counter(re.findall(r"^[0-9a-f]+ [tTwW] (\S+)$", text, re.M))


@cache
def traced() -> frozenset[str]:
    return frozenset(Path("/sys/kernel/tracing/available_filter_functions").read_text().split("\n"))


@cache
def clones() -> dict[str, list[str]]:
    """The compiler's variants of each function, without the parts that are hardly ever run."""
    found: dict[str, list[str]] = {}
    for name in functions():
        base, dot, _ = name.partition(".")
        if dot and ".cold" not in name:
            found.setdefault(base, []).append(name)
    return found


def only_as(suffix: str) -> list[str]:
    """Three functions that are there only as one clone of a kind, and can be probed."""
    blacklist = Path("/sys/kernel/debug/kprobes/blacklist").read_text()
    found = [
        base
        for base, names in clones().items()
        if names == [f"{base}.{suffix}"] and base not in functions() and functions()[names[0]] == 1
        if names[0] in traced() and f"\t{names[0]}\n" not in blacklist
    ]
    return found[:3]


@pytest.mark.parametrize("suffix", ["isra.0", "constprop.0", "part.0"])
def test_a_clone_stands_in_for_its_function(kptrace: Kptrace, suffix: str) -> None:
    """It attaches by the function's own name, and says what it attached to."""
    names = only_as(suffix)
    assert names, "this kernel has clones of every kind"
    points = ", ".join(f"kprobe:{name}" for name in names)
    run = kptrace("-v", "--dry-run", "-e", f"{points} {{ @ = count(); }}")
    assert run.status == 0, run
    for name in names:
        assert f"kprobe:{name}.{suffix}, " in run.err
        assert f"WARNING: kprobe:{name} is there only as {name}.{suffix}" in run.err


def test_cold_parts_are_never_attached(kptrace: Kptrace) -> None:
    cold = next((name for name in functions() if name.endswith(".cold")), "vfs_read.cold")
    for point in (cold, f"{cold.removesuffix('d')}*"):
        run = kptrace("--dry-run", "-e", f"kprobe:{point} {{ @ = count(); }}")
        assert run.status == 4, run


def test_a_renamed_function_sees_every_call(kptrace: Kptrace) -> None:
    """Each task that a CPU turns to runs finish_task_switch, whatever the compiler calls it."""

    def sleeps() -> None:
        for _ in range(37):
            time.sleep(0.001)

    worker = Worker("sleeper", sleeps)
    spec = f"""
    kprobe:finish_task_switch /tid == {worker.pid}/ {{ @finished = count(); }}
    rawtracepoint:sched_switch /args.next.pid == {worker.pid}/ {{ @switched = count(); }}"""
    run = kptrace.during(worker.run, "--no-warnings", "-e", spec)
    assert run.maps["@switched"] >= 37
    assert run.maps["@finished"] == run.maps["@switched"]


def test_calls_that_go_to_a_part_are_told(kptrace: Kptrace, tmp_path: Path) -> None:
    """On 5.10 rmdir(2) calls vfs_rmdir.part.0, and no vfs_rmdir."""
    split = "vfs_rmdir" in clones()
    told = kptrace("--dry-run", "-e", "kprobe:vfs_rmdir { @ = count(); }")
    assert ("calls that go there directly are not seen" in told.err) is split
    worker = Worker("maker", folders(tmp_path, 31))
    points = "kprobe:vfs_rmdir, kprobe:vfs_rmdir.part*"
    spec = f"{points} /pid == {worker.pid}/ {{ @ = count(); }}"
    run = kptrace.during(worker.run, "--no-warnings", "-e", spec)
    assert run.maps["@"] == 31


@pytest.mark.parametrize("point", ["c_start", "c_star*"])
@pytest.mark.parametrize("attach", ["auto", "kprobe", "tracefs"])
def test_every_function_of_a_name_is_probed(kptrace: Kptrace, point: str, attach: str) -> None:
    """Three files of /proc begin with a static function of the same name."""
    assert functions()["c_start"] >= len(SEQUENCES)
    workers = [Worker(name, _reads(name, times)) for name, times in SEQUENCES.items()]

    def work() -> None:
        for worker in workers:
            worker.run()

    spec = f"kprobe:{point} {{ @[comm] = count(); }}"
    # without a list of sites (before Linux 6.5) the kernel may refuse one, which is told
    run = kptrace.during(work, "--no-warnings", "--attach", attach, "-e", spec)
    seen = {name: run.maps["@"].get(name, 0) for name in SEQUENCES}
    assert all(seen[name] >= times for name, times in SEQUENCES.items()), seen


def _reads(name: str, times: int) -> Callable[[], None]:
    def work() -> None:
        for _ in range(times):
            Path(f"/proc/{name}").read_bytes()

    return work
