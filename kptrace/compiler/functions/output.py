# SPDX-License-Identifier: MIT
"""What takes effect in the tracer: print, time, the end of the run (language §8.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kptrace import types
from kptrace.compiler import fold, tree
from kptrace.compiler.functions.row import Function, expression, literal_int, literal_string
from kptrace.compiler.rules import as_int
from kptrace.lang import nodes as n
from kptrace.plan import EventKind
from kptrace.types import INT32, INT64, UINT64, type_name

if TYPE_CHECKING:
    from kptrace.compiler.expressions import ExpressionChecker


def _print(check: ExpressionChecker, call: n.Call) -> list[tree.Statement]:
    node = expression(call, 0)
    if isinstance(node, n.Map) and node.keys is None:
        return _print_map(check, call, node)
    if len(call.arguments) > 1:
        given = len(call.arguments)
        message = f"Non-map print() only takes 1 argument, {given} found"
        check.report.error(call.span, message, code="call")
        return []
    made = check.result(node)
    if isinstance(made.type, (types.Stats, *types.SPREAD)):
        message = (
            f"Map type {type_name(made.type)} cannot print the value of individual keys. You"
            " must print the whole map."
        )
        check.report.error(node.span, message, code="type")
        return []
    made = check.castable(made)
    if isinstance(made, tree.Bad):
        return []
    if isinstance(made.type, types.Void):
        message = "unable to print none type for specifier: s"
        check.report.error(node.span, message, code="type")
        return []
    return [tree.Send(span=call.span, kind=EventKind.PRINT.value, fields=(made,))]


def _print_map(check: ExpressionChecker, call: n.Call, node: n.Map) -> list[tree.Statement]:
    info = check.maps.get(node.name)
    if info is None:
        check.undefined_map(node)
        return []
    if check.loops:
        message = (
            "Due to it's asynchronous nature using 'print()' in a loop can lead to unexpected"
            " behavior. The map will likely be updated before the runtime can 'print' it."
        )
        check.report.warning(call.span, message)
    numbers: list[int | None] = [None, None]
    for index in range(1, len(call.arguments)):
        numbers[index - 1] = literal_int(check, call, index)
        number = numbers[index - 1]
        if number is None:
            return []
        if number < 0:
            message = f"print() expects a non-negative integer literal ({number} provided)"
            check.report.error(expression(call, index).span, message, code="call")
            return []
    if len(call.arguments) > 1 and isinstance(info.type, types.Stats):
        message = "print()'s top and div arguments are ignored when used on stats() maps."
        check.report.warning(call.span, message)
    top, div = numbers
    kind = EventKind.PRINT_MAP.value
    return [tree.Send(span=call.span, kind=kind, map=node.name, top=top, div=div)]


def _time(check: ExpressionChecker, call: n.Call) -> list[tree.Statement]:
    text: str | None = "%H:%M:%S\n"
    if call.arguments:
        text = literal_string(check, call, 0)
    if text is None:
        return []
    return [tree.Send(span=call.span, kind=EventKind.TIME.value, text=text)]


def _join(check: ExpressionChecker, call: n.Call) -> list[tree.Statement]:
    argv = check.value(expression(call, 0))
    separator = literal_string(check, call, 1) if len(call.arguments) > 1 else " "
    if isinstance(argv, tree.Bad) or separator is None:
        return []
    if not isinstance(argv.type, types.Pointer) and argv.type not in (INT64, UINT64):
        found = type_name(argv.type)
        message = f"join() only supports pointer or 64-bit integer arguments ({found} provided)"
        check.report.error(argv.span, message, code="type")
        return []
    user = isinstance(argv.type, types.Pointer) and argv.type.user
    return [tree.Join(span=call.span, argv=argv, user=user, text=separator)]


def _exit(check: ExpressionChecker, call: n.Call) -> list[tree.Statement]:
    if "for" in check.loops:
        message = "'return' statement is not allowed in a for-loop"
        hints = ("exit() leaves the probe: set a variable and call exit() after the loop",)
        check.report.error(call.span, message, code="loop", hints=hints)
        return []
    code: tree.Expr = fold.integer(call.span, 0)
    if call.arguments:
        code = check.castable(check.value(expression(call, 0)))
    if isinstance(code, tree.Bad):
        return []
    if as_int(code.type) is None:
        message = f"exit() only supports integer arguments ({type_name(code.type)} provided)"
        check.report.error(code.span, message, code="type")
        return []
    code = tree.Cast(span=code.span, type=INT32, operand=code)
    leave = call.span.via is None  # in a macro it only sends the event (language §12.1)
    return [tree.Send(span=call.span, kind=EventKind.EXIT.value, fields=(code,), leave=leave)]


ROWS: dict[str, Function] = {
    "print": Function(least=1, most=3, statement=_print),
    "time": Function(least=0, most=1, statement=_time),
    "join": Function(least=1, most=2, statement=_join),
    "exit": Function(least=0, most=1, statement=_exit),
}
