# SPDX-License-Identifier: MIT
"""What changes the traced system, and debugf (language §8.1)."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from kptrace import formats, types
from kptrace.compiler import fold, tree
from kptrace.compiler.functions.formatted import UNSAFE_HINT, formatted
from kptrace.compiler.functions.row import (
    Function,
    StatementRule,
    ValueRule,
    expression,
    literal_string,
)
from kptrace.compiler.rules import as_int
from kptrace.compiler.scope import FEATURE
from kptrace.errors import did_you_mean
from kptrace.lang import nodes as n
from kptrace.plan import ProbeKind
from kptrace.types import BOOL, INT64, UINT64, type_name

if TYPE_CHECKING:
    from kptrace.compiler.expressions import ExpressionChecker

MAX_SIGNAL = 64
_SIGNAL_PROBES = frozenset(
    {"kprobe", "kretprobe", "fentry", "fexit", "tracepoint", "rawtracepoint", "profile"}
)
_HELPERS = {
    "override": ("bpf_override_return", "it has to be built with CONFIG_BPF_KPROBE_OVERRIDE"),
    "write_user": (
        "bpf_probe_write_user",
        "a kernel that is locked down takes it away",
    ),
}
"""The helper behind a function, which the kernel may lack, and why it would."""
_DEBUG_CONVERSIONS = frozenset("duxps")
MAX_DEBUG_CONVERSIONS = 3
_NOT_FOR_PRODUCTION = (
    "The debugf() builtin is not recommended for production use. For more information see"
    " bpf_trace_printk in bpf-helpers(7)."
)


def _allowed(check: ExpressionChecker, call: n.Call, probes: frozenset[str] | None) -> bool:
    """Whether the call may stand here; says so if not."""
    kind = check.unit.kind.value
    if probes is not None and kind not in probes:
        message = f'{call.name} can not be used with "{kind}" probes'
        check.report.error(call.span, message, code="probe")
        return False
    if not check.facts.unsafe:
        message = f"{call.name}() is unsafe. To use you need the --unsafe flag"
        check.report.error(call.span, message, code="unsafe", hints=(UNSAFE_HINT,))
        return False
    if call.name in _HELPERS and not check.facts.has(call.name):
        helper, hint = _HELPERS[call.name]
        message = f"{call.name}() can not be used: this kernel gives no probe {helper}"
        check.report.error(call.span, message, code=FEATURE, hints=(hint,))
        return False
    return True


def _integer(check: ExpressionChecker, call: n.Call, index: int) -> tree.Expr | None:
    made = check.castable(check.value(expression(call, index)))
    if isinstance(made.type, types.Error):
        return None
    if as_int(made.type) is None and not isinstance(made.type, types.Pointer):
        message = f"{call.name}() only supports integer arguments ({type_name(made.type)} provided)"
        check.report.error(made.span, message, code="type")
        return None
    return made


def _signal_number(check: ExpressionChecker, call: n.Call) -> tree.Expr | None:
    """A signal by name or number; numbers that are known are checked."""
    node = expression(call, 0)
    text = literal_string(check, call, 0) if isinstance(node, n.String | n.Positional) else None
    if text is not None:
        names = {one.name: int(one) for one in signal.Signals}
        if text in names or f"SIG{text}" in names:
            return fold.integer(node.span, names.get(text) or names[f"SIG{text}"])
        if not isinstance(node, n.Positional) or not isinstance(fold.parameter(text), int):
            message = f"Invalid string for signal: {text}"
            hints = did_you_mean(text, names)
            check.report.error(node.span, message, code="call", hints=hints)
            return None
    made = _integer(check, call, 0)
    if isinstance(made, tree.Const) and not 1 <= int(made.value) <= MAX_SIGNAL:
        message = f"{call.name}() expects a signal from 1 to {MAX_SIGNAL} ({made.value} provided)"
        check.report.error(made.span, message, code="call")
        return None
    return made


def _signal(thread: bool) -> StatementRule:
    def rule(check: ExpressionChecker, call: n.Call) -> list[tree.Statement]:
        if not _allowed(check, call, _SIGNAL_PROBES):
            return []
        number = _signal_number(check, call)
        if number is None:
            return []
        return [tree.Signal(span=call.span, number=number, thread=thread)]

    return rule


def _override(check: ExpressionChecker, call: n.Call) -> list[tree.Statement]:
    if not _allowed(check, call, frozenset({ProbeKind.KPROBE.value})):
        return []
    result = _integer(check, call, 0)
    if result is None:
        return []
    operand = tree.Cast(span=result.span, type=UINT64, operand=result)
    value = tree.Inline(
        span=call.span,
        type=INT64,
        c="bpf_override_return(ctx, {0})",
        operands=(operand,),
        effects=True,
    )
    return [tree.Evaluate(span=call.span, value=value)]


def _write_user(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    if not _allowed(check, call, None):
        return check.bad(call.span)
    to = _integer(check, call, 0)
    source = check.castable(check.value(expression(call, 1)))
    length = _integer(check, call, 2)
    if to is None or length is None or isinstance(source.type, types.Error):
        return check.bad(call.span)
    if not isinstance(source.type, types.Pointer):
        message = (
            f"write_user() only supports pointer arguments ({type_name(source.type)} provided)"
        )
        check.report.error(source.span, message, code="type")
        return check.bad(call.span)
    room = check.facts.max_strlen
    if isinstance(length, tree.Const):
        if not 1 <= int(length.value) <= room:
            message = f"write_user() expects a length from 1 to {room} ({length.value} provided)"
            check.report.error(length.span, message, code="call")
            return check.bad(call.span)
        room = int(length.value)
    space = "user" if source.type.user else "kernel"
    return tree.Inline(
        span=call.span,
        type=BOOL,
        c=f"write_user_from_{space}({{0}}, {{aside}}.data, {room}, {{1}}, {{2}})",
        operands=(
            tree.Cast(span=to.span, type=UINT64, operand=to),
            source,
            tree.Cast(span=length.span, type=UINT64, operand=length),
        ),
        pieces=(f"write_user_from_{space}",),
        aside=types.String(room),
        effects=True,
    )


def _debugf(check: ExpressionChecker, call: n.Call) -> list[tree.Statement]:
    made = formatted(check, call)
    if made is None:
        return []
    text, arguments = made
    check.report.warning(call.span, _NOT_FOR_PRODUCTION)
    conversions = formats.conversions(formats.parse_format(text))
    wrong = [one.spec for one in conversions if one.spec not in _DEBUG_CONVERSIONS]
    if wrong:
        message = f"debugf() only supports the conversions d, u, x, p and s ({wrong[0]} provided)"
    elif len(conversions) > MAX_DEBUG_CONVERSIONS:
        message = f"debugf() supports at most {MAX_DEBUG_CONVERSIONS} conversions"
    else:
        value = _trace_printk(check, call, text, arguments)
        return [] if value is None else [tree.Evaluate(span=call.span, value=value)]
    check.report.error(call.span, message, code="format")
    return []


def _trace_printk(
    check: ExpressionChecker, call: n.Call, text: str, arguments: tuple[tree.Expr, ...]
) -> tree.Expr | None:
    passed: list[str] = []
    for index, one in enumerate(arguments, 1):
        if isinstance(one.type, types.String):
            passed.append(f"(__u64){{{index}}}.data")
        elif as_int(one.type) is not None or isinstance(one.type, types.Pointer):
            passed.append(f"(__u64){{{index}}}")
        else:
            message = f"debugf() cannot print a value of type '{type_name(one.type)}'"
            check.report.error(one.span, message, code="type")
            return None
    literal = fold.string(call.span, text)
    size = types.size_of(literal.type)
    listed = "".join(f", {one}" for one in passed)
    return tree.Inline(
        span=call.span,
        type=INT64,
        c=f"kernel_printk({{0}}.data, {size}{listed})",
        operands=(literal, *arguments),
        pieces=("kernel_printk",),
        effects=True,
    )


def _as_statement(rule: ValueRule) -> StatementRule:
    def statement(check: ExpressionChecker, call: n.Call) -> list[tree.Statement]:
        return [tree.Evaluate(span=call.span, value=rule(check, call))]

    return statement


ROWS: dict[str, Function] = {
    "signal": Function(least=1, most=1, statement=_signal(False)),
    "signal_thread": Function(least=1, most=1, statement=_signal(True)),
    "override": Function(least=1, most=1, statement=_override),
    "write_user": Function(
        least=3, most=3, value=_write_user, statement=_as_statement(_write_user)
    ),
    "debugf": Function(least=1, most=None, statement=_debugf),
}
