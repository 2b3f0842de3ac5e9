# SPDX-License-Identifier: MIT
"""Disks for the tests of block I/O, and what the kernel's own books say of them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

_FIELDS = (
    *("reads", "reads_merged", "sectors_read", "ms_reading"),
    *("writes", "writes_merged", "sectors_written", "ms_writing"),
    *("in_flight", "ms_busy", "ms_all"),
    *("discards", "discards_merged", "sectors_discarded", "ms_discarding"),
    *("flushes", "ms_flushing"),
)
_BLKDISCARD = 0x1277
_MKFS = {
    "ext4": "mkfs.ext4 -q -F {disk} 64M",
    # Features of later kernels are off: one mkfs.xfs serves all.
    "xfs": "mkfs.xfs -q -f -K -i nrext64=0 {disk}",
}
_DM_SECTORS = 1 << 16


def stat(disk: str) -> dict[str, int]:
    """/sys/block/DISK/stat by name, as Documentation/block/stat.rst names the fields."""
    words = Path(f"/sys/block/{disk}/stat").read_text().split()
    return dict(zip(_FIELDS, map(int, words), strict=True))


def stat_since(disk: str, before: dict[str, int]) -> dict[str, int]:
    """What the disk did since."""
    return {name: now - before[name] for name, now in stat(disk).items()}


def discard(path: str, start: int, length: int) -> None:
    """Discard a range of bytes of a disk."""
    fd = os.open(path, os.O_WRONLY)
    fcntl.ioctl(fd, _BLKDISCARD, struct.pack("QQ", start, length))
    os.close(fd)


@contextlib.contextmanager
def null_disk(completion_ns: int) -> Iterator[str]:
    """A disk whose driver completes each request by a timer, so long after it got it."""
    settings = ("queue_mode=2", "irqmode=2", f"completion_nsec={completion_ns}", "nr_devices=1")
    subprocess.run(["modprobe", "null_blk", *settings, "gb=1"], check=True)
    _wait_for("/dev/nullb0")
    try:
        yield "nullb0"
    finally:
        subprocess.run(["modprobe", "-r", "null_blk"], check=True)


@contextlib.contextmanager
def broken_disk() -> Iterator[str]:
    """A disk whose second page cannot be read: where partitions are looked for, it can."""
    subprocess.run(["modprobe", "null_blk", "nr_devices=0"], check=True)
    config = Path("/sys/kernel/config")
    if not (config / "nullb").exists():
        subprocess.run(["mount", "-t", "configfs", "configfs", str(config)], check=True)
    device = config / "nullb/broken"
    device.mkdir()
    try:
        settings = {"size": "64", "badblocks": "+8-15", "power": "1"}
        for name, value in settings.items():
            (device / name).write_text(value)
        # newer drivers name the disk as the folder
        yield _wait_for(f"/dev/nullb{(device / 'index').read_text().strip()}", "/dev/broken")
    finally:
        device.rmdir()
        subprocess.run(["modprobe", "-r", "null_blk"], check=True)


@contextlib.contextmanager
def mapped_disk(below: str) -> Iterator[str]:
    """A device of device-mapper that passes everything on to a disk."""
    subprocess.run(["modprobe", "dm_mod"], check=True)
    dmsetup = ["dmsetup", "--noudevsync", "--noudevrules"]
    table = f"0 {_DM_SECTORS} linear {below} 0"
    subprocess.run([*dmsetup, "create", "layer", "--table", table], check=True)
    try:
        info = ["dmsetup", "info", "-c", "--noheadings", "-o", "minor", "layer"]
        minor = subprocess.run(info, check=True, capture_output=True, text=True).stdout.strip()
        yield f"dm-{minor}"
    finally:
        subprocess.run([*dmsetup, "remove", "--retry", "layer"], check=True)


@contextlib.contextmanager
def file_system(disk: str, folder: Path, kind: str = "ext4") -> Iterator[None]:
    """A new file system on a disk, mounted."""
    subprocess.run(_MKFS[kind].format(disk=disk).split(), check=True)
    subprocess.run(["mount", "-o", "noatime", disk, str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextlib.contextmanager
def scheduler(disk: str, name: str) -> Iterator[None]:
    """Another I/O scheduler for a disk."""
    path = Path(f"/sys/block/{disk}/queue/scheduler")
    (before,) = (word.strip("[]") for word in path.read_text().split() if word[0] == "[")
    path.write_text(name)
    try:
        yield
    finally:
        path.write_text(before)


def _wait_for(*paths: str) -> str:
    """Wait for a device to appear under one of these paths; gives its name."""
    deadline = time.monotonic() + 10
    while not (found := [path for path in paths if os.path.exists(path)]):
        assert time.monotonic() < deadline, f"no {' or '.join(paths)}"
        time.sleep(0.01)
    return os.path.basename(found[0])
