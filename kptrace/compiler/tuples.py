# SPDX-License-Identifier: MIT
"""Tuples and records: how they are made and taken apart (language §3.8)."""

from __future__ import annotations

from kptrace import types
from kptrace.compiler import tree
from kptrace.compiler.type_names import TypeNames
from kptrace.errors import did_you_mean
from kptrace.lang import nodes as n
from kptrace.source import Span
from kptrace.types import type_name


class Tuples(TypeNames):
    """The part of the checker for tuples and records."""

    def tuple_literal(self, node: n.TupleLiteral) -> tree.Expr:
        made = [self.castable(self.value(one)) for one in node.elements]
        if any(isinstance(one.type, types.Error) for one in made):
            return self.bad(node.span)
        kind = types.Tuple(tuple(one.type for one in made))
        return tree.TupleMake(span=node.span, type=kind, elements=tuple(made))

    def record_literal(self, node: n.RecordLiteral) -> tree.Expr:
        made = [self.castable(self.value(one)) for _, one in node.fields]
        if any(isinstance(one.type, types.Error) for one in made):
            return self.bad(node.span)
        names = tuple(name for name, _ in node.fields)
        kind = types.Record(names, tuple(one.type for one in made))
        return tree.TupleMake(span=node.span, type=kind, elements=tuple(made))

    def record_field(self, node: n.Member, operand: tree.Expr, record: types.Record) -> tree.Expr:
        if node.name not in record.names:
            message = f"Record does not contain a field named '{node.name}'"
            hints = did_you_mean(node.name, record.names)
            self.report.error(node.name_span, message, code="unknown-name", hints=hints)
            return self.bad(node.span)
        return self.element(node.span, operand, record, record.names.index(node.name))

    def element(
        self, span: Span, operand: tree.Expr, kind: types.Tuple | types.Record, index: int
    ) -> tree.Expr:
        """One element; of a literal of plain values that value itself."""
        plain = (tree.Const, tree.Var, tree.Builtin)
        if isinstance(operand, tree.TupleMake) and all(
            isinstance(one, plain) for one in operand.elements
        ):
            return operand.elements[index]
        return tree.TupleGet(span=span, type=kind.elements[index], operand=operand, index=index)

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
        return self.element(node.span, operand, operand.type, node.index)
