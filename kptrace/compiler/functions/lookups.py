# SPDX-License-Identifier: MIT
"""Questions about the entries of a map: has_key, find, len (language §5.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kptrace import types
from kptrace.compiler import tree
from kptrace.compiler.functions.row import Function, expression
from kptrace.compiler.scope import FEATURE
from kptrace.lang import nodes as n
from kptrace.types import BOOL, INT64

if TYPE_CHECKING:
    from kptrace.compiler.expressions import ExpressionChecker


def has_keys(check: ExpressionChecker, node: n.Map, what: str) -> bool:
    """Whether a map that a call needs the keys of is not known to have none."""
    info = check.maps.get(node.name)
    if info is None or info.keyed:
        return True
    message = f"call to {what} expects a map with explicit keys (non-scalar map)"
    check.report.error(node.span, message, code="map")
    return False


def is_written(check: ExpressionChecker, node: n.Map) -> bool:
    """Whether anything is ever stored in a map; says so if not."""
    info = check.maps.get(node.name)
    if info is not None and info.written:
        return True
    check.undefined_map(node)
    return False


def _entry(check: ExpressionChecker, call: n.Call) -> tuple[n.Map, tree.Expr] | None:
    """The map and the key that a call names."""
    node = expression(call, 0)
    if not isinstance(node, n.Map) or node.keys is not None:
        message = f"{call.name}() expects a map argument"
        check.report.error(node.span, message, code="call")
        return None
    if not has_keys(check, node, f"{call.name}()"):
        return None
    key = check.map_key(n.Map(span=node.span, name=node.name, keys=(expression(call, 1),)))
    if not is_written(check, node) or key is None or isinstance(key, tree.Bad):
        return None
    return node, key


def _has_key(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    entry = _entry(check, call)
    if entry is None:
        return check.bad(call.span)
    node, key = entry
    return tree.HasKey(span=call.span, type=BOOL, map=node.name, key=key)


def _find(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    target = expression(call, 2)
    if not isinstance(target, n.Variable):
        message = "find() expects a variable as third argument"
        check.report.error(target.span, message, code="call")
        return check.bad(call.span)
    entry = _entry(check, call)
    if entry is None:
        check.take(target, check.bad(call.span))
        return check.bad(call.span)
    node, key = entry
    kind = check.maps[node.name].type
    read: tree.Expr = check.bad(call.span)
    if kind is not None:
        read = check.castable(tree.MapRead(span=call.span, type=kind, map=node.name, key=key))
    taken = check.take(target, read)
    if isinstance(read, tree.Bad):
        return read
    slot, value = taken
    return tree.Find(span=call.span, type=BOOL, map=node.name, key=key, slot=slot, value=value)


def _stack_length(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    made = check.value(expression(call, 0))
    match made.type:
        case types.Error():
            return check.bad(call.span)
        case types.KStack() as kind:
            function = f"{kind.prefix}stack_{kind.limit}_length"
            return tree.Inline(
                span=call.span,
                type=INT64,
                c=f"{function}({{0}})",
                operands=(made,),
                pieces=(function,),
            )
    message = "call to len() expects a map, ustack, or kstack"
    check.report.error(made.span, message, code="call")
    return check.bad(call.span)


def _len(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    node = expression(call, 0)
    known = check.maps.get(node.name) if isinstance(node, n.Map) else None
    holds_stack = known is not None and not known.keyed and isinstance(known.type, types.KStack)
    if not isinstance(node, n.Map) or node.keys is not None or holds_stack:
        return _stack_length(check, call)
    if not is_written(check, node) or not has_keys(check, node, "len()"):
        return check.bad(call.span)
    feature = "for_each_map_elem"
    if not check.facts.has(feature):
        message = f"Missing required kernel feature: {feature}"
        check.report.error(call.span, message, code=FEATURE)
        return check.bad(call.span)
    return tree.MapLength(span=call.span, type=INT64, map=node.name)


ROWS: dict[str, Function] = {
    "has_key": Function(least=2, most=2, value=_has_key),
    "find": Function(least=3, most=3, value=_find),
    "len": Function(least=1, most=1, value=_len),
}
