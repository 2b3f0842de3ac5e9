# SPDX-License-Identifier: MIT
"""The container of captures and bundles: frames that are whole or are told to be missing.

A file is a preamble and frames, all in little-endian order::

    preamble   8 bytes magic, u16 major version, u16 minor version, u32 CRC-32 of these
    frame      u32 length of the body, u8 kind, u8 packing, u16 zero, u64 CLOCK_MONOTONIC ns,
               u32 CRC-32 of the head before it and of the body; then the body

Frames are only appended, each with one write. So a file that was cut off, by a crash or a full
disk, is whole up to its last whole frame. Nothing that a file says about its own sizes is trusted:
no more is read than the file has, and no more is unpacked than `MAX_BODY`.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from collections.abc import Container
from enum import IntEnum
from types import TracebackType

from kptrace.errors import CaptureError, KptraceError
from kptrace.records import dataclass

MAGIC = b"\x89KPT\r\n\x1a\n"
"""As PNG's: a transfer as text or by seven bits breaks it, and `cat` stops at it."""
MAJOR, MINOR = 1, 0
"""The major version rises when an older reader would misread a file, the minor with new kinds."""
MAX_BODY = 1 << 26
"""Bytes of a body, unpacked; a writer splits what is more."""

_PREAMBLE = struct.Struct("<8sHHI")
_HEAD = struct.Struct("<IBBHQ")
_CRC = struct.Struct("<I")
FRAME_HEAD = _HEAD.size + _CRC.size
PREAMBLE = _PREAMBLE.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What kind of file the frames make. ``name`` and ``hint`` are for people.

    ``error`` is raised for a file that is none of this form.
    """

    magic: bytes
    major: int
    minor: int
    name: str
    hint: str
    error: type[KptraceError]


CAPTURE = Form(
    magic=MAGIC,
    major=MAJOR,
    minor=MINOR,
    name="capture",
    hint="kptrace record writes captures",
    error=CaptureError,
)


class Kind(IntEnum):
    """What a frame holds; `content` has their forms."""

    HEADER = 1  # whose capture this is: always the first frame
    RINGS = 2  # bytes of the event buffers as they were read
    RECORDS = 3  # events in order of time
    DONE = 4  # an event that had an effect, and what came of it
    MAP = 5  # entries of a map
    ANSWERS = 6  # what addresses, stacks, users and groups mean here
    NOTE = 7  # what a run tells about itself
    LOST = 8  # events that were lost just then
    END = 9  # how the run ended, and the ledger: always the last frame
    MERGED = 10  # entries of a map over several captures
    SOURCE = 11  # one of the captures that were merged


class Packing(IntEnum):
    """How a body is stored."""

    PLAIN = 0
    ZLIB = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame; ``kind`` may be one that this version does not know. ``body`` is unpacked."""

    kind: int
    time_ns: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Where a file stops to be whole.

    ``offset``: bytes that are whole. ``rest``: bytes behind them. ``lacks``: how many more the
    last frame announces, 0 where that is not known. ``damaged``: the rest is not the beginning of
    a frame that was never finished; what is there is not what was written.
    """

    offset: int
    rest: int
    lacks: int = 0
    damaged: bool = False


def pack_preamble(form: Form = CAPTURE) -> bytes:
    """What every file begins with."""
    start = _PREAMBLE.pack(form.magic, form.major, form.minor, 0)[:-4]
    return start + _CRC.pack(zlib.crc32(start))


def pack_frame(kind: IntEnum, body: bytes, time_ns: int, packing: Packing = Packing.PLAIN) -> bytes:
    """A whole frame, to be written at once. A body that packing makes no smaller stays plain."""
    if len(body) > MAX_BODY:
        raise ValueError(f"BUG: a frame of {len(body)} bytes")
    stored = body
    if packing is Packing.ZLIB:
        stored = zlib.compress(body, 1)
        if len(stored) >= len(body):
            stored, packing = body, Packing.PLAIN
    head = _HEAD.pack(len(stored), kind, packing, 0, time_ns)
    return b"".join((head, _CRC.pack(zlib.crc32(stored, zlib.crc32(head))), stored))


class FrameReader:
    """The frames of a file, one by one. A context manager."""

    def __init__(self, path: str, form: Form = CAPTURE) -> None:
        """Raises the form's error for what cannot be read or is none of its major version."""
        self.path = path
        self.form = form
        try:
            # a FIFO must not make us wait for its writer
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise form.error(f"cannot read '{path}': {reason}", code="unreadable") from None
        self.cut: Cut | None = None
        self.minor = form.minor
        try:
            self._offset = self._preamble()
        except BaseException:
            os.close(self._file)
            raise

    def _preamble(self) -> int:
        form = self.form
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            raise form.error(
                f"'{self.path}' is no file", hint=f"a {form.name} is read from a regular file"
            )
        data = self._read(0, PREAMBLE)
        if not data:
            raise form.error(f"'{self.path}' is empty", code=f"no-{form.name}")
        if not data.startswith(form.magic):
            raise form.error(
                f"'{self.path}' is no {form.name} of kptrace",
                hint=form.hint,
                code=f"no-{form.name}",
            )
        if len(data) < PREAMBLE:
            raise form.error(f"'{self.path}' is cut off in its first bytes", code=f"no-{form.name}")
        _, major, minor, crc = _PREAMBLE.unpack(data)
        if crc != zlib.crc32(data[:-4]):
            raise form.error(f"'{self.path}' is damaged in its first bytes", code=f"no-{form.name}")
        if major != form.major:
            raise form.error(
                f"'{self.path}' is a {form.name} of format {major}.{minor}, and this kptrace reads"
                f" {form.major}.{form.minor}",
                hint="use a newer kptrace" if major > form.major else "use the kptrace of its time",
                code=f"{form.name}-version",
            )
        self.minor = minor
        return PREAMBLE

    def read(self, skip: Container[int] = ()) -> Frame | None:
        """The next frame; None where no whole one follows: ``cut`` then tells about a rest.

        May be asked again when the file has grown. Bodies of the kinds to ``skip`` are not
        unpacked: their frames are empty. They are checked, so that no damage hides another kind.
        """
        head = self._read(self._offset, FRAME_HEAD)
        size = os.fstat(self._file).st_size
        rest = max(size - self._offset, len(head))
        self.cut = None
        if not head:
            return None
        if len(head) < FRAME_HEAD:
            self._stop(rest)
            return None
        length, kind, packing, zero, time_ns = _HEAD.unpack_from(head)
        if length > MAX_BODY or zero:
            self._stop(rest, damaged=True)
            return None
        if rest < FRAME_HEAD + length:
            self._stop(rest, lacks=FRAME_HEAD + length - rest)
            return None
        stored = self._read(self._offset + FRAME_HEAD, length)
        body = None
        if _CRC.unpack_from(head, _HEAD.size)[0] == zlib.crc32(
            stored, zlib.crc32(head[: _HEAD.size])
        ):
            body = b"" if kind in skip else _unpacked(stored, packing)
        if body is None:
            self._stop(rest, damaged=True)
            return None
        self._offset += FRAME_HEAD + length
        return Frame(kind=kind, time_ns=time_ns, body=body)

    def _stop(self, rest: int, *, lacks: int = 0, damaged: bool = False) -> None:
        self.cut = Cut(offset=self._offset, rest=rest, lacks=lacks, damaged=damaged)

    def _read(self, offset: int, size: int) -> bytes:
        parts = []
        while size > 0 and (part := os.pread(self._file, size, offset)):
            parts.append(part)
            offset += len(part)
            size -= len(part)
        return b"".join(parts)

    def fileno(self) -> int:
        return self._file

    def close(self) -> None:
        os.close(self._file)

    def __enter__(self) -> FrameReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _unpacked(stored: bytes, packing: int) -> bytes | None:
    """A body as it was before; None where it is not what was written."""
    if packing == Packing.PLAIN:
        return stored
    if packing != Packing.ZLIB:
        return None
    unpack = zlib.decompressobj()
    try:
        body = unpack.decompress(stored, MAX_BODY + 1)
    except zlib.error:
        return None
    whole = unpack.eof and not unpack.unused_data and len(body) <= MAX_BODY
    return body if whole else None
