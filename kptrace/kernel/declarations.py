# SPDX-License-Identifier: MIT
"""BTF as C declarations, with the typedefs and qualifiers that the types do not keep: for listings.

In: one record of a BTF file. Out: text. Nothing is compiled from it.
"""

from __future__ import annotations

from collections.abc import Iterator

from kptrace.kernel.libbpf import BtfFile, Kind, Record

_QUALIFIERS = {Kind.CONST: "const", Kind.VOLATILE: "volatile", Kind.RESTRICT: "restrict"}
_INDENT = "    "
_MAX_DEPTH = 32


def declaration(file: BtfFile, type_id: int, name: str = "", indent: str = "") -> str:
    """``const char *name`` of a type; a type without a name is written out with its members."""
    qualifiers: list[str] = []
    inner = name
    for _ in range(_MAX_DEPTH):
        if type_id == 0:
            break
        record = file.record(type_id)
        if record.kind in _QUALIFIERS:
            qualifiers.append(_QUALIFIERS[Kind(record.kind)])
        elif record.kind == Kind.PTR:
            gap = " " if qualifiers and inner else ""
            inner = "*" + " ".join(qualifiers) + gap + inner
            qualifiers.clear()
        elif record.kind == Kind.ARRAY:
            inner = _grouped(inner) + f"[{record.word(2) or ''}]"
            type_id = record.word(0)
            continue
        elif record.kind == Kind.FUNC_PROTO:
            inner = _grouped(inner) + f"({', '.join(parameters(file, type_id)) or 'void'})"
        elif record.kind != Kind.TYPE_TAG:
            break
        type_id = record.operand
    base = " ".join([*qualifiers, _base(file, type_id, indent)])
    return f"{base} {inner}" if inner else base


def _grouped(inner: str) -> str:
    """A pointer to an array or a function, in parentheses."""
    return f"({inner})" if inner.startswith("*") else inner


def _base(file: BtfFile, type_id: int, indent: str) -> str:
    if type_id == 0:
        return "void"
    record = file.record(type_id)
    name = file.name(record.name_offset)
    match record.kind:
        case Kind.STRUCT | Kind.UNION | Kind.ENUM | Kind.ENUM64:
            return f"{_keyword(record)} {name}" if name else definition(file, type_id, indent)
        case Kind.FWD:
            return f"{'union' if record.flag else 'struct'} {name}"
        case _:
            return name


def _keyword(record: Record) -> str:
    return {Kind.STRUCT: "struct", Kind.UNION: "union"}.get(Kind(record.kind), "enum")


def parameters(file: BtfFile, type_id: int) -> Iterator[str]:
    """The parameters of a function's prototype."""
    for name, kind in file.record(type_id).rows("=II"):
        yield "..." if (name, kind) == (0, 0) else declaration(file, kind, file.name(name))


def definition(file: BtfFile, type_id: int, indent: str = "") -> str:
    """A struct, union or enum with everything in it, without the semicolon."""
    record = file.record(type_id)
    name = file.name(record.name_offset)
    head = f"{_keyword(record)} {name}".rstrip()
    lines = [f"{indent}{_INDENT}{one}" for one in members(file, type_id, indent + _INDENT)]
    return "\n".join([f"{head} {{", *lines, f"{indent}}}"])


def members(file: BtfFile, type_id: int, indent: str = "") -> Iterator[str]:
    """The members of a struct or union, or the enumerators of an enum, one text each."""
    record = file.record(type_id)
    match record.kind:
        case Kind.STRUCT | Kind.UNION:
            for name, kind, place in record.rows("=III"):
                text = declaration(file, kind, file.name(name), indent)
                width = place >> 24 if record.flag else 0
                yield f"{text}:{width};" if width else f"{text};"
        case Kind.ENUM:
            rows = list(record.rows("=Ii"))
            # as in BtfObject: before Linux 6.0 no flag told that an enumeration is signed
            signed = record.flag or any(-4096 <= value < 0 for _, value in rows)
            for name, value in rows:
                yield f"{file.name(name)} = {value if signed else value & 0xFFFFFFFF},"
        case Kind.ENUM64:
            for name, low, high in record.rows("=III"):
                value = low | high << 32
                value -= 1 << 64 if record.flag and value >> 63 else 0
                yield f"{file.name(name)} = {value},"
