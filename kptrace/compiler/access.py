# SPDX-License-Identifier: MIT
"""Fields and elements: reaching into kernel memory through types (language §3.7)."""

from __future__ import annotations

from dataclasses import replace

from kptrace import types
from kptrace.compiler import fold, tree
from kptrace.compiler.rules import as_int, is_scalar
from kptrace.compiler.tuples import Tuples
from kptrace.errors import did_you_mean
from kptrace.kernel.btf import Member
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
        if not isinstance(operand.type, types.Struct):
            message = (
                f"Can not access field '{node.name}' on expression of type"
                f" '{type_name(operand.type)}'"
            )
            self.report.error(node.name_span, message, code="type")
            return self.bad(node.span)
        found = self.find_field(node, operand.type)
        if found is None:
            return self.bad(node.span)
        if isinstance(operand, tree.Place):
            return self.place_field(node.span, operand, operand.type, found)
        offset = found.bit_offset // 8
        if found.bit_size:
            return self.bits(node.span, operand, found)
        kind = self.by_value(found.type)
        if operand.type.user:
            kind = types.in_user_memory(kind)
        part = tree.Part(span=node.span, type=kind, operand=operand, offset=offset)
        if operand.type.module == types.DEFINED and isinstance(kind, types.String):
            return tree.Cast(span=node.span, type=types.String(kind.size + 1), operand=part)
        return part

    def pointee(self, span: Span, pointer: tree.Expr) -> tree.Place:
        assert isinstance(pointer.type, types.Pointer)
        kind = pointer.type
        return tree.Place(span=span, type=kind.target, base=pointer, user=kind.user, steps=())

    def find_field(self, node: n.Member, struct: types.Struct) -> Member | None:
        """The field that a member access names; says what is wrong with it."""
        btf = self.facts.kernel.btf
        if btf is None:
            self.no_btf(node.span, f"the fields of '{type_name(struct)}'")
            return None
        found = btf.field(struct, node.name)
        if found is None:
            names = [one.name for one in btf.members(struct) if one.name]
            if not names:
                message = f"Unknown struct/union: '{type_name(struct)}'"
                self.report.error(node.span, message, code="unknown-name")
                return None
            message = (
                f"Struct/union of type '{type_name(struct)}' does not contain a field named"
                f" '{node.name}'"
            )
            hints = did_you_mean(node.name, names)
            self.report.error(node.name_span, message, code="unknown-name", hints=hints)
            return None
        if isinstance(found.type, types.Pointer) and found.type.tag not in ("", "rcu", "user"):
            message = (
                f"Attempting to access pointer field '{node.name}' with unsupported tag"
                f" attribute: {found.type.tag}"
            )
            self.report.error(node.name_span, message, code="type")
            return None
        return found

    def place_field(
        self, span: Span, operand: tree.Place, struct: types.Struct, found: Member
    ) -> tree.Expr:
        if found.bit_size:
            return self.bits(span, operand, found)
        offset = found.bit_offset // 8
        step = tree.Step(parent=struct, name=found.name, offset=offset, type=found.type)
        kind = found.type
        if struct.module == types.DEFINED and isinstance(kind, types.String):
            kind = types.String(kind.size + 1)  # a full array still ends in NUL (language §3.7)
        if struct.user:
            kind = types.in_user_memory(kind)
        return self.read_type(replace(operand, span=span, type=kind, steps=(*operand.steps, step)))

    def bits(self, span: Span, operand: tree.Expr, found: Member) -> tree.Expr:
        """A bit field: the bytes that hold it, shifted and masked."""
        first, shift = divmod(found.bit_offset, 8)
        size = -(-(shift + found.bit_size) // 8)
        held = types.Array(types.UINT8, size)
        whole: tree.Place | tree.Part
        if isinstance(operand, tree.Place):
            pointer = types.Pointer(held, user=operand.user)
            start = tree.AddressOf(span=span, type=pointer, place=operand)
            index = fold.integer(span, first)
            base = tree.Element(span=span, type=pointer, base=start, index=index, scale=1)
            whole = tree.Place(span=span, type=held, base=base, user=operand.user, steps=())
        else:
            whole = tree.Part(span=span, type=held, operand=operand, offset=first)
        width = found.bit_size
        return tree.Bits(span=span, type=found.type, operand=whole, shift=shift, width=width)

    def read_type(self, place: tree.Place) -> tree.Expr:
        """A pointer read from user memory points to user memory too."""
        if place.user:
            place = replace(place, type=types.in_user_memory(place.type))
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
        if isinstance(operand.type, types.Pointer):
            base = tree.Element(
                span=node.span,
                type=operand.type,
                base=operand,
                index=index,
                scale=max(self.size_in_code(operand.type.target), 1),
            )
            return self.read_type(self.pointee(node.span, base))
        array = operand.type
        if isinstance(array, types.String):
            array = types.Array(types.INT8, array.size)
        if not isinstance(array, types.Array):
            message = (
                "The array index operator [] can not be used on expressions of type"
                f" '{type_name(operand.type)}'"
            )
            self.report.error(node.span, message, code="type")
            return self.bad(node.span)
        if isinstance(index, tree.Const) and array.count and int(index.value) >= array.count:
            return self.out_of_bounds(node, index, array)
        return self.array_element(node, operand, array, index)

    def array_element(
        self, node: n.Index, operand: tree.Expr, array: types.Array, index: tree.Expr
    ) -> tree.Expr:
        if isinstance(index, tree.Const):
            if isinstance(operand, tree.Const):
                raw = str(operand.value).encode("utf-8", "surrogateescape") + b"\0"
                return fold.integer(node.span, raw[int(index.value)])
            offset = int(index.value) * self.size_in_code(array.element)
            if isinstance(operand, tree.ContextField) and isinstance(operand.type, types.Array):
                return self.context_element(node.span, operand, array, int(index.value))
            if not isinstance(operand, tree.Place | tree.ContextField):
                kind = self.by_value(array.element)
                return tree.Part(span=node.span, type=kind, operand=operand, offset=offset)
        user = isinstance(operand, tree.Place) and operand.user
        pointer = types.Pointer(array.element, user=user)
        start: tree.Expr
        if isinstance(operand, tree.Place):
            start = tree.AddressOf(span=operand.span, type=pointer, place=operand)
        elif isinstance(operand, tree.ContextField):
            start = tree.ContextAddress(span=operand.span, type=pointer, offset=operand.offset)
        else:
            start = tree.ValueAddress(span=operand.span, type=pointer, operand=operand)
        base = tree.Element(
            span=node.span,
            type=pointer,
            base=start,
            index=index,
            scale=max(self.size_in_code(array.element), 1),
            bound=0 if isinstance(index, tree.Const) else array.count,
        )
        return self.read_type(self.pointee(node.span, base))

    def context_element(
        self, span: Span, operand: tree.ContextField, array: types.Array, index: int
    ) -> tree.Expr:
        """A scalar of an array in a tracepoint's record is loaded directly."""
        size = types.size_of(array.element)
        offset = operand.offset + index * size
        if not is_scalar(array.element):
            return self.context_place(span, array.element, offset)
        name = f"{operand.name}_{index}"
        return replace(operand, span=span, type=array.element, name=name, offset=offset, size=size)

    def out_of_bounds(self, node: n.Index, index: tree.Const, array: types.Array) -> tree.Expr:
        message = f"the index {index.value} is out of bounds for array of size {array.count}"
        self.report.error(node.index.span, message, code="type")
        return self.bad(node.span)
