# SPDX-License-Identifier: MIT
"""Things to do a known number of times. What is not the point is prepared before the work."""

from __future__ import annotations

import ctypes
import gc
import mmap
import os
from collections.abc import Callable
from pathlib import Path

Work = Callable[[], None]
_MCL_CURRENT = 1


def reads(path: Path, sizes: list[int]) -> Work:
    """Reads of these sizes from the start of one file."""
    fd = os.open(path, os.O_RDONLY)

    def work() -> None:
        for size in sizes:
            os.pread(fd, size, 0)

    return work


def folders(parent: Path, count: int) -> Work:
    """Make and remove a folder, `count` times."""
    name = str(parent / "folder")

    def work() -> None:
        for _ in range(count):
            os.mkdir(name)
            os.rmdir(name)

    return work


def disk_io(disk: str, reads: int, writes: int, size: int = 4096) -> Work:
    """Requests that pass the page cache, one after the other."""

    def work() -> None:
        fd = os.open(disk, os.O_RDWR | os.O_DIRECT)
        with mmap.mmap(-1, size) as buffer:
            for number in range(reads):
                os.preadv(fd, [buffer], number * size)
            for number in range(writes):
                os.pwrite(fd, buffer, number * size)
        os.close(fd)

    return work


def no_more_faults() -> None:
    """Bring all of this process into memory, as its own: what it does again takes no page."""
    gc.disable()
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.mlockall(_MCL_CURRENT) == 0, os.strerror(ctypes.get_errno())
