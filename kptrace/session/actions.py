# SPDX-License-Identifier: MIT
"""What events do outside kptrace: read a file, run a command (language §8.1)."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from kptrace.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Actions:
    """What events do outside, and the time of day: as it is done now, or as it was done.

    ``read_file`` and ``shell`` are the functions of this module.
    """

    now_ns: Callable[[], int]
    read_file: Callable[[bytes, int], bytes]
    shell: Callable[[bytes], bytes]


_PIECE = 1 << 20
"""Bytes that are asked for at once: Python reserves them, whatever the file holds."""


def read_file(name: bytes, most: int) -> bytes:
    """At most ``most`` bytes of a file, never waiting for a writer; raises OSError."""
    path = name.partition(b"\0")[0]
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    parts = []
    try:
        with contextlib.suppress(BlockingIOError):  # a pipe that has nothing now
            while most > 0 and (part := os.read(file, min(most, _PIECE))):
                parts.append(part)
                most -= len(part)
    finally:
        os.close(file)
    return b"".join(parts)


def shell(command: bytes) -> bytes:
    """What a command writes to its standard output; waits until it ends.

    When the wait is cut short, by a second signal, everything that the command started ends.
    """
    import subprocess  # slow, and few specifications start anything

    text = command.partition(b"\0")[0]
    with subprocess.Popen([b"/bin/sh", b"-c", text], stdout=subprocess.PIPE) as child:
        try:
            output, _ = child.communicate()
        except BaseException:
            for pid in (child.pid, *_descendants(child.pid)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            raise
    return output


def _descendants(pid: int) -> list[int]:
    """What a process has started, and what these have, as far as it still hangs together."""
    parents: dict[int, list[int]] = {}
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError):  # it has ended
            status = Path("/proc", name, "stat").read_bytes()
            parent = int(status.rpartition(b")")[2].split()[1])
            parents.setdefault(parent, []).append(int(name))
    found = [pid]
    for one in found:  # grows meanwhile
        found += parents.get(one, [])
    return found[1:]


LIVE = Actions(now_ns=time.time_ns, read_file=read_file, shell=shell)
"""What is done now."""
