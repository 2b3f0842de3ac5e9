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
_TOGETHER_S = 0.005


class Buffering(str, Enum):
    """When output is written (``-B``)."""

    LINE = "line"  # when the events at hand are handled
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
        self._parts: list[bytes] = []
        self._size = 0
        self._flushed = 0.0
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
        self._parts.append(data)
        self._size += len(data)
        if self._size >= _FULL or self._buffering is Buffering.NONE:
            self.flush()

    def tick(self) -> bool:
        """Called whenever a batch of events is handled: a line waits for others for 5 ms at most.

        True: there are such lines, and this is to be called again soon.
        """
        if self._buffering is not Buffering.LINE or not self._parts:
            return False
        if time.monotonic() - self._flushed < _TOGETHER_S:
            return True
        self.flush()
        return False

    def flush(self) -> None:
        if self._parts:
            data = b"".join(self._parts)
            self._parts, self._size = [], 0
            self._flushed = time.monotonic()
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
