# SPDX-License-Identifier: MIT
"""Bytes of memory as a value: buf and macaddr (language §8.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kptrace import types
from kptrace.compiler import fold, tree
from kptrace.compiler.functions.row import Function, expression, memory, number
from kptrace.compiler.rules import as_int
from kptrace.lang import nodes as n
from kptrace.types import type_name

if TYPE_CHECKING:
    from kptrace.compiler.expressions import ExpressionChecker

MAC_BYTES = 6


def _buf(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    made = check.castable(check.value(expression(call, 0)))
    limit = max(check.facts.max_strlen - 4, 0)
    found = type_name(made.type)
    array = isinstance(made.type, types.Array | types.String)
    if isinstance(made, tree.Bad):
        return made
    room = limit
    if array:
        address, user = memory(made.span, made)
        length: tree.Expr = fold.integer(call.span, types.size_of(made.type))
        if isinstance(address, tree.ValueAddress):
            room = types.size_of(made.type)  # behind a value of its own lies nothing of the user's
    elif as_int(made.type) is None and not isinstance(made.type, types.Pointer):
        message = f"buf() only supports integer, array and pointer arguments ({found} provided)"
        check.report.error(made.span, message, code="type")
        return check.bad(call.span)
    elif len(call.arguments) == 1:
        message = f"buf() expects a length argument for non-array type {found}"
        check.report.error(call.span, message, code="call")
        return check.bad(call.span)
    else:
        address, user = made, isinstance(made.type, types.Pointer) and made.type.user
    if len(call.arguments) == 2:
        given = number(check, call, 1, "expects an integer length")
        if given is None:
            return check.bad(call.span)
        length = given
    size = min(limit, room)
    if isinstance(length, tree.Const) and isinstance(length.value, int):
        if length.value < 0:
            check.report.error(length.span, "buf() expects a length of 0 or more", code="type")
            return check.bad(call.span)
        size = length.value
        if size > limit:
            message = (
                f"length param ({size}) is too long and will be shortened to {limit} bytes (see"
                " BPFTRACE_MAX_STRLEN)"
            )
            check.report.warning(length.span, message)
        size = min(size, limit, room)
        length = fold.integer(length.span, size)
    return tree.ReadBuffer(
        span=call.span,
        type=types.Buffer(size),
        address=address,
        user=user,
        length=length,
    )


def _macaddr(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    made = check.value(expression(call, 0))
    match made.type:
        case types.Error():
            return made
        case types.Pointer(user=user):
            address = made
        case types.String() | types.Array() if types.size_of(made.type) == MAC_BYTES:
            address, user = memory(made.span, made)
        case _:
            message = (
                "macaddr() only supports arrays of 6 bytes and pointers"
                f" ({type_name(made.type)} provided)"
            )
            check.report.error(made.span, message, code="type")
            return check.bad(call.span)
    return tree.Place(span=call.span, type=types.MAC, base=address, user=user, steps=())


ROWS: dict[str, Function] = {
    "buf": Function(least=1, most=2, value=_buf),
    "macaddr": Function(least=1, most=1, value=_macaddr),
}
