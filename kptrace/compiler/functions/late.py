# SPDX-License-Identifier: MIT
"""Values that get their text when they are printed: strftime, cgroup_path (language §8.1, §8.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kptrace import types
from kptrace.compiler import tree
from kptrace.compiler.functions.row import Function, literal_string, number
from kptrace.lang import nodes as n
from kptrace.types import UINT64

if TYPE_CHECKING:
    from kptrace.compiler.expressions import ExpressionChecker


def _wide(value: tree.Expr) -> tree.Expr:
    return tree.Cast(span=value.span, type=UINT64, operand=value)


def _strftime(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    form = literal_string(check, call, 0)
    ns = number(check, call, 1)
    if form is None or ns is None:
        return check.bad(call.span)
    clock = ns.type.clock if isinstance(ns.type, types.Int) else ""
    problem = ""
    if clock == "monotonic":
        problem = "strftime() can not take a monotonic timestamp"
    elif isinstance(ns, tree.Const) and int(ns.value) < 0:
        problem = f"strftime() can not take a negative timestamp ({ns.value} provided)"
    if problem:
        check.report.error(ns.span, problem, code="call")
        return check.bad(call.span)
    index = types.CLOCKS.index(clock or "boot")
    fields = f"{{to}}.ns = {{0}}; {{to}}.clock = {index};"
    return tree.Inline(
        span=call.span,
        type=types.TIMESTAMP,
        c=f"{fields} {{to}}.format = {check.facts.text(form)};",
        operands=(_wide(ns),),
    )


def _cgroup_path(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    id_ = number(check, call, 0)
    wanted = literal_string(check, call, 1) if len(call.arguments) > 1 else None
    if id_ is None or (wanted is None and len(call.arguments) > 1):
        return check.bad(call.span)
    index = 0 if wanted is None else check.facts.text(wanted) + 1
    return tree.Inline(
        span=call.span,
        type=types.CGROUP_PATH,
        c=f"{{to}}.id = {{0}}; {{to}}.filter = {index};",
        operands=(_wide(id_),),
    )


ROWS: dict[str, Function] = {
    "strftime": Function(least=2, most=2, value=_strftime),
    "cgroup_path": Function(least=1, most=2, value=_cgroup_path),
}
