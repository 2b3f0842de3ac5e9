# SPDX-License-Identifier: MIT
"""Clocks as BPF programs read them: those of the host.

In a time namespace (since 5.6) a process reads CLOCK_MONOTONIC and CLOCK_BOOTTIME with offsets;
programs, which run in no process, do not.
"""

from __future__ import annotations

import functools
import time
from pathlib import Path

_OFFSETS = Path("/proc/self/timens_offsets")
_NAMES = {time.CLOCK_MONOTONIC: "monotonic", time.CLOCK_BOOTTIME: "boottime"}


def host_ns(clock: int) -> int:
    """What the clock shows outside of time namespaces."""
    return time.clock_gettime_ns(clock) - _offsets().get(_NAMES.get(clock, ""), 0)


@functools.cache
def _offsets() -> dict[str, int]:
    """By the name of the clock, in ns. They are fixed once a process runs with them."""
    try:
        lines = _OFFSETS.read_text().splitlines()
    except FileNotFoundError:  # a kernel without time namespaces
        return {}
    found = (line.split() for line in lines)
    return {name: int(seconds) * 10**9 + int(rest) for name, seconds, rest in found}
