# SPDX-License-Identifier: MIT
"""Where a run's bytes go: two file descriptors, with buffering of the output."""

from __future__ import annotations

import contextlib
import os
import select
import time
from enum import Enum

from kptrace.errors import RunError
from kptrace.output import Stream

_FULL = 1 << 16
_LONGEST_WAIT_S = 0.5


class Buffering(str, Enum):
    """When output is written (``-B``)."""

    LINE = "line"  # at once on a terminal, else at least every 500 ms
    FULL = "full"  # when 64 KiB are together, and at the end
    NONE = "none"  # every piece at once


class Sink:
    """Writes to the output and to standard error, keeping their order towards each other.

    Descriptors are written directly: Python's own buffers would complain about a broken pipe once
    more at exit. Raises BrokenPipeError when the reader of the output is gone.
    """

    def __init__(
        self,
        output: int = 1,
        error: int = 2,
        buffering: Buffering = Buffering.LINE,
        color: bool | None = None,
    ) -> None:
        """``color``: whether standard error gets colour; None where it is a terminal."""
        self._output = output
        self._error = error
        self._buffering = buffering
        self._terminal = os.isatty(output)
        self._parts: list[bytes] = []
        self._size = 0
        self._oldest = 0.0
        self.error_is_terminal = os.isatty(error)
        self.color = self.error_is_terminal if color is None else color

    def write(self, stream: Stream, data: bytes) -> None:
        if not data:
            return
        if stream is Stream.ERROR:
            self.flush()
            # a dead terminal must not cost the result
            with contextlib.suppress(OSError):
                _write_all(self._error, data)
            return
        if not self._parts:
            self._oldest = time.monotonic()
        self._parts.append(data)
        self._size += len(data)
        if self._size >= _FULL or self._buffering is Buffering.NONE:
            self.flush()

    def tick(self) -> None:
        """Called whenever a batch of events is handled, at least every 100 ms."""
        if self._buffering is not Buffering.LINE or not self._parts:
            return
        if self._terminal or time.monotonic() - self._oldest >= _LONGEST_WAIT_S:
            self.flush()

    def flush(self) -> None:
        if self._parts:
            data = b"".join(self._parts)
            self._parts, self._size = [], 0
            try:
                _write_all(self._output, data)
            except BrokenPipeError:
                raise
            except OSError as error:
                raise RunError(
                    f"cannot write the output: {error.strerror}", code="output"
                ) from error


class Captured(Sink):
    """Keeps everything in memory, both streams together."""

    def __init__(self) -> None:
        super().__init__(buffering=Buffering.FULL)
        self.data = b""

    def write(self, stream: Stream, data: bytes) -> None:
        self.data += data

    def flush(self) -> None:
        """Nothing waits."""


def _write_all(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(fd, rest) :]
        except BlockingIOError:  # somebody made the terminal or pipe non-blocking
            select.select((), (fd,), ())
