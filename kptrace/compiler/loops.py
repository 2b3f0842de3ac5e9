# SPDX-License-Identifier: MIT
"""Loops: what they run over, what may stand in them, and what leaves them (language §4).

The body of a ``for`` runs as a function of its own that the kernel calls, so the probe's context
is out of its reach; variables from outside are shared with it by reference (`Scopes.captured`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from kptrace import types
from kptrace.compiler import tree
from kptrace.compiler.flow import Flow
from kptrace.compiler.rules import Use, as_int, promote
from kptrace.compiler.scope import FEATURE, Variable
from kptrace.errors import Context
from kptrace.lang import nodes as n
from kptrace.types import Type, type_name

MAX_UNROLL = 100
FEATURES = {"range": "loop", "map": "for_each_map_elem"}
"""What each kind of ``for`` needs of the kernel, as messages and features name it."""


class Loops(Flow):
    """The part of the checker for loops."""

    def while_(self, node: n.While) -> list[tree.Statement]:
        message = "While loops are deprecated and may be removed in the future."
        hints = ("use a for loop: for $i : 0..10 { }",)
        self.report.warning(node.span, message, hints=hints)
        condition = self.condition(node.condition)
        body = self.loop_body("while", node.body)
        return [tree.While(span=node.span, condition=condition, body=body)]

    def unroll(self, node: n.Unroll) -> list[tree.Statement]:
        made = self.value(node.count)
        count = made.value if isinstance(made, tree.Const) else None
        problem = ""
        if not isinstance(count, int):
            problem = "" if isinstance(made, tree.Bad) else "invalid unroll value"
        elif count > MAX_UNROLL:
            problem = f"unroll maximum value is {MAX_UNROLL}"
        elif count < 1:
            problem = "unroll minimum value is 1"
        if problem:
            self.report.error(node.count.span, problem, code="loop")
        body = self.loop_body("unroll", node.body)
        if problem or not isinstance(count, int):
            return []
        return [tree.Unroll(span=node.span, count=count, body=body)]

    def jump(self, node: n.Jump) -> list[tree.Statement]:
        if not self.loops:
            message = f"'{node.keyword}' statement is not allowed in a probe"
            self.report.error(node.span, message, code="loop")
            return []
        return [tree.Jump(span=node.span, keyword=node.keyword)]

    def loop_body(self, kind: str, body: n.Block) -> tree.Body:
        self.loops.append(kind)
        made = self.block(body)
        self.loops.pop()
        return made

    def for_(self, node: n.For) -> list[tree.Statement]:
        name = node.variable.name
        known = self.scopes.find(name)
        if known is not None:
            message = f"Loop declaration shadows existing variable: {name}"
            other = Context(span=known.span, message="this is the other instance")
            self.report.error(node.variable.span, message, code="scope", contexts=(other,))
            return []
        feature = FEATURES["map" if isinstance(node.over, n.Map) else "range"]
        if not self.facts.has(feature):
            message = f"Missing required kernel feature: {feature}"
            self.report.error(node.span, message, code=FEATURE)
            return []
        if isinstance(node.over, n.Map):
            return self.for_map(node, node.over)
        return self.for_range(node, *node.over)

    def for_body(self, node: n.For, kind: Type) -> tuple[Variable, tree.Body]:
        """The loop's variable, of this type, and the body."""
        self.scopes.push(function=True)
        variable = self.scopes.declare(node.variable.name, node.variable.span, None)
        variable.assigned = True
        self.scopes.set(variable, Use(kind))
        body = self.loop_body("for", node.body)
        self.scopes.pop()
        return variable, body

    def for_range(self, node: n.For, low: n.Expr, high: n.Expr) -> list[tree.Statement]:
        bounds = []
        for one, which in ((low, "start"), (high, "end")):
            made = self.castable(self.value(one))
            if not isinstance(made.type, types.Int | types.Enum | types.Error):
                message = f"Loop range requires an integer for the {which} value"
                self.report.error(one.span, message, code="type")
                made = self.bad(one.span)
            bounds.append(made)
        start, end = bounds
        kind: Type = types.ERROR
        if as_int(start.type) is not None and as_int(end.type) is not None:
            kind = promote(self.use_of(start), self.use_of(end))
        if isinstance(start, tree.Const) and isinstance(end, tree.Const):
            rounds = int(end.value) - int(start.value)
            if types.MAX_ROUNDS < rounds < 1 << 31:
                message = f"A for loop runs at most {types.MAX_ROUNDS} times."
                self.report.warning(low.span.to(high.span), message)
        variable, body = self.for_body(node, kind)
        kind = self.scopes.type_of(variable)
        if not isinstance(kind, types.Int):
            return []
        slot = variable.slot
        return [
            tree.ForRange(span=node.span, slot=slot, type=kind, start=start, end=end, body=body)
        ]

    def for_map(self, node: n.For, over: n.Map) -> list[tree.Statement]:
        kind = self.iterated(over)
        variable, body = self.for_body(node, kind)
        kind = self.scopes.type_of(variable)
        if not isinstance(kind, types.Tuple):
            return []
        return [
            tree.ForMap(
                span=node.span,
                slot=variable.slot,
                type=kind,
                map=over.name,
                body=body,
                parts=frozenset(_parts(node.body, node.variable.name)),
            )
        ]

    def iterated(self, over: n.Map) -> Type:
        """The type of one entry of a map, (key, value); ERROR while or where there is none."""
        info = self.maps.get(over.name)
        if info is None or not info.written:
            self.undefined_map(over)
            return types.ERROR
        if not info.keyed:
            message = (
                f"{over.name} has no explicit keys (scalar map), and cannot be used for iteration"
            )
            self.report.error(over.span, message, code="map")
            return types.ERROR
        key, value = info.key_type, info.type
        if key is None or value is None:
            return types.ERROR
        if isinstance(value, types.AGGREGATES):
            if not isinstance(value, types.CASTABLE):
                message = f"Loop expression does not support type: {type_name(value)}"
                self.report.error(over.span, message, code="type")
                return types.ERROR
            made = tree.MapRead(span=over.span, type=value, map=over.name, key=None)
            value = self.castable(made).type
        return types.Tuple((key, value))


def _parts(node: object, name: str) -> Iterator[int]:
    """Which elements of a pair a tree uses: ``$kv.0`` and ``$kv.1``, or both as ``$kv``."""
    match node:
        case n.TupleIndex(operand=n.Variable(name=operand), index=index) if operand == name:
            yield index
        case n.Variable(name=variable) if variable == name:
            yield from (0, 1)
        case tuple():
            for one in node:
                yield from _parts(one, name)
        case n.Node():
            for field in dataclasses.fields(node):
                if field.name != "span":
                    yield from _parts(getattr(node, field.name), name)
