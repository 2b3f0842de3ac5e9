# SPDX-License-Identifier: MIT
"""The table of the pages: beside which small known workload each probe of the library runs.

What a workload's docstring says stands in the page, behind "while".
"""

from __future__ import annotations

import contextlib
import mmap
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from cgroups import ROOT, cgroup, enter
from disks import file_system, mapped_disk, null_disk
from harness import Worker, run_as
from networks import rules_that_drop, send, shape, silent_device
from workloads import Work, disk_io, no_more_faults

Workload = Callable[[Path], AbstractContextManager[Work]]
"""Prepares in a folder what is not the point, gives the work, and tidies up."""

MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Run:
    """How to run a probe: what follows its name, and beside what."""

    work: Workload
    arguments: tuple[str, ...] = ()


# Disks and files


@contextlib.contextmanager
def disks(folder: Path) -> Iterator[Work]:
    """a program reads 150 blocks of 4 KiB from each of two disks and writes 50"""

    def work() -> None:
        for disk in ("/dev/vda", "/dev/nvme0n1"):
            disk_io(disk, 150, 50)()

    yield lambda: run_as("disk-user", work)


@contextlib.contextmanager
def layers(folder: Path) -> Iterator[Work]:
    """a program reads 150 blocks of 4 KiB from a device of device-mapper and writes 50"""
    with mapped_disk("/dev/nvme0n1") as disk:
        yield lambda: run_as("disk-user", disk_io(f"/dev/{disk}", 150, 50))


@contextlib.contextmanager
def slow_disk(folder: Path) -> Iterator[Work]:
    """a program reads 12 blocks of 4 KiB from a disk that takes 20 ms for each"""
    with null_disk(20_000_000) as disk:
        yield lambda: run_as("disk-user", disk_io(f"/dev/{disk}", 12, 0))


@contextlib.contextmanager
def threaded(folder: Path) -> Iterator[Work]:
    """a program reads 150 blocks of 4 KiB from a disk whose driver has interrupt threads"""
    _load_nvme("use_threaded_interrupts=1")
    try:
        yield lambda: run_as("disk-user", disk_io("/dev/nvme0n1", 150, 0))
    finally:
        _load_nvme()


def _load_nvme(*settings: str) -> None:
    subprocess.run(["modprobe", "-r", "nvme"], check=True)
    subprocess.run(["modprobe", "nvme", *settings], check=True)
    while not Path("/dev/nvme0n1").exists():
        time.sleep(0.1)


@contextlib.contextmanager
def files(folder: Path) -> Iterator[Work]:
    """a program writes 30 files of 64 KiB on ext4, with an fsync for each, and reads them twice"""

    def work() -> None:
        for number in range(30):
            path = folder / f"file-{number}"
            with path.open("wb") as file:
                file.write(bytes(64 << 10))
                os.fsync(file.fileno())
            for _ in range(2):
                path.read_bytes()

    with file_system("/dev/vda", folder):
        yield lambda: run_as("file-user", work)


@contextlib.contextmanager
def cold_file(folder: Path) -> Iterator[Work]:
    """a program reads a file of 4 MiB on ext4 twice, from the disk and then from memory"""
    with file_system("/dev/vda", folder):
        path = folder / "file"
        path.write_bytes(bytes(4 * MIB))
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

        def work() -> None:
            for _ in range(2):
                path.read_bytes()

        yield lambda: run_as("file-user", work)


@contextlib.contextmanager
def names(folder: Path) -> Iterator[Work]:
    """a program asks 100 times for a file that is there, and twice for 50 that are not"""
    (folder / "there").touch()

    def work() -> None:
        for _ in range(100):
            (folder / "there").stat()
        for _ in range(2):
            for number in range(50):
                (folder / f"not-there-{number}").exists()

    yield lambda: run_as("file-user", work)


# Tasks and memory


@contextlib.contextmanager
def tasks(folder: Path) -> Iterator[Work]:
    """four programs compute for a second on two CPUs, and a fifth one sleeps 100 times"""
    yield lambda: run_as("tasks", _tasks)


@contextlib.contextmanager
def tasks_of_cgroup(folder: Path) -> Iterator[Work]:
    """four programs of a cgroup compute for a second on two CPUs, and a fifth sleeps 100 times"""
    with cgroup("service") as made:
        worker = Worker("tasks", _tasks)
        enter(made, worker.pid)
        yield worker.run


def _tasks() -> None:
    children = [_child(_computes) for _ in range(4)]
    for _ in range(100):
        time.sleep(0.005)
    for child in children:
        os.waitpid(child, 0)


def _computes() -> None:
    end = time.monotonic() + 1
    while time.monotonic() < end:
        pass


def _child(work: Work) -> int:
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            work()
        os._exit(0)
    return pid


@contextlib.contextmanager
def memory(folder: Path) -> Iterator[Work]:
    """a program touches 16 MiB of new memory, page by page, and gives it back"""
    yield lambda: run_as("memory-user", lambda: _touch(16 * MIB))


def _touch(size: int) -> None:
    with mmap.mmap(-1, size) as area:
        area.madvise(mmap.MADV_NOHUGEPAGE)
        for place in range(0, size, mmap.PAGESIZE):
            area[place] = 1


@contextlib.contextmanager
def opens(folder: Path) -> Iterator[Work]:
    """a program opens and closes a file 500 times"""

    def work() -> None:
        for _ in range(500):
            os.close(os.open("/dev/null", os.O_RDONLY))

    yield lambda: run_as("file-user", work)


