# SPDX-License-Identifier: MIT
"""Types as a specification spells them (language §2, §3.1)."""

from __future__ import annotations

from dataclasses import fields, replace

from kptrace import types
from kptrace.compiler import fold, tree
from kptrace.compiler.probe_values import ProbeValues
from kptrace.errors import did_you_mean
from kptrace.lang import nodes as n
from kptrace.source import Span
from kptrace.types import BOOL, Int, Type, type_name


class TypeNames(ProbeValues):
    """The part of the checker that knows written types."""

    def written_type(self, node: n.TypeName | n.Typeof) -> Type:
        """The type that the specification spells; ``T[]`` has -1 elements."""
        if isinstance(node, n.Typeof):
            return self.type_of_operand(node.operand)
        kind = self.named_type(node)
        if kind is None:
            self.unknown_type(node)
            return types.ERROR
        return self.suffixed(kind, node)

    def declared_type(self, node: n.TypeName | n.Typeof) -> Type | None:
        """The type that a ``let`` gives its variable; None where it is wrong, and reported."""
        kind = self.by_value(self.written_type(node))
        if isinstance(kind, types.Error):
            return None
        struct = isinstance(kind, types.Struct)
        if (
            isinstance(kind, (types.Void, types.Function, *types.AGGREGATES))
            or types.size_of(kind) < struct
        ):
            message = f"A variable can not have the type '{type_name(kind)}'"
            self.report.error(node.span, message, code="type")
            return None
        if isinstance(kind, types.Array) and kind.count < 0:
            message = f"The number of elements of '{type_name(kind)}' is not known"
            self.report.error(node.span, message, code="type")
            return None
        return kind

    def suffixed(self, kind: Type, node: n.TypeName) -> Type:
        """Suffixes apply left to right: ``int32*[4]`` is an array of four pointers."""
        suffixes = node.suffixes
        match kind, suffixes:  # the first [N] of these is their size
            case (types.String() | types.Buffer(), (int(size), *_)) if size >= 0:
                kind, suffixes = replace(kind, size=size), suffixes[1:]
            case (types.Inet(), (int(), *_)):
                suffixes = suffixes[1:]
        for suffix in suffixes:
            if isinstance(kind, types.Error):
                break
            kind = types.Pointer(kind) if suffix == "*" else types.Array(kind, int(suffix))
        return kind

    def named_type(self, node: n.TypeName) -> Type | None:
        """The type that a name means, without its suffixes; None if there is none."""
        if not node.keyword and node.name in LANGUAGE_TYPES:
            return LANGUAGE_TYPES[node.name]
        btf = self.facts.kernel.btf
        if btf is None:
            if node.suffixes and node.keyword:
                return types.Struct(node.keyword, node.name, -1)
            self.no_btf(node.span, f"the type '{node.name}'")
            return types.ERROR
        return btf.type_named(node.keyword, node.name)

    def unknown_type(self, node: n.TypeName) -> None:
        spelled = f"{node.keyword} {node.name}".strip()
        message = f'Cannot resolve unknown type "{spelled}"'
        if node.keyword == "enum":
            message = f"Unknown enum: {node.name}"
        self.report.error(node.span, message, code="unknown-name")

    # --- sizeof, offsetof, typeof ---

    def type_of_operand(self, node: n.TypeName | n.Typeof | n.Expr) -> Type:
        """The type that is spelled, or that an expression would have; nothing is evaluated."""
        if isinstance(node, n.Typeof):
            return self.type_of_operand(node.operand)
        if isinstance(node, n.TypeName):
            bare = not node.keyword and not node.suffixes
            if bare and node.name not in LANGUAGE_TYPES and self.facts.kernel.btf is None:
                return self.type_of_operand(n.Name(span=node.span, name=node.name))
            kind = self.named_type(node)
            if kind is not None:
                return self.by_value(self.suffixed(kind, node))
            if not bare:
                self.unknown_type(node)
                return types.ERROR
            return self.type_of_operand(n.Name(span=node.span, name=node.name))
        if _assigns_map(node):
            message = "Map assignments not allowed inside of sizeof"
            self.report.error(node.span, message, code="type")
            return types.ERROR
        return self.value(node).type

    def sizeof(self, node: n.Sizeof) -> tree.Expr:
        if node.keyword == "typeinfo":
            return self.typeinfo(node)
        kind = self.type_of_operand(node.operand)
        if isinstance(kind, types.Error):
            return self.bad(node.span)
        if isinstance(kind, types.Struct) and kind.size < 0:
            message = f"Unknown struct/union: '{type_name(kind)}'"
            self.report.error(node.operand.span, message, code="unknown-name")
            return self.bad(node.span)
        self.size_in_code(kind)
        return _size(node.span, _declared_size(kind))

    def typeinfo(self, node: n.Sizeof) -> tree.Expr:
        """What is known of a type: its number in BTF, its family, its name."""
        if not self.facts.settings.allow_unstable("typeinfo", node.span, self.report):
            return self.bad(node.span)
        kind = self.type_of_operand(node.operand)
        if isinstance(kind, types.Error):
            return self.bad(node.span)
        number = kind.btf_id if isinstance(kind, types.Struct) else 0
        made: tuple[tree.Expr, ...] = (
            tree.Const(span=node.span, type=types.UINT32, value=number),
            fold.string(node.span, _family(kind)),
            fold.string(node.span, type_name(kind)),
        )
        record = types.Record(("btf_id", "base_type", "full_type"), tuple(one.type for one in made))
        return tree.TupleMake(span=node.span, type=record, elements=made)

    def offsetof(self, node: n.Offsetof) -> tree.Expr:
        kind = self.type_of_operand(node.operand)
        offset = 0
        for name in node.path:
            if isinstance(kind, types.Error):
                return self.bad(node.span)
            btf = self.facts.kernel.btf
            if not isinstance(kind, types.Struct) or btf is None:
                message = f"'{type_name(kind)}' is not a C type."
                self.report.error(node.operand.span, message, code="type")
                return self.bad(node.span)
            found = btf.field(kind, name)
            if found is None:
                names = [one.name for one in btf.members(kind) if one.name]
                message = f"'{type_name(kind)}' has no field named '{name}'"
                hints = did_you_mean(name, names)
                self.report.error(node.span, message, code="unknown-name", hints=hints)
                return self.bad(node.span)
            btf.uses_size(kind)
            offset += found.bit_offset // 8
            kind = found.type
        return _size(node.span, offset)


