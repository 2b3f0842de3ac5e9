# SPDX-License-Identifier: MIT
"""The library's probes of the scheduler, against what the kernel counts by itself."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from harness import Kptrace, Worker, run_as, set_comm

CGROUPS = Path("/sys/fs/cgroup")
BUSY_S = 2.0
HOGS = 5


def _schedstat(pid: int | str = "self") -> tuple[int, int]:
    """Nanoseconds on a CPU, and runnable without one, as the kernel counts them for a thread."""
    running, waiting, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
    return int(running), int(waiting)


def _every_cpu() -> int:
    """Nanoseconds of waiting (run_delay) of all CPUs, by /proc/schedstat."""
    rows = [line.split() for line in Path("/proc/schedstat").read_text().splitlines()]
    return sum(int(row[8]) for row in rows if row[0].startswith("cpu"))


def _hogs(results: Path, count: int = HOGS, cpus: set[int] | None = None) -> Callable[[], None]:
    """Processes named as the caller that all compute; what they and it got is written down.

    Of their whole lives, which a zombie's books still tell: an emulated CPU is long in beginnings.
    """

    def work() -> None:
        if cpus:
            os.sched_setaffinity(0, cpus)
        before = _schedstat()
        children = []
        for _ in range(count):
            pid = os.fork()
            if pid == 0:
                until = time.monotonic() + BUSY_S
                while time.monotonic() < until:
                    pass
                os._exit(0)
            children.append(pid)
        got = []
        for pid in children:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            got.append(_schedstat(pid))
            os.waitpid(pid, 0)
        after = _schedstat()
        got.append((after[0] - before[0], after[1] - before[1]))
        (results / "hogs").write_text(" ".join(str(sum(one)) for one in zip(*got, strict=True)))

    return work


def _of_hogs(results: Path) -> tuple[float, float]:
    """Microseconds of running and of waiting of all of them."""
    running, waiting = map(int, (results / "hogs").read_text().split())
    return running / 1000, waiting / 1000


def _total(figures: dict[str, int]) -> int:
    """The sum of a histogram's values, which its mean gives to a unit each."""
    return figures["mean"] * figures["count"]


def test_latency_of_all(kptrace: Kptrace, tmp_path: Path) -> None:
    """The sum of all waits is the kernel's run_delay."""
    delay = []

    def work() -> None:
        delay.append(_every_cpu())
        run_as("hog", _hogs(tmp_path))
        delay.append(_every_cpu())

    run = kptrace.during(work, "run", "runqlat")
    assert _total(run.percentiles("@us")) == pytest.approx((delay[1] - delay[0]) / 1000, rel=0.05)


def test_latency_by_task(kptrace: Kptrace, tmp_path: Path) -> None:
    """The sum of the waits of some tasks is that of their /proc/PID/schedstat."""
    run = kptrace.during(
        lambda: run_as("hog", _hogs(tmp_path)), "run", "runqlat", "--", "--by=task"
    )
    _, waited = _of_hogs(tmp_path)
    assert _total(run.percentiles("@us")["hog"]) == pytest.approx(waited, rel=0.05)


def test_slow_waits(kptrace: Kptrace, tmp_path: Path) -> None:
    """One line for each wait above the threshold, with what the task waited for."""
    run = kptrace.during(
        lambda: run_as("hog", _hogs(tmp_path, count=3, cpus={1})),
        *("run", "runqslower", "--", "--us=2000"),
    )
    rows = [line.split() for line in "".join(run.printed).splitlines()[1:]]
    hogs = [row for row in rows if row[1] == "hog" and row[7] == "preempted"]
    assert all(int(row[3]) >= 2000 for row in rows)
    assert all(row[4] == "1" for row in hogs)
    assert len([row for row in hogs if row[5] == "hog"]) > 20
    _, waited = _of_hogs(tmp_path)
    assert sum(int(row[3]) for row in rows if row[1] == "hog") <= waited * 1.05


def test_waker(kptrace: Kptrace) -> None:
    """A task that another one wakes, and one that a timer wakes."""
    ours, theirs = os.pipe()
    done, tell = os.pipe()

    def sleeper() -> None:
        for _ in range(11):
            os.read(ours, 1)
            os.write(tell, b"x")

    def waker(pid: int) -> None:
        state = Path(f"/proc/{pid}/stat")
        for _ in range(11):
            while "(sleeper) S " not in state.read_text():
                time.sleep(0.001)
            time.sleep(0.001)  # it may still be on its CPU
            os.write(theirs, b"x")
            os.read(done, 1)

    def napper() -> None:
        for _ in range(13):
            time.sleep(0.01)

    def work() -> None:
        pid = os.fork()
        if pid == 0:
            set_comm("sleeper")
            sleeper()
            os._exit(0)
        run_as("waker", lambda: waker(pid))
        os.waitpid(pid, 0)
        run_as("napper", napper)

    run = kptrace.during(work, "run", "runqslower", "--", "--us=0")
    for descriptor in (ours, theirs, done, tell):
        os.close(descriptor)
    rows = [line.split() for line in "".join(run.printed).splitlines()[1:]]
    woken: dict[str, list[str]] = {"sleeper": [], "napper": []}
    for row in rows:
        if row[1] in woken and row[7] == "woken":
            woken[row[1]].append(row[9])
    assert len([one for one in woken["sleeper"] if one.rstrip("?") == "waker"]) == 11
    assert len(woken["napper"]) >= 13
    if not any(one.endswith("?") for one in woken["napper"]):
        assert woken["napper"].count("irq") >= 13


