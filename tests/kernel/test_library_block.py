# SPDX-License-Identifier: MIT
"""The library's probes of block I/O, against disks of known behaviour and /sys/block/DISK/stat."""

from __future__ import annotations

import mmap
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from disks import discard, file_system, mapped_disk, null_disk, scheduler, stat, stat_since
from harness import Kptrace, Run, Worker, run_as
from workloads import Work, disk_io

BUCKET = {1_000_000: (1_000, 2_048), 10_000_000: (10_000, 16_384)}
"""Where the median lies of requests that take so many ns, in us."""
CGROUPS = Path("/sys/fs/cgroup")
DISK_WRITES = ("write", "zeroes", "erase")
"""What diskstats counts as a write."""


def _rows(run: Run) -> list[list[str]]:
    """The lines of a probe that prints a line for each request, without the heading."""
    return [line.split() for line in "".join(run.printed).splitlines()[1:]]


def _mixed(disk: str) -> Work:
    """Reads, writes, flushes, writes to the medium itself, and discards."""
    direct, synced = disk_io(disk, 53, 31), _synced(disk, 11)

    def work() -> None:
        direct()
        synced()
        fd = os.open(disk, os.O_RDWR)
        for _ in range(7):
            os.fsync(fd)
        os.close(fd)
        discard(disk, 1 << 20, 3 << 16)

    return work


def _synced(disk: str, count: int) -> Work:
    """Writes that have to be on the medium; a disk without FUA needs a flush for each."""

    def work() -> None:
        fd = os.open(disk, os.O_RDWR | os.O_DIRECT | os.O_DSYNC)
        with mmap.mmap(-1, 8192) as buffer:
            for number in range(count):
                os.pwrite(fd, buffer, number * 8192)
        os.close(fd)

    return work


def test_latency_of_two_disks(kptrace: Kptrace) -> None:
    """Each direct request is counted under its device and operation, as the kernel counts it."""
    before = {disk: stat(disk) for disk in ("vda", "nvme0n1")}

    def work() -> None:
        disk_io("/dev/vda", 53, 31)()
        disk_io("/dev/nvme0n1", 61, 37)()

    run = kptrace.during(lambda: run_as("disks", work), "run", "biolatency")
    counts = run.counts("@device_us")
    assert counts == {"vda,read": 53, "vda,write": 31, "nvme0n1,read": 61, "nvme0n1,write": 37}
    for disk, then in before.items():
        did = stat_since(disk, then)
        assert did["reads"] == counts[f"{disk},read"]
        assert did["writes"] == counts[f"{disk},write"]


@pytest.mark.parametrize("completion_ns", [1_000_000, 10_000_000])
def test_latency_phases(kptrace: Kptrace, completion_ns: int) -> None:
    """The median is in the bucket of what the driver takes; the phases add up to the kernel's."""
    low, high = BUCKET[completion_ns]
    with null_disk(completion_ns) as disk:
        before = stat(disk)
        run = kptrace.during(
            lambda: run_as("null", disk_io(f"/dev/{disk}", 41, 0)),
            *("run", "biolatency", "--", "--phase=all"),
        )
        did = stat_since(disk, before)
    key = f"{disk},read"
    device, queue, total = (
        run.percentiles(f"@{phase}_us")[key] for phase in ("device", "queue", "total")
    )
    assert device["count"] == queue["count"] == total["count"] == did["reads"] == 41
    assert low <= device["p50"] < high
    assert low <= device["min"] <= total["min"]
    assert total["mean"] >= device["mean"]
    # The kernel sums nanoseconds and shows ms; the probe runs a little before or after it, and an
    # emulated CPU may stand still in between.
    assert abs(total["mean"] * 41 / 1000 - did["ms_reading"]) <= 41 * 1.0 + 2


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """A cgroup of its own, in the one hierarchy."""
    mounted = (CGROUPS / "cgroup.procs").exists()
    if not mounted:
        subprocess.run(["mount", "-t", "cgroup2", "cgroup2", str(CGROUPS)], check=True)
    made = CGROUPS / "of-this-test"
    made.mkdir()
    yield made
    made.rmdir()
    if not mounted:
        subprocess.run(["umount", str(CGROUPS)], check=True)


