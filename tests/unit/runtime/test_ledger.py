# SPDX-License-Identifier: MIT
"""Counters -> ledger."""

from __future__ import annotations

from kptrace import types
from kptrace.aggregate import MapLoss, ProbeLoss
from kptrace.plan import Counter, CounterKind, Map, MapKind, Plan, ProbeKind, Program
from kptrace.runtime import ledger
from kptrace.runtime.ledger import Misses


def probe(name: str, label: str) -> Program:
    return Program(name=name, kind=ProbeKind.KPROBE, label=label, targets=())


PLAN = Plan(
    name="test",
    arch="",
    programs=(probe("a", "kprobe:f"), probe("b", "kprobe:g"), probe("c", "kprobe:g")),
    maps=(
        Map(
            name="@start",
            symbol="start",
            kind=MapKind.HASH,
            key=types.UINT32,
            value=types.UINT64,
            max_entries=4096,
        ),
    ),
    counters=(
        Counter(kind=CounterKind.HITS, subject="a"),
        Counter(kind=CounterKind.HITS, subject="b"),
        Counter(kind=CounterKind.HITS, subject="c"),
        Counter(kind=CounterKind.NESTING, subject="a"),
        Counter(kind=CounterKind.EVENTS),
        Counter(kind=CounterKind.MAP_FULL, subject="@start"),
        Counter(kind=CounterKind.STACKS),
    ),
)


def misses(missed: int | None, recursion: int | None) -> Misses:
    return Misses(missed=missed, recursion=recursion)


NOTHING = misses(0, 0)


def test_every_counter_has_its_place() -> None:
    found = ledger.build(
        PLAN,
        [100, 20, 3, 2, 12, 340, 1],
        lost_records=7,
        misses={"a": misses(7, 1), "b": NOTHING, "c": NOTHING},
    )
    assert (found.events, found.map_full, found.stacks) == (12, 340, 1)
    assert (found.probe_misses, found.recursion_misses) == (7, 3)
    assert found.probes == (
        ProbeLoss(label="kprobe:f", hits=100, missed=7, recursion=3),
        ProbeLoss(label="kprobe:g", hits=23, missed=0, recursion=0),
    )
    assert found.maps == (MapLoss(name="@start", dropped=340, max_entries=4096),)


def test_unknown_stays_unknown_but_does_not_hide_a_loss() -> None:
    silent = [1, 1, 1, 0, 0, 0, 0]
    unknown = misses(None, None)
    found = ledger.build(PLAN, silent, 0, {"a": unknown, "b": NOTHING, "c": NOTHING})
    assert (found.probe_misses, found.recursion_misses) == (None, None)
    found = ledger.build(PLAN, silent, 0, {"a": unknown, "b": misses(2, 0), "c": unknown})
    assert (found.probe_misses, found.recursion_misses) == (2, None)
    assert found.probes[1].missed == 2


def test_nesting_shows_where_the_kernel_does_not_count_recursion() -> None:
    counters = [1, 1, 1, 5, 0, 0, 0]
    found = ledger.build(PLAN, counters, 0, {"a": misses(0, None), "b": NOTHING, "c": NOTHING})
    assert found.probes[0].recursion == 5


def test_rings_tell_losses_that_no_program_counted() -> None:
    found = ledger.build(PLAN, [0] * 7, 9, {"a": NOTHING, "b": NOTHING, "c": NOTHING})
    assert found.events == 9
    assert found.maps == ()