def test_off_cpu(kptrace: Kptrace) -> None:
    """A process that sleeps is off its CPU as long as it slept, in the stack of sleeping."""
    slept = []

    def napper() -> None:
        for _ in range(7):
            time.sleep(0.1)

    def work() -> None:
        start = time.monotonic()
        run_as("napper", napper)
        slept.append(time.monotonic() - start)
        # The kernel makes new tasks of the memory of those that ended.
        for _ in range(7):
            run_as("short", lambda: None)

    run = kptrace.during(work, "run", "offcpu", "--", "--top=1000")
    stacks = {key: us for key, us in run.maps["@us"].items() if key.endswith("napper")}
    naps = sum(us for key, us in stacks.items() if "nanosleep" in key)
    # The timer of a nap runs already when its task leaves the CPU, which takes a while in the lab.
    assert 700_000 * 0.95 <= naps <= slept[0] * 1_000_000
    assert not any("do_task_dead" in key for key in run.maps["@us"])


def test_on_cpu(kptrace: Kptrace, tmp_path: Path) -> None:
    """Time on CPUs is what /proc/PID/schedstat says."""
    run = kptrace.during(lambda: run_as("hog", _hogs(tmp_path)), "run", "oncpu")
    ran, _ = _of_hogs(tmp_path)
    assert _total(run.percentiles("@us")["hog"]) == pytest.approx(ran, rel=0.05)


def test_queue_length(kptrace: Kptrace, tmp_path: Path) -> None:
    """Tasks that compute on one CPU are what its queue holds."""
    run = kptrace.during(
        lambda: run_as("hog", _hogs(tmp_path, count=3, cpus={1})), "run", "runqlen"
    )
    samples = {
        bucket["min"]: bucket["count"] for bucket in run.maps["@length"]["1"] if bucket["count"]
    }
    full = sum(count for length, count in samples.items() if length in (3, 4))
    assert full > sum(samples.values()) / 2
    assert full >= BUSY_S * 99 / 2


def test_migrations(kptrace: Kptrace, tmp_path: Path) -> None:
    """Each forced move is counted, and the kernel's own count is ours."""
    books = tmp_path / "moves"

    def moved() -> int:
        rows = (line.split(":") for line in Path("/proc/self/sched").read_text().splitlines())
        return next(int(row[1]) for row in rows if row[0].strip() == "se.nr_migrations")

    def work() -> None:
        before = moved()
        for number in range(53):
            os.sched_setaffinity(0, {number % 2})
        books.write_text(f"{moved() - before} {moved()}")

    run = kptrace.during(lambda: run_as("mover", work), "run", "migrations")
    least, most = map(int, books.read_text().split())
    assert 52 <= least <= run.maps["@moves"]["mover"] <= most


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """A cgroup of its own with another inside, in the one hierarchy."""
    mounted = (CGROUPS / "cgroup.procs").exists()
    if not mounted:
        subprocess.run(["mount", "-t", "cgroup2", "cgroup2", str(CGROUPS)], check=True)
    made = CGROUPS / "of-this-test"
    inner = made / "inner"
    inner.mkdir(parents=True)
    yield inner
    inner.rmdir()
    made.rmdir()
    if not mounted:
        subprocess.run(["umount", str(CGROUPS)], check=True)


def test_cgroup(kptrace: Kptrace, tmp_path: Path, cgroup: Path) -> None:
    """Running and waiting of a cgroup is what the kernel counts for it and its tasks."""
    worker = Worker("hog", _hogs(tmp_path))
    (cgroup / "cgroup.procs").write_text(str(worker.pid))
    run = kptrace.during(
        worker.run, "run", "cgrouplat", "--", f"--cgroup={cgroup.parent.relative_to(CGROUPS)}"
    )
    usage = dict(line.split() for line in (cgroup / "cpu.stat").read_text().splitlines())
    name = "unified:/of-this-test/inner"
    assert set(run.maps["@wait_ns"]) == {name}
    _, waited = _of_hogs(tmp_path)
    assert run.maps["@run_ns"][name] / 1000 == pytest.approx(int(usage["usage_usec"]), rel=0.05)
    assert run.maps["@wait_ns"][name] / 1000 == pytest.approx(waited, rel=0.05)
