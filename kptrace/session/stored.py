# SPDX-License-Identifier: MIT
"""The maps of a capture: as they were read on its host, or as several hosts add up to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from typing import TypeAlias

from kptrace import types
from kptrace.aggregate import MapSnapshot, arranged, joined, untouched
from kptrace.capture import content, states
from kptrace.capture.content import Purpose
from kptrace.capture.states import State
from kptrace.decoding import Values, decoder
from kptrace.output.values import Style, renderer
from kptrace.plan import Map, Plan
from kptrace.session.answers import asks
from kptrace.types import Type

Table: TypeAlias = dict[bytes, State]
"""States of an aggregation by key: its bytes, or its text where only its host knows them."""

_TEXT = types.String(1 << 20)
"""The type of keys that have become text."""
MOST_KEPT = 1 << 30
"""Bytes of frames that wait for others: a small file that is packed may have any number of them."""
_PIECE = 1 << 17
"""Bytes of keys, or numbers of states, from which on the next frame is begun."""


class StoredMaps:
    """The maps of a capture as they were read for the moment that is replayed. Implements
    `session.events.Maps`; what the run did to its maps was seen when they were read."""

    def __init__(self, plan: Plan, cpus: int) -> None:
        """``cpus``: the possible ones of the host."""
        self._plan = plan
        self._cpus = cpus
        self._kept = 0
        self._coming: dict[tuple[Purpose, int], list[bytes]] = {}
        self._whole: dict[tuple[Purpose, int], list[bytes]] = {}
        self._shown: dict[int, list[bytes]] = {}
        self._merged: dict[int, Table] = {}

    def take(self, body: bytes) -> None:
        """Some entries."""
        part = content.unpack_map(body)
        if part.index >= len(self._plan.maps):
            raise ValueError(f"entries of map {part.index}, which is none")
        if part.copies > self._cpus + 1:  # what was spilled is one more
            raise ValueError(f"values of {part.copies} CPUs")
        place = part.purpose, part.index
        self._coming.setdefault(place, []).append(body)
        self._kept += len(body)
        if part.last:
            self._forget(self._whole.pop(place, []))
            self._whole[place] = self._coming.pop(place)
        if self._kept > MOST_KEPT:
            raise ValueError("more entries of maps at one time than can be shown")

    def _forget(self, bodies: list[bytes]) -> list[bytes]:
        self._kept -= sum(map(len, bodies))
        return bodies

    def take_merged(self, body: bytes) -> None:
        """Some entries of a map over several captures."""
        index, entries = _unpack_table(body, self._plan.maps)
        self._merged.setdefault(index, {}).update(entries)

    def show(self, purpose: Purpose) -> bool:
        """Let `all` be what was read for this last; whether anything was."""
        found = [place for place in self._whole if place[0] == purpose]
        if found:
            self._shown = {
                index: self._forget(self._whole.pop((purpose, index))) for _, index in found
            }
        return bool(found)

    def snapshot(self, name: str) -> MapSnapshot:
        index = [one.name for one in self._plan.maps].index(name)
        return self._joined(index, self._forget(self._whole.pop((Purpose.PRINT, index), [])))

    def all(self) -> tuple[MapSnapshot, ...]:
        maps = self._plan.maps
        return (
            *(self._joined(index, bodies) for index, bodies in self._shown.items()),
            *(merged_snapshot(maps[index], table) for index, table in self._merged.items()),
        )

    def tables(self, style: Style) -> dict[int, Table]:
        """What can be added of what `all` shows: the aggregations."""
        maps = self._plan.maps
        found = {
            index: _table(maps, index, bodies, style)
            for index, bodies in self._shown.items()
            if isinstance(maps[index].value, types.AGGREGATES)
        }
        return found | self._merged

    def _joined(self, index: int, bodies: list[bytes]) -> MapSnapshot:
        maps = self._plan.maps
        parts = chain.from_iterable(content.map_entries(body, maps) for body in bodies)
        return joined(maps[index], parts, zeroed=_zeroed(bodies))

    def clear(self, name: str) -> None:
        """It was cleared."""

    def zero(self, name: str) -> None:
        """It was zeroed."""

    def spill(self, name: str, key: bytes, numbers: Values) -> None:
        """It was put there."""


def _zeroed(bodies: list[bytes]) -> bool:
    return any(content.unpack_map(body).zeroed for body in bodies)


def host_bound(kind: Type | None) -> bool:
    """Whether the bytes of a key mean something only on the host where they come from."""
    match kind:
        case types.Tuple(elements=elements) | types.Record(elements=elements):
            return any(map(host_bound, elements))
        case types.Array(element=element):
            return host_bound(element)
        case types.Enum() | types.Struct() | types.Timestamp():  # as each kernel declares them
            return True
        case _:
            return asks(kind)


def _table(maps: tuple[Map, ...], index: int, bodies: list[bytes], style: Style) -> Table:
    """The states of what was read of a map."""
    map_ = maps[index]
    kind = map_.value
    assert isinstance(kind, types.AGGREGATES)
    found: Table = {}
    name_of = _key_names(map_.key, style)
    skips = map_.key is None and not _zeroed(bodies)
    for body in bodies:
        for key, state in _states(maps, map_, body, skips=skips):
            name = name_of(key)
            known = found.get(name)  # two addresses may have one name
            found[name] = state if known is None else states.add(kind, known, state)
    return found


def _key_names(kind: Type | None, style: Style) -> Callable[[bytes], bytes]:
    """What a key is known by beyond its host."""
    if kind is None or not host_bound(kind):
        return lambda raw: raw
    decode, text_of = decoder((kind,), (0,)), renderer(kind, style)
    return lambda raw: text_of(decode(raw, 0)[0])


def _states(
    maps: tuple[Map, ...], map_: Map, body: bytes, *, skips: bool
) -> Iterator[tuple[bytes, State]]:
    """Keys and states of a frame; ``skips``: leave out what was never written."""
    kind = map_.value
    if isinstance(kind, types.Hist | types.LHist):
        for key, kept in content.map_words(body, maps):
            if kept or not skips:
                yield key, states.from_words(kind, kept)
        return
    assert isinstance(kind, types.AGGREGATES)
    for part in content.map_entries(body, maps):
        if skips and untouched(kind, part):
            continue
        size = part.key_size
        keys = [part.keys[at : at + size] for at in range(0, len(part.keys), size)]
        yield from zip(keys, states.from_entries(kind, part), strict=True)


def merged_snapshot(map_: Map, table: Table) -> MapSnapshot:
    """A map over several captures, as one that was read."""
    kind = map_.value
    assert isinstance(kind, types.AGGREGATES)
    found = states.values(kind, list(table.values()))
    if map_.key is None:
        return MapSnapshot(map=map_, entries=tuple((None, value) for value in found))
    raw = list(table)
    if host_bound(map_.key):
        return arranged(replace(map_, key=_TEXT), raw, raw, found)
    decode = decoder((map_.key,), (0,))
    return arranged(map_, [decode(key, 0)[0] for key in raw], raw, found)


def pack_table(index: int, map_: Map, table: Table) -> Iterator[bytes]:
    """Bodies for all entries of a map over several captures."""
    kind = map_.value
    assert isinstance(kind, types.AGGREGATES)
    entries: list[list[object]] = []
    size = 0
    for key, state in table.items():
        document = states.to_document(kind, state)
        entries.append([key.hex(), document])
        size += len(key) + len(document)
        if size >= _PIECE:
            yield content.pack_json({"map": index, "entries": entries})
            entries, size = [], 0
    yield content.pack_json({"map": index, "entries": entries})


def _unpack_table(body: bytes, maps: tuple[Map, ...]) -> tuple[int, Table]:
    document = content.unpack_object(body)
    index = document["map"]
    map_ = maps[index]
    kind = map_.value
    if not isinstance(kind, types.AGGREGATES):
        raise ValueError(f"{map_.name} cannot be added up")
    found = {
        bytes.fromhex(key): states.from_document(kind, state) for key, state in document["entries"]
    }
    if not host_bound(map_.key) and any(len(key) != map_.key_size for key in found):
        raise ValueError(f"a key of {map_.name} of another size")
    return index, found
