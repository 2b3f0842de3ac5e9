# SPDX-License-Identifier: MIT
"""getopt(): the named parameters of a specification (language §14.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kptrace import types
from kptrace.compiler import fold, tree
from kptrace.compiler.functions.row import Function, expression
from kptrace.compiler.parameters import Parameter, Value
from kptrace.lang import nodes as n
from kptrace.types import BOOL

if TYPE_CHECKING:
    from kptrace.compiler.expressions import ExpressionChecker

_PLACES = ("first", "second", "third")


def _literal(check: ExpressionChecker, call: n.Call, index: int) -> Value | None:
    """A literal argument; None after a complaint."""
    made = check.expr(expression(call, index))
    if isinstance(made, tree.Const):
        if isinstance(made.type, types.Bool):
            return bool(made.value)
        if index == 1 or isinstance(made.value, str):
            return made.value
    if not isinstance(made, tree.Bad):
        what = "an integer, boolean or string" if index == 1 else "a string"
        message = f"getopt() expects {what} literal as {_PLACES[index]} argument"
        check.report.error(made.span, message, code="call")
    return None


def _getopt(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    given: list[Value] = ["", False, ""]
    for index in range(len(call.arguments)):
        value = _literal(check, call, index)
        if value is None:
            return check.bad(call.span)
        given[index] = value
    name, default, description = given
    for index, one in ((0, name), (2, description)):
        if not isinstance(one, str):
            message = f"getopt() expects a string literal as {_PLACES[index]} argument"
            check.report.error(expression(call, index).span, message, code="call")
            return check.bad(call.span)
    wanted = Parameter(name=str(name), default=default, description=str(description))
    value = check.facts.named.value(wanted, call.span, check.report)
    match value:
        case None:
            return check.bad(call.span)
        case bool():
            return tree.Const(span=call.span, type=BOOL, value=int(value))
        case int():
            return fold.integer(call.span, value)
        case str():
            return check.string(call.span, value)


ROWS: dict[str, Function] = {"getopt": Function(least=1, most=3, value=_getopt)}
