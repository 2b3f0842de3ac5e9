# SPDX-License-Identifier: MIT
"""Functions on strings and bytes, and names of numbers (language §8.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kptrace import types
from kptrace.compiler import fold, pieces, tree
from kptrace.compiler.functions.row import Function, ValueRule, expression, literal_int
from kptrace.compiler.rules import as_int, is_scalar
from kptrace.compiler.scope import FEATURE
from kptrace.lang import nodes as n
from kptrace.types import BOOL, INT32, INT64, UINT64, Type, type_name

if TYPE_CHECKING:
    from kptrace.compiler.expressions import ExpressionChecker

CONCAT_SIZE = 1024
WALKED = 1024
"""Steps of a search that the verifier walks without complaint beside the rest of a program."""
NO_TEXT = "string-like values must be either strings, arrays or pointers"


def _bytes(node: tree.Const) -> bytes:
    return str(node.value).encode("utf-8", "surrogateescape")


def text(check: ExpressionChecker, node: n.Expr, wrong: str = NO_TEXT) -> tree.Expr:
    """A string-like argument as a string: what pointers lead to is read."""
    made = check.expr(node)
    match made.type:
        case types.Error() | types.String():
            return made
        case types.Pointer(target=types.Int(size=1) | types.Void()):
            return check.expr(n.Call(span=node.span, name="str", arguments=(node,)))
        case types.Array(element=types.Int(size=1), count=count) if (
            isinstance(made, tree.Place) and count
        ):
            pointer = types.Pointer(types.INT8, user=made.user)
            address = tree.AddressOf(span=made.span, type=pointer, place=made)
            return tree.ReadString(
                span=made.span,
                type=types.String(count),
                address=address,
                user=made.user,
                read=count + 1,
                length=None,
            )
    message = wrong.format(type_name(made.type))
    check.report.error(made.span, message, code="type")
    return check.bad(made.span)


def _texts(check: ExpressionChecker, call: n.Call, wrong: str) -> tuple[tree.Expr, ...] | None:
    """The first two arguments as strings; None when one is none."""
    made = tuple(text(check, expression(call, index), wrong) for index in (0, 1))
    return None if any(isinstance(one.type, types.Error) for one in made) else made


def _size(node: tree.Expr) -> int:
    return types.size_of(node.type)


def _strncmp(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    made = _texts(check, call, "strncmp() only supports string arguments ({} provided)")
    count = literal_int(check, call, 2)
    if made is None or count is None:
        return check.bad(call.span)
    if count < 0:
        message = "strncmp() expects a length of 0 or more"
        check.report.error(expression(call, 2).span, message, code="call")
        return check.bad(call.span)
    left, right = made
    if isinstance(left, tree.Const) and isinstance(right, tree.Const):
        return fold.integer(call.span, int(_bytes(left)[:count] != _bytes(right)[:count]))
    size = min(count, _size(left), _size(right))
    return tree.Inline(
        span=call.span,
        type=UINT64,
        c=f"(__u64)!string_equal({{0}}.data, {{1}}.data, {size})",
        operands=(left, right),
        pieces=("string_equal",),
    )


def _strlen(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    made = text(check, expression(call, 0))
    if isinstance(made, tree.Const):
        return tree.Const(span=call.span, type=UINT64, value=len(_bytes(made)))
    if isinstance(made.type, types.Error):
        return check.bad(call.span)
    return tree.Inline(
        span=call.span,
        type=UINT64,
        c=f"text_length({{0}}.data, {_size(made)})",
        operands=(made,),
        pieces=("text_length",),
    )


def _strcap(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    made = check.expr(expression(call, 0))
    match made.type:
        case types.String() | types.Array(element=types.Int(size=1)):
            return tree.Const(span=call.span, type=UINT64, value=_size(made))
        case _:
            return _strlen(check, call)


def _find(kind: Type, c: str) -> ValueRule:
    def rule(check: ExpressionChecker, call: n.Call) -> tree.Expr:
        made = _texts(check, call, NO_TEXT)
        if made is None:
            return check.bad(call.span)
        whole, part = made
        if isinstance(whole, tree.Const) and isinstance(part, tree.Const):
            at = _bytes(whole).find(_bytes(part))
            if isinstance(kind, types.Bool):
                return tree.Const(span=call.span, type=BOOL, value=int(at >= 0))
            return tree.Const(span=call.span, type=kind, value=at)
        sizes = (_size(whole), _size(part))
        if isinstance(part, tree.Const):
            sizes = (sizes[0], len(_bytes(part)))
        used: tuple[str, ...] = ("text_find", "KEEP")
        call_c = f"text_find({{0}}.data, {sizes[0]}, {{1}}.data, {sizes[1]})"
        aside: Type | None = None
        if sizes[0] * sizes[1] > WALKED:
            if not check.facts.has("loop"):
                message = f"{call.name}() of strings this long needs a newer kernel: it has no"
                check.report.error(call.span, f"{message} bpf_loop", code=FEATURE)
                return check.bad(call.span)
            piece = f"text_find_{sizes[0]}_{sizes[1]}"
            used = (piece, "KEEP", "clear_bytes")
            call_c = f"{piece}({{aside}}.data, {{0}}.data, {{1}}.data)"
            aside = types.String(sum(sizes))
        return tree.Inline(
            span=call.span,
            type=kind,
            c=c.format(call_c),
            operands=made,
            pieces=used,
            aside=aside,
        )

    return rule


def _concat(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    made = _texts(check, call, NO_TEXT)
    if made is None:
        return check.bad(call.span)
    left, right = made
    kind = types.String(CONCAT_SIZE)
    if isinstance(left, tree.Const) and isinstance(right, tree.Const):
        raw = (_bytes(left) + _bytes(right))[: CONCAT_SIZE - 1]
        return tree.Const(span=call.span, type=kind, value=raw.decode("utf-8", "surrogateescape"))
    sizes = (_size(left), _size(right))
    copied = min(CONCAT_SIZE, sum(sizes))
    return tree.Inline(
        span=call.span,
        type=kind,
        c=f"text_join({{aside}}.data, {{0}}.data, {sizes[0]}, {{1}}.data, {sizes[1]});"
        f" bpf_probe_read_kernel({{to}}, {copied}, {{aside}}.data);",
        operands=made,
        pieces=("text_join",),
        aside=types.String(sum(sizes)),
    )


def _memcmp(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    left, right = (
        _pointed_to(check.castable(check.value(expression(call, index)))) for index in (0, 1)
    )
    count = check.castable(check.value(expression(call, 2)))
    if any(isinstance(one.type, types.Error) for one in (left, right, count)):
        return check.bad(call.span)
    if as_int(count.type) is None:
        message = f"memcmp() only supports integer arguments ({type_name(count.type)} provided)"
        check.report.error(count.span, message, code="type")
        return check.bad(call.span)
    size = min(_size(left), _size(right))
    if isinstance(count, tree.Const):
        size = min(size, max(int(count.value), 0)) or size
    if size == 0:
        empty = left if _size(left) == 0 else right
        message = f"memcmp() cannot compare values of type '{type_name(empty.type)}'"
        check.report.error(empty.span, message, code="type")
        return check.bad(call.span)
    names = [f"&{{{index}}}" for index in (0, 1)]
    return tree.Inline(
        span=call.span,
        type=INT32,
        c=f"bytes_compare({names[0]}, {names[1]}, {size}, {{2}})",
        operands=(_stored(left), _stored(right), count),
        pieces=("bytes_compare",),
    )


def _pointed_to(node: tree.Expr) -> tree.Expr:
    """Of ``&$x`` the variable: an address of our own memory has no bytes to compare."""
    return node.operand if isinstance(node, tree.ValueAddress) else node


def _stored(node: tree.Expr) -> tree.Expr:
    """A scalar as a value in memory."""
    if not is_scalar(node.type):
        return node
    kind = types.Tuple((node.type,))
    return tree.TupleMake(span=node.span, type=kind, elements=(node,))


def _name(names: Mapping[int, str], piece: str, unknown: str) -> ValueRule:
    """The name of a number, as a string."""

    def rule(check: ExpressionChecker, call: n.Call) -> tree.Expr:
        made = check.castable(check.value(expression(call, 0)))
        if isinstance(made.type, types.Error):
            return made
        if as_int(made.type) is None:
            message = f"{call.name}() only supports integer arguments"
            message = f"{message} ({type_name(made.type)} provided)"
            check.report.error(made.span, message, code="type")
            return check.bad(call.span)
        kind = types.String(pieces.NAME_SIZE)
        if isinstance(made, tree.Const):
            value = names.get(int(made.value), unknown)
            return tree.Const(span=call.span, type=kind, value=value)
        return tree.Inline(
            span=call.span,
            type=kind,
            c=f"if (!{piece}({{to}}, {{0}}))"
            f' __builtin_memcpy({{to}}, "{unknown}", {len(unknown)});',
            operands=(tree.Cast(span=made.span, type=INT64, operand=made),),
            pieces=(piece,),
        )

    return rule


def _syscall_name(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    machine = check.facts.kernel.arch
    names = pieces.syscall_names(machine)
    if not names:
        message = f"syscall_name() does not know the system calls of '{machine}'"
        check.report.error(call.span, message, code="arch")
        return check.bad(call.span)
    return _name(names, f"syscall_name_{machine}", "Unknown syscall")(check, call)


def _default_length(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    return tree.Const(span=call.span, type=UINT64, value=check.facts.max_strlen)


def _assert_str(check: ExpressionChecker, call: n.Call) -> list[tree.Statement]:
    """Only a question: the argument does not run."""
    outer, check.ahead = check.ahead, []
    text(check, expression(call, 0))
    check.ahead = outer
    return []


ROWS: dict[str, Function] = {
    "strncmp": Function(least=3, most=3, value=_strncmp),
    "strlen": Function(least=1, most=1, value=_strlen),
    "default_str_length": Function(least=0, most=0, value=_default_length, bare=True),
    "assert_str": Function(least=1, most=1, statement=_assert_str),
    "strcap": Function(least=1, most=1, value=_strcap),
    "strstr": Function(least=2, most=2, value=_find(INT64, "{}")),
    "strcontains": Function(least=2, most=2, value=_find(BOOL, "({} >= 0)")),
    "str_concat": Function(least=2, most=2, value=_concat),
    "memcmp": Function(least=3, most=3, value=_memcmp),
    "strerror": Function(
        least=1, most=1, value=_name(pieces.errors(), "error_name", "Unknown error")
    ),
    "signal_name": Function(least=1, most=1, value=_name(pieces.signals(), "signal_name", "N/A")),
    "syscall_name": Function(least=1, most=1, value=_syscall_name),
}
