# SPDX-License-Identifier: MIT
"""What kptrace keeps on disk between its runs: pieces of bytes under names, for one user alone.

Everything in it can be made again, so whatever goes wrong here only costs time.
"""

from __future__ import annotations

import contextlib
import os
import stat
import zlib
from pathlib import Path

_MOST_KEPT = 128 << 20
"""Bytes beyond which what was not used for the longest time goes."""
_SUM_SIZE = 4


def directory() -> Path:
    """Where things are kept: /var/cache/kptrace for root, else the user's cache directory."""
    if os.geteuid() == 0:
        return Path("/var/cache/kptrace")
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "kptrace"


def _is_private(place: Path) -> bool:
    """Whether the directory is ours alone; creates it. Nobody else may plant what root loads."""
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = os.lstat(place)
    except OSError:
        return False  # a read-only or missing file system only costs the compile
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    return ours and not found.st_mode & 0o022


def kept(place: Path | None, name: str) -> bytes | None:
    """What was kept under a name, if it is whole: a power cut can leave a torn file.

    ``place`` None keeps nothing.
    """
    if place is None or not _is_private(place):
        return None
    path = place / name
    try:
        data = path.read_bytes()
    except OSError:
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # when it was last used
    whole, checksum = data[:-_SUM_SIZE], data[-_SUM_SIZE:]
    return whole if _sum(whole) == checksum else None


def keep(place: Path | None, name: str, data: bytes) -> None:
    """Write beside and rename: a reader sees the whole or nothing."""
    if place is None or not _is_private(place):
        return
    beside = place / f"{name}.{os.getpid()}"
    try:
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError:
        return
    try:
        with open(file, "wb") as out:
            out.write(data + _sum(data))
        os.replace(beside, place / name)
        _prune(place)
    except OSError:  # a full disk must not stop a trace
        with contextlib.suppress(OSError):
            os.unlink(beside)


def forget(place: Path | None, name: str) -> None:
    """What was kept under a name is no good."""
    if place is not None and _is_private(place):
        with contextlib.suppress(OSError):
            os.unlink(place / name)


def _sum(data: bytes) -> bytes:
    return zlib.crc32(data, 1).to_bytes(_SUM_SIZE, "little")  # begun with 1, zeros are not whole


def _prune(place: Path) -> None:
    """Keep the directory within its limit; a quarter goes at once, so that this is rare."""
    known = []
    with os.scandir(place) as entries:
        for entry in filter(os.DirEntry.is_file, entries):
            found = entry.stat(follow_symlinks=False)
            known.append((found.st_mtime_ns, found.st_size, entry.path))
    size = sum(one for _, one, _ in known)
    if size <= _MOST_KEPT:
        return
    for _, one, path in sorted(known):
        os.unlink(path)
        size -= one
        if size <= _MOST_KEPT * 3 // 4:
            return
