# SPDX-License-Identifier: MIT
"""Say that something slow is under way, on standard error."""

from __future__ import annotations

import sys
import time

LOG_INTERVAL = 10.0  # seconds between lines where there is no terminal to redraw


class Progress:
    """A line with the seconds so far: redrawn on a terminal, repeated now and then in a log."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._start = time.monotonic()
        self._live = sys.stderr.isatty()
        self._next = 0.0
        self._over = False
        self.tick()

    def tick(self) -> None:
        """Show the time so far, if it is time to."""
        elapsed = time.monotonic() - self._start
        if self._over or elapsed < self._next:
            return
        self._next = elapsed + (1.0 if self._live else LOG_INTERVAL)
        start, end = ("\r", "") if self._live else ("", "\n")
        print(f"{start}{self._text} ... {elapsed:.0f} s", end=end, file=sys.stderr, flush=True)

    def done(self) -> None:
        """The slow thing has happened: say how long it took, once."""
        if not self._over:
            self._over = True
            elapsed = time.monotonic() - self._start
            start = "\r" if self._live else ""
            print(f"{start}{self._text} ... up in {elapsed:.0f} s", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """It will not happen: leave the cursor on a line of its own."""
        if not self._over:
            self._over = True
            if self._live:
                print(file=sys.stderr)
