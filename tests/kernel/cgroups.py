# SPDX-License-Identifier: MIT
"""Cgroups for the tests, and what the kernel's own books say of their memory."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


@contextlib.contextmanager
def cgroup(name: str, limit: int | None = None) -> Iterator[Path]:
    """A cgroup of its own with a limit of memory in bytes, in the one hierarchy."""
    mounted = (ROOT / "cgroup.procs").exists()
    if not mounted:
        subprocess.run(["mount", "-t", "cgroup2", "cgroup2", str(ROOT)], check=True)
    (ROOT / "cgroup.subtree_control").write_text("+memory")
    made = ROOT / name
    made.mkdir()
    if limit is not None:
        (made / "memory.max").write_text(str(limit))
        if (made / "memory.swap.max").exists():
            (made / "memory.swap.max").write_text("0")
    try:
        yield made
    finally:
        made.rmdir()
        if not mounted:
            subprocess.run(["umount", str(ROOT)], check=True)


def enter(folder: Path, pid: int) -> None:
    """Move a process into a cgroup."""
    (folder / "cgroup.procs").write_text(str(pid))


def memory_of(folder: Path, file: str) -> dict[str, int]:
    """A file of a cgroup that has a name and a number on each line."""
    lines = (line.split() for line in (folder / f"memory.{file}").read_text().splitlines())
    return {name: int(value) for name, value in lines}


def vmstat(*names: str) -> int:
    """Counters of /proc/vmstat, together; a name may be the beginning of several."""
    lines = (line.split() for line in Path("/proc/vmstat").read_text().splitlines())
    return sum(int(value) for name, value in lines if name.startswith(names))
