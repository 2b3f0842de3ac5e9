# SPDX-License-Identifier: MIT
"""Casts: what can become what (language §3.4)."""

from __future__ import annotations

from dataclasses import replace

from kptrace import types
from kptrace.compiler import fold, tree
from kptrace.compiler.access import Access
from kptrace.lang import nodes as n
from kptrace.source import Span
from kptrace.types import Array, Bool, Enum, Int, Pointer, String, Type, size_of, type_name


class Casts(Access):
    """The part of the checker for casts."""

    def cast(self, node: n.Cast) -> tree.Expr:
        target = self.written_type(node.type)
        made = self.value(node.operand)
        aggregate = isinstance(made.type, types.AGGREGATES)
        operand = self.castable(made)
        if isinstance(operand.type, types.Error) or isinstance(target, types.Error):
            return self.bad(node.span)
        for one in (target, operand.type):
            if isinstance(one, types.Struct):
                message = f'Cannot cast from C type "{type_name(one)}"'
                hints = ("cast the pointer: the result of (struct x *) has fields",)
                self.report.error(node.span, message, code="type", hints=hints)
                return self.bad(node.span)
        if isinstance(target, Array) and target.count < 0:
            counted = self.counted_array(node.span, operand, target)
            if counted is None:
                return self.bad(node.span)
            target = counted
        # a literal is cast to have a fixed sign and size
        if operand.type == target and not aggregate and not isinstance(operand, tree.Const):
            message = f"Unnecessary cast: expression is already of type {type_name(target)}"
            self.report.warning(node.span, message)
        if isinstance(target, Enum) and not self.has_variant(node.span, operand, target):
            return self.bad(node.span)
        if isinstance(operand, tree.Const):
            folded = fold.cast(node.span, operand, target)
            if folded is not None:
                return folded
        if _allowed(operand.type, target):
            if isinstance(operand.type, Pointer) and isinstance(target, Pointer):
                target = replace(target, user=operand.type.user)
            return tree.Cast(span=node.span, type=target, operand=operand)
        names = f'"{type_name(operand.type)}" to "{type_name(target)}"'
        self.report.error(node.span, f"Cannot cast from {names}", code="type")
        return self.bad(node.span)

    def counted_array(self, span: Span, operand: tree.Expr, target: Array) -> Array | None:
        """``(T[])x``: as many elements as the size of x has room for."""
        each, whole = size_of(target.element), size_of(operand.type)
        if not each or whole % each:
            message = (
                "Cannot determine array size: the element size is incompatible with the cast"
                " integer size"
            )
            self.report.error(span, message, code="type")
            return None
        return replace(target, count=whole // each)

    def has_variant(self, span: Span, operand: tree.Expr, target: Enum) -> bool:
        """Whether a literal names a variant; what is known only at run time may."""
        if not isinstance(operand, tree.Const) or not isinstance(operand.value, int):
            return True
        if any(value == operand.value for _, value in target.variants):
            return True
        message = f"Enum: {target.name} doesn't contain a variant value of {operand.value}"
        self.report.error(span, message, code="type")
        return False


def _allowed(source: Type, target: Type) -> bool:
    """The table of language §3.4; structs and aggregations are decided before it."""
    match source, target:
        case (Int() | Enum() | Bool() | Pointer(), Int() | Bool()):
            return True
        case (Int() | Enum() | Pointer(), Pointer()) | (Int() | Enum(), Enum() | types.UserName()):
            return True
        case (Int(size=size) | Enum(size=size), Array(element=Int() | Bool())):
            return size_of(target) == size or size < size_of(target) <= 8
        case (Bool(), Array(element=Int() | Bool())):
            return size_of(target) == 1
        case (String(size=size), String(size=longer)):
            return longer >= size
        case (String(), Bool()):
            return True
        case (String(size=size), Array(element=Int())):
            return size_of(target) == size
        case (Array(element=Int()), Int(size=size)):
            return size_of(source) == size
        case (types.KSym(), Int()):
            return True
        case _:
            return source == target
