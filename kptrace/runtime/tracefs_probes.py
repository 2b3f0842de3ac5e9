# SPDX-License-Identifier: MIT
"""kprobes by tracefs: for kernels without the kprobe PMU (before 4.17), or on request.

Unlike a link, an entry of ``kprobe_events`` outlives its process. So each carries its owner's
pid and start time in its name, and whoever starts next removes those of dead owners.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from pathlib import Path

_GROUP = "kptrace"
_OWNED = re.compile(rf"^[pr]\d*:{_GROUP}/(kptrace_(\d+)_(\d+)_\d+) ", re.MULTILINE)
_START_TIME_FIELD = 19  # of /proc/PID/stat, counted after the command's closing parenthesis


def define(tracefs: Path, serial: int, place: str, *, at_return: bool) -> str:
    """Add one kprobe event at ``[module:]symbol[+offset]`` or an address; returns its name.

    The name is new on this host: an existing one would silently get a second probe.
    """
    pid = os.getpid()
    name = f"kptrace_{pid}_{_start_time(pid)}_{serial}"
    _write(tracefs, f"{'r' if at_return else 'p'}:{_GROUP}/{name} {place}")
    return name


def event_id(tracefs: Path, name: str) -> int:
    """The number by which perf_event_open knows the event."""
    return int((tracefs / "events" / _GROUP / name / "id").read_text())


def remove(tracefs: Path, name: str) -> None:
    """Delete one event; its perf events must be closed (EBUSY otherwise)."""
    _write(tracefs, f"-:{_GROUP}/{name}")


def missed(tracefs: Path, name: str) -> int | None:
    """Misses of one event: third column of ``kprobe_profile``."""
    try:
        for line in (tracefs / "kprobe_profile").read_text().splitlines():
            event, _, misses = line.split()
            if event == name:
                return int(misses)
    except OSError:
        pass
    return None


def remove_stale(tracefs: Path) -> int:
    """Delete the events of kptrace processes that are dead; returns how many."""
    try:
        text = (tracefs / "kprobe_events").read_text()
    except OSError:  # no kprobes here, or no right to read: nothing that we could clean
        return 0
    removed = 0
    for name, pid, start in _OWNED.findall(text):
        # An owner that cannot be seen (hidepid) counts as alive: its probe is not ours to remove.
        with contextlib.suppress(OSError):
            if _start_time(int(pid)) != int(start):
                remove(tracefs, name)
                removed += 1
    return removed


def _write(tracefs: Path, definition: str) -> None:
    # O_TRUNC would delete every idle event on the host, and a file object seeks: EINVAL.
    fd = os.open(tracefs / "kprobe_events", os.O_WRONLY | os.O_APPEND)
    try:
        os.write(fd, definition.encode() + b"\n")
    finally:
        os.close(fd)


def _start_time(pid: int) -> int | None:
    """Start of a process in clock ticks since boot, which tells it from a later one."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ESRCH):
            raise
        return None
    return int(text.rpartition(")")[2].split()[_START_TIME_FIELD])
