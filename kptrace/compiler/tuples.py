# SPDX-License-Identifier: MIT
"""Tuples: how they are made and taken apart (language §3.8)."""

from __future__ import annotations

from kptrace import types
from kptrace.compiler import tree
from kptrace.compiler.type_names import TypeNames
from kptrace.lang import nodes as n
from kptrace.types import type_name


class Tuples(TypeNames):
    """The part of the checker for tuples."""

    def tuple_literal(self, node: n.TupleLiteral) -> tree.Expr:
        made = [self.castable(self.value(one)) for one in node.elements]
        if any(isinstance(one.type, types.Error) for one in made):
            return self.bad(node.span)
        kind = types.Tuple(tuple(one.type for one in made))
        return tree.TupleMake(span=node.span, type=kind, elements=tuple(made))

    def tuple_index(self, node: n.TupleIndex) -> tree.Expr:
        operand = self.value(node.operand)
        if isinstance(operand.type, types.Error):
            return operand
        if not isinstance(operand.type, types.Tuple):
            found = type_name(operand.type)
            message = f"Can not access index '{node.index}' on expression of type '{found}'"
            self.report.error(node.span, message, code="type")
            return self.bad(node.span)
        elements = operand.type.elements
        if node.index >= len(elements):
            message = f"Invalid tuple index: {node.index}. Found {len(elements)} elements in tuple."
            self.report.error(node.span, message, code="type")
            return self.bad(node.span)
        plain = (tree.Const, tree.Var, tree.Builtin)
        if isinstance(operand, tree.TupleMake) and all(
            isinstance(one, plain) for one in operand.elements
        ):
            return operand.elements[node.index]
        kind = elements[node.index]
        return tree.TupleGet(span=node.span, type=kind, operand=operand, index=node.index)
