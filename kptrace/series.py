# SPDX-License-Identifier: MIT
"""Time series (``tseries``): slots of the kernel's rings -> values by epoch (language §5.4).

A ring has one slot for each interval; an epoch's slot is its number modulo the ring's size. A slot
is three words: value, meta (count of an average, else the time of the update), and the epoch plus
1; 0 is a slot that has no data.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence

from kptrace import types
from kptrace.records import dataclass

Buffer = bytes | bytearray | memoryview

_Slot = tuple[int, int]
"""Value and meta of one CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Consecutive epochs from ``first`` on; None is one without data.

    Epoch n begins n * ``interval`` ns after the start of TAI.
    """

    interval: int
    first: int = 0
    values: tuple[int | None, ...] = ()


def merge_slots(kind: types.TSeries, per_cpu: Sequence[Buffer]) -> dict[int, int]:
    """Values by epoch, of the latest epoch of each slot, over all CPUs."""
    newest: dict[int, tuple[int, list[_Slot]]] = {}
    layout = _layout(kind)
    for data in per_cpu:
        for index, (value, meta, epoch) in enumerate(layout.iter_unpack(data)):
            known, slots = newest.get(index, (0, []))
            if not epoch or epoch < known:
                continue
            newest[index] = epoch, [*(slots if epoch == known else ()), (value, meta)]
    combine = _COMBINE[kind.function]
    return {epoch - 1: _wrap(combine(slots), kind.signed) for epoch, slots in newest.values()}


class SeriesState:
    """The per-CPU ring of a time series, updated here as a program would."""

    def __init__(self, kind: types.TSeries) -> None:
        self._kind = kind
        self._slots: dict[int, tuple[int, int, int]] = {}

    def add(self, number: int, now: int) -> None:
        """One update at a time, in ns of TAI."""
        kind = self._kind
        number = _wrap(number, kind.signed)
        epoch = now // kind.interval
        value, meta, known = self._slots.get(epoch % kind.count, (0, 0, 0))
        if known == epoch + 1:
            value, meta = _UPDATE[kind.function](value, meta, number, now)
        else:
            value, meta = number, 1 if kind.function == "avg" else now
        self._slots[epoch % kind.count] = _wrap(value, kind.signed), meta, epoch + 1

    def pack(self) -> bytes:
        """The bytes that a map would hold."""
        layout = _layout(self._kind)
        data = bytearray(layout.size * self._kind.count)
        for bucket, slot in self._slots.items():
            layout.pack_into(data, layout.size * bucket, *slot)
        return bytes(data)


_UPDATE: dict[str, Callable[[int, int, int, int], _Slot]] = {
    "": lambda value, meta, number, now: (number, now),
    "avg": lambda value, meta, number, now: (value + number, meta + 1),
    "sum": lambda value, meta, number, now: (value + number, meta),
    "min": lambda value, meta, number, now: (min(value, number), meta),
    "max": lambda value, meta, number, now: (max(value, number), meta),
}


def _layout(kind: types.TSeries) -> struct.Struct:
    return struct.Struct(f"<{'q' if kind.signed else 'Q'}QQ")


def _average(slots: Sequence[_Slot]) -> int:
    total = sum(value for value, _ in slots)
    count = sum(meta for _, meta in slots)
    quotient = abs(total) // (count or 1)  # 0: read between `zero()` and an update
    return quotient if total >= 0 else -quotient


_COMBINE: dict[str, Callable[[Sequence[_Slot]], int]] = {
    "": lambda slots: max(slots, key=lambda one: (one[1], one[0]))[0],
    "avg": _average,
    "sum": lambda slots: sum(value for value, _ in slots),
    "min": lambda slots: min(value for value, _ in slots),
    "max": lambda slots: max(value for value, _ in slots),
}


_JOIN: dict[str, Callable[[_Slot, _Slot], _Slot]] = {
    "": lambda left, right: max(left, right, key=lambda one: (one[1], one[0])),
    "avg": lambda left, right: (left[0] + right[0], left[1] + right[1]),
    "sum": lambda left, right: (left[0] + right[0], max(left[1], right[1])),
    "min": lambda left, right: (min(left[0], right[0]), max(left[1], right[1])),
    "max": lambda left, right: (max(left[0], right[0]), max(left[1], right[1])),
}
"""Two slots of one epoch as one slot: associative and commutative, as `_COMBINE` is no longer."""

Slots = Mapping[int, _Slot]
"""Slots by epoch."""


def state_of(kind: types.TSeries, per_cpu: Sequence[Buffer]) -> dict[int, _Slot]:
    """Slots by epoch over all CPUs; what `combined` makes of them is what `merge_slots` gives."""
    found: dict[int, _Slot] = {}
    layout = _layout(kind)
    for data in per_cpu:
        own = {epoch - 1: (value, meta) for value, meta, epoch in layout.iter_unpack(data) if epoch}
        found = joined_slots(kind, found, own)
    latest = max(found, default=0)
    # of a slot's epochs the latest counts, and slots repeat after ``count`` of them
    return {epoch: slot for epoch, slot in found.items() if epoch > latest - kind.count}


def joined_slots(kind: types.TSeries, left: Slots, right: Slots) -> dict[int, _Slot]:
    """Slots of both."""
    join = _JOIN[kind.function]
    both = dict(left)
    for epoch, slot in right.items():
        both[epoch] = join(both[epoch], slot) if epoch in both else slot
    return both


def combined(kind: types.TSeries, slots: Slots) -> dict[int, int]:
    """Values by epoch."""
    combine = _COMBINE[kind.function]
    return {epoch: combine([slot]) for epoch, slot in slots.items()}


FUNCTIONS = frozenset(_COMBINE)
"""Names of what combines the values of an interval."""


def _wrap(number: int, signed: bool) -> int:
    number &= (1 << 64) - 1
    return number - (1 << 64) if signed and number >> 63 else number


def shown(kind: types.TSeries, found: Mapping[int, int], latest: int) -> Series:
    """The epochs up to the map's ``latest`` one, from the first that has data for this key."""
    known = [epoch for epoch in found if latest - kind.count < epoch <= latest]
    if not known:
        return Series(interval=kind.interval)
    first = min(known)
    values = tuple(found.get(epoch) for epoch in range(first, latest + 1))
    return Series(interval=kind.interval, first=first, values=values)
