# SPDX-License-Identifier: MIT
"""Which CPUs there are, and which of them run."""

from __future__ import annotations

import os
from pathlib import Path

_ROOT = Path("/sys/devices/system/cpu")


def possible() -> int:
    """Number of possible CPUs: how many values an entry of a per-CPU map has."""
    return len(parse((_ROOT / "possible").read_text()))


def online() -> list[int]:
    """CPUs that run now."""
    return parse((_ROOT / "online").read_text())


def parse(text: str) -> list[int]:
    """``0-2,5`` as [0, 1, 2, 5]."""
    cpus: list[int] = []
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        cpus += range(int(first), int(last or first) + 1)
    return cpus


def available_memory() -> int:
    """Bytes that can be had without swapping, by the kernel's own estimate."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
