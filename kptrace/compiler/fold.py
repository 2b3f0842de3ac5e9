# SPDX-License-Identifier: MIT
"""Constant folding with exact signed arithmetic, before types are checked (language §3.5)."""

from __future__ import annotations

import operator
from collections.abc import Callable

from kptrace import types
from kptrace.compiler import tree
from kptrace.compiler.rules import literal_type
from kptrace.errors import Report
from kptrace.lang import nodes as n
from kptrace.lang.lexer import SpecSyntaxError, parse_integer
from kptrace.source import Source, Span
from kptrace.types import BOOL, Int, Type

_LOW, _HIGH = -(1 << 63), (1 << 64) - 1


def integer(span: Span, value: int) -> tree.Const:
    """A folded integer is a literal with the literal typing of language §3.2."""
    return tree.Const(span=span, type=literal_type(value), value=value, flexible=value >= 0)


def _truth(span: Span, value: bool) -> tree.Const:
    return tree.Const(span=span, type=BOOL, value=int(value))


def parameter(text: str) -> int | str:
    """What a positional parameter is as a literal (language §14.2)."""
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    if digits[:2].lower() == "0b" and set(digits[2:]) <= {"0", "1"} and digits[2:]:
        value = sign * int(digits[2:], 2)
    elif not digits[:1].isdigit():
        return text
    else:
        try:
            value = sign * parse_integer(digits, Span(Source(name="", text=""), 0, 0))
        except SpecSyntaxError:
            return text
    return value if _LOW <= value <= _HIGH else text


def _quotient(a: int, b: int) -> int:
    """Division that truncates toward zero."""
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


_ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _quotient,
    "%": lambda a, b: a - _quotient(a, b) * b,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "<<": operator.lshift,
    ">>": operator.rshift,
}
_COMPARISON: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def unary(report: Report, node: n.Unary, operand: tree.Expr) -> tree.Expr | None:
    """``- ~ !`` of a literal; None when it does not fold."""
    if not isinstance(operand, tree.Const) or not isinstance(operand.value, int):
        return None
    value = operand.value
    if node.op == "!":
        return _truth(node.span, not value)
    if operand.address or isinstance(operand.type, types.Bool):
        return None
    if node.op == "-":
        if -value < _LOW:
            report.error(node.span, "negative value will underflow", code="fold")
            return tree.Bad(span=node.span)
        return integer(node.span, -value)
    # "~0" is the unsigned 64-bit complement, "~(-1)" is 0
    return integer(node.span, ~value & _HIGH)


def binary(report: Report, node: n.Binary, left: tree.Expr, right: tree.Expr) -> tree.Expr | None:
    """An operation on two literals; None when it does not fold."""
    if not isinstance(left, tree.Const) or not isinstance(right, tree.Const):
        return None
    if isinstance(left.value, str) or isinstance(right.value, str):
        return _strings(report, node, left, right)
    a, b = left.value, right.value
    if node.op in _COMPARISON:
        return _truth(node.span, _COMPARISON[node.op](a, b))
    if node.op in ("&&", "||"):
        both = bool(a) and bool(b) if node.op == "&&" else bool(a) or bool(b)
        return _truth(node.span, both)
    if left.address or right.address:
        return None
    impossible = (node.op in "/%" and b == 0) or (node.op in ("<<", ">>") and not 0 <= b <= 63)
    value = 0 if impossible else _ARITHMETIC[node.op](a, b)
    if impossible or not _LOW <= value <= _HIGH:
        message = "unable to fold literals due to overflow or underflow"
        report.error(node.span, message, code="fold")
        return tree.Bad(span=node.span)
    if isinstance(left.type, types.Bool) and isinstance(right.type, types.Bool):
        return _truth(node.span, bool(value))
    return integer(node.span, value)


def equality(node: n.Binary, left: tree.Expr, right: tree.Expr) -> tree.Const | None:
    """``==`` or ``!=`` of two literal tuples or records; None when one is no literal."""
    one, other = literal(left), literal(right)
    if one is None or other is None:
        return None
    return _truth(node.span, (one == other) == (node.op == "=="))


def literal(made: tree.Expr) -> object:
    """The value of a literal, also of tuples and records of literals; None for anything else."""
    if isinstance(made, tree.Const):
        return made.value
    if not isinstance(made, tree.TupleMake):
        return None
    values = [literal(one) for one in made.elements]
    if None in values:
        return None
    if isinstance(made.type, types.Record):
        return dict(zip(made.type.names, values, strict=True))
    return tuple(values)


def _strings(
    report: Report, node: n.Binary, left: tree.Const, right: tree.Const
) -> tree.Expr | None:
    a, b = left.value, right.value
    if isinstance(a, str) and isinstance(b, str):
        if node.op in _COMPARISON:
            compare: Callable[[bytes, bytes], bool] = _COMPARISON[node.op]  # type: ignore[assignment]
            return _truth(node.span, compare(_bytes(a), _bytes(b)))
        if node.op == "+":
            return string(node.span, a + b)
    if isinstance(a, str) and isinstance(b, int) and node.op == "+":
        if b >= len(_bytes(a)):
            report.warning(node.span, "literal string will always be empty")
        rest = _bytes(a)[b:] if b >= 0 else _bytes(a)
        return string(node.span, rest.decode("utf-8", "surrogateescape"))
    report.error(node.span, "illegal literal operation with strings", code="fold")
    return tree.Bad(span=node.span)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def string(span: Span, value: str) -> tree.Const:
    """A literal of string[length + 1]."""
    return tree.Const(span=span, type=types.String(len(_bytes(value)) + 1), value=value)


def cast(span: Span, operand: tree.Const, target: Type) -> tree.Const | None:
    """A literal converted to another type; None when the result is no literal."""
    if isinstance(target, types.Bool):
        return _truth(span, bool(operand.value))
    if isinstance(operand.value, str):
        if isinstance(target, types.String) and target.size >= types.size_of(operand.type):
            return tree.Const(span=span, type=target, value=operand.value)
        return None
    if isinstance(target, types.Enum):
        return tree.Const(span=span, type=target, value=operand.value)
    if not isinstance(target, Int):
        return None
    bits = target.size * 8
    value = operand.value & ((1 << bits) - 1)
    if target.signed and value >= 1 << (bits - 1):
        value -= 1 << bits
    return tree.Const(span=span, type=target, value=value, address=operand.address)
