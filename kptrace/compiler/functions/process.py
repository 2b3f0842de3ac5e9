# SPDX-License-Identifier: MIT
"""Built-in values with rules of their own: process, clock, probe and context (language §7).

Those that are only a C expression have a row in `builtins` instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kptrace import types
from kptrace.compiler import arch, fold, tree
from kptrace.compiler.builtins import BUILTINS
from kptrace.compiler.functions.row import Function, ValueRule, expression
from kptrace.compiler.scope import FEATURE
from kptrace.errors import did_you_mean
from kptrace.kernel import Kernel
from kptrace.lang import nodes as n
from kptrace.plan import TIMER_KINDS, TRACER_KINDS, ProbeKind
from kptrace.source import Span
from kptrace.types import UINT8, UINT32, UINT64

if TYPE_CHECKING:
    from kptrace.compiler.expressions import ExpressionChecker

REGISTERS = frozenset({ProbeKind.KPROBE, ProbeKind.KRETPROBE})
"""Probes whose context is the struct pt_regs of the interrupted code."""


def _mode(check: ExpressionChecker, call: n.Call, known: tuple[str, ...], wrong: str) -> str | None:
    """The word in ``pid(init)`` or ``nsecs(boot)``; "" without one, None when it is unknown."""
    if not call.arguments:
        return ""
    node = expression(call, 0)
    name = node.name if isinstance(node, n.Name) else node.span.text
    if name in known:
        return name
    hints = did_you_mean(name, known)
    check.report.error(node.span, wrong.format(name), code="call", hints=hints)
    return None


def _id(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    """pid and tid: in the tracer's pid namespace unless the initial one is asked for."""
    wrong = "Invalid PID namespace mode: {} (expects: curr_ns or init)"
    mode = _mode(check, call, ("curr_ns", "init"), wrong)
    if mode is None:
        return check.bad(call.span)
    namespace = check.facts.kernel.pid_namespace
    if mode == "init" or namespace is None:
        return check.builtin(call.span, call.name)
    text = current_process(check.facts.kernel)[call.name == "tid"]
    return tree.Inline(span=call.span, type=UINT32, c=text, pieces=("ns_pid_tgid",))


def current_process(kernel: Kernel) -> tuple[str, str]:
    """The C of the current process's and thread's id, in the tracer's pid namespace."""
    if kernel.pid_namespace is None:
        return BUILTINS["pid"].c, BUILTINS["tid"].c
    device, inode = kernel.pid_namespace
    ids = f"ns_pid_tgid({device}, {inode})"
    return f"(__u32)({ids} >> 32)", f"(__u32)({ids})"


_CLOCKS = {
    "monotonic": ("bpf_ktime_get_ns()", ()),
    "boot": ("bpf_ktime_get_boot_ns()", ()),
    "tai": ("bpf_ktime_get_tai_ns()", ()),
    "sw_tai": ("(bpf_ktime_get_boot_ns() + tai_offset_get())", ("tai_offset_get",)),
}


def _nsecs(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    mode = _mode(check, call, tuple(_CLOCKS), "Invalid timestamp mode: {}")
    if mode is None:
        return check.bad(call.span)
    mode = mode or "boot"
    if mode == "tai" and not check.facts.has("tai"):
        message = "Kernel does not support tai timestamp, please try sw_tai"
        check.report.error(call.span, message, code=FEATURE)
        return check.bad(call.span)
    return clock(call.span, mode)


def clock(span: Span, mode: str) -> tree.Expr:
    """A reading of a clock, by its mode in ``nsecs(mode)``."""
    c, pieces = _CLOCKS[mode]
    kind = types.Int(8, False, clock=mode.removeprefix("sw_"))
    return tree.Inline(span=span, type=kind, c=c, pieces=pieces)


def _task_field(*path: str) -> ValueRule:
    """Fields of a task, the current one if none is given, by the types of BTF."""

    def rule(check: ExpressionChecker, call: n.Call) -> tree.Expr:
        node: n.Expr = n.Name(span=call.span, name="curtask")
        if call.arguments:
            node = expression(call, 0)
        for name in path:
            node = n.Member(span=call.span, operand=node, name=name, name_span=call.span)
        return check.value(node)

    return rule


def _ncpus(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    count = check.facts.kernel.possible_cpus
    if count is None:
        message = "the number of possible CPUs is not known on this host"
        check.report.error(call.span, message, code=FEATURE)
        return check.bad(call.span)
    return tree.Const(span=call.span, type=UINT64, value=count)


def _usermode(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    machine = check.facts.kernel.arch
    if machine != "x86_64":
        message = "'usermode' builtin is only supported on x86_64"
        check.report.error(call.span, message, code="arch")
        return check.bad(call.span)
    kind = check.unit.kind
    if kind not in REGISTERS | TIMER_KINDS:
        return tree.Const(span=call.span, type=UINT8, value=int(kind in TRACER_KINDS))
    # the lowest two bits of cs are the privilege level; 3 is user code
    index = arch.of(machine).registers["cs"]
    return tree.Inline(span=call.span, type=UINT8, c=f"((((__u64 *)ctx)[{index}] & 3) == 3)")


def _ctx(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    kind = check.unit.kind
    if kind in REGISTERS:
        name = "pt_regs"
    elif kind in TIMER_KINDS:
        name = "bpf_perf_event_data"
    elif kind is ProbeKind.ITER:
        name = f"bpf_iter__{check.unit.targets[0].name}"
    else:
        message = f"The ctx builtin can not be used with '{kind.value}' probes"
        if kind is ProbeKind.TRACEPOINT:
            message = "Use args instead of ctx in tracepoint"
        check.report.error(call.span, message, code="probe")
        return check.bad(call.span)
    btf = check.facts.kernel.btf
    found = btf.type_named("struct", name) if btf is not None else None
    target = found if isinstance(found, types.Struct) else types.Struct("struct", name, -1)
    return tree.Context(span=call.span, type=types.Pointer(target))


def _cpid(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    pid = check.facts.cpid
    value = tree.Const(span=call.span, type=UINT64, value=pid or 0)
    if pid is not None:
        return value
    message = "No child command (`-c`); cpid is zero"
    return tree.Warned(span=call.span, type=UINT64, value=value, text=message)


def _has_cpid(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    return tree.Const(span=call.span, type=types.BOOL, value=int(check.facts.cpid is not None))


_PROBE_TYPES = {
    ProbeKind.BEGIN: "special",
    ProbeKind.END: "special",
    ProbeKind.SELF: "special",
    ProbeKind.BENCH: "benchmark",
}


def _probetype(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    kind = check.unit.kind
    return fold.string(call.span, _PROBE_TYPES.get(kind, kind.value))


def _value(rule: ValueRule, arguments: int = 0) -> Function:
    return Function(least=0, most=arguments, value=rule, bare=True)


ROWS: dict[str, Function] = {
    "pid": _value(_id, 1),
    "tid": _value(_id, 1),
    "nsecs": _value(_nsecs, 1),
    "ppid": _value(_task_field("real_parent", "tgid"), 1),
    "pcomm": _value(_task_field("real_parent", "comm"), 1),
    "leader_tid": _value(_task_field("group_leader", "pid"), 1),
    "leader_comm": _value(_task_field("group_leader", "comm"), 1),
    "ncpus": _value(_ncpus),
    "usermode": _value(_usermode),
    "ctx": _value(_ctx),
    "probetype": _value(_probetype),
    "cpid": _value(_cpid),
    "has_cpid": _value(_has_cpid),
}
