# SPDX-License-Identifier: MIT
"""Merging is exact, and the same in any order and grouping."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kptrace import types
from kptrace.aggregate import HistogramState, merge
from kptrace.capture import content, states
from kptrace.capture.content import Purpose
from kptrace.entries import Entries
from kptrace.plan import Map, MapKind
from kptrace.series import SeriesState, merge_slots, state_of

SIMPLE = (
    types.Count(),
    types.Sum(True),
    types.Sum(False),
    types.Min(True),
    types.Max(False),
    types.Min(False),
    types.Max(True),
    types.Avg(True),
    types.Stats(False),
)
HISTOGRAMS = (types.Hist(2, 0), types.Hist(5, 5), types.Hist(0, 0), types.LHist(-10, 90, 10))
SERIES = tuple(types.TSeries(10, 4, name, True) for name in ("", "avg", "sum", "min", "max"))
KINDS = (*SIMPLE, *HISTOGRAMS, *SERIES)

SMALL = st.integers(0, 1 << 40)
Cpu = list[tuple[int, int]]
"""Updates of one CPU: number and time."""
CPUS = st.lists(st.lists(st.tuples(SMALL, st.integers(0, 200)), max_size=5), min_size=1, max_size=3)


def words(kind: Any, updates: Cpu) -> bytes:
    """The state of one CPU, as a program leaves it."""
    numbers = [number for number, _ in updates]
    match kind:
        case types.Count():
            return struct.pack("<q", len(numbers))
        case types.Min():
            return struct.pack("<QQ", min(numbers, default=0), len(numbers))
        case types.Max():
            return struct.pack("<QQ", max(numbers, default=0), len(numbers))
        case types.Hist() | types.LHist():
            histogram = HistogramState(kind)
            for number in numbers:
                histogram.add(number)
            return histogram.pack()
        case types.TSeries():
            series = SeriesState(kind)
            for number, now in sorted(updates, key=lambda one: one[1]):
                series.add(number, now)
            return series.pack()
        case _:
            return struct.pack("<QQ", sum(numbers), len(numbers))


def make_map(kind: Any) -> Map:
    return Map(
        name="@m",
        symbol="map_m",
        kind=MapKind.PERCPU_HASH,
        key=types.INT64,
        value=kind,
        max_entries=10,
    )


def entries(kind: Any, cpus: list[Cpu]) -> Entries:
    copies = [words(kind, updates) for updates in cpus]
    return Entries(count=1, keys=bytes(8), values=b"".join(copies), copies=len(copies))


def state(kind: Any, cpus: list[Cpu]) -> Any:
    """The state of one host, by way of a file."""
    map_ = make_map(kind)
    (body,) = content.pack_map(0, map_, entries(kind, cpus), Purpose.FINAL, zeroed=False)
    if isinstance(kind, types.Hist | types.LHist):
        ((_, kept),) = content.map_words(body, [map_])
        return states.from_words(kind, kept)
    (part,) = content.map_entries(body, [map_])
    (found,) = states.from_entries(kind, part)
    return found


@pytest.mark.parametrize("kind", KINDS, ids=repr)
@given(CPUS)
def test_one_host_is_what_it_was(kind: Any, cpus: list[Cpu]) -> None:
    assert states.values(kind, [state(kind, cpus)]) == list(merge(kind, entries(kind, cpus)))


@pytest.mark.parametrize("kind", KINDS, ids=repr)
@given(CPUS, CPUS)
def test_hosts_add_up_as_if_they_were_cpus_of_one(
    kind: Any, left: list[Cpu], right: list[Cpu]
) -> None:
    both = states.add(kind, state(kind, left), state(kind, right))
    assert states.values(kind, [both]) == list(merge(kind, entries(kind, left + right)))


@pytest.mark.parametrize("kind", KINDS, ids=repr)
@given(CPUS, CPUS, CPUS)
def test_order_and_grouping_do_not_matter(
    kind: Any, left: list[Cpu], middle: list[Cpu], right: list[Cpu]
) -> None:
    one, two, three = (state(kind, cpus) for cpus in (left, middle, right))
    add = states.add
    assert add(kind, one, two) == add(kind, two, one)
    assert add(kind, add(kind, one, two), three) == add(kind, one, add(kind, two, three))


@pytest.mark.parametrize("kind", KINDS, ids=repr)
@given(CPUS)
def test_a_state_survives_a_file(kind: Any, cpus: list[Cpu]) -> None:
    found = state(kind, cpus)
    document = json.loads(json.dumps(states.to_document(kind, found)))
    again = states.from_document(kind, document)
    assert again == found


@pytest.mark.parametrize("kind", SERIES, ids=repr)
@given(CPUS)
def test_a_series_has_the_slots_of_its_rings(kind: types.TSeries, cpus: list[Cpu]) -> None:
    copies = [words(kind, updates) for updates in cpus]
    merged = merge_slots(kind, copies)
    latest = max(merged, default=0)
    known = {epoch for epoch in merged if epoch > latest - kind.count}
    assert set(state_of(kind, copies)) == known


def test_a_sum_of_hosts_has_no_limit() -> None:
    most = struct.pack("<QQ", (1 << 64) - 1, 1)
    kind = types.Sum(False)
    (one,) = states.from_entries(kind, Entries(count=1, keys=bytes(8), values=most))
    total = one
    for _ in range(9):
        total = states.add(kind, total, one)
    assert states.values(kind, [total]) == [10 * ((1 << 64) - 1)]


def test_a_bucket_does_not_run_over() -> None:
    kind = types.Hist(0, 0)
    full = (1, 0, 0, 0, (1 << 63) - 1)
    with pytest.raises(OverflowError, match="2\\^63"):
        states.add(kind, full, (1, 0, 0, 0, 1))
    beside = states.add(kind, full, (1, 0, 0, 0, 1 << 64))
    assert states.to_document(kind, beside)[4:] == [0, (1 << 63) - 1, 1]


def test_a_series_by_another_clock() -> None:
    kind = types.TSeries(10, 4, "sum", True)
    assert states.later(kind, {3: (5, 31)}, 20) == {5: (5, 31)}
    last = types.TSeries(10, 4, "", True)
    assert states.later(last, {3: (5, 31)}, 20) == {5: (5, 51)}


@pytest.mark.parametrize("epoch", [-1, 1 << 63, 1 << 255])
def test_a_time_that_no_clock_shows_is_refused(epoch: int) -> None:
    kind = types.TSeries(10**9, 5, "avg", True)
    with pytest.raises(ValueError, match="of the interval"):
        states.from_document(kind, [[epoch, 1, 1]])
