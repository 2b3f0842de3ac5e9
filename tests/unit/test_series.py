# SPDX-License-Identifier: MIT
"""Time series: merging over CPUs, which epochs are shown, the graph, the points."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator

import pytest

from kptrace import types
from kptrace.output.series import points, text_graph
from kptrace.series import Series, merge_slots, shown

Slot = tuple[int, int, int]


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def ring(*slots: Slot) -> bytes:
    """Value, meta and epoch of each slot; epoch -1 has no data."""
    return b"".join(struct.pack("<qQQ", value, meta, epoch + 1) for value, meta, epoch in slots)


NONE = (0, 0, -1)


@pytest.mark.parametrize(
    ("function", "merged"),
    [
        ("", {4: 9, 5: 1}),  # the update with the newest time
        ("avg", {4: -2, 5: 1}),  # (-20 + 9) / (3 + 2), truncated toward zero
        ("sum", {4: -11, 5: 1}),
        ("min", {4: -20, 5: 1}),
        ("max", {4: 9, 5: 1}),
    ],
)
def test_merge_takes_the_latest_epoch_of_each_slot(function: str, merged: dict[int, int]) -> None:
    kind = types.TSeries(100, 4, function, True)
    meta = (3, 2) if function == "avg" else (70, 80)
    one = ring((-20, meta[0], 4), (1, 1, 5), NONE, NONE)
    two = ring((9, meta[1], 4), (7, 1, 1), NONE, NONE)
    old = ring((5, 99, 0), NONE, NONE, NONE)
    assert merge_slots(kind, (one, two, old)) == merged
    assert merge_slots(kind, (old, two, one)) == merged


def test_unsigned() -> None:
    top = ring((-1, 1, 3))
    assert merge_slots(types.TSeries(1, 1, "max", False), (top, ring((5, 1, 3)))) == {3: 2**64 - 1}
    assert merge_slots(types.TSeries(1, 1, "sum", False), (top, ring((5, 1, 3)))) == {3: 4}


def test_epochs_that_are_shown() -> None:
    """Up to the map's latest one, from the first that has data for the key, at most count."""
    kind = types.TSeries(100, 4, "", True)
    assert shown(kind, {7: 1, 9: 3}, 10) == Series(interval=100, first=7, values=(1, None, 3, None))
    assert shown(kind, {6: 1, 9: 3}, 10) == Series(interval=100, first=9, values=(3, None))
    assert shown(kind, {3: 1}, 10) == Series(interval=100)
    assert shown(kind, {}, 0) == Series(interval=100)


MS = 10**6
NOON = 12 * 3600 * 10**9


def graph(values: tuple[int | None, ...], interval: int = 100 * MS, *, signed: bool = True) -> str:
    first = (NOON + 500 * MS) // interval
    kind = types.TSeries(interval, 10, "", signed)
    one = Series(interval=interval, first=first, values=values)
    return text_graph(kind, one, lambda ns: ns).decode()


def test_graph_of_the_language() -> None:
    """The example of section 10.7."""
    assert graph((9, None, 9)) == (
        "             8                                                  10\n"
        "hh:mm:ss.ms  |___________________________________________________|\n"
        "12:00:00.500 |                         *                         | 9\n"
        "12:00:00.600 |                                                   | -\n"
        "12:00:00.700 |                         *                         | 9\n"
        "             v___________________________________________________v\n"
        "             8                                                  10\n"
    )


def test_zero_column() -> None:
    lines = graph((-8, 4, -2)).splitlines()
    assert lines[2] == "12:00:00.500 *                                  .                | -8"
    assert lines[3] == "12:00:00.600 |                                  .                * 4"
    assert lines[4] == "12:00:00.700 |                         *        .                | -2"


@pytest.mark.parametrize(
    ("interval", "head", "clock"),
    [
        (10**9, b"hh:mm:ss |_", "12:00:00 "),
        (MS, b"hh:mm:ss.ms  |_", "12:00:00.500 "),
        (1000, "hh:mm:ss.μs    |_".encode(), "12:00:00.500000 "),
        (1, b"hh:mm:ss.ns        |_", "12:00:00.500000000 "),
    ],
)
def test_time_column(interval: int, head: bytes, clock: str) -> None:
    lines = graph((1, 2), interval).splitlines()
    assert lines[1].encode().startswith(head)
    assert lines[2].startswith(clock + "*")
    assert lines[0] == " " * len(clock) + "1" + " " * 51 + "2"


def test_one_epoch_has_no_interval() -> None:
    assert graph((5,), 10**9).splitlines()[1].startswith("hh:mm:ss.ns ")


def test_limits_stay_within_the_type() -> None:
    assert graph((0,), signed=False).splitlines()[0].split() == ["0", "1"]
    assert graph((2**63 - 1,)).splitlines()[0].split() == [str(2**63 - 2), str(2**63 - 1)]
    assert graph((None,)) == "<no data>\n"
    assert graph(()) == "<no data>\n"


def test_points() -> None:
    first = (NOON + 500 * MS) // (100 * MS)
    one = Series(interval=100 * MS, first=first, values=(9, None, 2**60 + 1))
    assert points(one, lambda ns: ns) == (
        b'[{"interval_start":"1970-01-01 12:00:00.500000000","value":9},'
        b'{"interval_start":"1970-01-01 12:00:00.700000000","value":"1152921504606846977"}]'
    )
    assert points(Series(interval=1), lambda ns: ns) == b"[]"


def test_an_average_of_nothing_yet() -> None:
    """What may be read while `zero()` and an update are at it."""
    kind = types.TSeries(signed=True, interval=10, count=1, function="avg")
    assert merge_slots(kind, [struct.pack("<3q", 5, 0, 8)]) == {7: 5}
