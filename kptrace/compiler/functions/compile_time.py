# SPDX-License-Identifier: MIT
"""Questions that are answered at compile time (language §8.3): is_*(), kfunc_*()."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kptrace import types
from kptrace.compiler import tree
from kptrace.compiler.functions.row import Function, ValueRule, expression, literal_string
from kptrace.compiler.scope import FEATURE
from kptrace.lang import nodes as n
from kptrace.types import BOOL

if TYPE_CHECKING:
    from kptrace.compiler.expressions import ExpressionChecker


def truth(call: n.Call, value: bool) -> tree.Const:
    return tree.Const(span=call.span, type=BOOL, value=int(value))


def _asks(question: Callable[[tree.Expr], bool]) -> ValueRule:
    """A question about an expression that does not run."""

    def rule(check: ExpressionChecker, call: n.Call) -> tree.Expr:
        outer, check.ahead = check.ahead, []
        made = check.expr(expression(call, 0))
        check.ahead = outer
        return made if isinstance(made, tree.Bad) else truth(call, question(made))

    return rule


def is_literal(made: tree.Expr) -> bool:
    """Whether a value is known when the specification is compiled."""
    if isinstance(made, tree.TupleMake):
        return all(map(is_literal, made.elements))
    return isinstance(made, tree.Const)


def _is_unsigned(made: tree.Expr) -> bool:
    return isinstance(made.type, types.Int) and not made.type.signed


def _kfunc_exist(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    name = literal_string(check, call, 0)
    if name is None:
        return check.bad(call.span)
    btf = check.facts.kernel.btf
    return truth(call, btf is not None and btf.function(name) is not None)


def _kfunc_allowed(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    """Only the kernel knows: whether a program like this one's may call the function."""
    name = literal_string(check, call, 0)
    if name is None:
        return check.bad(call.span)
    unit = check.unit
    found = check.facts.calls(unit.kind, unit.trusted, unit.targets[0].name, name)
    if found is None:
        message = f"kfunc_allowed() has no answer for {unit.label}"
        hints = (
            "the kernel that runs is asked by loading a small program for it, which also needs the"
            " rights to",
        )
        check.report.error(call.span, message, code=FEATURE, hints=hints)
        return check.bad(call.span)
    return truth(call, found)


_QUESTIONS: dict[str, Callable[[tree.Expr], bool]] = {
    "is_str": lambda made: isinstance(made.type, types.String),
    "is_ptr": lambda made: isinstance(made.type, types.Pointer),
    "is_array": lambda made: isinstance(made.type, types.Array),
    "is_integer": lambda made: isinstance(made.type, types.Int),
    "is_unsigned_integer": _is_unsigned,
    "is_literal": is_literal,
}

ROWS: dict[str, Function] = {
    **{name: Function(least=1, most=1, value=_asks(one)) for name, one in _QUESTIONS.items()},
    "kfunc_exist": Function(least=1, most=1, value=_kfunc_exist),
    "kfunc_allowed": Function(least=1, most=1, value=_kfunc_allowed),
}
