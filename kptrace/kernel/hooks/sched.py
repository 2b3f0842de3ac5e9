# SPDX-License-Identifier: MIT
"""Hooks of the scheduler: tasks by their `task_struct`.

Sources: `sched_switch` passes the old task's state since Linux 5.18 (fa2c3254d7cf);
`task_struct.state` is `__state` since 5.14 (2f064a59a11f). x86 keeps the preemption count in a
per-CPU variable, which was a member of `pcpu_hot` from 6.2 to 6.14; others keep it in the thread.
"""

from __future__ import annotations

from kptrace.kernel.hooks.model import Expressions, Hook, candidate

_TASK = {"task": "struct task_struct *", "pid": "uint32", "comm": "string"}


def _task(task: str) -> dict[str, Expressions]:
    return {"task": task, "pid": f"{task}.pid", "comm": f"{task}.comm"}


_IN_INTERRUPT = "0xfff100"
"""Of the preemption count: NMI, hard interrupt, softirq that is served (<linux/preempt.h>)."""


def _cgroup(task: str) -> str:
    return f"{task}.cgroups.dfl_cgrp.kn.id"


def _runnable(state: str) -> str:
    """As the kernel's own books see it: `prev_state` is from before a signal had its say."""
    return f"args.preempt || args.prev.{state} == 0"


HOOKS = (
    Hook(
        name="sched:wakeup",
        summary="a task becomes runnable: woken, or new",
        args=_TASK,
        candidates=(
            candidate(
                "rawtracepoint:sched_wakeup",
                "rawtracepoint:sched_wakeup_new",
                values=_task("args.p"),
            ),
            candidate(
                "kprobe:ttwu_do_activate",
                "kprobe:wake_up_new_task",
                note="misses a task that was still queued",
                values=_task("args.p"),
            ),
        ),
    ),
    Hook(
        name="sched:waking",
        summary="a task is about to be woken, in the waker's context; irq is 1 where that is an "
        "interrupt, 0 where it is the current task, -1 where this kernel does not tell",
        args={**_TASK, "irq": "int8"},
        candidates=(
            candidate(
                "rawtracepoint:sched_waking",
                values={
                    **_task("args.p"),
                    "irq": (
                        f'(*(int32 *)percpu_kaddr("__preempt_count") & {_IN_INTERRUPT}) != 0',
                        '(((struct pcpu_hot *)percpu_kaddr("pcpu_hot")).preempt_count'
                        f" & {_IN_INTERRUPT}) != 0",
                        f"(curtask.thread_info.preempt.count & {_IN_INTERRUPT}) != 0",
                        "-1",
                    ),
                },
            ),
        ),
    ),
    Hook(
        name="sched:switch",
        summary="a CPU goes from one task to another; runnable: the old one waits for a CPU again",
        args={
            "prev": "struct task_struct *",
            "next": "struct task_struct *",
            "preempt": "bool",
            "prev_state": "uint32",
            "runnable": "bool",
            "prev_cgroup": "uint64",
            "next_cgroup": "uint64",
        },
        candidates=(
            candidate(
                "rawtracepoint:sched_switch",
                prev="args.prev",
                next="args.next",
                preempt="args.preempt",
                prev_state=tuple(
                    f"args.preempt ? 0 : {state}"
                    for state in ("args.prev_state", "args.prev.__state", "args.prev.state")
                ),
                runnable=(_runnable("__state"), _runnable("state")),
                prev_cgroup=_cgroup("args.prev"),
                next_cgroup=_cgroup("args.next"),
            ),
        ),
    ),
    Hook(
        name="sched:migrate",
        summary="a task moves to another CPU",
        args={**_TASK, "from": "uint32", "to": "uint32"},
        candidates=(
            candidate(
                "rawtracepoint:sched_migrate_task",
                values={
                    **_task("args.p"),
                    # thread_info.cpu since 5.16 (bcf9033e5449)
                    "from": ("args.p.thread_info.cpu", "args.p.cpu"),
                    "to": "args.dest_cpu",
                },
            ),
        ),
    ),
    Hook(
        name="sched:fork",
        summary="a task is created",
        args={"parent": "struct task_struct *", "child": "struct task_struct *"},
        candidates=(
            candidate("rawtracepoint:sched_process_fork", parent="args.parent", child="args.child"),
        ),
    ),
    Hook(
        name="sched:exec",
        summary="a process runs another program",
        args={**_TASK, "filename": "string"},
        candidates=(
            candidate(
                "rawtracepoint:sched_process_exec",
                filename="str(args.bprm.filename)",
                values=_task("args.p"),
            ),
        ),
    ),
    Hook(
        name="sched:exit",
        summary="a task ends",
        args=_TASK,
        candidates=(candidate("rawtracepoint:sched_process_exit", values=_task("args.p")),),
    ),
)
