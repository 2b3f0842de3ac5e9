# SPDX-License-Identifier: MIT
"""Bytes of a perf ring -> records, whole runs of equal-sized ones at a time. Pure.

A record is struct perf_event_header {u32 type, u16 misc, u16 size}; a sample then has its u32 raw
size and the payload, which begins with the plan's event header {u64 time, u32 id, u32 unused}.
The kernel pads records to 8 bytes and counts the padding as payload.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from itertools import chain
from typing import TypeAlias

from kptrace.records import dataclass

RawRecord: TypeAlias = tuple[int, int, bytes]
"""Time (CLOCK_MONOTONIC ns), event id, and the payload including its 16-byte event header."""

PAYLOAD = 12
"""Where the payload of a sample begins: behind the record's header and the raw size."""

_RECORD_LOST = 2
_RECORD_SAMPLE = 9
_ID = (PAYLOAD + 8) // 4  # the place of the event id among the words of 32 bits
_LONG = 16  # records; fewer are not worth their own run
_SAMPLE = struct.Struct(f"={PAYLOAD}xQI")  # time, event id
_LOST = struct.Struct("=8x8xQ")  # record header, the event's own id, number of lost records


@dataclass(frozen=True, slots=True)
class Run:
    """Samples of one event as they lie in the ring, ``size`` bytes each, with their times.

    ``payload``: bytes of a payload without the padding.
    """

    event: int
    size: int
    payload: int
    times: list[int]
    data: memoryview

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, part: slice) -> Run:
        """Some records of the run, without a step."""
        first, end, _ = part.indices(len(self))
        data = self.data[first * self.size : end * self.size]
        return Run(self.event, self.size, self.payload, self.times[part], data)

    def records(self) -> list[RawRecord]:
        """The same, one by one."""
        layout = _payloads(self.size, self.payload)
        pairs = zip(self.times, layout.iter_unpack(self.data), strict=True)
        return [(time, self.event, payload) for time, (payload,) in pairs]


