# SPDX-License-Identifier: MIT
"""Which CPUs there are, and which of them run."""

from __future__ import annotations

import os
from pathlib import Path

from kptrace.kernel.host import cpu_list, memory_available

_ROOT = Path("/sys/devices/system/cpu")


def possible() -> int:
    """Number of possible CPUs: how many values an entry of a per-CPU map has."""
    return len(_read("possible"))


def online() -> tuple[int, ...]:
    """CPUs that run now."""
    return _read("online")


def _read(name: str) -> tuple[int, ...]:
    cpus = cpu_list((_ROOT / name).read_text().strip())
    if not cpus:
        raise OSError(f"{_ROOT / name} lists no CPU")
    return cpus


def available_memory() -> int:
    """Bytes that can be had without swapping, by the kernel's own estimate."""
    known = memory_available(Path("/"))
    if known is not None:
        return known
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
