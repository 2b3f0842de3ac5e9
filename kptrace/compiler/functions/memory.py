# SPDX-License-Identifier: MIT
"""Strings, symbols, stacks and addresses (language §8.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kptrace import types
from kptrace.compiler import fold, tree
from kptrace.compiler.functions.row import (
    Function,
    ValueRule,
    expression,
    literal_int,
    memory,
    number,
)
from kptrace.compiler.rules import as_int
from kptrace.lang import nodes as n
from kptrace.types import type_name

if TYPE_CHECKING:
    from kptrace.compiler.expressions import ExpressionChecker


def _str(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    node = expression(call, 0)
    if isinstance(node, n.Positional) and len(call.arguments) == 1 and node.number:
        return fold.string(call.span, check.positional_text(node))
    made = check.expr(node)
    limit = check.facts.max_strlen
    length: tree.Expr | None = None
    if len(call.arguments) == 2:
        given = number(check, call, 1, "expects an integer length")
        if given is None:
            return check.bad(call.span)
        length = given
    if isinstance(length, tree.Const) and isinstance(length.value, int) and length.value < 0:
        check.report.error(length.span, "str() expects a length of 0 or more", code="type")
        return check.bad(call.span)
    if isinstance(made, tree.Const) and (folded := _str_literal(call, made, length)):
        return folded
    user = False
    match made.type:
        case types.Error():
            return made
        case types.Pointer(user=user):
            address = made
        case types.Int() | types.Enum():
            address = made
        case types.String(size=size):
            if length is None and not isinstance(made, tree.Place):
                return made
            address, user = memory(made.span, made)
            limit = min(limit, size)
        case types.Array(element=types.Int(size=1), count=0):
            address, user = memory(made.span, made)  # a flexible array of characters
        case _:
            message = (
                "str() expects a string, integer or a pointer type as first argument"
                f" ({type_name(made.type)} provided)"
            )
            check.report.error(made.span, message, code="type")
            return check.bad(call.span)
    # From 1024 bytes on the last one is always NUL; below, all may be content (language §3.6).
    size = limit
    read = limit if limit >= 1024 else limit + 1
    if isinstance(length, tree.Const) and isinstance(length.value, int):
        if length.value + 1 > check.facts.max_strlen:
            message = (
                f"length param ({length.value}) is too long and will be shortened to"
                f" {check.facts.max_strlen} bytes (see BPFTRACE_MAX_STRLEN)"
            )
            check.report.warning(length.span, message)
        else:
            size, read = length.value + 1, min(length.value, read)
        length = None
    return tree.ReadString(
        span=call.span,
        type=types.String(size),
        address=address,
        user=user,
        read=read,
        length=length,
    )


def _str_literal(call: n.Call, made: tree.Const, length: tree.Expr | None) -> tree.Expr | None:
    """``str()`` of a literal folds; an integer literal that is an address does not."""
    if made.address or isinstance(made.type, types.KSym):
        return None
    text = str(made.value)
    if length is None:
        return fold.string(call.span, text)
    if isinstance(length, tree.Const) and isinstance(length.value, int):
        raw = text.encode("utf-8", "surrogateescape")[: length.value]
        return fold.string(call.span, raw.decode("utf-8", "surrogateescape"))
    return None


def _ksym(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    made = check.castable(check.value(expression(call, 0)))
    if isinstance(made, tree.Bad):
        return made
    if as_int(made.type) is None and not isinstance(made.type, types.Pointer | types.KSym):
        message = f"ksym() only supports integer arguments ({type_name(made.type)} provided)"
        check.report.error(made.span, message, code="type")
        return check.bad(call.span)
    return tree.Cast(span=call.span, type=types.KSYM, operand=made)


def _stack(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    mode: str | None = None
    limit: int | None = None
    for index in range(len(call.arguments)):
        node = expression(call, index)
        if isinstance(node, n.Name) and index == 0:
            mode = node.name
        else:
            limit = literal_int(check, call, index)
            if limit is None:
                return check.bad(call.span)
            if limit < 1:
                check.report.error(
                    node.span, f"{call.name}([int limit]): limit must be at least 1", code="stack"
                )
                return check.bad(call.span)
    return check.stack(call, mode, limit)


def _address_space(user: bool) -> ValueRule:
    def rule(check: ExpressionChecker, call: n.Call) -> tree.Expr:
        made = check.value(expression(call, 0))
        match made.type:
            case types.Error():
                return made
            case types.Pointer(target=target):
                pointer = types.Pointer(target, user=user)
            case types.Int():
                pointer = types.Pointer(types.VOID, user=user)
            case _:
                found = type_name(made.type)
                message = f"{call.name}() only supports pointer arguments ({found} provided)"
                check.report.error(made.span, message, code="type")
                return check.bad(call.span)
        return tree.Cast(span=call.span, type=pointer, operand=made)

    return rule


AF_INET, AF_INET6 = 2, 10
_ADDRESSES = {"struct in_addr": "s_addr", "struct in6_addr": "in6_u.u6_addr8"}
"""Where structs of the kernel keep the bytes of an address."""


def _ntop(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    last = len(call.arguments) - 1
    made = check.expr(expression(call, last))
    family: tree.Expr
    match made.type:
        case types.Error():
            return made
        case types.Int():
            family = fold.integer(call.span, AF_INET)
        case types.String() | types.Array() if types.size_of(made.type) in (4, 16):
            short = types.size_of(made.type) == 4
            family = fold.integer(call.span, AF_INET if short else AF_INET6)
        case types.Pointer() if last == 1:
            family = fold.integer(call.span, AF_INET)
        case _:
            found = type_name(made.type)
            message = (
                f"ntop() only supports integers and arrays of 4 or 16 bytes ({found} provided)"
            )
            member = _ADDRESSES.get(found)
            hints = (f"give its bytes: .{member}",) if member else ()
            check.report.error(made.span, message, code="type", hints=hints)
            return check.bad(call.span)
    if last == 1:
        given = number(check, call, 0, "only supports an integer family")
        if given is None:
            return check.bad(call.span)
        family = given
    return tree.Network(span=call.span, type=types.INET, family=family, address=made)


ROWS: dict[str, Function] = {
    "str": Function(least=1, most=2, value=_str),
    "ksym": Function(least=1, most=1, value=_ksym),
    "kstack": Function(least=0, most=2, value=_stack, bare=True),
    "ustack": Function(least=0, most=2, value=_stack, bare=True),
    "ntop": Function(least=1, most=2, value=_ntop),
    "kptr": Function(least=1, most=1, value=_address_space(False)),
    "uptr": Function(least=1, most=1, value=_address_space(True)),
}
