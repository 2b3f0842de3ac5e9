# SPDX-License-Identifier: MIT
"""What a function of the language is: its number of arguments and its rules; reading arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kptrace import types
from kptrace.compiler import tree
from kptrace.compiler.rules import as_int
from kptrace.lang import nodes as n
from kptrace.source import Span
from kptrace.types import type_name

if TYPE_CHECKING:
    from kptrace.compiler.expressions import ExpressionChecker


ValueRule = Callable[["ExpressionChecker", n.Call], tree.Expr]
StatementRule = Callable[["ExpressionChecker", n.Call], list[tree.Statement]]
AggregationRule = Callable[
    ["ExpressionChecker", n.Call], "tuple[types.Aggregate, tree.Expr | None] | None"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """``least`` and ``most`` arguments; ``most`` None is no limit.

    ``bare``: its name alone, without parentheses, is the call without arguments. ``types``: some
    of its arguments are types.
    """

    least: int
    most: int | None
    value: ValueRule | None = None
    statement: StatementRule | None = None
    bare: bool = False
    types: bool = False


def expression(call: n.Call, index: int) -> n.Expr:
    argument = call.arguments[index]
    assert not isinstance(argument, n.Typeof)  # `counted` refuses it
    return argument


def memory(span: Span, made: tree.Expr) -> tuple[tree.Expr, bool]:
    """The address of an array or a string wherever it lies, and whether that is user memory."""
    pointer = types.Pointer(types.VOID)
    match made:
        case tree.Place(user=user):
            return tree.AddressOf(span=span, type=replace(pointer, user=user), place=made), user
        case tree.ContextField(offset=offset):
            return tree.ContextAddress(span=span, type=pointer, offset=offset), False
        case _:
            return tree.ValueAddress(span=span, type=pointer, operand=made), False


def literal_string(check: ExpressionChecker, call: n.Call, index: int) -> str | None:
    node = expression(call, index)
    if isinstance(node, n.String):
        return node.value
    if isinstance(node, n.Positional):
        return check.positional_text(node)
    if isinstance(node, n.Call | n.Binary):  # may be one after folding (language §3.5)
        made = check.expr(node)
        if isinstance(made, tree.Const) and isinstance(made.value, str):
            return made.value
        if isinstance(made, tree.Bad):
            return None
    message = f"{call.name}() expects a string literal"
    check.report.error(node.span, message, code="call")
    return None


def literal_int(check: ExpressionChecker, call: n.Call, index: int) -> int | None:
    made = check.value(expression(call, index))
    if isinstance(made, tree.Const) and isinstance(made.value, int):
        return made.value
    if not isinstance(made, tree.Bad):
        found = type_name(made.type)
        message = f"{call.name}() expects an integer literal ({found} provided)"
        check.report.error(made.span, message, code="call")
    return None


def whole_map(check: ExpressionChecker, call: n.Call) -> str | None:
    """The map that clear() or zero() names, without a key."""
    node = expression(call, 0)
    if not isinstance(node, n.Map) or node.keys is not None:
        message = f"{call.name}() expects a map argument"
        check.report.error(node.span, message, code="call")
        return None
    info = check.maps.get(node.name)
    if info is None:
        check.undefined_map(node)
        return None
    return node.name


def number(
    check: ExpressionChecker,
    call: n.Call,
    index: int,
    what: str = "only supports integer arguments",
) -> tree.Expr | None:
    """An integer argument; None after a complaint, which says ``what`` the function wants."""
    made = check.castable(check.value(expression(call, index)))
    if isinstance(made, tree.Bad):
        return None
    if as_int(made.type) is None:
        found = type_name(made.type)
        message = f"{call.name}() {what} ({found} provided)"
        check.report.error(made.span, message, code="type")
        return None
    return made
