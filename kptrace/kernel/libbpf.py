# SPDX-License-Identifier: MIT
"""The part of libbpf.so.1 that reads BTF, called through ctypes.

In: a file with BTF (raw, or an ELF file with a ``.BTF`` section). Out: single type records by
id and by name. Meaning is given to them in `kptrace.kernel.btf_object`. libbpf finds, this module
reads the few bytes found; only a listing walks over all records. Loading programs is not its
business.

Record layout: ``include/uapi/linux/btf.h``.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import NamedTuple

_RECORD = struct.Struct("=III")
_HEADER = struct.Struct("=HBBIIIII")
_MAGIC = 0xEB9F

_LIBBPF_ERRORS = 4000


class Kind(IntEnum):
    """``BTF_KIND_*``; 0 (void) has no record."""

    INT = 1
    PTR = 2
    ARRAY = 3
    STRUCT = 4
    UNION = 5
    ENUM = 6
    FWD = 7
    TYPEDEF = 8
    VOLATILE = 9
    CONST = 10
    RESTRICT = 11
    FUNC = 12
    FUNC_PROTO = 13
    VAR = 14
    DATASEC = 15
    FLOAT = 16
    DECL_TAG = 17
    TYPE_TAG = 18
    ENUM64 = 19


_ENUMERATOR_SIZE: dict[int, int] = {Kind.ENUM: 8, Kind.ENUM64: 12}


# Bytes behind a record: a fixed part, and what each of its vlen rows takes.
_SIZES: dict[int, tuple[int, int]] = {
    Kind.INT: (4, 0),
    Kind.ARRAY: (12, 0),
    Kind.STRUCT: (0, 12),
    Kind.UNION: (0, 12),
    Kind.ENUM: (0, 8),
    Kind.FUNC_PROTO: (0, 8),
    Kind.VAR: (4, 0),
    Kind.DATASEC: (0, 12),
    Kind.DECL_TAG: (4, 0),
    Kind.ENUM64: (0, 12),
}
_PAYLOADS = tuple(_SIZES.get(kind, (0, 0)) for kind in range(32))


class Record(NamedTuple):
    """One ``struct btf_type``. ``operand`` is its size, or the type that it refers to.

    ``payload`` is the address behind the record, where members, parameters, enumerators or the
    array description stand. It is valid as long as the object that it came from is open.
    """

    name_offset: int
    kind: int
    vlen: int
    flag: bool
    operand: int
    payload: int

    def rows(self, layout: str) -> Iterator[tuple[int, ...]]:
        """The ``vlen`` rows of the payload, each of the given struct layout."""
        size = struct.calcsize(layout)
        return struct.iter_unpack(layout, ctypes.string_at(self.payload, size * self.vlen))

    def word(self, index: int = 0) -> int:
        """One 32-bit word of the payload."""
        return ctypes.c_uint32.from_address(self.payload + 4 * index).value


@cache
def library() -> ctypes.CDLL:
    """libbpf.so.1. Raises OSError where it is missing."""
    loaded = ctypes.CDLL("libbpf.so.1", use_errno=True)
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint32
    for name, result, *arguments in (
        ("btf__parse", pointer, text, pointer),
        ("btf__parse_split", pointer, text, pointer),
        ("btf__free", None, pointer),
        ("btf__type_cnt", number, pointer),
        ("btf__type_by_id", pointer, pointer, number),
        ("btf__name_by_offset", text, pointer, number),
        ("btf__find_by_name_kind", ctypes.c_int32, pointer, text, number),
        ("btf__raw_data", pointer, pointer, ctypes.POINTER(number)),
        ("libbpf_set_print", pointer, pointer),
    ):
        function = getattr(loaded, name)
        function.restype = result
        function.argtypes = arguments
    return loaded


@cache
def _libc() -> ctypes.CDLL:
    library = ctypes.CDLL(None)
    library.memmem.restype = ctypes.c_void_p
    library.memmem.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t)
    return library


def _occurrences(start: int, size: int, needle: bytes) -> Iterator[int]:
    """Offsets of the needle in a piece of memory, without copying the memory."""
    memmem = _libc().memmem
    position = 0
    while (found := memmem(start + position, size - position, needle, len(needle))) is not None:
        position = found - start
        yield position
        position += 1


class BtfFile:
    """One open BTF object: a kernel's, or a module's on top of its kernel's (``base``).

    A module's object numbers its own types from where the base ends and can name every type of
    the base, so its ids mean nothing to another module.
    Raises OSError when libbpf is missing or the file is not BTF that it understands.
    """

    def __init__(self, path: Path, base: BtfFile | None = None) -> None:
        self._lib = library()
        # The base must not be freed before this object.
        self._base = base
        self._indexes: dict[Kind, dict[str, int]] = {}
        # libbpf complains on standard error; the reason travels in errno already.
        printer = self._lib.libbpf_set_print(None)
        ctypes.set_errno(0)
        name = os.fsencode(path)
        if base is None:
            self._handle = self._lib.btf__parse(name, None)
        else:
            self._handle = self._lib.btf__parse_split(name, base._handle)
        error = ctypes.get_errno()
        self._lib.libbpf_set_print(printer)
        if not self._handle:
            # libbpf's own errors start at 4000 (libbpf.h, enum libbpf_errno): not a BTF, mostly
            text = os.strerror(error) if error < _LIBBPF_ERRORS else "not a BTF file"
            raise OSError(error, text, str(path))
        self.first_id: int = 1 if base is None else base.end_id
        self.end_id: int = self._lib.btf__type_cnt(self._handle)
        self._find_sections(path)

    def _find_sections(self, path: Path) -> None:
        size = ctypes.c_uint32()
        raw = self._lib.btf__raw_data(self._handle, ctypes.byref(size))
        fields = _HEADER.unpack(ctypes.string_at(raw, _HEADER.size))
        magic, _, _, header, types_at, self._types_size, strings_at, self._strings_size = fields
        if magic != _MAGIC:
            self.close()
            raise OSError(0, "BTF of the other byte order", str(path))
        self._types: int = raw + header + types_at
        self._strings: int = raw + header + strings_at
        base = self._base
        self._strings_base: int = 0 if base is None else base._strings_base + base._strings_size

    def close(self) -> None:
        if self._handle:
            self._lib.btf__free(self._handle)
            self._handle = None

    @property
    def handle(self) -> int | None:
        """libbpf's own pointer to it."""
        handle: int | None = self._handle
        return handle

    def record(self, type_id: int) -> Record:
        address = self._lib.btf__type_by_id(self._handle, type_id)
        if address is None:
            raise KeyError(type_id)
        name, info, operand = _RECORD.unpack(ctypes.string_at(address, _RECORD.size))
        return Record(
            name_offset=name,
            kind=info >> 24 & 0x1F,
            vlen=info & 0xFFFF,
            flag=bool(info >> 31),
            operand=operand,
            payload=address + _RECORD.size,
        )

    def name(self, offset: int) -> str:
        text: bytes | None = self._lib.btf__name_by_offset(self._handle, offset)
        return text.decode("utf-8", "replace") if text else ""

    def names(self, kind: Kind) -> dict[str, int]:
        """All own types of a kind by name, the first of each name; takes a tenth of a second.

        Whoever asks for many names saves the search for each: `find` uses it from then on.
        """
        if kind not in self._indexes:
            found = self._indexes[kind] = {}
            for type_id, name_offset in self._walk(kind):
                if name := self.name(name_offset):
                    found.setdefault(name, type_id)
        return self._indexes[kind]

    def _walk(self, wanted: Kind) -> Iterator[tuple[int, int]]:
        """Id and offset of the name of every own record of a kind."""
        data = ctypes.string_at(self._types, self._types_size)
        position = 0
        for type_id in range(self.first_id, self.end_id):
            name_offset, info, _ = _RECORD.unpack_from(data, position)
            kind = info >> 24 & 0x1F
            if kind == wanted:
                yield type_id, name_offset
            fixed, each = _PAYLOADS[kind]
            position += _RECORD.size + fixed + each * (info & 0xFFFF)

    def find(self, name: str, *kinds: Kind) -> int | None:
        """Id of the first type with this name and kind that the object itself defines."""
        for kind in kinds:
            if (index := self._indexes.get(kind)) is not None:
                if name in index:
                    return index[name]
            elif self._base is None:
                found: int = self._lib.btf__find_by_name_kind(self._handle, name.encode(), kind)
                if found > 0:
                    return found
            # libbpf looks into the base first, which hides a module's function that has the
            # name of one in the core kernel.
            elif (own := self._find_own(name, kind)) is not None:
                return own
        return None

    def _find_own(self, name: str, kind: Kind) -> int | None:
        for type_id, start, position in self._uses(name):
            if start == position and self.record(type_id).kind == kind:
                return type_id
        return None

    def find_enumerator(self, name: str) -> int | None:
        """Id of the first own enumeration that has an enumerator of this name."""
        for type_id, start, position in self._uses(name):
            record = self.record(type_id)
            row = _ENUMERATOR_SIZE.get(record.kind, 0)
            if row and position > start and (position - start - _RECORD.size) % row == 0:
                return type_id
        return None

    def _uses(self, name: str) -> Iterator[tuple[int, int, int]]:
        """Own records that hold the name's string offset: id, offset of the record, of the use.

        Offsets count from the type section. Some uses are other numbers of the same value; the
        caller checks the place.
        """
        for name_offset in self._string_offsets(name):
            needle = struct.pack("=I", name_offset)
            for position in _occurrences(self._types, self._types_size, needle):
                if position % 4 == 0:
                    type_id, start = self._record_at(position)
                    yield type_id, start, position

    def _string_offsets(self, name: str) -> Iterator[int]:
        text = name.encode() + b"\0"
        # Only a base begins with an empty string; a module's first name has no NUL before it.
        if ctypes.string_at(self._strings, min(len(text), self._strings_size)) == text:
            yield self._strings_base
        for position in _occurrences(self._strings, self._strings_size, b"\0" + text):
            yield self._strings_base + position + 1
        if self._base is not None:
            yield from self._base._string_offsets(name)

    def _record_at(self, position: int) -> tuple[int, int]:
        """The record that covers an offset in the type section; records lie in id order."""
        low, high = self.first_id, self.end_id
        while high - low > 1:
            middle = (low + high) // 2
            if self._offset(middle) <= position:
                low = middle
            else:
                high = middle
        return low, self._offset(low)

    def _offset(self, type_id: int) -> int:
        address: int = self._lib.btf__type_by_id(self._handle, type_id)
        return address - self._types

    def strings(self) -> bytes:
        """The object's own string section: every name, with a NUL after it."""
        return ctypes.string_at(self._strings, self._strings_size)


def strings_in(data: bytes) -> bytes:
    """The string section of a raw BTF file, without parsing the rest; empty if it is none."""
    if len(data) < _HEADER.size:
        return b""
    magic, _, _, header, _, _, start, size = _HEADER.unpack_from(data)
    return data[header + start :][:size] if magic == _MAGIC else b""
