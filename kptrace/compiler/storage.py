# SPDX-License-Identifier: MIT
"""Where values live: map types, sizes, ledger slots, and how aggregations update their slot.

* a scalar aggregation is one slot of a per-CPU array: no hash at all;
* a keyed aggregation is one per-CPU hash lookup per hit; a histogram's value is its whole bucket
  array with count, sum, min and max;
* a start that a thread keeps for its own later probe is storage of the task: no hash either;
* every refused update, output or run has a ledger counter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from kptrace import types
from kptrace.compiler import prelude
from kptrace.compiler.declarations import Declared
from kptrace.compiler.scope import MapInfo
from kptrace.plan import Counter, CounterKind, Map, MapKind, StackMap
from kptrace.types import Type

STACK_ENTRIES = 8192
VERBS = ("at", "slot", "lookup", "update", "delete", "full", "read", "each", "address")
"""What the generated C can do with a map: functions named after it."""
LARGE_MAP = 1 << 20
"""Bytes per CPU above which a keyed aggregation is not preallocated where that is safe."""


class Storage:
    """The maps and ledger counters of one specification."""

    def __init__(
        self,
        infos: dict[str, MapInfo],
        declared: Mapping[str, Declared],
        max_keys: int,
        lazy_alloc: bool,
        per_task: frozenset[str] = frozenset(),
    ) -> None:
        """``per_task`` are maps that become storage of the current task (`latency.task_maps`).

        ``lazy_alloc``: hash elements can be allocated from any context on this kernel.

        That is so where BPF has an allocator of its own (Linux 6.1, commit 7c8199e24fa0); before
        it, an element allocated inside a probe on the allocator could deadlock.
        """
        self.maps: list[Map] = []
        self.stacks: dict[tuple[int, bool, bool], StackMap] = {}
        self.counters: list[Counter] = []
        self._index: dict[str, Map] = {}
        self._symbols: set[str] = set()
        self._counter: dict[Counter, int] = {}
        for info in infos.values():
            assert info.value is not None
            one = _map(info, declared.get(info.name), max_keys, lazy_alloc)
            if info.name in per_task:
                one = replace(one, kind=MapKind.TASK_STORAGE, max_entries=0, prealloc=False)
            one = replace(one, symbol=self._symbol(one.symbol))
            self.maps.append(one)
            self._index[info.name] = one

    def _symbol(self, wanted: str) -> str:
        """A C name whose functions (``map_x_update``) are no other map's name."""
        symbol = wanted
        while self._symbols & (names := {symbol, *(f"{symbol}_{verb}" for verb in VERBS)}):
            symbol += "_"
        self._symbols |= names
        return symbol

    def map(self, name: str) -> Map:
        return self._index[name]

    def stack_map(self, kind: types.KStack) -> StackMap:
        """Where stacks of a kind are stored; a new one at first use."""
        if kind.store not in self.stacks:
            depth, user, build_id = kind.store
            one = StackMap(
                symbol="", depth=depth, max_entries=STACK_ENTRIES, user=user, build_id=build_id
            )
            self.stacks[kind.store] = replace(one, symbol=f"{one.prefix}stacks_{depth}")
        return self.stacks[kind.store]

    def counter(self, kind: CounterKind, subject: str = "") -> int:
        """The ledger slot of a counter; a new one at first use."""
        one = Counter(kind=kind, subject=subject)
        if one not in self._counter:
            self._counter[one] = len(self.counters)
            self.counters.append(one)
        return self._counter[one]

    def update(
        self, kind: Type, slot: str, value: str, needs: set[str], now: str = ""
    ) -> list[str]:
        """C statements that add one value to an aggregation's per-CPU slot."""
        match kind:
            case types.Count():
                return [f"{slot}->n += 1;"]
            case types.Sum() | types.Avg() | types.Stats():
                return [f"{slot}->value += {value};", f"{slot}->n += 1;"]
            case types.Min(signed=signed) | types.Max(signed=signed):
                sign = "<" if isinstance(kind, types.Min) else ">"
                cast = "" if signed else "(__u64)"
                return [
                    f"if (!{slot}->n || {cast}({value}) {sign} {cast}{slot}->value)",
                    f"\t{slot}->value = {value};",
                    f"{slot}->n += 1;",
                ]
            case types.Hist(bits=bits):
                needs.add(f"hist_{bits}")
                return [f"hist_add_{bits}({slot}, {value});"]
            case types.LHist(min=low, max=high, step=step):
                buckets = types.lhist_buckets(low, high, step)
                needs.add(f"lhist_{buckets}")
                return [f"lhist_add_{buckets}({slot}, {value}, {low}LL, {high}LL, {step});"]
            case types.TSeries(interval=interval):
                name = prelude.tseries_name(kind)
                needs.add(name)
                return [f"{name}({slot}, {value}, {now}, {interval}ULL);"]
            case _:
                raise AssertionError(f"BUG: {types.type_name(kind)} is no aggregation")


def map_kind(info: MapInfo) -> MapKind:
    """The kind of a map that is not declared."""
    assert info.value is not None
    if not isinstance(info.value.type, types.AGGREGATES):
        return MapKind.HASH
    return MapKind.PERCPU_HASH if info.keyed or info.deleted else MapKind.PERCPU_ARRAY


def _map(info: MapInfo, declared: Declared | None, max_keys: int, lazy_alloc: bool) -> Map:
    assert info.value is not None
    key = info.key.type if info.keyed and info.key is not None else None
    value = info.value.type
    kind = map_kind(info)
    entries = 1 if key is None else max_keys
    if declared is not None:
        kind, entries = declared.kind, declared.entries
    keyed = kind is MapKind.PERCPU_HASH and key is not None
    large = keyed and types.size_of(value) * entries > LARGE_MAP
    large = large and isinstance(value, types.SPREAD)  # else a preallocated entry is small
    return Map(
        name=info.name,
        symbol="map_" + re.sub(r"\W", "", info.name[1:]),
        kind=kind,
        key=key,
        value=value,
        max_entries=entries,
        prealloc=not (large and lazy_alloc),
    )
