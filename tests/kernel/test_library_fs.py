# SPDX-License-Identifier: MIT
"""The library's probes of file systems, against known numbers of calls."""

from __future__ import annotations

import mmap
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from disks import file_system
from harness import Kptrace, Run, run_as
from workloads import Work, reads

PAGE = mmap.PAGESIZE
SYSTEMS = ("ext4", "xfs")


@pytest.fixture(params=SYSTEMS)
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A file system, and the folder where it is."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with file_system("/dev/vda", folder, request.param):
        yield request.param, folder


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with file_system("/dev/vda", folder):
        yield folder


def _counts(run: Run, name: str) -> dict[str, int]:
    """How many values each histogram of a map has."""
    return {key: sum(one["count"] for one in found) for key, found in run.maps[name].items()}


def _operations(folder: Path) -> Work:
    """Seven files; of each 5 writes, 3 fsyncs and 11 reads."""

    def work() -> None:
        for number in range(7):
            fd = os.open(folder / f"file-{number}", os.O_CREAT | os.O_RDWR)
            for _ in range(5):
                os.write(fd, b"text")
            for _ in range(3):
                os.fsync(fd)
            for _ in range(11):
                os.pread(fd, 4, 0)
            os.close(fd)

    return work


EXPECTED = {"open": 7, "write": 35, "fsync": 21, "read": 77}


def test_vfslatency(kptrace: Kptrace, file: Path) -> None:
    """The reads of the workload (others read a little, too), and only these operations."""
    run = kptrace.during(lambda: run_as("reader", reads(file, [1] * 1009)), "run", "vfslatency")
    counts = _counts(run, "@ns")
    assert set(counts) <= {"read", "write", "open", "fsync"}
    assert 1009 <= counts["read"] < 1009 + 100


def test_fslatency(kptrace: Kptrace, system: tuple[str, Path]) -> None:
    """Each operation, under its file system."""
    name, folder = system
    run = kptrace.during(lambda: run_as("worker", _operations(folder)), "run", "fslatency")
    assert _counts(run, "@us") == {f"{name},{op}": count for op, count in EXPECTED.items()}


def test_fslatency_of_one(kptrace: Kptrace, disk: Path) -> None:
    """Those of another file system are not asked for."""
    for asked, expected in (("ext4", {f"ext4,{op}" for op in EXPECTED}), ("xfs", set())):
        command = ("run", "fslatency", "--", f"--fs={asked}")
        run = kptrace.during(lambda: run_as("worker", _operations(disk)), *command)
        assert set(run.maps.get("@us", {})) == expected


def test_fsslow(kptrace: Kptrace, system: tuple[str, Path]) -> None:
    """With no threshold each operation is a line with its file; with a high one none is."""
    name, folder = system
    command = ("run", "fsslow", "--", "--ms=0")
    run = kptrace.during(lambda: run_as("worker", _operations(folder)), *command)
    rows = [line.split() for line in run.printed[1:]]
    for op, count in EXPECTED.items():
        files = [row[-1] for row in rows if row[1] == "worker" and row[3:5] == [name, op]]
        assert Counter(files) == {f"file-{one}": count // 7 for one in range(7)}
    assert {row[5] for row in rows if row[4] == "write"} == {"4"}
    assert run.maps["@operations"] == {f"{name},{op}": count for op, count in EXPECTED.items()}
    run = kptrace.during(
        lambda: run_as("worker", _operations(folder)), "run", "fsslow", "--", "--ms=100000"
    )
    assert len(run.printed) == 1
    assert run.maps["@operations"] == {f"{name},{op}": count for op, count in EXPECTED.items()}


def test_dcache(kptrace: Kptrace, disk: Path) -> None:
    """Names that are there, new names, and the same names again, which are known not to exist."""
    (disk / "there").touch()
    os.chdir(disk)

    def work() -> None:
        for _ in range(113):
            os.stat("there")
        for _ in range(2):
            for number in range(61):
                os.path.exists(f"not-{number}")

    try:
        run = kptrace.during(lambda: run_as("looker", work), "run", "dcache")
    finally:
        os.chdir("/")
    looked = {key: value for key, value in run.maps["@lookups"].items() if "looker" in key}
    assert looked["looker,miss"] == looked["looker,negative"] == 61
    assert 113 <= looked["looker,hit"] <= 113 + 20


def test_readahead(kptrace: Kptrace, disk: Path) -> None:
    """A program asks for 256 pages and reads 100 of them."""
    path = disk / "file"
    path.write_bytes(bytes(256 * PAGE))
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)

    def work() -> None:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_WILLNEED)
        for number in range(100):
            os.pread(fd, PAGE, number * PAGE)

    run = kptrace.during(lambda: run_as("reader", work), "run", "readahead")
    os.close(fd)
    assert run.maps["@read_ahead"] == 256
    assert run.maps["@used"] == sum(one["count"] for one in run.maps["@us"]) == 100
