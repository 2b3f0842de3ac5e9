# SPDX-License-Identifier: MIT
"""The main job, for all to see: block I/O latencies per device, while there is block I/O.

Runs on this host if its kernel has kprobes, else in the lab, where the same file runs again.
"""

from __future__ import annotations

import mmap
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

COMMAND = [".venv/bin/kptrace", "run", "biolatency", "--duration", "10"]
LAB_LIMIT = 300.0
LAB_DISKS = [Path("/dev/vda"), Path("/dev/nvme0n1")]

FILE_BYTES = 64 << 20
READ_BYTES = 4 << 10
WRITE_BYTES = 64 << 10
PAUSE = 0.002  # seconds between requests: a busy disk, but not one that starves kptrace


def main() -> int:
    if not Path("/sys/bus/event_source/devices/kprobe/type").exists():
        print("this kernel has no kprobes, so the demo runs on a Debian kernel in QEMU", flush=True)
        return _in_lab()
    if os.environ.get("KPTRACE_LAB") == "1":
        return trace(LAB_DISKS)
    with _scratch_file() as file:
        return trace([file])


def trace(targets: Sequence[Path]) -> int:
    """Run kptrace while reading and writing `targets`; its exit status."""
    where = " and ".join(map(str, targets))
    print(f"reading and writing {where}, and meanwhile: {' '.join(COMMAND)}", flush=True)
    with ExitStack() as stack:
        disks = [stack.enter_context(_direct(target)) for target in targets]
        master, terminal = os.openpty()  # on a terminal kptrace also tells that nothing was lost
        process = subprocess.Popen(COMMAND, stderr=terminal)
        os.close(terminal)
        teller = threading.Thread(target=_pass_on, args=(master,))
        teller.start()
        try:
            while process.poll() is None:
                _some_io(disks)
                time.sleep(PAUSE)
        finally:
            process.terminate()
            process.wait()
            teller.join()
    return process.returncode


def _pass_on(master: int) -> None:
    """Print what comes from a terminal, until its last user is gone (which reads as EIO)."""
    with os.fdopen(master, "rb", buffering=0) as said, suppress(OSError):
        while data := said.read(4096):
            sys.stderr.buffer.write(data.replace(b"\r\n", b"\n"))
            sys.stderr.flush()


def _some_io(disks: Sequence[int]) -> None:
    """One small read and now and then a larger write, anywhere, on each disk."""
    for disk in disks:
        with mmap.mmap(-1, WRITE_BYTES) as buffer:  # page-aligned, as direct I/O requires
            place = random.randrange(FILE_BYTES // WRITE_BYTES) * WRITE_BYTES
            if random.random() < 0.25:
                os.pwrite(disk, buffer, place)
            else:
                with memoryview(buffer)[:READ_BYTES] as page:
                    os.preadv(disk, [page], place)


@contextmanager
def _direct(target: Path) -> Iterator[int]:
    """Open past the page cache, so that each request reaches the disk."""
    try:
        fd = os.open(target, os.O_RDWR | os.O_DIRECT)
    except OSError:  # some file systems have no direct I/O; then at least the writes get there
        fd = os.open(target, os.O_RDWR | os.O_DSYNC)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def _scratch_file() -> Iterator[Path]:
    """A file on a real disk: /tmp may well be memory."""
    with tempfile.NamedTemporaryFile(prefix="kptrace-demo-", dir="/var/tmp") as file:
        file.write(bytes(FILE_BYTES))
        file.flush()
        os.fsync(file.fileno())
        yield Path(file.name)


def _in_lab() -> int:
    # Only here: in the guest these imports would cost seconds.
    import guest
    from kernels import fetch, table
    from packages import PackageError

    kernel = next(iter(table().values()))
    try:
        fetch(kernel)
        return guest.run(kernel, ["/usr/bin/python3", "tests/lab/demo.py"], timeout=LAB_LIMIT)
    except (guest.GuestError, PackageError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parents[2])
    sys.exit(main())
