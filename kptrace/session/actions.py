# SPDX-License-Identifier: MIT
"""What events do outside kptrace: read a file, run a command (language §8.1)."""

from __future__ import annotations

import contextlib
import os
import subprocess

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
    """What a command writes to its standard output; waits until it ends."""
    text = command.partition(b"\0")[0]
    done = subprocess.run([b"/bin/sh", b"-c", text], stdout=subprocess.PIPE, check=False)
    return done.stdout
