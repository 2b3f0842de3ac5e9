# SPDX-License-Identifier: MIT
"""The functions of an ELF file, found by their place in the file.

The file belongs to whoever runs it, who may damage it or cut it off while it is read: so it is
read, never mapped, its sizes are checked, and what makes no sense is no symbol.
"""

from __future__ import annotations

import bisect
import struct
from array import array
from collections.abc import Callable, Iterator
from typing import TypeAlias

Read: TypeAlias = Callable[[int, int], bytes]
"""(offset, size) -> the bytes there, fewer at the end of the file."""

LARGEST_TABLES = 32 << 20
"""Bytes of symbols and their names. What goes beyond in one file is not read: its functions have
no names then.
"""

_ELF64 = b"\x7fELF\x02\x01"
_SEGMENT = struct.Struct("<IIQQQQQQ")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = 24  # three words: name, info, other and section; value; size
_PT_LOAD, _SHT_SYMTAB, _SHT_DYNSYM = 1, 2, 11
_STT_FUNC, _STT_GNU_IFUNC = 2, 10


class ElfSymbols:
    """The functions of one file, by address in the file's own numbering.

    ``size`` is about the memory that they take, in bytes.
    """

    def __init__(self, read: Read) -> None:
        self._segments: list[tuple[int, int, int]] = []
        self._starts, self._extents, self._names = array("Q"), array("Q"), array("Q")
        self._text = b""
        header = read(0, 64)
        if header[:6] == _ELF64 and len(header) == 64:
            self._read_segments(read, header)
            self._read_symbols(read, header)
        self.size = len(self._text) + 3 * 8 * len(self._starts)

    def _read_segments(self, read: Read, header: bytes) -> None:
        (table,) = struct.unpack_from("<Q", header, 32)
        size, count = struct.unpack_from("<HH", header, 54)
        for kind, _, offset, address, _, length, *_ in _rows(read, _SEGMENT, table, size, count):
            if kind == _PT_LOAD:
                self._segments.append((offset, length, address))

    def _read_symbols(self, read: Read, header: bytes) -> None:
        (table,) = struct.unpack_from("<Q", header, 40)
        size, count = struct.unpack_from("<HH", header, 58)
        sections = list(_rows(read, _SECTION, table, size, count))
        heads, starts, extents = array("Q"), array("Q"), array("Q")
        room = LARGEST_TABLES
        names = array("Q")  # where the names of a table begin, for each of its symbols
        for _, kind, _, _, offset, length, link, *_ in sections:
            if kind not in (_SHT_SYMTAB, _SHT_DYNSYM) or link >= len(sections):
                continue
            text_offset, text_length = sections[link][4:6]
            if length + text_length > room:
                continue
            room -= length + text_length
            data = read(offset, length)
            words = array("Q", data[: len(data) // _SYMBOL * _SYMBOL])
            heads += words[::3]
            starts += words[1::3]
            extents += words[2::3]
            names += array("Q", [len(self._text)]) * (len(words) // 3)
            self._text += read(text_offset, text_length) + b"\0"
        found = [
            index
            for index, head in enumerate(heads)
            if head >> 48 and starts[index] and head >> 32 & 15 in (_STT_FUNC, _STT_GNU_IFUNC)
        ]
        found.sort(key=starts.__getitem__)  # of several names for one place the first stays first
        self._starts = array("Q", map(starts.__getitem__, found))
        self._extents = array("Q", map(extents.__getitem__, found))
        self._names = array("Q", [names[one] + (heads[one] & 0xFFFFFFFF) for one in found])

    def at(self, file_offset: int) -> str | None:
        """``symbol+offset`` of a place in the file; None where no function is."""
        for offset, length, address in self._segments:
            if offset <= file_offset < offset + length:
                wanted = file_offset - offset + address
                break
        else:
            return None
        index = bisect.bisect_right(self._starts, wanted) - 1
        if index < 0:
            return None
        start = self._starts[index]
        index = bisect.bisect_left(self._starts, start)
        if wanted - start >= max(self._extents[index], 1):
            return None
        name = self._names[index]
        text = self._text[name : self._text.find(b"\0", name)]
        return f"{text.decode('utf-8', 'surrogateescape')}+{wanted - start}"


def _rows(
    read: Read, row: struct.Struct, offset: int, size: int, count: int
) -> Iterator[tuple[int, ...]]:
    """The rows of a table that are there; none when it is of another shape."""
    data = read(offset, size * count) if size == row.size else b""
    yield from row.iter_unpack(data[: len(data) // row.size * row.size])
