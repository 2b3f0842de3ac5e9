# SPDX-License-Identifier: MIT
"""Bytes of a perf ring -> records, whole runs of equal-sized ones at a time. Pure.

A record is struct perf_event_header {u32 type, u16 misc, u16 size}; a sample then has its u32 raw
size and the payload, which begins with the plan's event header {u64 time, u32 id, u32 unused}.
The kernel pads records to 8 bytes and counts the padding as payload.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import field
from typing import TypeAlias

from kptrace.records import dataclass

RawRecord: TypeAlias = tuple[int, int, bytes]
"""Time (CLOCK_MONOTONIC ns), event id, and the payload including its 16-byte event header."""

_RECORD_LOST = 2
_RECORD_SAMPLE = 9
_PAYLOAD = 12  # record header and raw size
_SAMPLE = struct.Struct(f"={_PAYLOAD}xQI")  # time, event id
_LOST = struct.Struct("=8x8xQ")  # record header, the event's own id, number of lost records


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

    def decode(self, data: memoryview, records: list[RawRecord]) -> int:
        """Append the records of a chunk of whole records; returns how many records were lost."""
        words = data.cast("Q")
        unpack, sizes = _SAMPLE.unpack_from, self.sizes
        position, end = 0, len(data)
        lost = 0
        while position < end:
            word = words[position >> 3]
            size = word >> 48
            following = position + size
            if word & 0xFFFFFFFF == _RECORD_SAMPLE:
                if following < end and words[following >> 3] == word:
                    count = _run_length(words[position >> 3 :: size >> 3])
                    following = position + count * size
                    self._run(data[position:following], size, records)
                else:
                    time, event = unpack(data, position)
                    start = position + _PAYLOAD
                    stop = start + sizes[event] if event in sizes else following
                    records.append((time, event, bytes(data[start:stop])))
            elif word & 0xFFFFFFFF == _RECORD_LOST:
                lost += _LOST.unpack_from(data, position)[0]
            position = following
        return lost

    def _run(self, run: memoryview, size: int, records: list[RawRecord]) -> None:
        layout = self._layouts.get(size)
        if layout is None:
            layout = self._layouts[size] = self._layout(size)
        found = [
            (time, event, payload)
            for (time, event), (payload,) in zip(
                layout.keys.iter_unpack(run), layout.payloads.iter_unpack(run), strict=True
            )
        ]
        if not layout.exact:
            found = [
                (time, event, payload[: self.sizes.get(event, size)])
                for time, event, payload in found
            ]
        records += found

    def _layout(self, size: int) -> _Layout:
        room = size - _PAYLOAD
        # Every payload whose padded record has this size.
        fitting = {one for one in self.sizes.values() if room - 8 < one <= room}
        exact = len(fitting) == 1
        payload = fitting.pop() if exact else room
        return _Layout(
            keys=struct.Struct(f"={_PAYLOAD}xQI{room - 12}x"),
            payloads=struct.Struct(f"={_PAYLOAD}x{payload}s{room - payload}x"),
            exact=exact,
        )


def _run_length(headers: memoryview) -> int:
    """How many records from the first on have equal headers, given each record's first word.

    The words past the run are arbitrary. Looks ahead in growing steps, so that a mixed stream
    costs no more than reading it.
    """
    first = headers[0]
    total = len(headers)
    count, step = 1, 4
    while count < total:
        block = headers[count : count + step].tolist()
        same = block.count(first)
        if same != len(block):
            return count + next(place for place, word in enumerate(block) if word != first)
        count += same
        step *= 4
    return count
