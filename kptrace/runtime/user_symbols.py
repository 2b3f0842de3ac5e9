# SPDX-License-Identifier: MIT
"""What addresses in processes mean: symbols of the ELF files that they map, while they live.

In: a process id and an address. Out: the object's path and ``symbol+offset``, or None where a
process is gone, a file cannot be read, or it has no symbol there. Nothing is guessed.
"""

from __future__ import annotations

import bisect
import contextlib
import mmap
import os
import re
import stat
import struct
from pathlib import Path

from kptrace.records import dataclass

_MAPPING = re.compile(rb"^([0-9a-f]+)-([0-9a-f]+) ..x. ([0-9a-f]+) \S+ \d+ *(/.*)?", re.M)
_ELF64 = b"\x7fELF\x02\x01"
_PT_LOAD, _SHT_SYMTAB, _SHT_DYNSYM = 1, 2, 11
_STT_FUNC, _STT_GNU_IFUNC = 2, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """One executable mapping; without ``path`` it is of no file, as generated code is."""

    start: int
    end: int
    offset: int
    path: str | None


class ElfSymbols:
    """The functions of one ELF file, by address in the file's own numbering."""

    def __init__(self, data: bytes | mmap.mmap) -> None:
        self._segments: list[tuple[int, int, int]] = []
        found: dict[int, tuple[int, str]] = {}
        if data[:6] == _ELF64:
            self._read_segments(data)
            self._read_symbols(data, found)
        self._starts = sorted(found)
        self._found = found

    def _read_segments(self, data: bytes | mmap.mmap) -> None:
        (table,) = struct.unpack_from("<Q", data, 32)
        size, count = struct.unpack_from("<HH", data, 54)
        for index in range(count):
            kind, _, offset, address, _, length = struct.unpack_from(
                "<IIQQQQ", data, table + index * size
            )
            if kind == _PT_LOAD:
                self._segments.append((offset, length, address))

    def _read_symbols(self, data: bytes | mmap.mmap, found: dict[int, tuple[int, str]]) -> None:
        (table,) = struct.unpack_from("<Q", data, 40)
        size, count = struct.unpack_from("<HH", data, 58)
        sections = [
            struct.unpack_from("<IIQQQQII", data, table + index * size) for index in range(count)
        ]
        for _, kind, _, _, offset, length, link, _ in sections:
            if kind not in (_SHT_SYMTAB, _SHT_DYNSYM) or link >= len(sections):
                continue
            names = sections[link][4]
            for name, info, _, index, value, extent in struct.iter_unpack(
                "<IBBHQQ", data[offset : offset + length // 24 * 24]
            ):
                if index and value and info & 15 in (_STT_FUNC, _STT_GNU_IFUNC):
                    end = data.find(b"\0", names + name)
                    text = data[names + name : end].decode("utf-8", "surrogateescape")
                    found.setdefault(value, (extent, text))

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
        extent, name = self._found[start]
        return f"{name}+{wanted - start}" if wanted - start < max(extent, 1) else None


class UserSymbols:
    """Looks addresses up; what a process maps is read once, and again for an unknown address."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._mappings: dict[int, list[Mapping]] = {}
        self._files: dict[tuple[int, int], ElfSymbols] = {}

    def resolve(self, process: int, address: int) -> tuple[str | None, str | None]:
        """``symbol+offset`` and the path of the object, each None where it is not known."""
        found = self._find(process, address)
        if found is None:
            if mappings := self._read(process):  # what is known of it stays when it has ended
                self._mappings[process] = mappings
            found = self._find(process, address)
        if found is None or found.path is None:
            return None, None
        symbols = self._symbols(process, found.path)
        symbol = symbols.at(address - found.start + found.offset) if symbols else None
        return symbol, found.path

    def _find(self, process: int, address: int) -> Mapping | None:
        known = self._mappings.get(process, ())
        return next((one for one in known if one.start <= address < one.end), None)

    def _read(self, process: int) -> list[Mapping]:
        try:
            data = (self._root / f"proc/{process}/maps").read_bytes()
        except OSError:
            return []
        return [
            Mapping(
                start=int(one[1], 16),
                end=int(one[2], 16),
                offset=int(one[3], 16),
                path=os.fsdecode(one[4]) if one[4] else None,
            )
            for one in _MAPPING.finditer(data)
        ]

    def _symbols(self, process: int, path: str) -> ElfSymbols | None:
        """The symbols of a file as the process sees it: it may have another root."""
        for place in (self._root / f"proc/{process}/root" / path[1:], self._root / path[1:]):
            with contextlib.suppress(OSError, ValueError), open(place, "rb", opener=_open) as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    continue
                key = (status.st_dev, status.st_ino)
                if key not in self._files:
                    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                        self._files[key] = _parsed(data)
                return self._files[key]
        return None


def _open(path: str, flags: int) -> int:
    """The process may have put a pipe where the file was: no waiting for its other end."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _parsed(data: mmap.mmap) -> ElfSymbols:
    """The symbols of a file; none of one that is damaged."""
    try:
        return ElfSymbols(data)
    except (struct.error, OverflowError):
        return ElfSymbols(b"")
