# SPDX-License-Identifier: MIT
"""A capture that is being written: appended frame by frame, each by one write."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from types import TracebackType

from kptrace.capture.frames import Kind, Packing, pack_frame, pack_preamble
from kptrace.errors import CaptureError

_MODE = 0o600
"""What was traced is its owner's: it may tell of people (paths, commands, addresses)."""

_TRIES, _PAUSE_S = 10, 0.02
"""How long a lock is waited for: a reader has one for a moment, to see whether a writer has."""
_SHARE = 8
"""Of what is free on a disk a reserve takes this part at most."""


class Writer:
    """One file. A context manager.

    As long as it is open its writer holds a lock on it, by which readers know that more may come.
    The first frame replaces what is there: a run that fails before destroys nothing.
    """

    def __init__(self, path: str, packing: Packing = Packing.PLAIN, reserve: int = 0) -> None:
        """Raises CaptureError where the file cannot be written.

        ``reserve``: bytes of the disk to keep free from others, as far as there are many more, for
        what is written behind `release`.
        """
        self.path = path
        self._begun = self._closed = False
        self.size = 0
        self._packing = packing
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            self._file = os.open(path, flags, _MODE)
        except (OSError, ValueError) as error:
            raise _failed(path, error) from None
        self._reserve = _reserved(path, reserve) if reserve else None
        try:
            self._take()
        except BaseException:
            self.release()
            os.close(self._file)
            raise

    def _take(self) -> None:
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            raise CaptureError(
                f"cannot write '{self.path}': it is no file",
                hint="a capture is written to a regular file, and read from there",
                code="output",
            )
        for _ in range(_TRIES):
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                time.sleep(_PAUSE_S)
            except OSError:  # a file system without locks: readers will not know that more may come
                return
        raise CaptureError(
            f"cannot write '{self.path}': another process uses it now", code="output"
        )

    def append(self, kind: Kind, body: bytes) -> None:
        """Write one frame; raises CaptureError when it cannot be written as a whole."""
        if not self._begun:
            with contextlib.suppress(OSError):  # another's file, or a file system without modes
                os.fchmod(self._file, _MODE)
            os.ftruncate(self._file, 0)
            self._begun = True
            self._write(pack_preamble())
        self._write(pack_frame(kind, body, time.monotonic_ns(), self._packing))

    def _write(self, data: bytes) -> None:
        try:
            written = os.write(self._file, data)
            while written < len(data):  # a disk that is nearly full takes a part
                written += os.write(self._file, data[written:])
        except OSError as error:
            with contextlib.suppress(OSError):  # else readers see that the last frame is not whole
                os.ftruncate(self._file, self.size)
                os.lseek(self._file, self.size, os.SEEK_SET)
            raise _failed(self.path, error) from None
        self.size += len(data)

    def release(self) -> None:
        """Give back what was reserved."""
        if self._reserve is not None:
            os.close(self._reserve)
            self._reserve = None

    def close(self) -> None:
        """A file that was made and never written to is taken away. May be called again."""
        if self._closed:
            return
        self._closed = True
        self.release()
        if not self._begun and not os.fstat(self._file).st_size:
            with contextlib.suppress(OSError):
                os.unlink(self.path)
        os.close(self._file)

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _reserved(path: str, size: int) -> int | None:
    """A file without a name that takes room on the disk; None where that is not to be had."""
    try:
        file = os.open(os.path.dirname(path) or ".", os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, _MODE)
    except OSError:
        return None
    try:
        disk = os.fstatvfs(file)
        os.posix_fallocate(file, 0, min(size, disk.f_bavail * disk.f_frsize // _SHARE) or 1)
    except OSError:
        os.close(file)
        return None
    return file


def _failed(path: str, error: OSError | ValueError) -> CaptureError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return CaptureError(f"cannot write '{path}': {reason}", code="output")
