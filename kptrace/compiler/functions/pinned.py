# SPDX-License-Identifier: MIT
"""printf in a pinned iterator: no tracer is there, so the kernel formats it (language §6.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kptrace import formats, types
from kptrace.compiler import fold, tree
from kptrace.compiler.functions.row import StatementRule
from kptrace.compiler.prelude import PRINT_REFUSED
from kptrace.compiler.rules import as_int
from kptrace.lang import nodes as n
from kptrace.source import Span
from kptrace.types import INT64, type_name

if TYPE_CHECKING:
    from kptrace.compiler.expressions import ExpressionChecker

MAX_ARGUMENTS = 12  # MAX_BPRINTF_VARARGS, include/linux/bpf.h
_KNOWN = "d, i, u, x, X, c and p, and s of strings, integers and symbols"
_INTEGERS = frozenset("diuxX")
_READABLE = re.compile(r"[\t-\r -~]*")
"""What bpf_seq_printf() takes in a format: isprint() and isspace() of ASCII."""
_LONGEST = 640
"""Bytes of a %s: a symbol has up to 512 and its module, and a string that no NUL ends goes on for
512 at most (kernel/bpf/helpers.c)."""
_NUMBER = 20
"""Bytes of a number of 64 bits, with its sign or 0x."""


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
    """Formats and arguments of 64 bits that mean the same to bpf_seq_printf().

    What it would refuse in a format is written as it is: bytes that are no printable ASCII; and
    %c, which it knows since 5.13 (48cac3f4a96d).
    """
    made: list[tree.Expr] = []
    printed = _Printed(span=call.span)
    left = iter(arguments)
    for item in formats.parse_format(text):
        if isinstance(item, formats.Literal):
            if _READABLE.fullmatch(item.text):
                printed.form += item.text.replace("%", "%%")
                printed.most += len(item.text)
                continue
            made += printed.calls()
            made.append(_written(fold.string(call.span, item.text)))
            printed = _Printed(span=call.span)
            continue
        one = next(left)
        if item.spec == "c" and not item.width and _is_number(one.type):
            made += printed.calls()
            made.append(_written_character(one))
            printed = _Printed(span=call.span)
            continue
        if len(printed.arguments) == MAX_ARGUMENTS:
            made += printed.calls()
            printed = _Printed(span=call.span)
        if not printed.add(item, one):
            message = (
                f"printf() in a pinned iter probe cannot print '{type_name(one.type)}' with"
                f" %{item.spec}"
            )
            hints = (f"the kernel formats it, which knows {_KNOWN}",)
            check.report.error(one.span, message, code="format", hints=hints)
            return []
    made += printed.calls()
    return [tree.Evaluate(span=call.span, value=one) for one in made]


@dataclass(slots=True, kw_only=True)
class _Printed:
    """One call of bpf_seq_printf() while it grows; it writes ``most`` bytes at most."""

    span: Span
    form: str = ""
    words: list[str] = field(default_factory=list)
    arguments: list[tree.Expr] = field(default_factory=list)
    most: int = 0

    def add(self, item: formats.Conversion, one: tree.Expr) -> bool:
        """Whether the kernel can print it so."""
        made = _argument(item, one.type, f"{{{len(self.arguments) + 1}}}")
        if made is None:
            return False
        self.form += made[0]
        self.words.append(made[1])
        self.arguments.append(one)
        size = types.size_of(one.type) if isinstance(one.type, types.String) else 0
        self.most += max(size, item.width or 0, _LONGEST if item.spec == "s" else _NUMBER)
        return True

    def calls(self) -> list[tree.Expr]:
        """The call, if there is anything to print."""
        if not self.form:
            return []
        literal = fold.string(self.span, self.form)
        words = f"(__u64[]){{{{ {', '.join(self.words)} }}}}" if self.words else "(void *)0"
        size = types.size_of(literal.type)
        c = f"print_iter(ctx, {{0}}.data, {size}, {words}, {8 * len(self.words)})"
        operands = (literal, *self.arguments)
        return [_shown(self.span, c, operands, "print_iter", max(self.most, len(PRINT_REFUSED)))]


def _written(literal: tree.Const) -> tree.Inline:
    """A text as it is."""
    size = types.size_of(literal.type) - 1
    c = f"write_iter(ctx, {{0}}.data, {size})"
    return _shown(literal.span, c, (literal,), "write_iter", size)


def _written_character(one: tree.Expr) -> tree.Inline:
    return _shown(one.span, "write_iter(ctx, (char[]){{ {0} }}, 1)", (one,), "write_iter", 1)


def _shown(
    span: Span, c: str, operands: tuple[tree.Expr, ...], piece: str, most: int
) -> tree.Inline:
    return tree.Inline(
        span=span, type=INT64, c=c, operands=operands, pieces=(piece,), effects=True, shown=most
    )


def _is_number(kind: types.Type) -> bool:
    return as_int(kind) is not None or isinstance(kind, types.Pointer)


def _argument(item: formats.Conversion, kind: types.Type, value: str) -> tuple[str, str] | None:
    """The kernel's conversion and the argument for it; None where it has none."""
    flags = f"{'-' if item.left else ''}{'+' if item.plus else ''}{'0' if item.zero else ''}"
    width = f"{flags}{item.width or ''}"
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
    if not _is_number(kind):
        return None
    if item.spec in _INTEGERS and not item.alternate:
        letter = "d" if item.spec == "i" else item.spec
        cast = f"{'__s' if letter == 'd' else '__u'}{item.bits}"
        return f"%{width}ll{letter}", f"(__u64)({cast}){value}"
    return None
