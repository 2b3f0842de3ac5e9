# SPDX-License-Identifier: MIT
"""Everything that counts a loss -> one ledger (language §16.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kptrace.aggregate import Ledger, MapLoss, ProbeLoss, add_counts
from kptrace.plan import (
    TIMER_KINDS,
    TRACER_KINDS,
    TRAMPOLINE_KINDS,
    CounterKind,
    Plan,
    ProbeKind,
    Program,
)
from kptrace.records import dataclass
from kptrace.runtime import bpf, features


@dataclass(frozen=True, slots=True, kw_only=True)
class Misses:
    """What the kernel counted against one program; None where it does not tell."""

    missed: int | None
    recursion: int | None


def read_misses(
    plan: Plan, programs: Mapping[str, int], missed: Callable[[Program], int | None]
) -> dict[str, Misses]:
    """Ask the kernel; to be called before detaching, because the links hold the counters.

    ``programs``: file descriptors by name; ``missed`` is `Attachments.missed`.
    """
    found: dict[str, Misses] = {}
    for program in plan.programs:
        if program.session and program.kind is ProbeKind.KRETPROBE:
            # the link and the program of the entry count both sides
            found[program.name] = Misses(missed=0, recursion=0)
            continue
        if program.kind in TRACER_KINDS or program.name not in programs:
            continue
        recursion = bpf.recursion_misses(programs[program.name])
        if not recursion and not _counts_recursion(program.kind):
            recursion = None
        found[program.name] = Misses(missed=missed(program), recursion=recursion)
    return found


def _counts_recursion(kind: ProbeKind) -> bool:
    """Whether a program's recursion counter moves at all.

    kprobe and tracepoint programs of one CPU share one guard. What it refuses is counted since
    6.7 (dd8657894c11), the release that brought miss counters to links; for timers it never is.
    Raw tracepoint and tracing programs have a guard and a counter of their own.
    """
    if kind in TIMER_KINDS:
        return False
    if kind in TRAMPOLINE_KINDS or kind in (ProbeKind.RAWTRACEPOINT, ProbeKind.ITER):
        return True
    return bool(features.has("miss_count"))


def build(
    plan: Plan, counters: list[int], lost_records: int, misses: Mapping[str, Misses]
) -> Ledger:
    """The ledger of one run.

    ``counters``: the slots of the ``ledger`` map; ``lost_records``: what the rings report, which
    is also in the programs' own count unless the specification sends no events.
    """
    totals = {kind: 0 for kind in CounterKind}
    by_subject: dict[tuple[CounterKind, str], int] = {}
    for counter, value in zip(plan.counters, counters, strict=True):
        totals[counter.kind] += value
        by_subject[counter.kind, counter.subject] = value
    probes: dict[str, ProbeLoss] = {}
    for program in plan.programs:
        if program.name in misses:
            refused = by_subject.get((CounterKind.NESTING, program.name), 0)
            own = misses[program.name]
            loss = ProbeLoss(
                label=program.label,
                hits=by_subject.get((CounterKind.HITS, program.name), 0),
                missed=own.missed,
                recursion=refused or None if own.recursion is None else own.recursion + refused,
            )
            probes[program.label] = _join(probes.get(program.label), loss)
    return Ledger(
        events=max(totals[CounterKind.EVENTS], lost_records),
        map_full=totals[CounterKind.MAP_FULL],
        probe_misses=add_counts(loss.missed for loss in probes.values()),
        recursion_misses=add_counts(loss.recursion for loss in probes.values()),
        stacks=totals[CounterKind.STACKS],
        probes=tuple(probes.values()),
        maps=tuple(
            MapLoss(name=one.name, dropped=dropped, max_entries=one.max_entries)
            for one in plan.maps
            if (dropped := by_subject.get((CounterKind.MAP_FULL, one.name), 0))
        ),
    )


def _join(known: ProbeLoss | None, loss: ProbeLoss) -> ProbeLoss:
    """One line per label: a block with several attach points may be several programs."""
    if known is None:
        return loss
    return ProbeLoss(
        label=loss.label,
        hits=known.hits + loss.hits,
        missed=add_counts((known.missed, loss.missed)),
        recursion=add_counts((known.recursion, loss.recursion)),
    )
