# SPDX-License-Identifier: MIT
"""printf in a pinned iterator: no tracer is there, so the kernel formats it (language §6.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kptrace import formats, types
from kptrace.compiler import fold, tree
from kptrace.compiler.functions.row import StatementRule
from kptrace.compiler.rules import as_int
from kptrace.lang import nodes as n
from kptrace.types import INT64, type_name

if TYPE_CHECKING:
    from kptrace.compiler.expressions import ExpressionChecker

MAX_ARGUMENTS = 12  # MAX_BPRINTF_VARARGS, include/linux/bpf.h
_KNOWN = "d, i, u, x, X, c and p, and s of strings, integers and symbols"
_INTEGERS = frozenset("diuxX")


def only_printf(rule: StatementRule) -> StatementRule:
    """Refuses what a function sends to the tracer where there will be none."""

    def checked(check: ExpressionChecker, call: n.Call) -> list[tree.Statement]:
        made = rule(check, call)
        if check.unit.targets[0].pin and any(map(_sends, made)):
            message = (
                f"{call.name}() cannot be used in a pinned iter probe: nobody is there to see it"
            )
            hints = ("printf() is what reading the pinned file shows",)
            check.report.error(call.span, message, code="pin", hints=hints)
            return []
        return made

    return checked


def _sends(node: tree.Statement) -> bool:
    match node:
        case tree.Send() | tree.Join():
            return True
        case tree.If(then=then, otherwise=otherwise):
            return any(map(_sends, (*then, *otherwise)))
    return False


def kernel_printf(
    check: ExpressionChecker, call: n.Call, text: str, arguments: tuple[tree.Expr, ...]
) -> list[tree.Statement]:
    """bpf_seq_printf() with a format and arguments of 64 bits that mean the same to the kernel."""
    if len(arguments) > MAX_ARGUMENTS:
        message = f"printf() in a pinned iter probe takes at most {MAX_ARGUMENTS} arguments"
        check.report.error(call.span, message, code="format")
        return []
    form, passed = "", []
    left = iter(enumerate(arguments, 1))
    for item in formats.parse_format(text):
        if isinstance(item, formats.Literal):
            form += item.text.replace("%", "%%")
            continue
        index, one = next(left)
        made = _argument(item, one.type, f"{{{index}}}")
        if made is None:
            message = (
                f"printf() in a pinned iter probe cannot print '{type_name(one.type)}' with"
                f" %{item.spec}"
            )
            hints = (f"the kernel formats it, which knows {_KNOWN}",)
            check.report.error(one.span, message, code="format", hints=hints)
            return []
        form += made[0]
        passed.append(made[1])
    literal = fold.string(call.span, form)
    words = f"(__u64[]){{{{{', '.join(passed)}}}}}" if passed else "(void *)0"
    value = tree.Inline(
        span=call.span,
        type=INT64,
        c=f"bpf_seq_printf(*(void **)*(__u64 *)ctx, {{0}}.data, {types.size_of(literal.type)},"
        f" {words}, {8 * len(passed)})",
        operands=(literal, *arguments),
        effects=True,
    )
    return [tree.Evaluate(span=call.span, value=value)]


def _argument(item: formats.Conversion, kind: types.Type, value: str) -> tuple[str, str] | None:
    """The kernel's conversion and the argument for it; None where it has none."""
    flags = f"{'-' if item.left else ''}{'+' if item.plus else ''}{'0' if item.zero else ''}"
    width = f"{flags}{item.width or ''}"
    integer = as_int(kind)
    if item.spec == "s":
        match kind:
            case types.String():
                return f"%{width}s", f"(__u64){value}.data"
            case types.KSym():
                return "%ps", f"(__u64){value}"
            case types.Int(signed=signed):
                return f"%{width}ll{'d' if signed else 'u'}", f"(__u64){value}"
        return None
    if item.spec == "p" and not item.width:
        return "0x%llx", f"(__u64){value}"
    if integer is None and not isinstance(kind, types.Pointer):
        return None
    if item.spec == "c" and not item.width:
        return "%c", f"(__u64){value}"
    if item.spec in _INTEGERS and not item.alternate:
        letter = "d" if item.spec == "i" else item.spec
        cast = f"{'__s' if letter == 'd' else '__u'}{item.bits}"
        return f"%{width}ll{letter}", f"(__u64)({cast}){value}"
    return None
