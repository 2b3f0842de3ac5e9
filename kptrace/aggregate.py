# SPDX-License-Identifier: MIT
"""Bytes of maps -> merged values, snapshots, and the loss ledger.

Everything is read in little-endian order: that of every architecture that kptrace supports.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, compress
from typing import Any, TypeAlias

from kptrace import types
from kptrace.decoding import Buffer, column_decoder
from kptrace.decoding import Value as Plain
from kptrace.entries import Entries
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


def merge(kind: types.Aggregate, entries: Entries) -> Sequence[Value]:
    """The merged value of every entry of an aggregation (language §5.4), in their order.

    All series of a map end at its latest epoch.
    """
    match kind:
        case types.TSeries():
            return _shown_series(kind, (entries,))
        case types.Hist() | types.LHist():
            return [_merge_histogram(kind, copies) for _, copies in entries.rows()]
        case types.Count():
            return _totals(entries, signed=True)
        case types.Sum():
            return _totals(entries, signed=kind.signed)
        case types.Min() | types.Max():
            best = min if isinstance(kind, types.Min) else max
            updated = words_of(entries, 1, "Q")
            values = words_of(entries, 0, "q" if kind.signed else "Q")
            return [best(compress(*one), default=0) for one in zip(values, updated, strict=True)]
        case types.Avg() | types.Stats():
            counts = map(sum, words_of(entries, 1, "Q"))
            totals = _totals(entries, signed=kind.signed)
            pairs = zip(counts, totals, strict=True)
            return [Average(count=count, total=total) for count, total in pairs]


def words_of(entries: Entries, index: int, code: str) -> Iterator[tuple[int, ...]]:
    """One word of the state of every entry, as all its copies have it."""
    rest = entries.copy_size - 8 * (index + 1)
    if not entries.count:
        return iter(())
    layout = struct.Struct("<" + f"{8 * index}x{code}{rest}x" * entries.copies)
    return layout.iter_unpack(entries.values)


def _totals(entries: Entries, *, signed: bool) -> list[int]:
    """The first word of every entry, added up over its copies as 64-bit numbers are."""
    totals = list(map(sum, words_of(entries, 0, "q" if signed else "Q")))
    bounds = min(totals, default=0), max(totals, default=0)
    if any(wrapped(one, signed=signed) != one for one in bounds):
        return [wrapped(one, signed=signed) for one in totals]
    return totals


def wrapped(number: int, *, signed: bool) -> int:
    """A number as 64 bits hold it."""
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
    headers = [words for data in per_cpu if (words := struct.unpack_from("<4q", data))[0]]
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


def snapshot(map_: Map, entries: Entries, *, zeroed: bool = False) -> MapSnapshot:
    """Decode, merge and sort a map's entries, each step over all of them at once.

    A scalar aggregation lives in an array, where an entry always exists: it counts as written
    when it has seen an update, or when it was ``zeroed`` since it was last cleared.
    """
    return joined(map_, (entries,), zeroed=zeroed)


def joined(map_: Map, parts: Iterable[Entries], *, zeroed: bool = False) -> MapSnapshot:
    """The `snapshot` of entries that come in parts, each of which is merged before the next."""
    kind = map_.value
    found: list[bytes] = []

    def written() -> Iterator[Entries]:
        for part in parts:
            if part.count and (zeroed or map_.key is not None or not untouched(kind, part)):
                found.append(part.keys)
                yield part

    values = _values(kind, written())
    if not values:
        return MapSnapshot(map=map_)
    if map_.key is None:
        return MapSnapshot(map=map_, entries=tuple([(None, value) for value in values]))
    raw_keys = b"".join(found)
    size = len(raw_keys) // len(values)
    raw: list[bytes] = []
    if not _told_apart(map_.key):
        raw = [raw_keys[at : at + size] for at in range(0, len(raw_keys), size)]
    return arranged(map_, _column(map_.key, raw_keys, size), raw, values)


def arranged(
    map_: Map, keys: Sequence[Any], raw: Sequence[bytes], values: Sequence[Any]
) -> MapSnapshot:
    """The entries of a keyed map in the order in which they print; ``raw`` keys settle ties."""
    assert map_.key is not None
    order = list(range(len(values)))
    # Sorting is stable: the last tie is settled first.
    if raw:
        order.sort(key=raw.__getitem__)
    if order:
        for ranks in (*reversed(_key_ranks(map_.key, keys)), *_value_ranks(map_.value, values)):
            order.sort(key=ranks.__getitem__)
    return MapSnapshot(map=map_, entries=tuple([(keys[place], values[place]) for place in order]))


def _values(kind: Type, parts: Iterable[Entries]) -> Sequence[Any]:
    """The values of the entries of all parts."""
    if isinstance(kind, types.TSeries):
        return _shown_series(kind, parts)
    if isinstance(kind, types.AGGREGATES):
        made = [merge(kind, part) for part in parts]
    else:
        made = [_column(kind, part.values, part.copy_size * part.copies) for part in parts]
    return made[0] if len(made) == 1 else [*chain.from_iterable(made)]


def _shown_series(kind: types.TSeries, parts: Iterable[Entries]) -> list[Series]:
    slots = [merge_slots(kind, copies) for part in parts for _, copies in part.rows()]
    latest = max(chain.from_iterable(slots), default=0)
    return [shown(kind, one, latest) for one in slots]


def _column(kind: Type, data: bytes, size: int) -> list[Any]:
    """The values of a type that begin every ``size`` bytes."""
    return list(column_decoder((kind,), (0,), size)(data)[0])


def untouched(kind: Type, entries: Entries) -> bool:
    """Whether an aggregation was never updated."""
    if not isinstance(kind, types.AGGREGATES):
        return False
    # n is the first word of count, hist and lhist, the second one of the others (types.py).
    if isinstance(kind, types.TSeries):
        return not any(entries.values)
    first = isinstance(kind, types.Count | types.Hist | types.LHist)
    return not any(map(any, words_of(entries, 0 if first else 1, "Q")))


_Ranks: TypeAlias = "Sequence[int | bytes]"


def _value_ranks(kind: Type, values: Sequence[Any]) -> list[_Ranks]:
    """What §10.2 sorts by first; nothing for the types that sort by key alone."""
    match kind:
        case types.Avg() | types.Stats():
            return [[one.average for one in values]]
        case types.Hist() | types.LHist():
            return [[one.n for one in values]]
        case types.Min() | types.Max():
            return [[wrapped(one, signed=False) for one in values]]
        case types.Int() | types.Enum() | types.Count() | types.Sum():
            return [values]
        case _:
            return []


def _key_ranks(kind: Type, keys: Sequence[Any]) -> list[_Ranks]:
    """What §10.2 sorts by then, the most important first."""
    match kind:
        case types.Int(size=size) | types.Enum(size=size):
            half = 1 << (8 * size - 1)
            if kind.signed or max(keys) < half:
                return [keys]
            return [[(key + half) % (2 * half) - half for key in keys]]  # compared as signed
        case types.String():
            return [keys]
        case types.Tuple(elements=elements) | types.Record(elements=elements) if elements:
            parts = zip(elements, zip(*keys, strict=True), strict=True)
            return [
                ranks
                for element, part in parts
                if not isinstance(element, types.Tuple | types.Record)
                for ranks in _key_ranks(element, part)
            ]
        case _:
            return []


def _told_apart(kind: Type) -> bool:
    """Whether no two keys of this type rank equal."""
    match kind:
        case types.Tuple(elements=elements) | types.Record(elements=elements):
            return all(isinstance(one, types.Int | types.Enum) for one in elements)
        case _:
            return isinstance(kind, types.Int | types.Enum)


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
