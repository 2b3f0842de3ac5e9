# SPDX-License-Identifier: MIT
"""Bytes of maps -> merged values, snapshots, and the loss ledger.

Everything is read in little-endian order: that of every architecture that kptrace supports.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, TypeAlias

from kptrace import types
from kptrace.decoding import Buffer, decoder
from kptrace.decoding import Value as Plain
from kptrace.histogram import Histogram, bucket_index, histogram, linear_index
from kptrace.plan import Map
from kptrace.records import dataclass
from kptrace.series import Series, merge_slots, shown
from kptrace.types import Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Average:
    """The merged state of ``avg`` and ``stats``."""

    count: int
    total: int

    @property
    def average(self) -> int:
        """Truncated toward zero; 0 of nothing."""
        return divide(self.total, self.count) if self.count else 0


Value: TypeAlias = "Plain | Average | Histogram | Series"


def divide(number: int, divisor: int) -> int:
    """C's integer division: truncates toward zero."""
    quotient = abs(number) // abs(divisor)
    return quotient if (number < 0) == (divisor < 0) else -quotient


# Merging per-CPU state


def merge(map_: Map, per_cpu: Sequence[Buffer]) -> Value:
    """The merged value of one key of an aggregation (language §5.4), from every CPU's words."""
    kind = map_.value
    match kind:
        case types.Hist() | types.LHist():
            return _merge_histogram(kind, per_cpu)
        case types.Count():
            return _wrap(sum(_words("q", data)[0] for data in per_cpu), signed=True)
        case types.Sum() | types.Min() | types.Max() | types.Avg() | types.Stats():
            states = [_words("qq" if kind.signed else "QQ", data) for data in per_cpu]
        case _:
            raise TypeError(f"BUG: {types.type_name(kind)} is not an aggregation")
    match kind:
        case types.Min():
            return min((value for value, n in states if n), default=0)
        case types.Max():
            return max((value for value, n in states if n), default=0)
    total = _wrap(sum(value for value, _ in states), signed=kind.signed)
    if isinstance(kind, types.Sum):
        return total
    return Average(count=sum(n for _, n in states), total=total)


def _words(codes: str, data: Buffer) -> tuple[int, ...]:
    return struct.unpack_from("<" + codes, data)


def _wrap(number: int, *, signed: bool) -> int:
    number &= (1 << 64) - 1
    return number - (1 << 64) if signed and number >> 63 else number


