# SPDX-License-Identifier: MIT
"""A capture that is being read: its header, its frames, and what of it is missing."""

from __future__ import annotations

import errno
import fcntl
import time
from collections.abc import Callable, Iterator
from types import TracebackType

from kptrace.capture.content import Malformed
from kptrace.capture.frames import MAJOR, MINOR, Frame, FrameReader, Kind
from kptrace.capture.header import Header, unpack_header
from kptrace.errors import CaptureError, Diagnostic, Severity

_KNOWN = frozenset(int(kind) for kind in Kind)


class Capture:
    """An open capture. A context manager: what the contents of a frame make fail in its block
    (`content.Malformed`) leaves it as a CaptureError.

    ``warnings`` tells what a reader should know, as far as the frames were read: that the file is
    newer, and what is missing. ``ended``: the last frame was read.
    """

    def __init__(self, path: str) -> None:
        """Raises CaptureError for what is no capture, and where not even its header is whole."""
        self.path = path
        self.warnings: list[Diagnostic] = []
        self.ended = False
        self._frames = FrameReader(path)
        self._unknown: set[int] = set()
        self._last_ns: int | None = None
        try:
            self.header = self._header()
        except BaseException:
            self._frames.close()
            raise
        if self._frames.minor > MINOR:
            self._warn(
                f"'{path}' is of format {MAJOR}.{self._frames.minor}: what is newer than"
                f" {MAJOR}.{MINOR} is left out",
                "capture-version",
            )

    def _header(self) -> Header:
        frame = self._frames.read()
        if frame is None:
            raise CaptureError(
                f"'{self.path}' ends before its header is whole: nothing can be read",
                code="damaged-capture",
            )
        if frame.kind != Kind.HEADER:
            raise CaptureError(
                f"'{self.path}' does not begin with a header", code="damaged-capture"
            )
        self._last_ns = frame.time_ns
        return unpack_header(frame.body, self.path)

    def frames(
        self, more: Callable[[], bool] | None = None, skip: frozenset[Kind] = frozenset()
    ) -> Iterator[Frame]:
        """The whole frames behind the header, in the order in which they were written.

        ``more`` is asked where the file ends without being complete: whether to look again.
        Frames of the kinds to ``skip`` are not looked into and not given.
        """
        while not self.ended:
            frame = self._frames.read(skip)
            if frame is None:
                damaged = self._frames.cut is not None and self._frames.cut.damaged
                if not damaged and more is not None and more():
                    continue
                self._tell_missing()
                return
            if frame.kind not in _KNOWN:
                if self._frames.minor <= MINOR:
                    raise self.damaged(f"a frame of the unknown kind {frame.kind}")
                self._tell_unknown(frame.kind)
                continue
            self._last_ns = frame.time_ns
            if frame.kind in skip:
                continue
            self.ended = frame.kind == Kind.END
            yield frame
        if self._frames.read() is not None or self._frames.cut is not None:
            self._warn(f"'{self.path}' goes on behind its end: that is not read", "damaged-capture")

    def damaged(self, reason: object) -> CaptureError:
        """The error for a frame that is whole and says what cannot be."""
        text = str(reason) or type(reason).__name__
        return CaptureError(
            f"'{self.path}' holds what kptrace has not written: {text}", code="damaged-capture"
        )

    def live(self) -> bool:
        """Whether its writer still has the file open."""
        try:
            fcntl.flock(self._frames.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # a file system without locks
            return False
        fcntl.flock(self._frames.fileno(), fcntl.LOCK_UN)
        return False

    def when(self, monotonic_ns: int) -> str:
        """The local time of a reading of CLOCK_MONOTONIC of the host of the capture."""
        seconds, rest = divmod(monotonic_ns + self.header.clocks.monotonic, 10**9)
        try:
            text = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
        except (OverflowError, ValueError, OSError):  # no time that a calendar has
            return f"{seconds} s after 1970"
        return f"{text}.{rest // 10**6:03d}"

    def _tell_missing(self) -> None:
        cut = self._frames.cut
        after = self.when(self._last_ns or 0)
        if cut is not None and cut.damaged:
            text = (
                f"'{self.path}' is damaged at byte {cut.offset}: its last {cut.rest} bytes, of what"
                f" came after {after}, can't be read"
            )
        elif self.live():
            text = f"'{self.path}' is still being written: this is what came until {after}"
        elif cut is None:
            text = f"'{self.path}' is not complete: what came after {after} was not written"
        else:
            lacks = f", {cut.lacks} are missing" if cut.lacks else ""
            text = (
                f"'{self.path}' is cut off: what came after {after} is missing; of its last frame"
                f" {cut.rest} bytes are there{lacks}"
            )
        self._warn(text, "incomplete-capture")

    def _tell_unknown(self, kind: int) -> None:
        if kind not in self._unknown:
            self._unknown.add(kind)
            text = f"'{self.path}' has frames of the kind {kind}, which are left out"
            self._warn(text, "capture-version")

    def _warn(self, message: str, code: str) -> None:
        self.warnings.append(Diagnostic(code=code, message=message, severity=Severity.WARNING))

    def close(self) -> None:
        self._frames.close()

    def __enter__(self) -> Capture:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
        # a time that no calendar has is an OSError
        late = isinstance(error, OSError) and error.errno == errno.EOVERFLOW
        if late or isinstance(error, Malformed):
            raise self.damaged(error) from error
