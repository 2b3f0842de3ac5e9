# SPDX-License-Identifier: MIT
"""How each program will attach; decided before loading, because kprobe.multi changes the load."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from kptrace.errors import HostError
from kptrace.plan import TRACER_KINDS, Plan, ProbeKind, Program
from kptrace.runtime import features

FUNCTION_KINDS = frozenset({ProbeKind.KPROBE, ProbeKind.KRETPROBE})


class Mechanism(str, Enum):
    """What stands between a program and the kernel; the value is how listings call it."""

    MULTI = "kprobe.multi"
    SESSION = "kprobe.session"  # entry and return by one link
    LINK = "perf link"
    IOCTL = "perf ioctl"  # no miss counter
    TRACEFS = "tracefs"  # the only one that outlives its process
    RAW_TRACEPOINT = "raw tracepoint"
    TRUSTED_TRACEPOINT = "raw tracepoint by BTF"
    TRAMPOLINE = "trampoline"  # fentry and fexit
    ITERATOR = "iterator"
    TEST_RUN = "test run"


TARGETED = frozenset({Mechanism.TRAMPOLINE, Mechanism.TRUSTED_TRACEPOINT, Mechanism.ITERATOR})
"""The kernel wants to know at load time what the program is for."""

WANTED = ("auto", "kprobe", "multi", "tracefs")
"""What a user can ask for; all but auto concern kprobes and kretprobes only."""

Has = Callable[[str], "bool | None"]


def choose(plan: Plan, has: Has = features.has, wanted: str = "auto") -> dict[str, Mechanism]:
    """A mechanism for every program, by its name.

    ``has`` answers for kernel features (tests pass their own) and is asked only for those that
    the plan can use. HostError when ``wanted`` names a mechanism that this kernel refuses.
    """
    multi = _multi_programs(plan, has, wanted)
    chosen: dict[str, Mechanism] = {}
    for program in plan.programs:
        match program.kind:
            case kind if kind in TRACER_KINDS:
                chosen[program.name] = Mechanism.TEST_RUN
            case ProbeKind.RAWTRACEPOINT if program.trusted:
                chosen[program.name] = Mechanism.TRUSTED_TRACEPOINT
            case ProbeKind.RAWTRACEPOINT:
                chosen[program.name] = Mechanism.RAW_TRACEPOINT
            case ProbeKind.ITER:
                chosen[program.name] = Mechanism.ITERATOR
            case ProbeKind.FENTRY | ProbeKind.FEXIT:
                chosen[program.name] = Mechanism.TRAMPOLINE
            case ProbeKind.KPROBE | ProbeKind.KRETPROBE if program.session:
                chosen[program.name] = Mechanism.SESSION
            case ProbeKind.KPROBE | ProbeKind.KRETPROBE if program.name in multi:
                chosen[program.name] = Mechanism.MULTI
            case ProbeKind.KPROBE | ProbeKind.KRETPROBE if (
                wanted == "tracefs" or has("kprobe") is False
            ):
                chosen[program.name] = Mechanism.TRACEFS
            case _:
                chosen[program.name] = Mechanism.LINK if has("perf_link") else Mechanism.IOCTL
    return chosen


def reason(
    plan: Plan, program: Program, chosen: Mechanism, has: Has = features.has, wanted: str = "auto"
) -> str:
    """Why a program attaches as `choose` said; "" where its kind knows no other way."""
    match chosen:
        case Mechanism.SESSION:
            return "one link for entry and return"
        case Mechanism.IOCTL:
            return "this kernel has no perf links"
        case _ if program.kind not in FUNCTION_KINDS:
            return ""
        case _ if wanted != "auto" and chosen is _ASKED.get(wanted):
            return f"--attach {wanted}"
        case Mechanism.MULTI if len(program.targets) > 1:
            return "one link for all functions"
        case Mechanism.MULTI:
            return "another block on one of its functions needs it, and source order both"
        case Mechanism.TRACEFS:
            return "this kernel refuses kprobes as perf events"
        case _ if len(program.targets) > 1 and not _can_be_multi(program):
            return "kprobe.multi takes plain function names only"
        case _ if len(program.targets) > 1:
            return "this kernel has no kprobe.multi"
        case _ if _has_other_side(plan, program) and not has("kprobe_session"):
            return "this kernel has no kprobe.session"
    return "one function"


_ASKED = {"multi": Mechanism.MULTI, "tracefs": Mechanism.TRACEFS, "kprobe": Mechanism.LINK}


def _has_other_side(plan: Plan, program: Program) -> bool:
    """Whether another program is on the other side of the same functions."""
    names = [target.name for target in program.targets]
    return any(
        one.kind in FUNCTION_KINDS - {program.kind}
        and [target.name for target in one.targets] == names
        for one in plan.programs
    )


def _multi_programs(plan: Plan, has: Has, wanted: str) -> set[str]:
    able = [program for program in plan.programs if _can_be_multi(program)]
    if wanted == "multi":
        if able and not has("kprobe_multi"):
            raise HostError(
                "this kernel has no kprobe.multi (Linux 5.18 and later with CONFIG_FPROBE)",
                hint="use --attach auto",
                code="no-kprobe-multi",
            )
        return {program.name for program in able}
    if wanted != "auto":
        return set()
    many = {program.name for program in able if program.multi and len(program.targets) > 1}
    if not many or not has("kprobe_multi"):
        return set()
    return _neighbours(able, many)


def _neighbours(able: list[Program], many: set[str]) -> set[str]:
    """``many``, and the programs that share a function with one of them, or with such a one.

    Blocks on one event run in source order, which only one mechanism for all of them can give.
    """
    found = set(many)
    while True:
        shared = {
            (program.kind, target.name)
            for program in able
            if program.name in found
            for target in program.targets
        }
        more = {
            program.name
            for program in able
            if any((program.kind, target.name) in shared for target in program.targets)
        }
        if more == found:
            return found
        found = more


def _can_be_multi(program: Program) -> bool:
    """kprobe.multi takes functions at their entry; ``module:name`` only in new kernels."""
    return (
        program.kind in FUNCTION_KINDS
        and not program.session
        and all(one.name and not one.offset and not one.group for one in program.targets)
    )
