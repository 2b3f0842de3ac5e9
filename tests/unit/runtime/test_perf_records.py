# SPDX-License-Identifier: MIT
"""Ring bytes -> records."""

from __future__ import annotations

import struct

import pytest

from kptrace.runtime.perf_records import Decoder, RawRecord

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


def decode(data: bytes) -> tuple[list[RawRecord], int]:
    records: list[RawRecord] = []
    count = Decoder(SIZES).decode(memoryview(data), records)
    return records, count


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