def test_latency_by_cgroup(kptrace: Kptrace, cgroup: Path) -> None:
    """A request is that of the cgroup whose task submitted it."""
    inside, outside = (
        Worker(name, disk_io("/dev/nvme0n1", reads, 0))
        for name, reads in (("inside", 17), ("outside", 23))
    )
    (cgroup / "cgroup.procs").write_text(str(inside.pid))

    def work() -> None:
        inside.run()
        outside.run()

    run = kptrace.during(work, "run", "biolatency", "--", "--cgroup")
    counts = Counter(run.counts("@device_us"))
    assert counts == {"nvme0n1,read,unified:/of-this-test": 17, "nvme0n1,read,unified:/": 23}


@pytest.mark.parametrize("disk", ["vda", "nvme0n1"])
def test_sizes(kptrace: Kptrace, disk: str) -> None:
    """Requests and sectors are exactly those of /sys/block/DISK/stat, flush sequences too."""
    before = stat(disk)
    run = kptrace.during(
        lambda: run_as("mixed", _mixed(f"/dev/{disk}")), "run", "bitesize", "--", "--issuer"
    )
    did = stat_since(disk, before)
    requests, sectors = run.counts("@bytes"), run.maps["@sectors"]
    for operations, ios, what in (
        (("read",), "reads", "sectors_read"),
        (DISK_WRITES, "writes", "sectors_written"),
        (("discard",), "discards", "sectors_discarded"),
    ):
        keys = [f"{disk},{operation}" for operation in operations]
        assert sum(requests.get(key, 0) for key in keys) == did[ios], ios
        assert sum(sectors.get(key, 0) for key in keys) == did[what], what
    sizes = run.percentiles("@bytes")[f"{disk},read"]
    assert (sizes["min"], sizes["max"], sizes["count"]) == (4096, 4096, 53)
    assert run.counts("@bytes_of")["mixed,read"] == 53
    assert did["discards"] > 0


def test_snoop(kptrace: Kptrace) -> None:
    """One line for each request, in order, with its submitter and what it was."""
    worker = Worker("snooped", disk_io("/dev/vda", 13, 11, size=8192))
    run = kptrace.during(worker.run, "run", "biosnoop")
    rows = [row[1:7] for row in _rows(run) if row[1] == "snooped"]
    assert rows == [
        ["snooped", str(worker.pid), "vda", op, str(number * 16), "8192"]
        for op, count in (("read", 13), ("write", 11))
        for number in range(count)
    ]


def test_slow(kptrace: Kptrace) -> None:
    """Requests that take the threshold or more have a line; all are counted."""
    with null_disk(10_000_000) as disk:
        for limit, expected in ((10, 19), (5_000, 0)):
            worker = Worker("slow", disk_io(f"/dev/{disk}", 19, 0))
            run = kptrace.during(worker.run, "run", "bioslow", "--", f"--ms={limit}")
            rows = [row for row in _rows(run) if row[3] == disk]
            assert len(rows) == expected
            assert all(int(row[7]) + int(row[8]) >= 9_999 for row in rows)
            assert {row[1] for row in rows} <= {"slow"}
            assert run.maps["@requests"][f"{disk},read"] == 19


def test_pattern(kptrace: Kptrace) -> None:
    """From one end to the other is sequential, but for the step back; every third is random."""

    def strided() -> None:
        fd = os.open("/dev/nvme0n1", os.O_RDONLY | os.O_DIRECT)
        with mmap.mmap(-1, 4096) as buffer:
            for number in range(29):
                os.preadv(fd, [buffer], number * 3 * 4096)
        os.close(fd)

    def work() -> None:
        disk_io("/dev/vda", 53, 31)()
        strided()

    run = kptrace.during(lambda: run_as("pattern", work), "run", "biopattern")
    assert run.maps["@requests"] == {
        "vda,read,random": 1,
        "vda,read,sequential": 52,
        "vda,write,random": 1,
        "vda,write,sequential": 30,
        "nvme0n1,read,random": 29,
    }
    assert run.maps["@kib"]["vda,read,sequential"] == 52 * 4


