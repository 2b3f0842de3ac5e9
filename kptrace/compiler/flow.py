# SPDX-License-Identifier: MIT
"""Blocks and branches: scopes, blocks as values, and what leaves a probe (language §4).

Not here: single assignments (`check`), what an expression is (`expressions`).
"""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Iterable, Iterator

from kptrace import types
from kptrace.compiler import tree
from kptrace.compiler.expressions import ExpressionChecker
from kptrace.compiler.functions import FUNCTIONS
from kptrace.compiler.rules import as_int
from kptrace.lang import nodes as n
from kptrace.source import Span
from kptrace.types import type_name


def stored_maps(node: object) -> Iterator[str]:
    """The maps in which a tree stores something."""
    match node:
        case n.Assign(target=n.Map(name=name)) | n.Increment(target=n.Map(name=name)):
            yield name
    parts: Iterable[object] = node if isinstance(node, tuple) else ()
    if isinstance(node, n.Node):
        parts = (getattr(node, one.name) for one in dataclasses.fields(node))
    for part in parts:
        yield from stored_maps(part)


class Flow(ExpressionChecker):
    """The part of the checker that orders statements."""

    @abstractmethod
    def statement(self, node: n.Statement) -> list[tree.Statement]:
        """One statement; several where it needs more."""

    def body(self) -> tree.Body:
        """The block with its predicate: ``probe /p/ { b }`` is ``probe { if (p) { b } }``."""
        probe = self.unit.probe
        self.open_scope()
        if probe.predicate is None:
            out = self.statements(probe.body)
        else:
            condition = self.condition(probe.predicate)
            span = probe.predicate.span
            then = self.block(probe.body)
            out = [
                *self.ahead,
                tree.If(span=span, condition=condition, then=then, otherwise=()),
            ]
        self.close_scope()
        return tuple(out)

    # --- scopes ---

    def open_scope(self) -> None:
        self.scopes.push()

    def close_scope(self) -> None:
        for name, variable in self.scopes.pop().items():
            if not variable.assigned:
                self.report.warning(variable.span, f"Variable {name} was never assigned to.")

    # --- blocks ---

    def block(self, node: n.Block) -> tree.Body:
        """A block as a statement; its trailing expression is one more statement."""
        self.open_scope()
        out = self.statements(node)
        self.close_scope()
        return tuple(out)

    def statements(self, node: n.Block) -> list[tree.Statement]:
        out, left = self.in_order(node)
        if node.value is not None:
            self.reachable(node.value.span, left)
            outer, self.ahead = self.ahead, []
            made = self.expression_statement(node.value)
            out += [*self.ahead, *made]
            self.ahead = outer
        return out

    def in_order(self, node: n.Block) -> tuple[list[tree.Statement], bool]:
        """The statements before the trailing expression, and whether they leave the block."""
        out: list[tree.Statement] = []
        left = False
        outer = self.ahead
        for statement in node.statements:
            self.reachable(statement.span, left)
            self.ahead = []
            made = self.statement(statement)
            out += [*self.ahead, *made]
            left = any(map(_leaves, made))
        self.ahead = outer
        return out, left

    def reachable(self, span: Span, left: bool) -> None:
        if left:
            self.report.warning(span, "Unreachable statement.")

    def block_value(self, node: n.Block) -> tree.Expr:
        """A block as an expression: its value is the trailing expression, in its own scope."""
        self.open_scope()
        out, left = self.in_order(node)
        value: tree.Expr | None = None
        if node.value is not None:
            self.reachable(node.value.span, left)
            outer, self.ahead = self.ahead, []
            made = self.branch(node.value)
            out += self.ahead
            self.ahead = outer
            if isinstance(made, tree.BlockValue) and made.value is None:
                out += made.body
            else:
                value = made
        self.close_scope()
        if value is not None and (not out or isinstance(value, tree.Bad)):
            return value
        kind = types.VOID if value is None else value.type
        return tree.BlockValue(span=node.span, type=kind, body=tuple(out), value=value)

    # --- branches ---

    def branch(self, node: n.Expr) -> tree.Expr:
        """What a branch or a block comes to."""
        return self.castable(self.result(node))

    def result(self, node: n.Expr) -> tree.Expr:
        """A value, or what runs where an expression has none: then its type is void."""
        if not acts(node, void=True):
            return self.value(node)
        body = tuple(self.expression_statement(node))
        return tree.BlockValue(span=node.span, type=types.VOID, body=body, value=None)

    def ternary(self, node: n.Ternary) -> tree.Expr:
        condition = self.condition(node.condition)
        then = condition if node.then is None else self.branch(node.then)
        return self.choose(node.span, condition, then, self.branch(node.otherwise))

    def if_(self, node: n.If) -> tree.Statement:
        if isinstance(node.condition, n.Comptime):
            chosen = self.chosen(node, node.condition)
            body = (self.if_(chosen),) if isinstance(chosen, n.If) else self.block(chosen)
            return tree.Block(span=node.span, body=body)
        condition = self.condition(node.condition)
        then = self.block(node.then)
        otherwise: tree.Body = ()
        if isinstance(node.otherwise, n.If):
            otherwise = (self.if_(node.otherwise),)
        elif node.otherwise is not None:
            otherwise = self.block(node.otherwise)
        return tree.If(span=node.span, condition=condition, then=then, otherwise=otherwise)

    def if_value(self, node: n.If) -> tree.Expr:
        """``if`` as an expression: both branches end in a value."""
        if isinstance(node.condition, n.Comptime):
            chosen = self.chosen(node, node.condition)
            return self.if_value(chosen) if isinstance(chosen, n.If) else self.block_value(chosen)
        condition = self.condition(node.condition)
        then = self.block_value(node.then)
        otherwise: tree.Expr
        match node.otherwise:
            case n.If():
                otherwise = self.if_value(node.otherwise)
            case n.Block():
                otherwise = self.block_value(node.otherwise)
            case None:
                otherwise = tree.BlockValue(span=node.span, type=types.VOID, body=(), value=None)
        return self.choose(node.span, condition, then, otherwise)

    def chosen(self, node: n.If, condition: n.Comptime) -> n.Block | n.If:
        """The branch of ``if comptime (c)`` that remains; the other is never looked at."""
        value = self.comptime(condition)
        if isinstance(value, tree.Const) and as_int(value.type) is not None:
            branch = node.then if value.value else node.otherwise
        else:
            branch = None
            if isinstance(value, tree.Const):
                message = f"Invalid condition: {type_name(value.type)}"
                self.report.error(condition.span, message, code="type")
        return branch or n.Block(span=node.span, statements=(), value=None)

    def return_(self, node: n.Return) -> tree.Return:
        value = None if node.value is None else self.castable(self.value(node.value))
        if value is not None and not isinstance(value.type, types.Int | types.Error):
            found = type_name(value.type)
            message = f"Probe return values can only be integers. Found {found}"
            self.report.error(value.span, message, code="type")
        return tree.Return(span=node.span, value=value)

    # --- expressions as statements ---

    def expression_statement(self, node: n.Expr) -> list[tree.Statement]:
        if isinstance(node, n.Call) and (call := self.call_statement(node)) is not None:
            return call
        if isinstance(node, n.Block):
            return [tree.Block(span=node.span, body=self.block(node))]
        if isinstance(node, n.If):
            return [self.if_(node)]
        if isinstance(node, n.Ternary) and node.then is not None and acts(node):
            condition = self.condition(node.condition)
            then = tuple(self.expression_statement(node.then))
            otherwise = tuple(self.expression_statement(node.otherwise))
            return [tree.If(span=node.span, condition=condition, then=then, otherwise=otherwise)]
        value = self.castable(self.value(node))
        if not isinstance(node, n.Increment) and not isinstance(value, tree.Bad):
            self.report.warning(node.span, "Return value discarded.")
        return [tree.Evaluate(span=node.span, value=value)]


def _leaves(node: tree.Statement) -> bool:
    """Whether nothing behind a statement runs."""
    return isinstance(node, tree.Return | tree.Jump) or (isinstance(node, tree.Send) and node.leave)


def acts(node: n.Expr, *, void: bool = False) -> bool:
    """Whether an expression is there for what it does: as a statement it has no value to miss.

    ``void``: it has no value at all.
    """
    match node:
        case n.Call():
            row = FUNCTIONS.get(node.name)
            return row is not None and row.statement is not None and not (void and row.value)
        case n.Ternary():
            parts = (node.then, node.otherwise)
            return all(one is not None and acts(one, void=void) for one in parts)
        case n.Block():
            return node.value is None or acts(node.value, void=void)
        case n.If():
            otherwise = node.otherwise
            return acts(node.then, void=void) and (otherwise is None or acts(otherwise, void=void))
        case _:
            return isinstance(node, n.Increment) and not void
