# SPDX-License-Identifier: MIT
"""What addresses in processes mean: symbols of the ELF files that they map, while they live.

In: a process id and an address. Out: the object's path and ``symbol+offset``, or None where a
process is gone, a file cannot be read, or it has no symbol there. Nothing is guessed.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from kptrace.records import dataclass
from kptrace.runtime.elf_symbols import ElfSymbols

_MAPPING = re.compile(rb"^([0-9a-f]+)-([0-9a-f]+) ..x. ([0-9a-f]+) \S+ \d+ *(/.*)?", re.M)
_LARGEST_OFFSET = (1 << 63) - 1
_CACHE_BYTES = 64 << 20
"""Of the symbols of all files together; those that were not asked for lately go first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """One executable mapping; without ``path`` it is of no file, as generated code is."""

    start: int
    end: int
    offset: int
    path: str | None


class _Process:
    """What is known of a process: its mappings, and the symbols of those that were asked for."""

    def __init__(self, mappings: list[Mapping]) -> None:
        self.mappings = mappings
        self.symbols: dict[int, ElfSymbols | None] = {}  # by the start of the mapping

    def find(self, address: int) -> Mapping | None:
        return next((one for one in self.mappings if one.start <= address < one.end), None)


class UserSymbols:
    """Looks addresses up; what a process maps is read once, and again for an unknown address."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._processes: dict[int, _Process] = {}
        self._files: dict[tuple[int, ...], ElfSymbols] = {}

    def resolve(self, process: int, address: int) -> tuple[str | None, str | None]:
        """``symbol+offset`` and the path of the object, each None where it is not known."""
        known = self._processes.get(process)
        found = known.find(address) if known else None
        if found is None:
            if mappings := self._read(process):  # what is known of it stays when it has ended
                known = self._processes[process] = _Process(mappings)
            found = known.find(address) if known else None
        if known is None or found is None or found.path is None:
            return None, None
        if found.start not in known.symbols:
            known.symbols[found.start] = self._symbols(process, found)
        symbols = known.symbols[found.start]
        symbol = symbols.at(address - found.start + found.offset) if symbols else None
        return symbol, found.path

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

    def _symbols(self, process: int, mapping: Mapping) -> ElfSymbols | None:
        """The symbols of a mapped file: of the very file, where the kernel gives it away.

        Else of what stands in its place as the process sees it, for it may have another root.
        """
        here = self._root / f"proc/{process}"
        path = mapping.path or ""
        for place in (here / f"map_files/{mapping.start:x}-{mapping.end:x}", here / f"root{path}"):
            with contextlib.suppress(OSError), _opened(place, os.O_PATH) as handle:
                status = os.fstat(handle)
                if stat.S_ISREG(status.st_mode):
                    key = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size)
                    return self._cached(key, handle)
        return None

    def _cached(self, key: tuple[int, ...], handle: int) -> ElfSymbols:
        symbols = self._files.pop(key, None)
        if symbols is None:
            with _opened(f"/proc/self/fd/{handle}", os.O_RDONLY) as file:
                symbols = ElfSymbols(lambda offset, size: _read_at(file, offset, size))
        self._files[key] = symbols
        for oldest in list(self._files)[:-1]:
            if sum(one.size for one in self._files.values()) <= _CACHE_BYTES:
                break
            self._forget(self._files.pop(oldest))
        return symbols

    def _forget(self, symbols: ElfSymbols) -> None:
        for process in self._processes.values():
            process.symbols = {
                start: one for start, one in process.symbols.items() if one is not symbols
            }


@contextlib.contextmanager
def _opened(place: str | Path, flags: int) -> Iterator[int]:
    """A file; opened as a path only, a device or a pipe in its place does not notice."""
    file = os.open(place, flags | os.O_CLOEXEC)
    try:
        yield file
    finally:
        os.close(file)


def _read_at(file: int, offset: int, size: int) -> bytes:
    """What is there, nothing behind the end; offsets of a damaged file may be beyond any file."""
    if offset > _LARGEST_OFFSET:
        return b""
    return os.pread(file, size, offset)