Records: TypeAlias = Run | list[RawRecord]
"""A run where there is nothing but one event, which is much cheaper to handle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rings:
    """What rings held, as it is: whole records, those of each ring in order.

    Records newer than ``horizon`` (CLOCK_MONOTONIC ns) may have older ones that are not here yet.
    """

    horizon: int
    chunks: list[bytes]


Received: TypeAlias = Records | Rings
"""Events, decoded or not."""

NOTHING_NEWER = (1 << 64) - 1
"""The horizon of rings from which nothing more is to come that is older."""


def in_order(parts: Sequence[Records]) -> Records:
    """All records of several rings in order of time."""
    runs = [part for part in parts if isinstance(part, Run)]
    if runs and len(runs) == len(parts) and len({run.event for run in runs}) == 1:
        return _in_order(runs)
    records: list[RawRecord] = []
    for part in parts:
        records += part.records() if isinstance(part, Run) else part
    records.sort(key=_time)
    return records


def until(records: Records, horizon: int) -> int:
    """How many records are not newer than a time."""
    if isinstance(records, Run):
        return bisect_right(records.times, horizon)
    return bisect_right(records, horizon, key=_time)


def latest(records: Records) -> int:
    """The time of the last of records that are in order; 0 of none."""
    if isinstance(records, Run):
        return records.times[-1] if records.times else 0
    return records[-1][0] if records else 0


def pieces(received: Received, most: int) -> Iterator[Received]:
    """Records, so many at a time; rings as they are."""
    if isinstance(received, Rings):
        yield received
        return
    for start in range(0, len(received), most):
        yield received[start : start + most]


def _in_order(runs: list[Run]) -> Run:
    first = runs[0]
    times = list(chain.from_iterable(run.times for run in runs))
    in_time = sorted(times)
    if in_time != times:
        layout = struct.Struct(f"={first.size}s")
        pieces = [piece for run in runs for (piece,) in layout.iter_unpack(run.data)]
        order = sorted(range(len(times)), key=times.__getitem__)
        data = b"".join([pieces[place] for place in order])
    elif len(runs) == 1:
        return first
    else:
        data = b"".join([run.data for run in runs])
    return Run(first.event, first.size, first.payload, in_time, memoryview(data))


def _time(record: RawRecord) -> int:
    return record[0]


def _payloads(size: int, payload: int) -> struct.Struct:
    return struct.Struct(f"={PAYLOAD}x{payload}s{size - PAYLOAD - payload}x")


@dataclass(frozen=True, slots=True)
class _Layout:
    """How to unpack records of one size; ``exact`` if all of them have the same payload size."""

    keys: struct.Struct
    payloads: struct.Struct
    exact: bool


@dataclass(slots=True)
class Decoder:
    """Splits ring bytes. ``sizes``: payload bytes by event id, to cut the padding off."""

    sizes: Mapping[int, int]
    _layouts: dict[int, _Layout] = field(default_factory=dict)

    def decode(self, data: memoryview, parts: list[Records]) -> int:
        """Append the records of a chunk of whole records; returns how many records were lost.

        ValueError where they are not whole, which a ring's never are not.
        """
        words = data.cast("Q")
        unpack, sizes = _SAMPLE.unpack_from, self.sizes
        position, end = 0, len(data)
        lost = 0
        records: list[RawRecord] = []
        while position < end:
            word = words[position >> 3]
            size = word >> 48
            following = position + size
            if size < 8 or size & 7 or following > end:
                raise ValueError(f"a record of {size} bytes where {end - position} are left")
            if word & 0xFFFFFFFF == _RECORD_SAMPLE:
                if following < end and words[following >> 3] == word:
                    count = _run_length(words[position >> 3 :: size >> 3])
                    following = position + count * size
                    part = self._run(data[position:following], size)
                    if isinstance(part, Run):
                        parts += [records, part] if records else [part]
                        records = []
                    else:
                        records += part
                else:
                    time, event = unpack(data, position)
                    start = position + PAYLOAD
                    stop = start + sizes[event] if event in sizes else following
                    records.append((time, event, bytes(data[start:stop])))
            elif word & 0xFFFFFFFF == _RECORD_LOST:
                lost += _LOST.unpack_from(data, position)[0]
            position = following
        if records:
            parts.append(records)
        return lost

    def _run(self, run: memoryview, size: int) -> Records:
        count = len(run) // size
        if count >= _LONG:
            (_, event), ids = _SAMPLE.unpack_from(run), run.cast("I")[_ID :: size >> 2].tolist()
            if event in self.sizes and ids.count(event) == count:
                # the times are not aligned, and the last word of the last record is not whole
                words = run[PAYLOAD : len(run) - 8 + PAYLOAD % 8].cast("Q")
                return Run(event, size, self.sizes[event], words[:: size >> 3].tolist(), run)
        layout = self._layouts.get(size)
        if layout is None:
            layout = self._layouts[size] = self._layout(size)
        found = [
            (time, event, payload)
            for (time, event), (payload,) in zip(
                layout.keys.iter_unpack(run), layout.payloads.iter_unpack(run), strict=True
            )
        ]
        if layout.exact:
            return found
        return [
            (time, event, payload[: self.sizes.get(event, size)]) for time, event, payload in found
        ]

    def _layout(self, size: int) -> _Layout:
        room = size - PAYLOAD
        # Every payload whose padded record has this size.
        fitting = {one for one in self.sizes.values() if room - 8 < one <= room}
        exact = len(fitting) == 1
        payload = fitting.pop() if exact else room
        return _Layout(
            keys=struct.Struct(f"={PAYLOAD}xQI{room - 12}x"),
            payloads=_payloads(size, payload),
            exact=exact,
        )


def _run_length(headers: memoryview) -> int:
    """How many records from the first on have equal headers, given each record's first word.

    The words past the run are arbitrary. Looks ahead in growing steps, so that a mixed stream
    costs no more than reading it.
    """
    first = headers[:1].tobytes()
    total = len(headers)
    count, step = 1, 4
    while count < total:
        block = headers[count : count + step]
        if block.tobytes() != first * len(block):
            words = block.tolist()
            return count + next(place for place, word in enumerate(words) if word != headers[0])
        count += len(block)
        step *= 4
    return count
