# SPDX-License-Identifier: MIT
"""Casts: what can become what (language §3.4)."""

from __future__ import annotations

from kptrace import types
from kptrace.compiler import fold, tree
from kptrace.compiler.access import Access
from kptrace.compiler.rules import as_int
from kptrace.lang import nodes as n
from kptrace.types import Int, type_name


class Casts(Access):
    """The part of the checker for casts."""

    def cast(self, node: n.Cast) -> tree.Expr:
        target = self.written_type(node.type)
        operand = self.castable(self.value(node.operand))
        if isinstance(operand.type, types.Error) or isinstance(target, types.Error):
            return self.bad(node.span)
        if isinstance(target, types.Struct):
            message = f'Cannot cast from C type "{type_name(target)}"'
            hints = ("cast the pointer: the result of (struct x *) has fields",)
            self.report.error(node.span, message, code="type", hints=hints)
            return self.bad(node.span)
        if isinstance(operand, tree.Const) and isinstance(target, Int | types.Bool):
            folded = fold.cast(node.span, operand, target)
            if folded is not None:
                return folded
        source = as_int(operand.type) is not None or isinstance(operand.type, types.Pointer)
        wanted = isinstance(target, Int | types.Bool | types.Enum | types.Pointer)
        if source and wanted:
            return tree.Cast(span=node.span, type=target, operand=operand)
        if isinstance(operand.type, types.KSym) and isinstance(target, Int):
            return tree.Cast(span=node.span, type=target, operand=operand)
        if isinstance(target, types.UserName) and as_int(operand.type) is not None:
            return tree.Cast(span=node.span, type=target, operand=operand)
        names = f'"{type_name(operand.type)}" to "{type_name(target)}"'
        self.report.error(node.span, f"Cannot cast from {names}", code="type")
        return self.bad(node.span)
