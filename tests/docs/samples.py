# SPDX-License-Identifier: MIT
"""Runs probes of the library beside a small known workload each: in a guest of the lab.

Prints a JSON object a line, for `generate.py`. What a workload's docstring says stands in the page.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from disks import file_system, mapped_disk, null_disk
from harness import Kptrace, run_as
from workloads import Work, disk_io

import kptrace
from kptrace.cli import library

COMPILER = Path(__file__).parents[1] / "lab" / "guest_clang.sh"
Workload = Callable[[Path], AbstractContextManager[Work]]
"""Prepares in a folder what is not the point, gives the work, and tidies up."""


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
def tasks(folder: Path) -> Iterator[Work]:
    """four programs compute for a second on two CPUs, and a fifth one sleeps 100 times"""

    def computes() -> None:
        end = time.monotonic() + 1
        while time.monotonic() < end:
            pass

    def work() -> None:
        children = [_child(computes) for _ in range(4)]
        for _ in range(100):
            time.sleep(0.005)
        for child in children:
            os.waitpid(child, 0)

    yield lambda: run_as("tasks", work)


@contextlib.contextmanager
def memory(folder: Path) -> Iterator[Work]:
    """a program touches 16 MiB of new memory, page by page, and gives it back"""

    def work() -> None:
        with mmap.mmap(-1, 16 << 20) as area:
            for place in range(0, 16 << 20, mmap.PAGESIZE):
                area[place] = 1

    yield lambda: run_as("memory-user", work)


@contextlib.contextmanager
def network(folder: Path) -> Iterator[Work]:
    """a program opens 50 TCP connections to itself and sends 64 KiB by each"""

    def work() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            for _ in range(50):
                with socket.create_connection(server.getsockname()) as client:
                    accepted, _ = server.accept()
                    client.sendall(bytes(64 << 10))
                    client.close()
                    while accepted.recv(1 << 16):
                        pass
                    accepted.close()

    yield lambda: run_as("net-user", work)


def _child(work: Work) -> int:
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            work()
        os._exit(0)
    return pid


@dataclass(frozen=True, kw_only=True)
class Run:
    """How to run a probe: what follows its name, and beside what."""

    work: Workload
    arguments: tuple[str, ...] = ()


GROUPS: dict[str, Run] = {
    "block": Run(work=disks),
    "drivers": Run(work=disks),
    "fs": Run(work=files),
    "mm": Run(work=memory),
    "net": Run(work=network),
    "sched": Run(work=tasks),
}
"""For the probes of a group that have no row of their own."""

PROBES: dict[str, Run] = {
    "bioflush": Run(work=files),
    "biolayers": Run(work=layers),
    "bioslow": Run(work=slow_disk),
    "biostacks": Run(work=files, arguments=("--", "--depth=6")),
    "writeback": Run(work=files),
}
LEAST_S = 2.5
"""How long a probe runs at least: some print once a second."""


def main(names: Sequence[str]) -> int:
    if os.environ.get("KPTRACE_LAB") != "1":
        print("samples.py writes to whole disks: it runs in the lab only", file=sys.stderr)
        return 2
    os.environ["KPTRACE_CLANG"] = str(COMPILER)
    status = 0
    for probe in library.probes():
        if probe.name in names or not names:
            try:
                print(json.dumps(_sample(probe)), flush=True)
            except Exception as error:
                print(json.dumps({"probe": probe.name, "problem": str(error)}), flush=True)
                status = 1
    return status


def _sample(probe: library.LibraryProbe) -> dict[str, str]:
    row = PROBES.get(probe.name) or GROUPS[probe.group]
    command = ("run", probe.name, *row.arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "work").mkdir()
        with row.work(folder / "work") as work, Kptrace(folder).tracing(*command) as tracer:
            end = time.monotonic() + LEAST_S
            work()
            time.sleep(max(end - time.monotonic(), 0))
            run = tracer.stop()
    if run.status or not run.out.strip():
        raise RuntimeError(f"exit status {run.status}: {run.err}")
    return {
        "probe": probe.name,
        "command": f"kptrace {' '.join(command)}",
        "work": row.work.__doc__ or "",
        "output": run.out,
        "kernel": os.uname().release,
        "version": kptrace.__version__,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