def _family(kind: Type) -> str:
    """The kind of a type without its size: what typeinfo() calls its base type."""
    match kind:
        case types.Int() | types.Enum():
            return "int"
        case types.Struct(kind=keyword):
            return keyword
        case (
            types.Bool()
            | types.String()
            | types.Pointer()
            | types.Array()
            | types.Buffer()
            | types.Tuple()
            | types.Record()
        ):
            return type(kind).__name__.lower()
        case _:
            return type_name(kind)


def _size(span: Span, value: int) -> tree.Const:
    return tree.Const(span=span, type=types.UINT64, value=value, flexible=True)


def _declared_size(kind: Type) -> int:
    """The size that the language gives a type, however kptrace stores it (language §3.1)."""
    if isinstance(kind, types.KStack):
        return kind.size + (16 if kind.user else 8)
    return types.size_of(kind)


def _assigns_map(node: object) -> bool:
    """Whether a part of a tree writes a map."""
    match node:
        case n.Assign(target=n.Map()) | n.Increment(target=n.Map()):
            return True
        case n.Node():
            return any(_assigns_map(getattr(node, one.name)) for one in fields(node))
        case tuple():
            return any(map(_assigns_map, node))
        case _:
            return False


LANGUAGE_TYPES: dict[str, Type] = {
    "bool": BOOL,
    "void": types.VOID,
    "username_t": types.USERNAME,
    "string": types.String(0),
    "buffer": types.Buffer(0),
    "inet": types.INET,
    **{
        type_name(kind): kind
        for size in (1, 2, 4, 8)
        for kind in (Int(size, True), Int(size, False))
    },
}
