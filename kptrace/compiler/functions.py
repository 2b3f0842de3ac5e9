# SPDX-License-Identifier: MIT
"""The functions of the language (language §8): one row each with its typing rule.

A row has a rule for the call as a value, for the call as a statement, or both. What runs in the
probe becomes a node of the typed tree, which the C generator knows; what takes effect in the
tracer becomes a `tree.Send`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kptrace import formats, types
from kptrace.compiler import builtins, fold, tree
from kptrace.compiler.rules import as_int
from kptrace.lang import nodes as n
from kptrace.plan import EventKind
from kptrace.types import BOOL, INT32, type_name

if TYPE_CHECKING:
    from kptrace.compiler.expressions import ExpressionChecker

ValueRule = Callable[["ExpressionChecker", n.Call], tree.Expr]
StatementRule = Callable[["ExpressionChecker", n.Call], list[tree.Statement]]
AggregationRule = Callable[
    ["ExpressionChecker", n.Call], "tuple[types.Aggregate, tree.Expr | None] | None"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """``least`` and ``most`` arguments; ``most`` None is no limit."""

    least: int
    most: int | None
    value: ValueRule | None = None
    statement: StatementRule | None = None


# --- arguments ---------------------------------------------------------------------------------


def _expression(call: n.Call, index: int) -> n.Expr:
    argument = call.arguments[index]
    assert not isinstance(argument, n.Typeof)  # `counted` refuses it
    return argument


def _literal_string(check: ExpressionChecker, call: n.Call, index: int) -> str | None:
    node = _expression(call, index)
    if isinstance(node, n.String):
        return node.value
    if isinstance(node, n.Positional):
        return check.positional_text(node)
    message = f"{call.name}() expects a string literal"
    check.report.error(node.span, message, code="call")
    return None


def _literal_int(check: ExpressionChecker, call: n.Call, index: int) -> int | None:
    made = check.value(_expression(call, index))
    if isinstance(made, tree.Const) and isinstance(made.value, int):
        return made.value
    if not isinstance(made, tree.Bad):
        found = type_name(made.type)
        message = f"{call.name}() expects an integer literal ({found} provided)"
        check.report.error(made.span, message, code="call")
    return None


def _whole_map(check: ExpressionChecker, call: n.Call) -> str | None:
    """The map that clear() or zero() names, without a key."""
    node = _expression(call, 0)
    if not isinstance(node, n.Map) or node.keys is not None:
        message = f"{call.name}() expects a map argument"
        check.report.error(node.span, message, code="call")
        return None
    info = check.maps.get(node.name)
    if info is None:
        message = f"Undefined map: {node.name}"
        check.report.error(node.span, message, code="unknown-name")
        return None
    return node.name


# --- aggregations ------------------------------------------------------------------------------


def _number(check: ExpressionChecker, call: n.Call) -> tree.Expr | None:
    made = check.castable(check.value(_expression(call, 0)))
    if isinstance(made, tree.Bad):
        return None
    if as_int(made.type) is None:
        found = type_name(made.type)
        message = f"{call.name}() only supports integer arguments ({found} provided)"
        check.report.error(made.span, message, code="type")
        return None
    return made


def _count(
    check: ExpressionChecker, call: n.Call
) -> tuple[types.Aggregate, tree.Expr | None] | None:
    return (types.Count(), None) if check.counted(call) else None


_SignedAggregate = (
    type[types.Sum] | type[types.Min] | type[types.Max] | type[types.Avg] | type[types.Stats]
)


def _signed(kind: _SignedAggregate) -> AggregationRule:
    def rule(
        check: ExpressionChecker, call: n.Call
    ) -> tuple[types.Aggregate, tree.Expr | None] | None:
        value = _number(check, call) if check.counted(call) else None
        if value is None:
            return None
        integer = as_int(value.type)
        assert integer is not None
        return kind(integer.signed), value

    return rule


def _hist(
    check: ExpressionChecker, call: n.Call
) -> tuple[types.Aggregate, tree.Expr | None] | None:
    value = _number(check, call) if check.counted(call) else None
    if value is None:
        return None
    shown = 0
    if len(call.arguments) == 2:
        literal = _literal_int(check, call, 1)
        if literal is None:
            return None
        if not 0 <= literal <= 5:
            message = "hist: bits N must be 0..5"
            check.report.error(_expression(call, 1).span, message, code="call")
            return None
        shown = literal
    return types.Hist(max(shown, check.facts.hist_bits), shown), value


def _lhist(
    check: ExpressionChecker, call: n.Call
) -> tuple[types.Aggregate, tree.Expr | None] | None:
    value = _number(check, call) if check.counted(call) else None
    if value is None:
        return None
    numbers: list[int] = []
    for index, what in enumerate(("min value", "max value", "step value"), 1):
        made = check.value(_expression(call, index))
        good = isinstance(made, tree.Const) and isinstance(made.value, int) and made.value >= 0
        if not good:
            tail = "" if what == "step value" else " (must be non-negative literal)"
            check.report.error(made.span, f"lhist: invalid {what}{tail}", code="call")
            return None
        assert isinstance(made, tree.Const)
        numbers.append(int(made.value))
    low, high, step = numbers
    problem = ""
    if step < 1:
        problem = f"lhist() step must be >= 1 ({step} provided)"
    elif low >= high:
        problem = f"lhist() min must be less than max (provided min {low} and max {high})"
    elif (high - low) // step > 1000:
        need = (high - low) // step
        problem = f"lhist() too many buckets, must be <= 1000 (would need {need})"
    elif step > high - low:
        problem = (
            f"lhist() step is too large for the given range (provided step {step} for range"
            f" {high - low})"
        )
    if problem:
        check.report.error(call.span, problem, code="call")
        return None
    return types.LHist(low, high, step), value


AGGREGATIONS: dict[str, AggregationRule] = {
    "count": _count,
    "sum": _signed(types.Sum),
    "min": _signed(types.Min),
    "max": _signed(types.Max),
    "avg": _signed(types.Avg),
    "stats": _signed(types.Stats),
    "hist": _hist,
    "lhist": _lhist,
}


# --- strings and addresses ---------------------------------------------------------------------


def _str(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    node = _expression(call, 0)
    if isinstance(node, n.Positional) and len(call.arguments) == 1 and node.number:
        return fold.string(call.span, check.positional_text(node))
    made = check.expr(node)
    limit = check.facts.max_strlen
    length: tree.Expr | None = None
    if len(call.arguments) == 2:
        length = check.castable(check.value(_expression(call, 1)))
        if isinstance(length, tree.Bad):
            return length
        if as_int(length.type) is None:
            message = f"str() expects an integer length ({type_name(length.type)} provided)"
            check.report.error(length.span, message, code="type")
            return check.bad(call.span)
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
        case types.String():
            if not isinstance(made, tree.Place):
                if length is not None:
                    return check.not_yet(call.span, "a length for a string that is already read")
                return made
            address = tree.AddressOf(
                span=made.span, type=types.Pointer(types.INT8, user=made.user), place=made
            )
            user = made.user
            limit = min(limit, made.type.size)
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
    if isinstance(made.type, types.KSym):
        return None
    text = str(made.value)
    if length is None:
        return fold.string(call.span, text)
    if isinstance(length, tree.Const) and isinstance(length.value, int):
        raw = text.encode("utf-8", "surrogateescape")[: length.value]
        return fold.string(call.span, raw.decode("utf-8", "surrogateescape"))
    return None


def _ksym(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    made = check.castable(check.value(_expression(call, 0)))
    if isinstance(made, tree.Bad):
        return made
    if as_int(made.type) is None and not isinstance(made.type, types.Pointer | types.KSym):
        message = f"ksym() only supports integer arguments ({type_name(made.type)} provided)"
        check.report.error(made.span, message, code="type")
        return check.bad(call.span)
    return tree.Cast(span=call.span, type=types.KSYM, operand=made)


def _kstack(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    mode: str | None = None
    limit: int | None = None
    for index in range(len(call.arguments)):
        node = _expression(call, index)
        if isinstance(node, n.Name) and index == 0:
            mode = node.name
        else:
            limit = _literal_int(check, call, index)
            if limit is None:
                return check.bad(call.span)
            if limit < 1:
                check.report.error(
                    node.span, "kstack([int limit]): limit must be at least 1", code="stack"
                )
                return check.bad(call.span)
    return check.stack(call.span, mode, limit)


def _address_space(user: bool) -> ValueRule:
    def rule(check: ExpressionChecker, call: n.Call) -> tree.Expr:
        made = check.value(_expression(call, 0))
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


def _ntop(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    last = len(call.arguments) - 1
    made = check.expr(_expression(call, last))
    family: tree.Expr
    match made.type:
        case types.Error():
            return made
        case types.Int():
            family = fold.integer(call.span, AF_INET)
        case types.String(size=4 | 16 as size) | types.Array(count=size) if (
            types.size_of(made.type) in (4, 16)
        ):
            family = fold.integer(call.span, AF_INET if size == 4 else AF_INET6)
        case types.Pointer() if last == 1:
            family = fold.integer(call.span, AF_INET)
        case _:
            found = type_name(made.type)
            message = (
                f"ntop() only supports integers and arrays of 4 or 16 bytes ({found} provided)"
            )
            check.report.error(made.span, message, code="type")
            return check.bad(call.span)
    if last == 1:
        family = check.castable(check.value(_expression(call, 0)))
        if isinstance(family, tree.Bad):
            return family
        if as_int(family.type) is None:
            message = f"ntop() only supports an integer family ({type_name(family.type)} provided)"
            check.report.error(family.span, message, code="type")
            return check.bad(call.span)
    return tree.Network(span=call.span, type=types.INET, family=family, address=made)


# --- output ------------------------------------------------------------------------------------


def _printf(check: ExpressionChecker, call: n.Call) -> list[tree.Statement]:
    node = _expression(call, 0)
    if not isinstance(node, n.String):
        check.report.error(
            node.span, "printf() expects a string literal as first argument", code="call"
        )
        return []
    if len(call.arguments) > 128:
        check.report.error(call.span, "printf() takes at most 127 arguments", code="call")
        return []
    made = tuple(
        check.castable(check.value(_expression(call, index)))
        for index in range(1, len(call.arguments))
    )
    if any(isinstance(one, tree.Bad) for one in made):
        return []
    items = formats.parse_format(node.value)
    problem = formats.check_count(items, len(made))
    if problem is not None:
        check.report.error(call.span, problem, code="format")
        return []
    for conversion, one in zip(formats.conversions(items), made, strict=True):
        problem = formats.check_conversion(conversion, one.type)
        if problem is not None:
            check.report.error(one.span, problem, code="format")
            return []
    return [tree.Send(span=call.span, kind=EventKind.PRINTF.value, fields=made, text=node.value)]


def _print(check: ExpressionChecker, call: n.Call) -> list[tree.Statement]:
    node = _expression(call, 0)
    if isinstance(node, n.Map) and node.keys is None:
        return _print_map(check, call, node)
    if len(call.arguments) > 1:
        given = len(call.arguments)
        message = f"Non-map print() only takes 1 argument, {given} found"
        check.report.error(call.span, message, code="call")
        return []
    made = check.value(node)
    if isinstance(made.type, types.Stats | types.Hist | types.LHist):
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
        message = f"Undefined map: {node.name}"
        check.report.error(node.span, message, code="unknown-name")
        return []
    numbers: list[int | None] = [None, None]
    for index in range(1, len(call.arguments)):
        numbers[index - 1] = _literal_int(check, call, index)
        if numbers[index - 1] is None:
            return []
    if len(call.arguments) > 1 and isinstance(info.type, types.Stats):
        message = "print()'s top and div arguments are ignored when used on stats() maps."
        check.report.warning(call.span, message)
    top, div = numbers
    kind = EventKind.PRINT_MAP.value
    return [tree.Send(span=call.span, kind=kind, map=node.name, top=top, div=div)]


def _map_event(kind: EventKind) -> StatementRule:
    def rule(check: ExpressionChecker, call: n.Call) -> list[tree.Statement]:
        name = _whole_map(check, call)
        return [] if name is None else [tree.Send(span=call.span, kind=kind.value, map=name)]

    return rule


def _time(check: ExpressionChecker, call: n.Call) -> list[tree.Statement]:
    text: str | None = "%H:%M:%S\n"
    if call.arguments:
        text = _literal_string(check, call, 0)
    if text is None:
        return []
    return [tree.Send(span=call.span, kind=EventKind.TIME.value, text=text)]


def _exit(check: ExpressionChecker, call: n.Call) -> list[tree.Statement]:
    code: tree.Expr = fold.integer(call.span, 0)
    if call.arguments:
        code = check.castable(check.value(_expression(call, 0)))
    if isinstance(code, tree.Bad):
        return []
    if as_int(code.type) is None:
        message = f"exit() only supports integer arguments ({type_name(code.type)} provided)"
        check.report.error(code.span, message, code="type")
        return []
    code = tree.Cast(span=code.span, type=INT32, operand=code)
    return [tree.Send(span=call.span, kind=EventKind.EXIT.value, fields=(code,), leave=True)]


# --- maps --------------------------------------------------------------------------------------


def _delete(check: ExpressionChecker, call: n.Call, warn: bool) -> tree.Expr:
    node = _expression(call, 0)
    if not isinstance(node, n.Map):
        check.report.error(node.span, "delete() expects a map argument", code="call")
        return check.bad(call.span)
    key: tree.Expr | None = None
    if node.keys is not None:
        if len(call.arguments) == 2:
            message = "delete() takes the key once: delete(@map, key)"
            check.report.error(call.span, message, code="call")
            return check.bad(call.span)
        key = check.map_key(node)
    elif len(call.arguments) == 2:
        keyed = n.Map(span=node.span, name=node.name, keys=_key_parts(_expression(call, 1)))
        if not _expects(check, node, True, "call to delete() with two arguments expects a map with"
                        " explicit keys (non-scalar map)"):  # fmt: skip
            return check.bad(call.span)
        key = check.map_key(keyed)
    else:
        if not _expects(check, node, False, "call to delete() with a single argument expects a map"
                        " without explicit keys (scalar map)"):  # fmt: skip
            return check.bad(call.span)
        check.map_key(node)
    if check.maps[node.name].value is None and not check.maps[node.name].written:
        check.report.error(node.span, f"Undefined map: {node.name}", code="unknown-name")
        return check.bad(call.span)
    if key is None and isinstance(check.maps[node.name].type, types.AGGREGATES):
        return check.not_yet(call.span, f"delete() of the aggregation {node.name}")
    return tree.Delete(span=call.span, type=BOOL, map=node.name, key=key, warn=warn)


def _key_parts(node: n.Expr) -> tuple[n.Expr, ...]:
    """``delete(@m, (1, 2))`` means the key ``[1, 2]``."""
    if isinstance(node, n.TupleLiteral) and len(node.elements) > 1:
        return node.elements
    return (node,)


def _expects(check: ExpressionChecker, node: n.Map, keyed: bool, message: str) -> bool:
    info = check.maps.get(node.name)
    if info is not None and info.keyed != keyed:
        check.report.error(node.span, message, code="map")
        return False
    return True


def _delete_value(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    return _delete(check, call, False)


def _delete_statement(check: ExpressionChecker, call: n.Call) -> list[tree.Statement]:
    return [tree.Evaluate(span=call.span, value=_delete(check, call, True))]


def _aggregation_row(least: int, most: int) -> Function:
    """No value and no statement: only the whole right side of a map assignment."""
    return Function(least=least, most=most)


FUNCTIONS: dict[str, Function] = {
    "count": _aggregation_row(0, 0),
    "sum": _aggregation_row(1, 1),
    "min": _aggregation_row(1, 1),
    "max": _aggregation_row(1, 1),
    "avg": _aggregation_row(1, 1),
    "stats": _aggregation_row(1, 1),
    "hist": _aggregation_row(1, 2),
    "lhist": _aggregation_row(4, 4),
    "printf": Function(least=1, most=None, statement=_printf),
    "print": Function(least=1, most=3, statement=_print),
    "clear": Function(least=1, most=1, statement=_map_event(EventKind.CLEAR)),
    "zero": Function(least=1, most=1, statement=_map_event(EventKind.ZERO)),
    "time": Function(least=0, most=1, statement=_time),
    "exit": Function(least=0, most=1, statement=_exit),
    "delete": Function(least=1, most=2, value=_delete_value, statement=_delete_statement),
    "str": Function(least=1, most=2, value=_str),
    "ksym": Function(least=1, most=1, value=_ksym),
    "kstack": Function(least=0, most=2, value=_kstack),
    "ntop": Function(least=1, most=2, value=_ntop),
    "kptr": Function(least=1, most=1, value=_address_space(False)),
    "uptr": Function(least=1, most=1, value=_address_space(True)),
}

_NOT_YET = frozenset(
    """
    errorf warnf fail debugf strftime join cat system signal signal_thread override write_user
    assert static_assert buf strncmp strlen strcap strstr strcontains str_concat memcmp strerror
    signal_name syscall_name kaddr percpu_kaddr reg path pton macaddr bswap cgroupid cgroup_path
    container_of is_err socket_cookie has_key find len is_str is_ptr is_array is_integer
    is_unsigned_integer is_literal getopt kfunc_exist kfunc_allowed tseries ustack nsecs pid tid
    comm usym uaddr unwatch skboutput ppid pcomm leader_tid leader_comm
    """.split()
)


def is_unknown_function(name: str) -> bool:
    """Whether a name is no function of the language at all."""
    return name not in _NOT_YET and name not in builtins.NOT_YET
