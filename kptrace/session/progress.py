# SPDX-License-Identifier: MIT
"""One line on a terminal, again and again: how a recording goes."""

from __future__ import annotations

import struct
import time

from kptrace.output import Stream
from kptrace.session.sink import Sink

_PERIOD_S = 1.0
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_CLEAR = b"\r\x1b[K"
_SAMPLE = 1 << 13
"""Bytes at the start of what a ring held whose records are counted, to guess at the rest."""


class Progress:
    """Counts events, and shows what was counted where standard error is a terminal."""

    def __init__(self, sink: Sink, *, quiet: bool = False) -> None:
        self._sink = sink
        self._shows = sink.error_is_terminal and not quiet
        self._events = self._before = self._lost = 0
        self._since = time.monotonic()
        self._guessed = False
        self._line = False

    def count(self, events: int) -> None:
        self._events += events

    def count_rings(self, chunk: bytes) -> None:
        """Events in bytes that nobody decodes: about as many as their beginning suggests."""
        if not self._shows:
            return
        position = records = 0
        while position < min(len(chunk), _SAMPLE):
            position += max(struct.unpack_from("<H", chunk, position + 6)[0], 8)
            records += 1
        if position < len(chunk):
            self._guessed = True
            records = records * len(chunk) // position
        self._events += records

    def lost(self, events: int) -> None:
        self._lost += events

    def show(self, size: int) -> None:
        """Show how it goes, once a second; ``size`` is that of the file, in bytes."""
        now = time.monotonic()
        if not self._shows or now - self._since < _PERIOD_S:
            return
        rate = (self._events - self._before) / (now - self._since)
        about = "about " if self._guessed else ""
        text = f"{about}{rate:,.0f} events/s, {human(size)}, {self._lost:,} lost"
        self._sink.write(Stream.ERROR, _CLEAR + text.encode())
        self._line = True
        self._since, self._before, self._guessed = now, self._events, False

    def clear(self) -> None:
        """Take the line away."""
        if self._line:
            self._sink.write(Stream.ERROR, _CLEAR)
            self._line = False

    def finish(self, path: str, size: int) -> None:
        """Say where everything is."""
        self.clear()
        if self._shows:
            text = f"{path}: {human(size)}\n"
            self._sink.write(Stream.ERROR, text.encode("utf-8", "surrogateescape"))


def human(size: int) -> str:
    """A number of bytes for people."""
    power = min(max(size.bit_length() - 1, 0) // 10, len(_UNITS) - 1)
    return f"{size} B" if not power else f"{size / (1 << 10 * power):.1f} {_UNITS[power]}"