@contextlib.contextmanager
def too_large_file(folder: Path) -> Iterator[Work]:
    """a program whose cgroup may have 16 MiB writes a file of 40 MiB on ext4"""

    def work() -> None:
        with (folder / "file").open("wb") as file:
            for _ in range(40):
                file.write(bytes(MIB))

    with cgroup("service", 16 * MIB) as made, file_system("/dev/vda", folder):
        worker = Worker("file-user", work)
        enter(made, worker.pid)
        yield worker.run


@contextlib.contextmanager
def glutton(folder: Path) -> Iterator[Work]:
    """a program whose cgroup may have 16 MiB takes 24 MiB, and is killed"""
    with cgroup("service", 16 * MIB) as made:
        worker = Worker("glutton", lambda: _touch(24 * MIB))
        enter(made, worker.pid)

        def work() -> None:
            with contextlib.suppress(AssertionError):  # it does not end well
                worker.run()

        yield work


@contextlib.contextmanager
def refused(folder: Path) -> Iterator[Work]:
    """a program that must not be killed asks for 30 pages in a cgroup that may have none"""

    files = [os.memfd_create(name) for name in ("allowed", "refused")]

    def write(fd: int) -> None:
        for number in range(30):
            with contextlib.suppress(OSError):
                os.pwrite(fd, b"x", number * mmap.PAGESIZE)

    def work() -> None:
        Path("/proc/self/oom_score_adj").write_text("-1000")
        for fd in (-1, files[0]):  # what this needs is there from now on
            write(fd)
        no_more_faults()
        signal.alarm(30)  # a fault in there would be tried again for ever
        enter(made, os.getpid())
        write(files[1])
        root.write("0")
        root.flush()

    with cgroup("service", 0) as made, (ROOT / "cgroup.procs").open("w") as root:
        yield lambda: run_as("memory-user", work)
    for fd in files:
        os.close(fd)


# The network


@contextlib.contextmanager
def connections(folder: Path) -> Iterator[Work]:
    """a program opens 50 TCP connections to itself and sends 64 KiB by each"""

    def work() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            for _ in range(50):
                client = socket.create_connection(server.getsockname())
                accepted, _ = server.accept()
                client.sendall(bytes(64 << 10))
                client.close()
                while accepted.recv(1 << 16):
                    pass
                accepted.close()

    yield lambda: run_as("net-user", work)


@contextlib.contextmanager
def closed_port(folder: Path) -> Iterator[Work]:
    """a program sends 100 packets of UDP to a port that nobody listens to"""
    yield lambda: run_as("net-user", lambda: send("127.0.0.1", 100))


@contextlib.contextmanager
def dummy_device(folder: Path) -> Iterator[Work]:
    """a program sends 100 packets by a dummy device, whose driver throws them away"""
    subprocess.run(["modprobe", "dummy", "numdummies=1"], check=True)
    subprocess.run(["ip", "link", "set", "dummy0", "arp", "off", "up"], check=True)

    def work() -> None:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
            raw.bind(("dummy0", 0))
            for _ in range(100):
                raw.send(bytes(60))

    try:
        yield lambda: run_as("net-user", work)
    finally:
        subprocess.run(["modprobe", "-r", "dummy"], check=True)


@contextlib.contextmanager
def filtered(folder: Path) -> Iterator[Work]:
    """a program sends 80 packets that a rule of nftables drops"""
    subprocess.run(["modprobe", "nf_tables"], check=True)
    with rules_that_drop("127.0.0.2"):
        yield lambda: run_as("net-user", lambda: send("127.0.0.2", 80))


@contextlib.contextmanager
def shaped(folder: Path) -> Iterator[Work]:
    """a program sends 60 KB to a device that is shaped to 8 kbit/s"""
    with silent_device("shaped0") as peer:
        shape("shaped0", "tbf", "rate", "8kbit", "burst", "2000", "limit", "3000")
        yield lambda: run_as("net-user", lambda: send(peer, 60, 1000))


@contextlib.contextmanager
def no_answer(folder: Path) -> Iterator[Work]:
    """a program opens five TCP connections to a host that does not answer, for four seconds"""
    with silent_device("silent0") as peer:

        def work() -> None:
            sockets = [socket.socket() for _ in range(5)]
            for one in sockets:
                one.setblocking(False)
                one.connect_ex((peer, 80))
            time.sleep(4)

        yield lambda: run_as("net-user", work)


GROUPS: dict[str, Run] = {
    "block": Run(work=disks),
    "drivers": Run(work=disks),
    "fs": Run(work=files),
    "mm": Run(work=memory),
    "net": Run(work=connections),
    "sched": Run(work=tasks),
}
"""For the probes of a group that have no row of their own."""

PROBES: dict[str, Run] = {
    "bioflush": Run(work=files),
    "biolayers": Run(work=layers),
    "bioslow": Run(work=slow_disk),
    "biostacks": Run(work=files, arguments=("--", "--depth=6")),
    "writeback": Run(work=files),
    "driverlatency": Run(work=dummy_device, arguments=("dummy",)),
    "irqthreads": Run(work=threaded),
    "napipoll": Run(work=connections),
    "softirqs": Run(work=connections),
    "timers": Run(work=tasks),
    "workqueues": Run(work=files),
    "dcache": Run(work=names),
    "fsslow": Run(work=files, arguments=("--", "--ms=5")),
    "readahead": Run(work=cold_file),
    "cachehit": Run(work=cold_file),
    "memcgfail": Run(work=refused),
    "oomkill": Run(work=glutton),
    "reclaim": Run(work=too_large_file),
    "slaballoc": Run(work=opens),
    "netdrops": Run(work=closed_port),
    "nfdrops": Run(work=filtered),
    "qdiscdrops": Run(work=shaped),
    "tcpretrans": Run(work=no_answer),
    "cgrouplat": Run(work=tasks_of_cgroup),
    "offcpu": Run(work=tasks, arguments=("--", "--top=1")),
}
