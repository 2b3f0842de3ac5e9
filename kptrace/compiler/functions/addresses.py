# SPDX-License-Identifier: MIT
"""Addresses and registers: kaddr, percpu_kaddr, reg, cgroupid, bswap, is_err (language §8.2)."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import TYPE_CHECKING

from kptrace import types
from kptrace.compiler import arch, fold, ksyms, tree
from kptrace.compiler.functions.process import REGISTERS
from kptrace.compiler.functions.row import Function, expression, literal_int, literal_string
from kptrace.compiler.rules import as_int
from kptrace.compiler.scope import FEATURE
from kptrace.errors import did_you_mean
from kptrace.lang import nodes as n
from kptrace.plan import TIMER_KINDS, TRAMPOLINE_KINDS, ProbeKind
from kptrace.types import BOOL, UINT32, UINT64, type_name

if TYPE_CHECKING:
    from kptrace.compiler.expressions import ExpressionChecker


def _kaddr(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    name = literal_string(check, call, 0)
    if name is None:
        return check.bad(call.span)
    symbols = check.facts.kernel.symbols
    found = symbols.lookup(name, text=False)
    if found and found[0].address:
        return tree.Const(span=call.span, type=UINT64, value=found[0].address, address=True)
    hints: tuple[str, ...] = ()
    if not symbols.readable:
        hints = (f"/proc/kallsyms cannot be read: {symbols.problem}",)
    elif symbols.addresses_hidden:
        hints = ("the kernel hides its addresses (kernel.kptr_restrict)",)
    message = f"Failed to resolve kernel symbol: {name}"
    check.report.error(call.span, message, code="unknown-name", hints=hints)
    return check.bad(call.span)


def _integer(check: ExpressionChecker, call: n.Call, index: int) -> tree.Expr | None:
    """An integer argument; None when it is none, which is then told."""
    made = check.castable(check.value(expression(call, index)))
    if isinstance(made.type, types.Error):
        return None
    if as_int(made.type) is None:
        message = f"{call.name}() only supports integer arguments ({type_name(made.type)} provided)"
        check.report.error(made.span, message, code="type")
        return None
    return made


def _percpu_kaddr(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    name = literal_string(check, call, 0)
    if name is None:
        return check.bad(call.span)
    operands: tuple[tree.Expr, ...] = ()
    if len(call.arguments) == 2:
        cpu = _integer(check, call, 1)
        if cpu is None:
            return check.bad(call.span)
        operands = (tree.Cast(span=cpu.span, type=UINT32, operand=cpu),)
    btf = check.facts.kernel.btf
    if btf is None:
        return check.no_btf(call.span, f'the variable "{name}"')
    kind = btf.variable(name)
    need = None if kind is None else ksyms.need(name, kind)
    symbols = check.facts.kernel.symbols
    unlisted = symbols.readable and not symbols.lookup(name, text=False)
    if need is None or unlisted:
        message = f'Could not resolve variable "{name}" from BTF'
        hints: tuple[str, ...] = ()
        if need is not None:
            hints = ("this kernel lists only functions in /proc/kallsyms, no variables",)
        check.report.error(call.span, message, code="unknown-name", hints=hints)
        return check.bad(call.span)
    c = f"bpf_per_cpu_ptr(&{name}, {{0}})" if operands else f"bpf_this_cpu_ptr(&{name})"
    return tree.Inline(
        span=call.span, type=UINT64, c=f"(__u64){c}", operands=operands, pieces=(need,)
    )


def _reg(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    name = literal_string(check, call, 0)
    if name is None:
        return check.bad(call.span)
    kind = check.unit.kind
    if kind not in REGISTERS | TIMER_KINDS:
        message = f'reg can not be used with "{kind.value}" probes'
        check.report.error(call.span, message, code="probe")
        return check.bad(call.span)
    machine = check.facts.kernel.arch
    known = arch.of(machine).registers
    if name not in known:
        message = f"'{name}' is not a valid register on this architecture ({machine})"
        hints = did_you_mean(name, known)
        check.report.error(expression(call, 0).span, message, code="unknown-name", hints=hints)
        return check.bad(call.span)
    return tree.Inline(span=call.span, type=UINT64, c=f"((__u64 *)ctx)[{known[name]}]")


def _bswap(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    made = _integer(check, call, 0)
    if made is None:
        return check.bad(call.span)
    size = types.size_of(made.type)
    kind = types.Int(size, False)
    if isinstance(made, tree.Const):
        raw = (int(made.value) & ((1 << size * 8) - 1)).to_bytes(size, "little")
        return tree.Const(span=call.span, type=kind, value=int.from_bytes(raw, "big"))
    operand = tree.Cast(span=made.span, type=kind, operand=made)
    if size == 1:
        return operand
    swap = f"__builtin_bswap{size * 8}({{0}})"
    return tree.Inline(span=call.span, type=kind, c=swap, operands=(operand,))


def _is_err(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    made = check.castable(check.value(expression(call, 0)))
    if isinstance(made.type, types.Error):
        return check.bad(call.span)
    if as_int(made.type) is None and not isinstance(made.type, types.Pointer):
        message = f"is_err() only supports pointer arguments ({type_name(made.type)} provided)"
        check.report.error(made.span, message, code="type")
        return check.bad(call.span)
    # include/linux/err.h: the last page but one byte of addresses are error numbers
    operand = tree.Cast(span=made.span, type=types.INT64, operand=made)
    return tree.Inline(
        span=call.span, type=BOOL, c="((__u64){0} >= (__u64)-4095LL)", operands=(operand,)
    )


def _cgroupid(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    path = literal_string(check, call, 0)
    if path is None:
        return check.bad(call.span)
    try:
        found = check.facts.kernel.cgroup_id(path)
    except OSError as error:
        message = f"cgroupid() cannot read '{path}': {error.strerror}"
        hints = ("it expects a directory of cgroup v2, such as /sys/fs/cgroup/system.slice",)
        check.report.error(expression(call, 0).span, message, code="host", hints=hints)
        return check.bad(call.span)
    return tree.Const(span=call.span, type=UINT64, value=found)


def _pton(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    text = literal_string(check, call, 0)
    if text is None:
        return check.bad(call.span)
    try:
        raw = socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
    except (OSError, ValueError):
        message = f"pton() expects a valid IPv4/IPv6 address, got {text}"
        check.report.error(expression(call, 0).span, message, code="call")
        return check.bad(call.span)
    escaped = "".join(f"\\{byte:03o}" for byte in raw)
    return tree.Inline(
        span=call.span,
        type=types.Array(types.UINT8, len(raw)),
        c=f'__builtin_memcpy(&{{to}}, "{escaped}", {len(raw)});',
    )


def _container_of(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    pointer = check.castable(check.value(expression(call, 0)))
    wanted, member = call.arguments[1], expression(call, 2)
    if isinstance(pointer.type, types.Error):
        return check.bad(call.span)
    if not isinstance(pointer.type, types.Pointer) and as_int(pointer.type) is None:
        found = type_name(pointer.type)
        message = f"container_of() only supports pointer arguments ({found} provided)"
        check.report.error(pointer.span, message, code="type")
        return check.bad(call.span)
    path = _path(member)
    if path is None:
        message = "container_of() expects the name of a field as third argument"
        check.report.error(member.span, message, code="call")
        return check.bad(call.span)
    written: n.TypeName | n.Typeof
    if isinstance(wanted, n.Typeof):
        written = wanted
    elif isinstance(wanted, n.Name):
        written = n.TypeName(span=wanted.span, keyword="", name=wanted.name, suffixes=())
    else:
        message = "container_of() expects a type as second argument, such as typeof(struct x)"
        check.report.error(wanted.span, message, code="call")
        return check.bad(call.span)
    offset = check.offsetof(n.Offsetof(span=call.span, operand=written, path=path))
    if not isinstance(offset, tree.Const):
        return check.bad(call.span)
    kind = types.Pointer(check.written_type(written), user=_is_user(pointer.type))
    base = tree.Cast(span=pointer.span, type=kind, operand=pointer)
    return tree.Element(span=call.span, type=kind, base=base, index=offset, scale=1, negative=True)


def _is_user(kind: types.Type) -> bool:
    return isinstance(kind, types.Pointer) and kind.user


def _path(node: n.Expr) -> tuple[str, ...] | None:
    """``a.b`` as the names of fields."""
    match node:
        case n.Name(name=name):
            return (name,)
        case n.Member(operand=operand, name=name):
            head = _path(operand)
            return None if head is None else (*head, name)
        case _:
            return None


def _is_path(kind: types.Type) -> bool:
    return isinstance(kind, types.Struct) and kind.name == "path"


def _direct(pointer: tree.Expr) -> tree.Expr | None:
    """The same pointer, loaded step by step from what the kernel gave; None for other pointers."""
    match pointer:
        case tree.Place(base=tree.Context()) | tree.RawArgument() | tree.Var():
            return pointer
        case tree.Place(base=base, steps=(_, *_)) if direct := _direct(base):
            return replace(pointer, base=direct, direct=True)
        case _:
            return None


def _path_function(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    """The path of a ``struct path`` that the kernel vouches for: a field of an argument."""
    if check.unit.kind not in TRAMPOLINE_KINDS | {ProbeKind.ITER}:
        message = "The path function can only be used with 'fentry', 'fexit', 'iter' probes"
        check.report.error(call.span, message, code="probe")
        return check.bad(call.span)
    size: int | None = check.facts.max_strlen
    if len(call.arguments) == 2:
        size = literal_int(check, call, 1)
        if size is not None and not 1 <= size <= check.facts.max_strlen:
            message = f"path() expects a size from 1 to {check.facts.max_strlen} ({size} provided)"
            check.report.error(expression(call, 1).span, message, code="call")
            size = None
    made = check.expr(expression(call, 0))
    if size is None or isinstance(made.type, types.Error):
        return check.bad(call.span)
    offset: tree.Expr = fold.integer(call.span, 0)
    match made:
        case tree.Place(base=base) if _is_path(made.type):
            null = tree.Const(span=call.span, type=UINT64, value=0)
            place = replace(made, base=null)
            offset = tree.AddressOf(span=call.span, type=types.Pointer(made.type), place=place)
        case _ if isinstance(made.type, types.Pointer) and _is_path(made.type.target):
            base = made
        case _:
            found = type_name(made.type)
            message = f"path() only supports 'struct path' arguments ({found} provided)"
            check.report.error(made.span, message, code="type")
            return check.bad(call.span)
    direct = _direct(base)
    if direct is None:
        message = "path() only follows pointers from the arguments of its probe"
        hints = ("a cast or curtask gives a pointer that the kernel does not vouch for",)
        check.report.error(made.span, message, code="type", hints=hints)
        return check.bad(call.span)
    room = check.facts.max_strlen
    return tree.Inline(
        span=call.span,
        type=types.String(size),
        c=f"path_text({{to}}, {size}, {{aside}}.data, {room}, {{0}}, {{1}});",
        operands=(direct, offset),
        pieces=("KEEP", "path_text"),
        aside=types.String(room),
    )


def _socket_cookie(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    """The kernel wants a socket that it knows to be one; a pointer that was only read is none."""
    kind = check.unit.kind
    if kind not in TRAMPOLINE_KINDS | {ProbeKind.ITER, ProbeKind.RAWTRACEPOINT}:
        message = f'socket_cookie can not be used with "{kind.value}" probes'
        check.report.error(call.span, message, code="probe")
        return check.bad(call.span)
    if not check.facts.has("socket_cookie"):  # since Linux 5.12 (c5dbb89fc2ac)
        message = "Missing required kernel feature: socket_cookie"
        check.report.error(call.span, message, code=FEATURE)
        return check.bad(call.span)
    made = check.expr(expression(call, 0))
    if isinstance(made.type, types.Error):
        return check.bad(call.span)
    if not isinstance(made.type, types.Pointer):
        message = f"{call.name}() only supports pointer arguments ({type_name(made.type)} provided)"
        check.report.error(made.span, message, code="type")
        return check.bad(call.span)
    if not _vouched(made):
        message = "socket_cookie() needs an argument of the probe, or what its fields lead to"
        check.report.error(made.span, message, code="type")
        return check.bad(call.span)
    operand = tree.Trusted(span=made.span, type=made.type, pointer=made)
    return tree.Inline(
        span=call.span,
        type=UINT64,
        c="socket_cookie((void *){0})",
        operands=(operand,),
        pieces=("socket_cookie",),
        effects=True,  # the first one to ask gives the socket its cookie
    )


def _vouched(made: tree.Expr) -> bool:
    """Whether the verifier can follow where a pointer comes from; of variables it decides alone."""
    match made:
        case tree.RawArgument() | tree.Var():
            return True
        case tree.Cast(operand=operand):
            return _vouched(operand)
        case tree.Place(base=tree.Context()):
            return True
        case tree.Place(base=base, steps=steps, user=False):
            return bool(steps) and bool(steps[0].parent.name) and _vouched(base)
        case _:
            return False


ROWS: dict[str, Function] = {
    "kaddr": Function(least=1, most=1, value=_kaddr),
    "percpu_kaddr": Function(least=1, most=2, value=_percpu_kaddr),
    "reg": Function(least=1, most=1, value=_reg),
    "bswap": Function(least=1, most=1, value=_bswap),
    "is_err": Function(least=1, most=1, value=_is_err),
    "cgroupid": Function(least=1, most=1, value=_cgroupid),
    "pton": Function(least=1, most=1, value=_pton),
    "container_of": Function(least=3, most=3, value=_container_of, types=True),
    "path": Function(least=1, most=2, value=_path_function),
    "socket_cookie": Function(least=1, most=1, value=_socket_cookie),
}
