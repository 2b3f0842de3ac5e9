# SPDX-License-Identifier: MIT
"""Aggregations: the type of each and the number that it counts (language §5.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kptrace import types
from kptrace.compiler import tree
from kptrace.compiler.functions.row import (
    AggregationRule,
    Function,
    expression,
    literal_int,
    number,
)
from kptrace.compiler.functions.tseries import tseries
from kptrace.compiler.rules import as_int
from kptrace.lang import nodes as n

if TYPE_CHECKING:
    from kptrace.compiler.expressions import ExpressionChecker


def _count(
    check: ExpressionChecker, call: n.Call
) -> tuple[types.Aggregate, tree.Expr | None] | None:
    return (types.Count(), None) if check.counted(call) else None


_SignedAggregate = (
    type[types.Sum] | type[types.Min] | type[types.Max] | type[types.Avg] | type[types.Stats]
)


def _signed(kind: _SignedAggregate) -> AggregationRule:
    def rule(
        check: ExpressionChecker, call: n.Call
    ) -> tuple[types.Aggregate, tree.Expr | None] | None:
        value = number(check, call, 0) if check.counted(call) else None
        if value is None:
            return None
        integer = as_int(value.type)
        assert integer is not None
        return kind(integer.signed), value

    return rule


def _hist(
    check: ExpressionChecker, call: n.Call
) -> tuple[types.Aggregate, tree.Expr | None] | None:
    value = number(check, call, 0) if check.counted(call) else None
    if value is None:
        return None
    kept, shown = check.facts.hist_bits, 0
    if len(call.arguments) == 2:
        literal = literal_int(check, call, 1)
        if literal is None:
            return None
        if not 0 <= literal <= 5:
            message = f"hist: bits {literal} must be 0..5"
            check.report.error(expression(call, 1).span, message, code="call")
            return None
        kept = shown = literal  # who names a precision gets it, also for percentiles (§16.2)
    return types.Hist(kept, shown), value


def _lhist(
    check: ExpressionChecker, call: n.Call
) -> tuple[types.Aggregate, tree.Expr | None] | None:
    value = number(check, call, 0) if check.counted(call) else None
    if value is None:
        return None
    numbers: list[int] = []
    for index, what in enumerate(("min value", "max value", "step value"), 1):
        made = check.value(expression(call, index))
        good = isinstance(made, tree.Const) and isinstance(made.value, int) and made.value >= 0
        if not good:
            tail = "" if what == "step value" else " (must be non-negative literal)"
            check.report.error(made.span, f"lhist: invalid {what}{tail}", code="call")
            return None
        assert isinstance(made, tree.Const)
        numbers.append(int(made.value))
    low, high, step = numbers
    problem = ""
    if step < 1:
        problem = f"lhist() step must be >= 1 ({step} provided)"
    elif low >= high:
        problem = f"lhist() min must be less than max (provided min {low} and max {high})"
    elif (high - low) // step > 1000:
        need = (high - low) // step
        problem = f"lhist() too many buckets, must be <= 1000 (would need {need})"
    elif step > high - low:
        problem = (
            f"lhist() step is too large for the given range (provided step {step} for range"
            f" {high - low})"
        )
    if problem:
        check.report.error(call.span, problem, code="call")
        return None
    return types.LHist(low, high, step), value


AGGREGATIONS: dict[str, AggregationRule] = {
    "count": _count,
    "sum": _signed(types.Sum),
    "min": _signed(types.Min),
    "max": _signed(types.Max),
    "avg": _signed(types.Avg),
    "stats": _signed(types.Stats),
    "hist": _hist,
    "lhist": _lhist,
    "tseries": tseries,
}


def _aggregation_row(least: int, most: int) -> Function:
    """No value and no statement: only the whole right side of a map assignment."""
    return Function(least=least, most=most)


ROWS: dict[str, Function] = {
    "count": _aggregation_row(0, 0),
    "sum": _aggregation_row(1, 1),
    "min": _aggregation_row(1, 1),
    "max": _aggregation_row(1, 1),
    "avg": _aggregation_row(1, 1),
    "stats": _aggregation_row(1, 1),
    "hist": _aggregation_row(1, 2),
    "lhist": _aggregation_row(4, 4),
    "tseries": _aggregation_row(3, 4),
}
