# SPDX-License-Identifier: MIT
"""The types of one BTF object in terms of `kptrace.types`.

In: type ids. Out: types, members, prototypes. Conversion is lazy: a struct is only a reference
until somebody asks for its members, so following one pointer never pulls in the kernel.
Which object a name is looked up in is decided in `kptrace.kernel.btf`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from kptrace import types
from kptrace.kernel.libbpf import BtfFile, Kind, Record
from kptrace.records import dataclass
from kptrace.types import Type

_MODIFIERS = (Kind.TYPEDEF, Kind.VOLATILE, Kind.CONST, Kind.RESTRICT)
_INT_SIGNED, _INT_BOOL = 1, 4
ANONYMOUS_ENUM = "anonymous_enum__"
"""Begins the tag of an enumeration that had none in the specification's own C definitions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member of a struct or union. ``bit_size`` is 0 unless it is a bit field.

    An anonymous struct or union is a member with the name "".
    """

    name: str
    type: Type
    bit_offset: int
    bit_size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One parameter of a function."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Prototype:
    """What a function takes and returns. ``module`` is where it was found; "" is vmlinux."""

    params: tuple[Param, ...]
    result: Type
    variadic: bool = False
    module: str = ""


class BtfObject:
    """Types of one BTF file; ``module`` is "" for vmlinux."""

    def __init__(self, file: BtfFile, module: str = "") -> None:
        self.file = file
        self.module = module
        self._types: dict[int, Type] = {0: types.VOID}
        self._rows: dict[int, tuple[tuple[str, int, int, int], ...]] = {}

    def type(self, type_id: int) -> Type:
        """The type of an id, with typedef and qualifiers removed."""
        known = self._types.get(type_id)
        if known is None:
            known = self._types[type_id] = self._convert(type_id)
        return known

    def _convert(self, type_id: int) -> Type:
        record = self.file.record(type_id)
        match record.kind:
            case Kind.TYPEDEF | Kind.VOLATILE | Kind.CONST | Kind.RESTRICT | Kind.TYPE_TAG:
                return self.type(record.operand)
            case Kind.INT:
                return _integer(record)
            case Kind.PTR:
                return self._pointer(record)
            case Kind.ARRAY:
                element = self.type(record.word(0))
                count = record.word(2)
                # Language §3.7; an array without length stays one, its size is unknown.
                if isinstance(element, types.Int) and element.size == 1 and count:
                    return types.String(count)
                return types.Array(element, count)
            case Kind.STRUCT | Kind.UNION:
                return self._struct(type_id, record)
            case Kind.FWD:
                return self._forward(type_id, record)
            case Kind.ENUM | Kind.ENUM64:
                return self._enum(record)
            case Kind.FUNC_PROTO:
                return types.Function()
            case Kind.FLOAT:
                return types.Float(record.operand)
            case _:
                return types.VOID

    def _pointer(self, record: Record) -> Type:
        target, tags = record.operand, []
        while target:
            inner = self.file.record(target)
            if inner.kind == Kind.TYPE_TAG:
                # Since Linux 6.15 a set flag marks an attribute instead of a type tag.
                if not inner.flag:
                    tags.append(self.file.name(inner.name_offset))
            elif inner.kind not in (Kind.CONST, Kind.VOLATILE, Kind.RESTRICT):
                break
            target = inner.operand
        other = [tag for tag in tags if tag != "user"]
        return types.Pointer(self.type(target), user="user" in tags, tag=other[0] if other else "")

    def _struct(self, type_id: int, record: Record) -> types.Struct:
        return types.Struct(
            kind="struct" if record.kind == Kind.STRUCT else "union",
            name=self.file.name(record.name_offset),
            size=record.operand,
            btf_id=type_id,
            # A module's object hands out types of its base under the base's ids.
            module=self.module if type_id >= self.file.first_id else "",
        )

    def _forward(self, type_id: int, record: Record) -> types.Struct:
        kind = Kind.UNION if record.flag else Kind.STRUCT
        name = self.file.name(record.name_offset)
        full = self.file.find(name, kind)
        if full is not None:
            return self._struct(full, self.file.record(full))
        return types.Struct(kind=kind.name.lower(), name=name, size=-1)

    def _enum(self, record: Record) -> types.Enum:
        name = self.file.name(record.name_offset)
        name = "" if name.startswith(ANONYMOUS_ENUM) else name
        if record.kind == Kind.ENUM64:
            signed = record.flag
            values = [
                (offset, _signed(low | high << 32, 64) if signed else low | high << 32)
                for offset, low, high in record.rows("=III")
            ]
        else:
            rows = list(record.rows("=Ii"))
            # The flag says "signed" since Linux 6.0 (6089fb325cf7). Before it was never set, so
            # a small negative enumerator counts as well.
            signed = record.flag or any(-4096 <= value < 0 for _, value in rows)
            values = [(offset, value if signed else value & 0xFFFFFFFF) for offset, value in rows]
        return types.Enum(
            name=name,
            size=record.operand,
            signed=signed,
            variants=tuple((self.file.name(offset), value) for offset, value in values),
            # what made the BTF did not know ENUM64 (Linux 6.0, 6089fb325cf7)
            cut=record.kind == Kind.ENUM and record.operand > 4,
        )

    def rows(self, type_id: int) -> tuple[tuple[str, int, int, int], ...]:
        """Members of a struct or union: name, type id, bit offset, bit-field size."""
        known = self._rows.get(type_id)
        if known is None:
            record = self.file.record(type_id)
            known = self._rows[type_id] = tuple(
                (
                    self.file.name(name),
                    member,
                    place & 0xFFFFFF if record.flag else place,
                    place >> 24 if record.flag else 0,
                )
                for name, member, place in record.rows("=III")
            )
        return known

    def members(self, type_id: int) -> tuple[Member, ...]:
        """All members of a struct or union, in order of declaration."""
        return tuple(
            Member(name=name, type=self.type(member), bit_offset=offset, bit_size=size)
            for name, member, offset, size in self.rows(type_id)
        )

    def field(self, type_id: int, name: str, offset: int = 0) -> Member | None:
        """A member by name, also one of an anonymous struct or union inside."""
        inner = []
        for candidate, member, place, size in self.rows(type_id):
            if candidate == name:
                return Member(
                    name=name, type=self.type(member), bit_offset=offset + place, bit_size=size
                )
            if not candidate:
                inner.append((member, place))
        for member, place in inner:
            kind = self.type(member)
            if isinstance(kind, types.Struct):
                found = self.field(kind.btf_id, name, offset + place)
                if found is not None:
                    return found
        return None

    def complete(self, type_id: int) -> types.Struct:
        """A struct or union with all that the decoder of its bytes needs."""
        struct = self.type(type_id)
        assert isinstance(struct, types.Struct)
        members = tuple(self._flat(type_id, 0))
        align = max([_alignment(one) for one in members], default=1)
        packed = struct.size % align or any(
            one.offset % _alignment(one) for one in members if not one.bit_size
        )
        return replace(struct, members=members, align=1 if packed else align)

    def _flat(self, type_id: int, start: int) -> Iterator[types.Member]:
        for name, member, place, bits in self.rows(type_id):
            kind = self.type(member)
            position = start + place
            if not name and isinstance(kind, types.Struct):
                yield from self._flat(kind.btf_id, position)
            elif isinstance(kind, types.String) and self.module == types.DEFINED:
                room = types.String(kind.size + 1)
                yield types.Member(name, room, position // 8, held=kind.size)
            elif name:
                yield types.Member(
                    name, self._stored(kind), position // 8, position % 8 if bits else 0, bits
                )

    def _stored(self, kind: Type) -> Type:
        match kind:
            case types.Pointer():
                return types.Pointer(types.VOID)
            case types.Struct(btf_id=btf_id) if btf_id:
                return self.complete(btf_id)
            case types.Array(element=element):
                return replace(kind, element=self._stored(element))
            case _:
                return kind

    def prototype(self, type_id: int) -> Prototype | None:
        """The prototype behind a function, a typedef or a pointer."""
        record = self.file.record(type_id)
        while record.kind in (Kind.FUNC, Kind.PTR, Kind.TYPE_TAG, *_MODIFIERS):
            if not record.operand:
                return None
            record = self.file.record(record.operand)
        if record.kind != Kind.FUNC_PROTO:
            return None
        rows = list(record.rows("=II"))
        variadic = bool(rows) and rows[-1] == (0, 0)
        return Prototype(
            params=tuple(
                Param(name=self.file.name(name), type=self.type(kind))
                for name, kind in (rows[:-1] if variadic else rows)
            ),
            result=self.type(record.operand),
            variadic=variadic,
            module=self.module,
        )


def _alignment(member: types.Member) -> int:
    return 1 if member.bit_size else types.align_of(member.type)


def _integer(record: Record) -> Type:
    encoding = record.word() >> 24 & 0xF
    if encoding & _INT_BOOL:
        return types.BOOL if record.operand == 1 else types.Int(record.operand, False)
    if record.operand > 8:  # __int128: the language has no such number, the bytes keep their size
        return types.Array(types.UINT64, record.operand // 8)
    return types.Int(record.operand, bool(encoding & _INT_SIGNED))


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> bits - 1 else value
