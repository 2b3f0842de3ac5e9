# SPDX-License-Identifier: MIT
"""``config``: the effective configuration as a record (language §7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kptrace import types
from kptrace.compiler import fold, tree
from kptrace.compiler.functions.row import Function
from kptrace.lang import nodes as n

if TYPE_CHECKING:
    from kptrace.compiler.expressions import ExpressionChecker


def _config(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    values = check.facts.settings.values
    elements: list[tree.Const] = []
    for value in values.values():
        match value:
            case bool():
                truth = tree.Const(span=call.span, type=types.BOOL, value=int(value))
                elements.append(truth)
            case int():
                elements.append(fold.integer(call.span, value))
            case str():
                elements.append(fold.string(call.span, value))
    kind = types.Record(tuple(values), tuple(one.type for one in elements))
    return tree.TupleMake(span=call.span, type=kind, elements=tuple(elements))


ROWS: dict[str, Function] = {"config": Function(least=0, most=0, value=_config, bare=True)}
