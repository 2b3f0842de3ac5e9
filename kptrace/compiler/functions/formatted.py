# SPDX-License-Identifier: MIT
"""Functions with a printf format, and the assertions (language §8.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kptrace import formats, types
from kptrace.compiler import fold, tree
from kptrace.compiler.functions import pinned
from kptrace.compiler.functions.row import Function, StatementRule, expression
from kptrace.compiler.rules import as_int
from kptrace.lang import nodes as n
from kptrace.plan import EventKind
from kptrace.types import INT32

if TYPE_CHECKING:
    from kptrace.compiler.expressions import ExpressionChecker

MAX_ARGUMENTS = 127
"""Of one format (language §8.1)."""
UNSAFE_HINT = "kptrace --unsafe allows it"


def format_text(check: ExpressionChecker, call: n.Call) -> str | None:
    """The format, a literal of any length; says so if it is none."""
    node = expression(call, 0)
    if isinstance(node, n.String):
        return node.value
    made = check.expr(node)
    if isinstance(made, tree.Const) and isinstance(made.value, str):
        return made.value
    if not isinstance(made, tree.Bad):
        message = f"{call.name}() expects a string literal as first argument"
        check.report.error(node.span, message, code="call")
    return None


def formatted(check: ExpressionChecker, call: n.Call) -> tuple[str, tuple[tree.Expr, ...]] | None:
    """The format of a call and its checked arguments; None when something is wrong with them."""
    text = format_text(check, call)
    if text is None:
        return None
    if len(call.arguments) > MAX_ARGUMENTS + 1:
        message = f"{call.name}() takes at most {MAX_ARGUMENTS} arguments"
        check.report.error(call.span, message, code="call")
        return None
    made = tuple(
        check.castable(check.result(expression(call, index)))
        for index in range(1, len(call.arguments))
    )
    if any(isinstance(one, tree.Bad) for one in made):
        return None
    items = formats.parse_format(text)
    problem = formats.check_count(items, len(made))
    if problem is not None:
        check.report.error(call.span, problem, code="format")
        return None
    for conversion, one in zip(formats.conversions(items), made, strict=True):
        problem = formats.check_conversion(conversion, one.type)
        if problem is not None:
            check.report.error(one.span, problem, code="format")
            return None
        if conversion.spec == "s":
            check.tell_address(one)
    return text, made


def _sent(kind: EventKind) -> StatementRule:
    """The rule of a function whose formatted text goes to the tracer."""

    def rule(check: ExpressionChecker, call: n.Call) -> list[tree.Statement]:
        made = formatted(check, call)
        if made is None:
            return []
        text, fields = made
        return [tree.Send(span=call.span, kind=kind.value, fields=fields, text=text)]

    return rule


def _printf(check: ExpressionChecker, call: n.Call) -> list[tree.Statement]:
    if not check.unit.targets[0].pin:
        return _sent(EventKind.PRINTF)(check, call)
    made = formatted(check, call)
    return [] if made is None else pinned.kernel_printf(check, call, *made)


def _system(check: ExpressionChecker, call: n.Call) -> list[tree.Statement]:
    if not check.facts.unsafe:
        message = "system() is an unsafe function being used in safe mode"
        check.report.error(call.span, message, code="unsafe", hints=(UNSAFE_HINT,))
        return []
    return _sent(EventKind.SYSTEM)(check, call)


def _fail(check: ExpressionChecker, call: n.Call) -> list[tree.Statement]:
    """Compilation ends here unless a ``comptime`` branch took the call away."""
    made = formatted(check, call)
    if made is None:
        return []
    text, arguments = made
    values: list[int | str | bool] = []
    for one in arguments:
        if not isinstance(one, tree.Const):
            message = "fail() only supports literal arguments"
            check.report.error(one.span, message, code="call")
            return []
        values.append(bool(one.value) if isinstance(one.type, types.Bool) else one.value)
    check.report.error(call.span, formats.format_literals(text, values), code="fail")
    return []


def _assert(check: ExpressionChecker, call: n.Call) -> list[tree.Statement]:
    """``if (!c) { errorf(…); exit(1); }``; the event ends the run, the probe goes on."""
    condition = check.condition(expression(call, 0))
    message = check.value(expression(call, 1))
    if isinstance(condition, tree.Bad) or isinstance(message, tree.Bad):
        return []
    if not isinstance(message.type, types.String):
        problem = formats.check_conversion(_ANY, message.type)
        if problem is not None:
            check.report.error(message.span, problem, code="format")
            return []
    span = call.span
    failed = tree.Send(
        span=span, kind=EventKind.ERRORF.value, fields=(message,), text="assert failed: %s"
    )
    if isinstance(message, tree.Const) and isinstance(message.value, str):
        text = failed.text.replace("%s", message.value.replace("%", "%%"))
        failed = replace(failed, fields=(), text=text)
    code = tree.Cast(span=span, type=INT32, operand=fold.integer(span, 1))
    leave = tree.Send(span=span, kind=EventKind.EXIT.value, fields=(code,))
    fails = tree.Unary(span=condition.span, type=types.BOOL, op="!", operand=condition)
    return [tree.If(span=span, condition=fails, then=(failed, leave), otherwise=())]


def _static_assert(check: ExpressionChecker, call: n.Call) -> list[tree.Statement]:
    condition = check.condition(expression(call, 0))
    message = check.expr(expression(call, 1))
    if isinstance(condition, tree.Bad) or isinstance(message, tree.Bad):
        return []
    if not isinstance(condition, tree.Const) or as_int(condition.type) is None:
        unresolved = "Unable to resolve comptime expression"
        check.report.error(condition.span, unresolved, code="comptime")
    elif not (isinstance(message, tree.Const) and isinstance(message.value, str)):
        wrong = "static_assert() expects a string literal as second argument"
        check.report.error(message.span, wrong, code="call")
    elif not condition.value:
        check.report.error(call.span, message.value, code="fail")
    return []


_ANY = formats.Conversion(offset=0, end=2, spec="s")

ROWS: dict[str, Function] = {
    "printf": Function(least=1, most=None, statement=_printf),
    "errorf": Function(least=1, most=None, statement=_sent(EventKind.ERRORF)),
    "warnf": Function(least=1, most=None, statement=_sent(EventKind.WARNF)),
    "cat": Function(least=1, most=None, statement=_sent(EventKind.CAT)),
    "system": Function(least=1, most=None, statement=_system),
    "fail": Function(least=1, most=None, statement=_fail),
    "assert": Function(least=2, most=2, statement=_assert),
    "static_assert": Function(least=2, most=2, statement=_static_assert),
}
