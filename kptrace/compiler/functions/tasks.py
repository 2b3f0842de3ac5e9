# SPDX-License-Identifier: MIT
"""Names of processes: comm and comm(pid) (language §7).

comm(pid) finds the process in the kernel's own index of process ids, by plain reads of memory, so
its result is a string like any other: it can be compared, be a key, and names a process that is
gone before the tracer hears of it. The kernel has a function for that, bpf_task_from_pid, but not
for the programs of kprobes nor of begin and end blocks; and a name that the tracer looks up when
the event arrives comes too late for every short-lived process, which are those that people ask
about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kptrace import types
from kptrace.compiler import fold, object_pieces, tree
from kptrace.compiler.functions.row import Function, number
from kptrace.compiler.scope import Variable
from kptrace.lang import nodes as n
from kptrace.plan import EventKind
from kptrace.source import Span
from kptrace.types import INT64, UINT64

if TYPE_CHECKING:
    from kptrace.compiler.expressions import ExpressionChecker

NAME = types.String(64)
UNKNOWN = "N/A"

_INDEX = (
    ("task_struct", "thread_pid"),
    ("task_struct", "real_parent"),
    ("task_struct", "pid_links"),
    ("pid", "level"),
    ("pid", "tasks"),
    ("pid", "numbers"),
    ("upid", "nr"),
    ("upid", "ns"),
    ("pid_namespace", "ns", "inum"),
    ("pid_namespace", "idr", "idr_rt", "xa_head"),
    ("xa_node", "shift"),
    ("xa_node", "slots"),
)
"""What the way from a process id to its task leads through (kernel/pid.c, include/linux/xarray.h):
the members of ``struct process_index`` in `object_pieces`, in order."""


def _comm(check: ExpressionChecker, call: n.Call) -> tree.Expr:
    if not call.arguments:
        return check.builtin(call.span, "comm")
    wanted = number(check, call, 0)
    if wanted is None:
        return check.bad(call.span)
    if check.facts.kernel.btf is None:
        return check.no_btf(call.span, "the kernel's processes")
    span = call.span
    found = [_field(check, span, *path) for path in (*_INDEX, ("task_struct", "comm"))]
    *index, name = (one for one in found if one is not None)
    if len(index) != len(_INDEX):
        return check.bad(span)
    process, set_process = _kept(check, span, "process", INT64, wanted)
    namespace = check.facts.kernel.pid_namespace
    members = ", ".join(f"{{{place}}}" for place in range(1, len(_INDEX) + 1))
    slots = index[-1].type
    assert isinstance(slots, types.Array)
    lookup = tree.Inline(
        span=span,
        type=UINT64,
        c=f"task_of_process({{0}}, {namespace[1] if namespace else 0},"
        f" (struct process_index){{{{ {members}, {slots.count - 1} }}}})",
        operands=(process, *(tree.AddressOf(span=span, type=UINT64, place=one) for one in index)),
        pieces=("task_of_process",),
    )
    task, set_task = _kept(check, span, "task", UINT64, lookup)
    outside = fold.integer(span, object_pieces.OUTSIDE)
    warning = _warning(span, process, "No such process (pid=%lld)")
    if namespace:
        text = (
            "Process not found (pid=%lld): the current process is not in the pid namespace of"
            " kptrace"
        )
        warning = tree.If(
            span=span,
            condition=tree.Compare(
                span=span, type=types.BOOL, op="==", left=task, right=outside, signed=False
            ),
            then=(_warning(span, process, text),),
            otherwise=(warning,),
        )
    pinned = bool(check.unit.targets[0].pin)  # nobody hears a warning; the name tells it too
    missing = tree.BlockValue(
        span=span,
        type=NAME,
        body=() if pinned else (warning,),
        value=fold.string(span, UNKNOWN),
    )
    known = tree.Place(span=span, type=types.COMM, base=task, user=False, steps=name.steps)
    is_task: tree.Expr = task
    if namespace:
        is_task = tree.Compare(
            span=span, type=types.BOOL, op=">", left=task, right=outside, signed=False
        )
    chosen = tree.Ternary(span=span, type=NAME, condition=is_task, then=known, otherwise=missing)
    return tree.BlockValue(span=span, type=NAME, body=(set_process, set_task), value=chosen)


def _kept(
    check: ExpressionChecker, span: Span, name: str, kind: types.Int, value: tree.Expr
) -> tuple[tree.Var, tree.SetVar]:
    """A variable that no specification can name, and what sets it."""
    variable: Variable = check.scopes.declare(f"${name}#", span, kind)
    variable.assigned = True
    cast = tree.Cast(span=span, type=kind, operand=value)
    made = tree.SetVar(span=span, slot=variable.slot, type=kind, value=cast, declare=True)
    return tree.Var(span=span, type=kind, slot=variable.slot), made


def _warning(span: Span, process: tree.Expr, text: str) -> tree.Statement:
    kind = EventKind.WARNF.value
    return tree.Send(span=span, kind=kind, fields=(process,), text=text, excerpt=True)


def _field(check: ExpressionChecker, span: Span, struct: str, *names: str) -> tree.Place | None:
    """A field of a struct at address 0, whose address is its offset; says if there is none."""
    btf = check.facts.kernel.btf
    assert btf is not None
    kind = btf.type_named("struct", struct) or types.Struct("struct", struct, -1)
    nowhere = tree.Const(span=span, type=types.Pointer(kind), value=0)
    made: tree.Expr = tree.Place(span=span, type=kind, base=nowhere, user=False, steps=())
    for name in names:
        assert isinstance(made, tree.Place)
        assert isinstance(made.type, types.Struct)
        node = n.Name(span=span, name=struct)
        member = n.Member(span=span, operand=node, name=name, name_span=span)
        found = check.find_field(member, made.type)
        if found is None:
            return None
        made = check.place_field(span, made, made.type, found)
    return made if isinstance(made, tree.Place) else None


ROWS: dict[str, Function] = {"comm": Function(least=0, most=1, value=_comm, bare=True)}
