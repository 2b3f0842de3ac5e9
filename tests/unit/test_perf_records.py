# SPDX-License-Identifier: MIT
"""Ring bytes -> records."""

from __future__ import annotations

import struct
from itertools import chain

import pytest

from kptrace.perf_records import (
    NOTHING_NEWER,
    Decoder,
    RawRecord,
    Records,
    Rings,
    Run,
    in_order,
    pieces,
    until,
)

SIZES = {1: 16, 2: 28, 3: 32, 4: 400}


def payload(time: int, event: int) -> bytes:
    body = bytes((event + place) % 251 for place in range(SIZES[event] - 16))
    return struct.pack("<QII", time, event, 0) + body


def sample(time: int, event: int) -> bytes:
    """A record as the kernel writes it: raw size includes the padding to 8 bytes."""
    data = payload(time, event)
    size = -(-(len(data) + 12) // 8) * 8
    return struct.pack("<IHHI", 9, 0, size, size - 12) + data.ljust(size - 12, b"\0")


def lost(count: int) -> bytes:
    return struct.pack("<IHHQQ", 2, 0, 24, 77, count)


def parts_of(data: bytes) -> tuple[list[Records], int]:
    parts: list[Records] = []
    count = Decoder(SIZES).decode(memoryview(data), parts)
    return parts, count


def one_by_one(records: Records) -> list[RawRecord]:
    return records.records() if isinstance(records, Run) else records


def decode(data: bytes) -> tuple[list[RawRecord], int]:
    """In the order of the ring."""
    parts, count = parts_of(data)
    return [record for part in parts for record in one_by_one(part)], count


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1000])
@pytest.mark.parametrize("order", [(2,), (1, 4)])
def test_pieces_are_the_whole(order: tuple[int, ...], count: int) -> None:
    events = [order[number % len(order)] for number in range(count)]
    data = b"".join(sample(time, event) for time, event in enumerate(events))
    whole = in_order(parts_of(data)[0])
    cut = [one_by_one(one) for one in pieces(whole, 500) if not isinstance(one, Rings)]
    assert list(chain.from_iterable(cut)) == one_by_one(whole)
    assert [len(one) for one in cut[:-1]] == [500] * len(cut[:-1])
    assert all(0 < len(one) <= 500 for one in cut)


def test_rings_are_one_piece() -> None:
    rings = Rings(horizon=NOTHING_NEWER, chunks=[])  # the horizon alone says something
    assert list(pieces(rings, 500)) == [rings]


@pytest.mark.parametrize("count", [1, 2, 4, 5, 6, 21, 1000])
@pytest.mark.parametrize("event", SIZES)
def test_run_of_equal_records(event: int, count: int) -> None:
    data = b"".join(sample(time, event) for time in range(count))
    expected = [(time, event, payload(time, event)) for time in range(count)]
    assert decode(data) == (expected, 0)


@pytest.mark.parametrize(
    "order", [(1, 4), (1, 1, 4), (2, 3), (2, 2, 3, 3), (4, 1, 1, 1, 1, 1, 2), (3, 1, 2, 4)]
)
def test_mixed_records(order: tuple[int, ...]) -> None:
    events = [event for _ in range(9) for event in order]
    data = b"".join(sample(time, event) for time, event in enumerate(events))
    expected = [(time, event, payload(time, event)) for time, event in enumerate(events)]
    assert decode(data) == (expected, 0)


def test_lost_records_are_counted_and_skipped() -> None:
    data = sample(1, 1) + lost(5) + sample(2, 1) + sample(3, 1) + lost(7)
    records, count = decode(data)
    assert [time for time, _, _ in records] == [1, 2, 3]
    assert count == 12


def test_payload_that_looks_like_a_header_does_not_extend_a_run() -> None:
    header = sample(0, 4)[:8]
    trap = bytearray(sample(3, 3))
    trap[16:] = (header * 9)[: len(trap) - 16]
    data = sample(1, 4) + sample(2, 4) + bytes(trap) + sample(4, 4)
    records, _ = decode(data)
    assert [(time, event) for time, event, _ in records][:2] == [(1, 4), (2, 4)]
    assert len(records) == 4


def test_unknown_event_keeps_its_padding() -> None:
    data = struct.pack("<IHHI", 9, 0, 32, 20) + struct.pack("<QII", 5, 99, 0) + bytes(4)
    assert decode(data)[0] == [(5, 99, struct.pack("<QII", 5, 99, 0) + bytes(4))]


def run(event: int, times: list[int]) -> bytes:
    return b"".join(sample(time, event) for time in times)


def expected(event: int, times: list[int]) -> list[RawRecord]:
    return [(time, event, payload(time, event)) for time in times]


def test_nothing_but_one_event_is_a_run() -> None:
    records = in_order(parts_of(run(2, list(range(1000))))[0])
    assert isinstance(records, Run)
    assert len(records) == 1000
    assert one_by_one(records) == expected(2, list(range(1000)))
    assert one_by_one(records[7:20]) == expected(2, list(range(7, 20)))
    assert one_by_one(records[990:2000]) == expected(2, list(range(990, 1000)))
    assert not records[1000:]
    assert [until(records, horizon) for horizon in (-1, 0, 500, 2000)] == [0, 1, 501, 1000]


def test_runs_of_several_rings_are_merged_by_time() -> None:
    rings = [list(range(0, 900, 3)), list(range(1, 900, 3)), list(range(900, 1000))]
    times = sorted(chain.from_iterable(rings))
    records = in_order([part for ring in rings for part in parts_of(run(3, ring))[0]])
    assert isinstance(records, Run)
    assert one_by_one(records) == expected(3, times)


def test_an_interrupt_writes_before_what_it_interrupted() -> None:
    times = [*range(50), 52, 51, 50, *range(53, 100)]
    assert one_by_one(in_order(parts_of(run(1, times))[0])) == expected(1, list(range(100)))


def test_other_events_among_a_run() -> None:
    data = run(2, list(range(100))) + sample(100, 4) + run(2, list(range(101, 200)))
    records = in_order(parts_of(data)[0])
    assert isinstance(records, list)
    assert [time for time, _, _ in records] == list(range(200))
    assert records[100] == (100, 4, payload(100, 4))
    assert until(records, 100) == 101


def test_events_of_one_size_are_told_apart() -> None:
    """A join has any size, also that of another event, and is not cut to that one's payload."""
    other = bytearray(sample(5, 2))
    other[20:24] = struct.pack("<I", 99)
    records = decode(run(2, list(range(40))) + bytes(other) + run(2, list(range(41, 80))))[0]
    assert [event for _, event, _ in records] == [2] * 40 + [99] + [2] * 39


def test_nothing() -> None:
    assert in_order([]) == []