def test_stacks(kptrace: Kptrace) -> None:
    """All bytes are under the task that asks for them, on the path through direct I/O."""
    run = kptrace.during(lambda: run_as("stacked", disk_io("/dev/vda", 43, 0)), "run", "biostacks")
    found = {key: value for key, value in run.maps["@bytes"].items() if ",stacked," in key}
    assert sum(found.values()) == 43 * 4096
    assert all(key.startswith("vda,read,stacked,") and "submit_bio" in key for key in found)


@pytest.mark.parametrize("disk", ["vda", "nvme0n1"])
def test_flush(kptrace: Kptrace, disk: str) -> None:
    """Flushes are those that the kernel counts, and somebody asked for each."""
    before = stat(disk)
    run = kptrace.during(lambda: run_as("mixed", _mixed(f"/dev/{disk}")), "run", "bioflush")
    did = stat_since(disk, before)
    assert run.counts("@flush_us") == {disk: did["flushes"]}
    assert did["flushes"] >= 7
    asked = run.maps["@asked"]
    assert asked[f"{disk},mixed,flush"] >= 7
    assert asked[f"{disk},mixed,after"] == 11


def test_depth(kptrace: Kptrace) -> None:
    """One reader keeps one request in the driver; the kernel counts as much time in all."""
    with null_disk(10_000_000) as disk:
        before = stat(disk)
        run = kptrace.during(
            lambda: run_as("deep", disk_io(f"/dev/{disk}", 31, 0)),
            *("run", "biodepth", "--", "--total"),
        )
        did = stat_since(disk, before)
    driver = run.maps["@driver_ms"][disk]
    assert 31 * 10 <= driver <= did["ms_all"] + 10
    assert driver <= run.maps["@run_ms"]


@pytest.mark.parametrize(("name", "inserted"), [("mq-deadline", 31), ("none", 0)])
def test_scheduler(kptrace: Kptrace, name: str, inserted: int) -> None:
    """Every request goes through a scheduler, none where there is none."""
    spec = """
    hook:block:io_insert { @inserted[args.disk] = count(); }
    hook:block:io_issue { @issued[args.disk] = count(); }"""
    with scheduler("nvme0n1", name):
        run = kptrace.during(
            lambda: run_as("sched", disk_io("/dev/nvme0n1", 31, 0)), "run", "-e", spec
        )
    assert run.maps["@issued"] == {"nvme0n1": 31}
    assert run.maps.get("@inserted", {}).get("nvme0n1", 0) == inserted


def test_layers(kptrace: Kptrace) -> None:
    """What goes into a mapped device comes out at its disk, both as the kernel counts them."""
    with mapped_disk("/dev/vda") as disk:
        before = {one: stat(one) for one in (disk, "vda")}
        run = kptrace.during(
            lambda: run_as("layers", disk_io(f"/dev/{disk}", 37, 29)), "run", "biolayers"
        )
        did = {one: stat_since(one, then) for one, then in before.items()}
    counts = run.counts("@us")
    for one in did:
        assert counts[f"{one},read"] == did[one]["reads"] == 37
        assert counts[f"{one},write"] == did[one]["writes"] == 29
    times = run.percentiles("@us")
    assert times[f"{disk},read"]["mean"] >= times["vda,read"]["mean"]


def test_writeback(kptrace: Kptrace, tmp_path: Path) -> None:
    """The pages of a file that sync() has written are counted under its device."""
    with file_system("/dev/vda", tmp_path):
        device = os.stat(tmp_path).st_dev

        def work() -> None:
            (tmp_path / "dirty").write_bytes(bytes(211 * 4096))
            os.sync()

        os.sync()
        run = kptrace.during(lambda: run_as("writer", work), "run", "writeback")
    name = f"{os.major(device)}:{os.minor(device)}"
    assert run.maps["@pages"][name] >= 211
    assert any(key.startswith(f"{name},") for key in run.maps["@works"])