def _merge_histogram(kind: types.Hist | types.LHist, per_cpu: Sequence[Buffer]) -> Histogram:
    header = 8 * types.HIST_HEADER_WORDS
    size = 8 * types.aggregate_words(kind)
    # All buckets are added at once, as one long integer each: no bucket can reach 2^64, so there
    # is no carry from one into the next.
    added = sum(int.from_bytes(data[header:size], "little") for data in per_cpu)
    raw = added.to_bytes(size - header, "little")
    first = (len(raw) - len(raw.lstrip(b"\0"))) // 8
    end = -(-len(raw.rstrip(b"\0")) // 8)
    counts = struct.unpack_from(f"<{max(end - first, 0)}Q", raw, 8 * first) if end else ()
    headers = [words for data in per_cpu if (words := _words("4q", data))[0]]
    return histogram(
        kind,
        counts,
        first=first,
        sum=sum(words[1] for words in headers),
        min=min((words[2] for words in headers), default=0),
        max=max((words[3] for words in headers), default=0),
    )


# Snapshots


@dataclass(frozen=True, slots=True, kw_only=True)
class MapSnapshot:
    """One map at one moment: (key, value) in the order in which it prints (§10.2).

    The key of a scalar map is None; a scalar map that was never written has no entry.
    """

    map: Map
    entries: tuple[tuple[Value | None, Value], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a run has collected."""

    maps: tuple[MapSnapshot, ...]
    ledger: Ledger


RawEntry: TypeAlias = tuple[Buffer, Sequence[Buffer]]
"""Key bytes, and the value of every possible CPU; a map that is not per-CPU has one value."""


def snapshot(map_: Map, raw_entries: Iterable[RawEntry], *, zeroed: bool = False) -> MapSnapshot:
    """Decode, merge and sort a map's entries.

    A scalar aggregation lives in an array, where an entry always exists: it counts as written
    when it has seen an update, or when it was ``zeroed`` since it was last cleared.
    """
    key_kind = map_.key
    entries = list(raw_entries)
    if isinstance(map_.value, types.AGGREGATES) and key_kind is None and not zeroed:
        entries = [one for one in entries if not _untouched(map_.value, one[1])]
    key_of = None if key_kind is None else decoder((key_kind,), (0,))
    found: list[tuple[tuple[Any, ...], tuple[Value | None, Value]]] = []
    for (raw_key, _), value in zip(entries, _values(map_, entries), strict=True):
        key = None if key_of is None else key_of(raw_key, 0)[0]
        order = (_value_order(map_.value, value), _key_order(key_kind, key), bytes(raw_key))
        found.append((order, (key, value)))
    found.sort(key=lambda one: one[0])
    return MapSnapshot(map=map_, entries=tuple(entry for _, entry in found))


def _values(map_: Map, entries: Sequence[RawEntry]) -> list[Value]:
    """The value of every entry; all series of a map end at its latest epoch."""
    kind = map_.value
    if isinstance(kind, types.TSeries):
        merged = [merge_slots(kind, values) for _, values in entries]
        latest = max(chain.from_iterable(merged), default=0)
        return [shown(kind, one, latest) for one in merged]
    if isinstance(kind, types.AGGREGATES):
        return [merge(map_, values) for _, values in entries]
    value_of = decoder((kind,), (0,))
    return [value_of(values[0], 0)[0] for _, values in entries]


def _untouched(kind: Type, per_cpu: Sequence[Buffer]) -> bool:
    # n is the first word of count, hist and lhist, the second one of the others (types.py).
    if isinstance(kind, types.TSeries):
        return not any(any(data) for data in per_cpu)
    first = isinstance(kind, types.Count | types.Hist | types.LHist)
    offset = 0 if first else 8
    return not any(struct.unpack_from("<Q", data, offset)[0] for data in per_cpu)


def _value_order(kind: Type, value: Value) -> int:
    """What §10.2 sorts by first; 0 for every value of the types that sort by key alone."""
    match value:
        case Average():
            return value.average
        case Histogram():
            return value.n
        case int():
            if isinstance(kind, types.Min | types.Max):
                return _wrap(value, signed=False)
            if isinstance(kind, types.Int | types.Enum | types.Count | types.Sum):
                return value
    return 0


def _key_order(kind: Type | None, key: Any) -> tuple[int | bytes, ...]:
    match kind:
        case types.Int(size=size) | types.Enum(size=size):
            half = 1 << (8 * size - 1)
            return ((key + half) % (2 * half) - half,)  # compared as signed, whatever the type
        case types.String():
            return (key,)
        case types.Tuple(elements=elements) | types.Record(elements=elements):
            parts = (
                _key_order(element, part)
                for element, part in zip(elements, key, strict=True)
                if not isinstance(element, types.Tuple | types.Record)
            )
            return tuple(chain.from_iterable(parts))
        case _:
            return ()


# The loss ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeLoss:
    """What one probe ran and missed; None where the kernel cannot tell. Labels are unique."""

    label: str
    hits: int
    missed: int | None = None
    recursion: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MapLoss:
    """Updates that one map refused because it was full."""

    name: str
    dropped: int
    max_entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What a run lost (language §16.3); None where the kernel cannot tell, never 0 then."""

    events: int | None = 0
    map_full: int | None = 0
    probe_misses: int | None = 0
    recursion_misses: int | None = 0
    stacks: int | None = 0
    probes: tuple[ProbeLoss, ...] = ()
    maps: tuple[MapLoss, ...] = ()

    @property
    def lost(self) -> bool:
        """Something is known to be lost."""
        counters = (
            self.events,
            self.map_full,
            self.probe_misses,
            self.recursion_misses,
            self.stacks,
        )
        return any(counters)

    @property
    def hits(self) -> int:
        return sum(probe.hits for probe in self.probes)


def merge_ledgers(ledgers: Iterable[Ledger]) -> Ledger:
    """One ledger over several runs or hosts; probes and maps meet by name."""
    total = Ledger()
    for one in ledgers:
        total = Ledger(
            events=add_counts((total.events, one.events)),
            map_full=add_counts((total.map_full, one.map_full)),
            probe_misses=add_counts((total.probe_misses, one.probe_misses)),
            recursion_misses=add_counts((total.recursion_misses, one.recursion_misses)),
            stacks=add_counts((total.stacks, one.stacks)),
            probes=_merge_probes(total.probes, one.probes),
            maps=_merge_maps(total.maps, one.maps),
        )
    return total


def add_counts(counts: Iterable[int | None]) -> int | None:
    """Unknown and nothing is unknown; but a known loss is never hidden by an unknown one."""
    listed = list(counts)
    known = sum(count for count in listed if count is not None)
    return known or None if None in listed else known


def _merge_probes(
    left: tuple[ProbeLoss, ...], right: tuple[ProbeLoss, ...]
) -> tuple[ProbeLoss, ...]:
    merged = {probe.label: probe for probe in left}
    for probe in right:
        old = merged.get(probe.label)
        if old is not None:
            probe = ProbeLoss(
                label=probe.label,
                hits=old.hits + probe.hits,
                missed=add_counts((old.missed, probe.missed)),
                recursion=add_counts((old.recursion, probe.recursion)),
            )
        merged[probe.label] = probe
    return tuple(merged.values())


def _merge_maps(left: tuple[MapLoss, ...], right: tuple[MapLoss, ...]) -> tuple[MapLoss, ...]:
    merged = {one.name: one for one in left}
    for one in right:
        old = merged.get(one.name)
        if old is not None:
            one = MapLoss(
                name=one.name,
                dropped=old.dropped + one.dropped,
                max_entries=max(old.max_entries, one.max_entries),
            )
        merged[one.name] = one
    return tuple(merged.values())


class HistogramState:
    """The per-CPU state of a histogram (see `types.Hist`), updated here as a program would."""

    def __init__(self, scheme: types.Hist | types.LHist) -> None:
        self._scheme = scheme
        self._words = [0] * types.aggregate_words(scheme)

    def add(self, number: int) -> None:
        count, total, low, high = self._words[: types.HIST_HEADER_WORDS]
        low, high = (min(low, number), max(high, number)) if count else (number, number)
        self._words[: types.HIST_HEADER_WORDS] = [count + 1, total + number, low, high]
        if isinstance(self._scheme, types.Hist):
            index = bucket_index(number, self._scheme.bits)
        else:
            index = linear_index(number, self._scheme)
        self._words[types.HIST_HEADER_WORDS + index] += 1

    def pack(self) -> bytes:
        """The bytes that a map would hold; sums wrap at 64 bits, as in the kernel."""
        words = (word & (1 << 64) - 1 for word in self._words)
        return struct.pack(f"<{len(self._words)}Q", *words)
