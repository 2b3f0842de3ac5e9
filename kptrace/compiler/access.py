# SPDX-License-Identifier: MIT
"""Fields and elements: reaching into kernel memory through types (language §3.7)."""

from __future__ import annotations

from dataclasses import replace

from kptrace import types
from kptrace.compiler import tree
from kptrace.compiler.rules import as_int
from kptrace.compiler.tuples import Tuples
from kptrace.errors import did_you_mean
from kptrace.lang import nodes as n
from kptrace.source import Span
from kptrace.types import type_name


class Access(Tuples):
    """The part of the checker that follows pointers."""

    def member(self, node: n.Member) -> tree.Expr:
        operand = self.expr(node.operand)
        if isinstance(operand.type, types.Args):
            return self.args_field(node)
        if isinstance(operand.type, types.Record):
            return self.record_field(node, operand, operand.type)
        while isinstance(operand.type, types.Pointer) and isinstance(
            operand.type.target, types.Pointer
        ):
            operand = self.read_type(self.pointee(node.span, operand))
        if isinstance(operand.type, types.Pointer):
            operand = self.pointee(node.span, operand)
        if isinstance(operand.type, types.Error):
            return self.bad(node.span)
        if not isinstance(operand, tree.Place) or not isinstance(operand.type, types.Struct):
            message = (
                f"Can not access field '{node.name}' on expression of type"
                f" '{type_name(operand.type)}'"
            )
            self.report.error(node.name_span, message, code="type")
            return self.bad(node.span)
        return self.struct_field(node, operand, operand.type)

    def pointee(self, span: Span, pointer: tree.Expr) -> tree.Place:
        assert isinstance(pointer.type, types.Pointer)
        kind = pointer.type
        return tree.Place(span=span, type=kind.target, base=pointer, user=kind.user, steps=())

    def struct_field(self, node: n.Member, operand: tree.Place, struct: types.Struct) -> tree.Expr:
        btf = self.facts.kernel.btf
        if btf is None:
            return self.no_btf(node.span, f"the fields of '{type_name(struct)}'")
        found = btf.field(struct, node.name)
        if found is None:
            names = [one.name for one in btf.members(struct) if one.name]
            if not names:
                message = f"Unknown struct/union: '{type_name(struct)}'"
                self.report.error(node.span, message, code="unknown-name")
                return self.bad(node.span)
            message = (
                f"Struct/union of type '{type_name(struct)}' does not contain a field named"
                f" '{node.name}'"
            )
            hints = did_you_mean(node.name, names)
            self.report.error(node.name_span, message, code="unknown-name", hints=hints)
            return self.bad(node.span)
        if found.bit_size:
            return self.not_yet(node.span, f"the bitfield '{node.name}'")
        if isinstance(found.type, types.Pointer) and found.type.tag not in ("", "rcu", "user"):
            message = (
                f"Attempting to access pointer field '{node.name}' with unsupported tag"
                f" attribute: {found.type.tag}"
            )
            self.report.error(node.name_span, message, code="type")
            return self.bad(node.span)
        step = tree.Step(
            parent=struct, name=node.name, offset=found.bit_offset // 8, type=found.type
        )
        kind = found.type
        if struct.module == types.DEFINED and isinstance(kind, types.String):
            kind = types.String(kind.size + 1)  # a full array still ends in NUL (language §3.7)
        return self.read_type(
            replace(operand, span=node.span, type=kind, steps=(*operand.steps, step))
        )

    def read_type(self, place: tree.Place) -> tree.Expr:
        """A pointer read from user memory points to user memory too."""
        if isinstance(place.type, types.Pointer) and place.user and not place.type.user:
            return replace(place, type=replace(place.type, user=True))
        if isinstance(place.type, types.Void | types.Function):
            message = f"Can not dereference a pointer to {type_name(place.type)}"
            self.report.error(place.span, message, code="type", hints=("cast the pointer first",))
            return self.bad(place.span)
        return place

    def index(self, node: n.Index) -> tree.Expr:
        operand = self.expr(node.operand)
        index = self.castable(self.value(node.index))
        if isinstance(operand.type, types.Error) or isinstance(index.type, types.Error):
            return self.bad(node.span)
        number = index.value if isinstance(index, tree.Const) else None
        place = number if isinstance(number, int) and number >= 0 else None
        if isinstance(operand.type, types.Tuple) and place is not None:
            position = n.TupleIndex(span=node.span, operand=node.operand, index=place)
            return self.tuple_index(position)
        kind = as_int(index.type)
        if place is None and (kind is None or kind.signed):
            message = (
                "The array index operator [] only accepts non-negative integer indices. Got:"
                f" {type_name(index.type)}"
            )
            self.report.error(node.index.span, message, code="type")
            return self.bad(node.span)
        if isinstance(operand, tree.Place) and isinstance(operand.type, types.Array):
            return self.array_element(node, operand, operand.type, index)
        if isinstance(operand, tree.ContextField) and isinstance(operand.type, types.Array):
            return self.context_element(node, operand, operand.type, index)
        if isinstance(operand.type, types.Pointer):
            base = tree.Element(
                span=node.span,
                type=operand.type,
                base=operand,
                index=index,
                scale=max(types.size_of(operand.type.target), 1),
            )
            return self.read_type(self.pointee(node.span, base))
        if isinstance(operand.type, types.String):
            return self.not_yet(node.span, "indexing a string")
        message = (
            "The array index operator [] can not be used on expressions of type"
            f" '{type_name(operand.type)}'"
        )
        self.report.error(node.span, message, code="type")
        return self.bad(node.span)

    def context_element(
        self, node: n.Index, operand: tree.ContextField, array: types.Array, index: tree.Expr
    ) -> tree.Expr:
        """An element of an array in a tracepoint's record; the verifier wants a fixed offset."""
        if not isinstance(index, tree.Const):
            return self.not_yet(node.index.span, "an array index known only at run time")
        if int(index.value) >= array.count:
            return self.out_of_bounds(node, index, array)
        size = types.size_of(array.element)
        return replace(
            operand,
            span=node.span,
            type=array.element,
            name=f"{operand.name}_{index.value}",
            offset=operand.offset + int(index.value) * size,
            size=size,
        )

    def out_of_bounds(self, node: n.Index, index: tree.Const, array: types.Array) -> tree.Expr:
        message = f"the index {index.value} is out of bounds for array of size {array.count}"
        self.report.error(node.index.span, message, code="type")
        return self.bad(node.span)

    def array_element(
        self, node: n.Index, operand: tree.Place, array: types.Array, index: tree.Expr
    ) -> tree.Expr:
        if isinstance(index, tree.Const) and array.count and int(index.value) >= array.count:
            return self.out_of_bounds(node, index, array)
        if not isinstance(index, tree.Const) and array.count:
            return self.not_yet(node.index.span, "an array index known only at run time")
        pointer = types.Pointer(array.element, user=operand.user)
        base = tree.Element(
            span=node.span,
            type=pointer,
            base=tree.AddressOf(span=operand.span, type=pointer, place=operand),
            index=index,
            scale=max(types.size_of(array.element), 1),
        )
        return self.read_type(self.pointee(node.span, base))
