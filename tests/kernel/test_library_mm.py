# SPDX-License-Identifier: MIT
"""The library's probes of memory, against /proc/vmstat, cgroups and known numbers of calls."""

from __future__ import annotations

import contextlib
import mmap
import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from cgroups import ROOT, cgroup, enter, memory_of, vmstat
from disks import file_system
from harness import Kptrace, Run, Worker
from workloads import Work, no_more_faults

PAGE = mmap.PAGESIZE
MIB = 1 << 20


@pytest.fixture
def limited() -> Iterator[Path]:
    """A cgroup of 16 MiB."""
    with cgroup("limited", 16 * MIB) as made:
        yield made


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with file_system("/dev/vda", folder):
        yield folder


def _memory(pages: int) -> mmap.mmap:
    """Small pages of a task alone. Old kernels try a fault of shared ones twice: a major one."""
    memory = mmap.mmap(-1, pages * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    return memory


def _touch(pages: int) -> Work:
    """Write to so many new pages, each of which faults, and keep them."""

    def work() -> None:
        memory = _memory(pages)
        for number in range(pages):
            memory[number * PAGE] = 1

    return work


def _write(path: Path, size: int) -> Work:
    """Write a file through the page cache."""

    def work() -> None:
        fd = os.open(path, os.O_CREAT | os.O_WRONLY)
        for _ in range(size // (64 << 10)):
            os.write(fd, bytes(64 << 10))
        os.close(fd)

    return work


def _run(kptrace: Kptrace, worker: Worker, *command: str, kills: bool = False) -> Run:
    """Trace a worker; interrupts on top of a probe may be lost, and are told as that."""
    with kptrace.tracing("run", "-f", "json", *command) as tracer:
        with contextlib.suppress(AssertionError) if kills else contextlib.nullcontext():
            worker.run()
        run = tracer.stop()
    assert run.status == 0, run
    return run


def _of(run: Run, name: str, *words: str) -> int:
    """The values of a map whose keys contain all of these words."""
    found = run.maps.get(name, {})
    return sum(value for key, value in found.items() if all(word in key for word in words))


def _values(run: Run, name: str, key: str) -> int:
    """How many values a histogram has."""
    return sum(bucket["count"] for bucket in run.maps[name][key])


def _missed(run: Run) -> int:
    """Hits that the ledger says were lost to recursion; 5.10 lets nobody count them."""
    missed = run.losses["recursion_misses"]
    return 3 if missed is None else int(missed)


def test_slaballoc(kptrace: Kptrace) -> None:
    """Files that are opened are objects that one function allocates."""

    def work() -> None:
        for _ in range(211):
            os.close(os.open("/dev/null", os.O_RDONLY))

    worker = Worker("opener", work)
    run = _run(kptrace, worker, "slaballoc", "-p", str(worker.pid))
    files = _of(run, "@allocations", "alloc_empty_file") + _of(run, "@allocations", "__alloc_file")
    assert 211 - _missed(run) <= files <= 211


def test_slaballoc_by_cgroup(kptrace: Kptrace, limited: Path) -> None:
    """Allocations count to the cgroup of the task."""
    pipes = Worker("piper", lambda: [os.pipe() for _ in range(101)])
    enter(limited, pipes.pid)
    run = _run(kptrace, pipes, "slaballoc", "--", "--cgroup")
    # Two files, an inode, a dentry and the pipe itself.
    made = run.maps["@allocations"]["unified:/limited"]
    assert 5 * 101 - _missed(run) <= made < 5 * 101 + 1000


def test_pagealloc(kptrace: Kptrace) -> None:
    """At least what the task touched, at most what /proc/vmstat counted from outside."""
    inside = mmap.mmap(-1, PAGE)

    def work() -> None:
        before = vmstat("pgalloc_")
        _touch(1511)()
        inside[:8] = (vmstat("pgalloc_") - before).to_bytes(8, "little")

    before = vmstat("pgalloc_")
    run = _run(kptrace, Worker("toucher", work), "pagealloc", "--", "--top=1000")
    outside = vmstat("pgalloc_") - before
    mine = _of(run, "@pages", "toucher,0")
    assert 1511 <= mine < 1511 + 500
    assert mine <= _of(run, "@pages", "") <= outside
    assert int.from_bytes(inside[:8], "little") >= 1511


def test_pagealloc_by_cgroup(kptrace: Kptrace, limited: Path) -> None:
    """The pages of a cgroup's task, as memory.stat counts them while they are there."""
    charged = mmap.mmap(-1, PAGE)

    def work() -> None:
        memory = _memory(1009)
        before = memory_of(limited, "stat")["anon"]
        for number in range(1009):
            memory[number * PAGE] = 1
        charged[:8] = (memory_of(limited, "stat")["anon"] - before).to_bytes(8, "little")

    worker = Worker("toucher", work)
    enter(limited, worker.pid)
    run = _run(kptrace, worker, "pagealloc", "--", "--cgroup")
    pages = run.maps["@pages"]["unified:/limited"]
    # memory.stat is collected for each CPU in batches
    assert int.from_bytes(charged[:8], "little") // PAGE - 64 <= pages
    assert 1009 <= pages < 1009 + 500


def test_reclaim(kptrace: Kptrace, limited: Path, disk: Path) -> None:
    """A file larger than its writer's cgroup: each time that the limit was reached, and the pages.

    memory.stat counts pages of the page cache alone, and is collected for each CPU in batches; what
    reclaim says that it freed had slab in it, too, before Linux 6.4.
    """
    worker = Worker("writer", _write(disk / "large", 40 * MIB))
    enter(limited, worker.pid)
    run = _run(kptrace, worker, "reclaim")
    stat = memory_of(limited, "stat")
    freed = run.maps["@pages"]["cgroup,writer"]
    assert freed >= 20 * MIB // PAGE
    assert abs(freed - stat["pgsteal"]) <= freed // 10
    assert _values(run, "@us", "cgroup,writer") == memory_of(limited, "events")["max"] >= 10


def test_oomkill(kptrace: Kptrace, limited: Path) -> None:
    """Who takes more memory than its cgroup may have is killed, and counted as killed."""
    kills = vmstat("oom_kill")
    worker = Worker("glutton", _touch(24 * MIB // PAGE))
    enter(limited, worker.pid)
    run = _run(kptrace, worker, "oomkill", kills=True)
    killed = memory_of(limited, "events")["oom_kill"]
    assert run.maps["@kills"] == {"unified:/limited": killed}
    assert killed == vmstat("oom_kill") - kills == 1
    assert run.printed[1].split()[1:] == [
        *(str(worker.pid), "glutton"),
        *(str(worker.pid), "glutton"),
        "unified:/limited",
    ]


def test_memcgfail(kptrace: Kptrace) -> None:
    """Each page that a cgroup without any memory refuses to a task that may not be killed."""
    with cgroup("full", 0) as full, open(ROOT / "cgroup.procs", "w") as root:
        files = [os.memfd_create(name) for name in ("allowed", "refused")]

        def write(fd: int) -> int:
            refused = 0
            for number in range(31):
                try:
                    os.pwrite(fd, b"x", number * PAGE)
                except OSError:
                    refused += 1
            return refused

        def work() -> None:
            Path("/proc/self/oom_score_adj").write_text("-1000")
            assert [write(-1), write(files[0])] == [31, 0]  # what this needs is there from now on
            no_more_faults()
            signal.alarm(30)  # a fault in there would be tried again for ever
            enter(full, os.getpid())
            refused = write(files[1])
            root.write("0")
            root.flush()
            assert refused == 31

        run = _run(kptrace, Worker("refused", work), "memcgfail")
        for fd in files:
            os.close(fd)
    assert run.maps["@failed"] == {"unified:/full,refused": 31}


def test_faults(kptrace: Kptrace) -> None:
    """As many minor faults as the task's own statistics say."""
    counted = mmap.mmap(-1, PAGE)

    def work() -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        _touch(1213)()
        now = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        counted[:8] = (now - before).to_bytes(8, "little")

    before = vmstat("pgfault")
    run = _run(kptrace, Worker("toucher", work), "faults")
    outside = vmstat("pgfault") - before
    mine = run.maps["@faults"]["minor,toucher"]
    assert 1213 <= int.from_bytes(counted[:8], "little") <= mine < 1213 + 500
    assert mine <= _of(run, "@faults", "") <= outside
    assert _values(run, "@ns", "minor") == _of(run, "@faults", "minor,")


def test_cachehit(kptrace: Kptrace, disk: Path) -> None:
    """Reads of a file that is not in memory, and the same again."""
    path = disk / "file"
    path.write_bytes(bytes(103 * PAGE))
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)

    def work() -> None:
        for _ in range(3):
            for number in range(103):
                os.pread(fd, PAGE, number * PAGE)

    run = _run(kptrace, Worker("reader", work), "cachehit")
    os.close(fd)
    assert {key: run.maps["@reads"][key] for key in ("vda,hit", "vda,miss")} == {
        "vda,hit": 2 * 103,
        "vda,miss": 103,
    }
    assert run.maps["@hit_percent"]["vda"] == 66
