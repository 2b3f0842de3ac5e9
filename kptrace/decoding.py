# SPDX-License-Identifier: MIT
"""Bytes of events and maps -> values, one rule for each type (language §3.1).

Everything is read in little-endian order: that of every architecture that kptrace supports.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, repeat
from typing import Any, TypeAlias

from kptrace import types
from kptrace.types import Type

Buffer: TypeAlias = bytes | bytearray | memoryview
Value: TypeAlias = "int | bool | bytes | None | tuple[Value, ...]"
Values: TypeAlias = tuple[Any, ...]


def decoder(types_: Sequence[Type], offsets: Sequence[int]) -> Callable[[Buffer, int], Values]:
    """A function from (data, offset of the record) to the fields' values.

    ``offsets`` ascend and count from the record's first byte. Strings end at their first NUL; one
    without NUL comes back with its full size, which marks it as truncated (§3.6).
    """
    layout, converters, nested = _layout(types_, offsets)
    rebuild = _rebuilder(types_, converters, nested)
    unpack = layout.unpack_from
    if rebuild is None:
        return unpack
    return lambda data, offset: rebuild(unpack(data, offset))


BLOCK = 500
"""Records that are best decoded at a time: few enough that their columns stay in the processor's
cache, which is a tenth of the cost of a line."""


def column_decoder(
    types_: Sequence[Type], offsets: Sequence[int], size: int
) -> Callable[[Buffer], list[Iterable[Any]]]:
    """Like `decoder`, for a run of equal records of ``size`` bytes, at least one, that fills the
    whole buffer: gives the values of each field over all records, which is cheaper than each
    record's."""
    layout, converters, nested = _layout(types_, offsets, size)
    leaves_of = _leaf_columns(layout)

    def columns(data: Buffer) -> list[Iterable[Any]]:
        made = leaves_of(data)
        for index, convert in converters:
            made[index] = convert_column(convert, made[index])
        if not nested:
            return made
        leaves = iter(made)
        return [_column(kind, leaves, len(data) // size) for kind in types_]

    return columns


def _leaf_columns(layout: struct.Struct) -> Callable[[Buffer], list[Any]]:
    """The function from records to the column of each leaf."""
    width = len(layout.unpack(bytes(layout.size)))
    blocks: list[struct.Struct] = []

    def columns(data: Buffer) -> list[Any]:
        if len(data) != BLOCK * layout.size:
            return list(zip(*layout.iter_unpack(data), strict=True))
        if not blocks:
            blocks.append(struct.Struct("<" + layout.format[1:] * BLOCK))
        values = blocks[0].unpack(data)  # no tuple for each record
        return [values[index::width] for index in range(width)]

    return columns


def convert_column(convert: Callable[[Any], Any], column: Sequence[Any]) -> Iterable[Any]:
    """``map(convert, column)``, which computes only once what a column has many times."""
    distinct = set(column)
    if len(distinct) == 1:
        return repeat(convert(column[0]), len(column))
    if 4 * len(distinct) > len(column):
        return map(convert, column)
    known = {one: convert(one) for one in distinct}
    return map(known.__getitem__, column)


def decode(kind: Type, data: Buffer, offset: int = 0) -> Value:
    """One value of a type that can be stored; aggregations are `aggregate.merge`'s."""
    value: Value = decoder((kind,), (0,))(data, offset)[0]
    return value


_Convert: TypeAlias = Callable[[Any], Any]
_Converters: TypeAlias = "list[tuple[int, _Convert]]"
_Rebuild: TypeAlias = Callable[[tuple[Any, ...]], Values]


def _layout(
    types_: Sequence[Type], offsets: Sequence[int], size: int = 0
) -> tuple[struct.Struct, _Converters, bool]:
    """The struct of all leaves in order, what some need, and whether types contain others."""
    leaves: list[tuple[int, Type]] = []
    for kind, offset in zip(types_, offsets, strict=True):
        leaves += _leaves(kind, offset)
    codes = ["<"]
    position = 0
    converters: _Converters = []
    for index, (offset, leaf) in enumerate(leaves):
        code, convert = _leaf(leaf)
        codes.append(f"{offset - position}x{code}")
        position = offset + types.size_of(leaf)
        if convert is not None:
            converters.append((index, convert))
    if size:
        codes.append(f"{size - position}x")
    layout = struct.Struct("".join(codes))
    nested = any(isinstance(kind, types.Tuple | types.Record | types.Array) for kind in types_)
    return layout, converters, nested


def _rebuilder(types_: Sequence[Type], converters: _Converters, nested: bool) -> _Rebuild | None:
    """What makes the values of one record from its leaves; None: nothing needs to."""
    if not converters and not nested:
        return None

    def rebuild(scalars: tuple[Any, ...]) -> Values:
        made = list(scalars)
        for index, convert in converters:
            made[index] = convert(made[index])
        if not nested:
            return tuple(made)
        rest = iter(made)
        return tuple([_build(kind, rest) for kind in types_])

    return rebuild


def _leaves(kind: Type, offset: int) -> Iterator[tuple[int, Type]]:
    match kind:
        case types.Tuple(elements=elements) | types.Record(elements=elements):
            for element, inner in zip(elements, types.tuple_layout(elements)[0], strict=True):
                yield from _leaves(element, offset + inner)
        case types.Array(element=element, count=count):
            size = types.size_of(element)
            yield from chain.from_iterable(
                _leaves(element, offset + index * size) for index in range(count)
            )
        case _:
            yield offset, kind


def _build(kind: Type, leaves: Iterator[Any]) -> Any:
    match kind:
        case types.Tuple(elements=elements) | types.Record(elements=elements):
            return tuple([_build(element, leaves) for element in elements])
        case types.Array(element=element, count=count):
            return tuple([_build(element, leaves) for _ in range(count)])
        case _:
            return next(leaves)


def _column(kind: Type, leaves: Iterator[Iterable[Any]], count: int) -> Iterable[Any]:
    """`_build` for ``count`` values, given the columns of their leaves."""
    match kind:
        case types.Tuple(elements=elements) | types.Record(elements=elements):
            parts = [_column(element, leaves, count) for element in elements]
        case types.Array(element=element, count=length):
            parts = [_column(element, leaves, count) for _ in range(length)]
        case _:
            return next(leaves)
    return zip(*parts, strict=True) if parts else repeat((), count)


_INT_CODES = {1: "b", 2: "h", 4: "i", 8: "q"}


def _leaf(kind: Type) -> tuple[str, _Convert | None]:
    """The struct code of a value, and what makes the value of what that reads (None: nothing)."""
    match kind:
        case types.Int(size=size, signed=signed) | types.Enum(size=size, signed=signed):
            code = _INT_CODES[size]
            return code if signed else code.upper(), None
        case types.Bool():
            return "?", None
        case types.Pointer() | types.KSym() | types.KStack() | types.UserName():
            return "Q", None
        case types.Timestamp() | types.CgroupPath():
            return "16s", None
        case types.String(size=size):
            return f"{size}s", _until_nul
        case types.Inet():
            return "24s", None
        case types.Buffer(size=size):
            return f"{size + 4}s", _counted
        case types.MacAddress():
            return "6s", None
        case types.Struct(size=size):
            return f"{max(size, 0)}s", _struct(kind)
        case types.Void() | types.Function():
            return "0s", _nothing
        case types.Float(size=size):
            return f"{size}s", _nothing
        case _:
            raise TypeError(f"BUG: a value of type {types.type_name(kind)} is not stored")


def _until_nul(raw: bytes) -> bytes:
    return raw.partition(b"\0")[0]


def _counted(raw: bytes) -> bytes:
    """The bytes of a buffer; its length stands before them."""
    return raw[4 : 4 + int.from_bytes(raw[:4], "little")]


def _nothing(_: bytes) -> None:
    return None


def _struct(kind: types.Struct) -> _Convert:
    """Members one by one: those of a union, and bit fields, lie over each other."""
    parts = [_member(one) for one in kind.members]
    return lambda raw: tuple([part(raw) for part in parts])


def _member(one: types.Member) -> Callable[[bytes], Any]:
    if one.held:
        stop = one.offset + one.held
        return lambda raw: _until_nul(raw[one.offset : stop])
    if not one.bit_size:
        read = decoder((one.type,), (one.offset,))
        return lambda raw: read(raw, 0)[0]
    end = one.offset + -(-(one.shift + one.bit_size) // 8)
    mask = (1 << one.bit_size) - 1
    return lambda raw: int.from_bytes(raw[one.offset : end], "little") >> one.shift & mask
