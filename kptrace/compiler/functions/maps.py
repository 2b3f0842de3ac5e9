# SPDX-License-Identifier: MIT
"""Functions on maps: delete, clear, zero (language §5.3, §5.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kptrace.compiler import tree
from kptrace.compiler.functions.lookups import has_keys, is_written
from kptrace.compiler.functions.row import Function, StatementRule, expression, whole_map
from kptrace.lang import nodes as n
from kptrace.plan import EventKind
from kptrace.types import BOOL

if TYPE_CHECKING:
    from kptrace.compiler.expressions import ExpressionChecker


def _map_event(kind: EventKind) -> StatementRule:
    def rule(check: ExpressionChecker, call: n.Call) -> list[tree.Statement]:
        name = whole_map(check, call)
        return [] if name is None else [tree.Send(span=call.span, kind=kind.value, map=name)]

    return rule


def _delete(check: ExpressionChecker, call: n.Call, warn: bool) -> tree.Expr:
    node = expression(call, 0)
    if not isinstance(node, n.Map):
        check.report.error(node.span, "delete() expects a map argument", code="call")
        return check.bad(call.span)
    key: tree.Expr | None
    if node.keys is not None:
        if len(call.arguments) == 2:
            message = "delete() takes the key once: delete(@map, key)"
            check.report.error(call.span, message, code="call")
            return check.bad(call.span)
        key = check.map_key(node)
    elif len(call.arguments) == 2:
        if not has_keys(check, node, "delete() with two arguments"):
            return check.bad(call.span)
        key = check.map_key(n.Map(span=node.span, name=node.name, keys=(expression(call, 1),)))
    else:
        info = check.maps.get(node.name)
        if info is not None and info.keyed:
            message = (
                "call to delete() with a single argument expects a map without explicit keys"
                " (scalar map)"
            )
            check.report.error(node.span, message, code="map")
            return check.bad(call.span)
        key = check.map_key(node)
        check.maps[node.name].deleted = True
    if not is_written(check, node) or isinstance(key, tree.Bad):
        return check.bad(call.span)
    return tree.Delete(span=call.span, type=BOOL, map=node.name, key=key, warn=warn)


def _delete_value(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    return _delete(check, call, False)


def _delete_statement(check: ExpressionChecker, call: n.Call) -> list[tree.Statement]:
    return [tree.Evaluate(span=call.span, value=_delete(check, call, True))]


ROWS: dict[str, Function] = {
    "clear": Function(least=1, most=1, statement=_map_event(EventKind.CLEAR)),
    "zero": Function(least=1, most=1, statement=_map_event(EventKind.ZERO)),
    "delete": Function(least=1, most=2, value=_delete_value, statement=_delete_statement),
}
