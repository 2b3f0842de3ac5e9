# SPDX-License-Identifier: MIT
"""What aggregations of several captures add up to: exact, in any order, in any grouping.

The state of a key is what its words on all CPUs of a host come to; states of hosts are added
without a limit of 64 bits. Averages are kept as total and count, minima and maxima with whether
there was a value at all, histograms as their buckets, time series by epoch: nothing is computed
that could not be added further.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import compress
from typing import Any, TypeAlias

from kptrace import types
from kptrace.aggregate import Average, Value, words_of, wrapped
from kptrace.capture.content import Words
from kptrace.entries import Entries
from kptrace.histogram import histogram
from kptrace.series import combined, joined_slots, shown, state_of

State: TypeAlias = Any
"""Numbers: of a count (n,); of a sum (total,); of an average (total, n); of a minimum or maximum
(value, 1), or (0, 0) without one; of a histogram (n, sum, min, max, buckets), the buckets as one
integer with 64 bits for each; of a time series {epoch: (value, meta)} as in `series`."""

_LANE = 64


def from_entries(kind: types.Aggregate, entries: Entries) -> Iterator[State]:
    """The state of each entry of an aggregation, but for a histogram."""
    match kind:
        case types.Count():
            return ((wrapped(sum(one), signed=True),) for one in words_of(entries, 0, "q"))
        case types.Sum():
            return ((one,) for one in _totals(kind, entries))
        case types.Avg() | types.Stats():
            counts = map(sum, words_of(entries, 1, "Q"))
            return zip(_totals(kind, entries), counts, strict=True)
        case types.Min() | types.Max():
            best = min if isinstance(kind, types.Min) else max
            values = words_of(entries, 0, _code(kind))
            updated = words_of(entries, 1, "Q")
            return (
                (best(compress(value, n)), 1) if any(n) else (0, 0)
                for value, n in zip(values, updated, strict=True)
            )
        case types.TSeries():
            return (_in_time(kind, state_of(kind, copies)) for _, copies in entries.rows())
    raise TypeError(f"BUG: {types.type_name(kind)} is read by its words")


def _in_time(kind: types.TSeries, state: State) -> State:
    """Raises ValueError for a time series of times that a clock does not show."""
    for epoch in state:
        if not 0 <= epoch * kind.interval < 1 << 63:
            raise ValueError(f"a time series of the interval {epoch}")
    return state


def _code(kind: types.Sum | types.Avg | types.Stats | types.Min | types.Max) -> str:
    return "q" if kind.signed else "Q"


def _totals(kind: types.Sum | types.Avg | types.Stats, entries: Entries) -> Iterator[int]:
    columns = words_of(entries, 0, _code(kind))
    return (wrapped(sum(one), signed=kind.signed) for one in columns)


def from_words(kind: types.Hist | types.LHist, kept: Sequence[Words]) -> State:
    """The state of a histogram from what is kept of its words on each CPU."""
    n = total = buckets = 0
    lows, highs = [], []
    for one in kept:
        count, added, low, high = struct.unpack("<4q", one.head)
        n += count
        total += added
        if count:
            lows.append(low)
            highs.append(high)
        buckets = _added(kind, buckets, int.from_bytes(one.words, "little") << 8 * one.first)
    return n, total, min(lows, default=0), max(highs, default=0), buckets


def _added(kind: types.Hist | types.LHist, left: int, right: int) -> int:
    """Buckets of both. With the top bit of none set, no bucket runs over into the next."""
    tops = _tops(types.aggregate_words(kind) - types.HIST_HEADER_WORDS)
    total = left + right
    if (left | right | total) & tops:
        raise OverflowError("a bucket would count more than 2^63")
    return total


_TOPS: dict[int, int] = {}


def _tops(count: int) -> int:
    if count not in _TOPS:
        _TOPS[count] = int.from_bytes((1 << _LANE - 1).to_bytes(8, "little") * count, "little")
    return _TOPS[count]


def add(kind: types.Aggregate, left: State, right: State) -> State:
    """Both together: associative and commutative. OverflowError where a bucket has no room."""
    return _ADD[type(kind)](kind, left, right)


def _add_all(kind: Any, left: State, right: State) -> State:
    return tuple([one + other for one, other in zip(left, right, strict=True)])


def _add_min(kind: Any, left: State, right: State) -> State:
    return min(left, right) if left[1] and right[1] else max(left, right, key=_has)


def _add_max(kind: Any, left: State, right: State) -> State:
    return max(left, right) if left[1] and right[1] else max(left, right, key=_has)


def _has(state: State) -> int:
    has: int = state[1]
    return has


def _add_histograms(kind: types.Hist | types.LHist, left: State, right: State) -> State:
    if not left[0] or not right[0]:
        low, high = (left if left[0] else right)[2:4]
    else:
        low, high = min(left[2], right[2]), max(left[3], right[3])
    buckets = _added(kind, left[4], right[4])
    return left[0] + right[0], left[1] + right[1], low, high, buckets


def _add_series(kind: types.TSeries, left: State, right: State) -> State:
    both = joined_slots(kind, left, right)
    first = max(both, default=0) - kind.count
    return {epoch: slot for epoch, slot in both.items() if epoch > first}


_ADD: dict[type, Callable[[Any, State, State], State]] = {
    types.Count: _add_all,
    types.Sum: _add_all,
    types.Avg: _add_all,
    types.Stats: _add_all,
    types.Min: _add_min,
    types.Max: _add_max,
    types.Hist: _add_histograms,
    types.LHist: _add_histograms,
    types.TSeries: _add_series,
}


def values(kind: types.Aggregate, states: Sequence[State]) -> list[Value]:
    """What is shown of states; all series of a map end at its latest epoch."""
    match kind:
        case types.Avg() | types.Stats():
            return [Average(count=n, total=total) for total, n in states]
        case types.Hist() | types.LHist():
            return [_histogram(kind, one) for one in states]
        case types.TSeries():
            latest = max((epoch for one in states for epoch in one), default=0)
            return [shown(kind, combined(kind, one), latest) for one in states]
        case _:
            return [one[0] for one in states]


def _histogram(kind: types.Hist | types.LHist, state: State) -> Value:
    _, total, low, high, _ = state
    first, counts = _counts(state)
    return histogram(kind, counts, first=first, sum=total, min=low, max=high)


def _counts(state: State) -> tuple[int, list[int]]:
    """The first bucket that is not zero, and the counts from there on."""
    buckets = state[4]
    if not buckets:
        return 0, []
    first = (buckets & -buckets).bit_length() - 1 >> 6
    buckets >>= _LANE * first
    size = -(-buckets.bit_length() // _LANE)
    return first, list(struct.unpack(f"<{size}Q", buckets.to_bytes(8 * size, "little")))


def to_document(kind: types.Aggregate, state: State) -> list[Any]:
    """The state as a JSON list."""
    match kind:
        case types.Hist() | types.LHist():
            first, counts = _counts(state)
            return [*state[:4], first, *counts]
        case types.TSeries():
            return [[epoch, *slot] for epoch, slot in sorted(state.items())]
        case _:
            return list(state)


def from_document(kind: types.Aggregate, document: Any) -> State:
    """The state back; raises one of `content.Malformed` for what is none."""
    match kind:
        case types.Hist() | types.LHist():
            n, total, low, high, first, *counts = map(_number, document)
            most = types.aggregate_words(kind) - types.HIST_HEADER_WORDS
            if not 0 <= first <= most - len(counts) or min(counts, default=0) < 0:
                raise ValueError("buckets that are none")
            packed = struct.pack(f"<{len(counts)}Q", *counts)
            buckets = int.from_bytes(packed, "little") << _LANE * first
            return n, total, low, high, _added(kind, 0, buckets)
        case types.TSeries():
            found = {
                _number(epoch): (_number(value), _number(meta)) for epoch, value, meta in document
            }
            return _add_series(kind, _in_time(kind, found), {})
        case types.Min() | types.Max():
            value, has = map(_number, document)
            return (value, 1) if has else (0, 0)
        case types.Avg() | types.Stats():
            total, n = map(_number, document)
            return total, n
        case _:
            (value,) = map(_number, document)
            return (value,)


_MOST_BITS = 256
"""Of a number: a sum over more hosts than there are."""


def _number(value: Any) -> int:
    if type(value) is not int or value.bit_length() > _MOST_BITS:
        raise ValueError(f"{value!r:.40} is no number that was counted")
    return value


def later(kind: types.TSeries, state: State, ns: int) -> State:
    """A time series by a clock that shows ``ns`` more, a multiple of the series' interval."""
    moved = ns // kind.interval
    return {
        epoch + moved: (value, meta if kind.function else meta + ns)
        for epoch, (value, meta) in state.items()
    }
