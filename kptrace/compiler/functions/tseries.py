# SPDX-License-Identifier: MIT
"""tseries(): its type, and the clock that its epochs are numbered by (language §5.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kptrace import types
from kptrace.compiler import tree
from kptrace.compiler.functions.process import clock
from kptrace.compiler.functions.row import expression, literal_string, number
from kptrace.compiler.rules import as_int
from kptrace.lang import nodes as n
from kptrace.source import Span

if TYPE_CHECKING:
    from kptrace.compiler.expressions import ExpressionChecker

MOST_INTERVALS = 1_000_000
"""By the language."""
ROOM = 32768 // 24
"""Slots that the value of a per-CPU map has room for (PCPU_MIN_UNIT_SIZE)."""
_AGGREGATIONS = ("avg", "max", "min", "sum")


def tseries(
    check: ExpressionChecker, call: n.Call
) -> tuple[types.Aggregate, tree.Expr | None] | None:
    """The type of the series and the number that it adds."""
    value = number(check, call, 0) if check.counted(call) else None
    if value is None:
        return None
    interval = _literal(check, call, 1, "interval_ns")
    count = None if interval is None else _literal(check, call, 2, "num_intervals")
    if interval is None or count is None:
        return None
    problem = ""
    if interval < 1:
        problem = f"tseries() interval_ns must be >= 1 ({interval} provided)"
    elif count < 1:
        problem = f"tseries() num_intervals must be >= 1 ({count} provided)"
    elif count > MOST_INTERVALS:
        problem = f"tseries() num_intervals must be < {MOST_INTERVALS} ({count} provided)"
    elif count > ROOM:
        problem = f"tseries() of {count} intervals has no room: a map value holds {ROOM} of them"
    if problem:
        check.report.error(call.span, problem, code="call")
        return None
    function = ""
    if len(call.arguments) == 4:
        written = literal_string(check, call, 3)
        if written is None:
            return None
        function = written
        if function not in _AGGREGATIONS:
            known = ", ".join(_AGGREGATIONS)
            message = f"tseries() expects one of the aggregations {known} ({function} provided)"
            check.report.error(expression(call, 3).span, message, code="call")
            return None
    if not check.facts.settings.allow_unstable("tseries", call.span, check.report):
        return None
    integer = as_int(value.type)
    assert integer is not None
    return types.TSeries(interval, count, function, integer.signed), value


def _literal(check: ExpressionChecker, call: n.Call, index: int, what: str) -> int | None:
    made = check.value(expression(call, index))
    if isinstance(made, tree.Const) and isinstance(made.value, int) and made.value >= 0:
        return made.value
    if not isinstance(made, tree.Bad):
        message = f"tseries: invalid {what} value (must be non-negative literal)"
        check.report.error(made.span, message, code="call")
    return None


def now(check: ExpressionChecker, span: Span) -> tree.Expr:
    """TAI, by the kernel's own clock where it has that helper (6.1), else from the time of boot."""
    return clock(span, "tai" if check.facts.has("tai") else "sw_tai")
