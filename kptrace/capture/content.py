# SPDX-License-Identifier: MIT
"""The bodies of frames: one pair of functions for each kind.

Every ``unpack`` takes bytes of anybody, raises one of `Malformed` for what no ``pack`` has made,
and takes no more memory than a few times the body.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from kptrace import types
from kptrace.aggregate import Ledger, MapLoss, ProbeLoss
from kptrace.entries import Entries
from kptrace.plan import EVENT_HEADER, Map
from kptrace.records import dataclass

Malformed = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
"""What reading a body may raise: it is not one that was written by this format's rules."""

_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")
_SPAN = struct.Struct("<II")
_MAP = struct.Struct("<HBBIH")
_PIECE = 1 << 20
"""Bytes of a body from which on the next frame is begun."""
_MUCH = 1 << 25
_MORE = 1 << 31
MOST_JSON = 1 << 23
"""Bytes of a body of JSON: its objects take many times as much."""


class Purpose(IntEnum):
    """Why the entries of a map were read."""

    PRINT = 0  # for an event, whose frame follows
    INTERVAL = 1  # --interval
    SIGNAL = 2  # somebody asked with SIGUSR1
    FINAL = 3  # the end of the run, or of this file


# Events


def pack_rings(horizon: int, chunks: Iterable[bytes]) -> bytes:
    """Bytes of rings as they were read; records after ``horizon`` (ns) may have older ones yet."""
    parts = [_U64.pack(horizon)]
    for chunk in chunks:
        parts += (_U32.pack(len(chunk)), chunk)
    return b"".join(parts)


def unpack_rings(body: bytes) -> tuple[int, list[bytes]]:
    (horizon,) = _U64.unpack_from(body)
    return horizon, list(_counted(body, _U64.size))


def pack_records(payloads: Iterable[bytes]) -> Iterator[bytes]:
    """Payloads of events, each with its header of time and number; a body for each MiB."""
    parts: list[bytes] = []
    size = 0
    for payload in payloads:
        parts += (_U32.pack(len(payload)), payload)
        size += len(payload)
        if size >= _PIECE:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)


def unpack_records(body: bytes) -> list[tuple[int, int, bytes]]:
    """Time, number and payload of each event."""
    return [_record(payload) for payload in _counted(body, 0)]


def pack_done(payload: bytes, result: bytes) -> Iterator[bytes]:
    """An event that had an effect, and what came of it: in several bodies if that is much."""
    pieces = [result[at : at + _MUCH] for at in range(0, len(result), _MUCH)] or [b""]
    for number, piece in enumerate(pieces, 1):
        more = _MORE if number < len(pieces) else 0
        yield b"".join((_U32.pack(len(payload) | more), payload, piece))


def unpack_done(body: bytes) -> tuple[tuple[int, int, bytes], bytes, bool]:
    """The event, what came of it or a piece of that, and whether more pieces follow."""
    (word,) = _U32.unpack_from(body)
    size = word & ~_MORE
    if _U32.size + size > len(body):
        raise ValueError("an event is longer than its frame")
    record = _record(body[_U32.size : _U32.size + size])
    return record, body[_U32.size + size :], bool(word & _MORE)


def _record(payload: bytes) -> tuple[int, int, bytes]:
    if len(payload) < EVENT_HEADER:
        raise ValueError("an event without its header")
    time_ns, number = struct.unpack_from("<QI", payload)
    return time_ns, number, payload


def _counted(body: bytes, position: int) -> Iterator[bytes]:
    while position < len(body):
        (size,) = _U32.unpack_from(body, position)
        position += _U32.size
        if position + size > len(body):
            raise ValueError("a piece is longer than its frame")
        yield body[position : position + size]
        position += size


# Maps


@dataclass(frozen=True, slots=True, kw_only=True)
class MapPart:
    """What a frame with entries says of itself.

    ``index``: which of the plan's maps; ``last``: no more entries follow. ``zeroed``: `zero()`
    was called since the map was last cleared (see `aggregate.snapshot`). ``copies`` of a value
    there are at most.
    """

    index: int
    purpose: Purpose
    last: bool
    zeroed: bool
    copies: int


_ZEROED, _LAST = 1, 2


def pack_map(
    index: int, map_: Map, entries: Entries, purpose: Purpose, *, zeroed: bool
) -> Iterator[bytes]:
    """Bodies for all entries: one at least, the last one marked.

    Keys and values are kept as they are, but for aggregations of many words, most of which are
    zero: of each CPU that counted something, what lies between the first and the last word that
    is not zero is kept.
    """
    flags = _ZEROED if zeroed else 0
    whole = entries.copy_size * entries.copies
    most = max(1, _PIECE // max(entries.key_size + whole, 1))
    for start in range(0, max(entries.count, 1), most):
        stop = min(start + most, entries.count)
        some = Entries(
            count=stop - start,
            keys=entries.keys[start * entries.key_size : stop * entries.key_size],
            values=entries.values[start * whole : stop * whole],
            copies=entries.copies,
        )
        last = _LAST if stop == entries.count else 0
        head = _MAP.pack(index, purpose, flags | last, some.count, some.copies)
        yield b"".join((head, some.keys, *_value_parts(map_, some)))


def _value_parts(map_: Map, entries: Entries) -> Iterator[bytes]:
    if not isinstance(map_.value, types.SPREAD):
        yield entries.values
        return
    head = _fixed_bytes(map_)
    for _, copies in entries.rows():
        kept = [one for one in copies if one.strip(b"\0")]
        yield _U16.pack(len(kept))
        for one in kept:
            rest = one[head:]
            end = -(-len(rest.rstrip(b"\0")) // 8) * 8
            first = (len(rest) - len(rest.lstrip(b"\0"))) // 8 * 8 if end else 0
            yield from (one[:head], _SPAN.pack(first, end - first), rest[first:end])


def _fixed_bytes(map_: Map) -> int:
    """Bytes at the start of a value that are kept in any case: the header of a histogram."""
    histogram = isinstance(map_.value, types.Hist | types.LHist)
    return 8 * types.HIST_HEADER_WORDS if histogram else 0


def unpack_map(body: bytes) -> MapPart:
    """What stands before the entries."""
    index, purpose, flags, _, copies = _MAP.unpack_from(body)
    return MapPart(
        index=index,
        purpose=Purpose(purpose),
        last=bool(flags & _LAST),
        zeroed=bool(flags & _ZEROED),
        copies=copies,
    )


def map_entries(body: bytes, maps: Sequence[Map]) -> Iterator[Entries]:
    """The entries in parts: those with values that may be much longer than what is kept of them
    come one by one."""
    index, _, _, count, copies = _MAP.unpack_from(body)
    map_ = maps[index]
    if isinstance(map_.value, types.SPREAD):
        size = map_.value_size
        for key, kept in map_words(body, maps):
            words = [one.head + bytes(one.first) + one.words + bytes(one.rest) for one in kept]
            data = b"".join(words) or bytes(size)
            yield Entries(count=1, keys=key, values=data, copies=max(len(words), 1))
        return
    values = _MAP.size + count * map_.key_size
    if not count:
        return
    made = Entries(count=count, keys=body[_MAP.size : values], values=body[values:], copies=copies)
    size = made.copy_size if copies else 0
    exact = len(made.values) == size * count * copies
    if values > len(body) or not exact or not map_.value_size <= size < map_.value_size + 8:
        raise ValueError("entries that are longer than their frame, or shorter")
    yield made


class Words(NamedTuple):
    """A value: its head, zero bytes, words, and zero bytes again."""

    head: bytes
    first: int
    words: bytes
    rest: int


def map_words(body: bytes, maps: Sequence[Map]) -> Iterator[tuple[bytes, list[Words]]]:
    """The keys of a map of `types.SPREAD`, each with its values as they are kept."""
    index, _, _, count, copies = _MAP.unpack_from(body)
    map_ = maps[index]
    key_size, size, head = map_.key_size, map_.value_size, _fixed_bytes(map_)
    position = _MAP.size + count * key_size
    if position > len(body):
        raise ValueError("keys that are longer than their frame")
    for place in range(_MAP.size, position, key_size):
        (number,) = _U16.unpack_from(body, position)
        position += _U16.size
        if number > copies:
            raise ValueError("more values of an entry than CPUs")
        kept = []
        for _ in range(number):
            start = position + head
            first, length = _SPAN.unpack_from(body, start)
            start += _SPAN.size
            rest = size - head - first - length
            if rest < 0 or (first | length) & 7:
                raise ValueError("words that lie outside of their value")
            kept.append(
                Words(body[position : position + head], first, body[start : start + length], rest)
            )
            position = start + length
        if position > len(body):
            raise ValueError("an entry is longer than its frame")
        yield body[place : place + key_size], kept
    if position != len(body):
        raise ValueError("bytes behind the last entry")


# What is told once


def pack_json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def pack_answers(answers: Iterable[Any]) -> Iterator[bytes]:
    """Answers as JSON lists, a body for each MiB."""
    parts: list[str] = []
    size = 0
    for answer in answers:
        parts.append(json.dumps(answer, separators=(",", ":")))
        size += len(parts[-1])
        if size >= _PIECE:
            yield f"[{','.join(parts)}]".encode()
            parts, size = [], 0
    if parts:
        yield f"[{','.join(parts)}]".encode()


def _loads(body: bytes) -> Any:
    if len(body) > MOST_JSON:
        raise ValueError(f"{len(body)} bytes of JSON")
    return json.loads(body)


def unpack_object(body: bytes) -> dict[str, Any]:
    """A note, an end or a source: one JSON object."""
    value = _loads(body)
    if not isinstance(value, dict):
        raise ValueError("no object")
    return value


def unpack_list(body: bytes) -> list[Any]:
    """Answers: one JSON list."""
    value = _loads(body)
    if not isinstance(value, list):
        raise ValueError("no list")
    return value


def pack_lost(count: int) -> bytes:
    return _U64.pack(count)


def unpack_lost(body: bytes) -> int:
    (count,) = _U64.unpack(body)
    return int(count)


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a run ended.

    ``status``: its exit status; ``reason``: why this file ends (`""`: the run did, else
    ``rotated``, ``max-size``, ``unwritable``: as a full disk, or ``merged``). ``wall_ns``: the
    time of day then.
    """

    ledger: Ledger
    status: int
    reason: str
    wall_ns: int


def pack_end(end: End) -> bytes:
    return pack_json(
        {
            "ledger": ledger_document(end.ledger),
            "status": end.status,
            "reason": end.reason,
            "wall_ns": end.wall_ns,
        }
    )


def unpack_end(body: bytes) -> End:
    document = unpack_object(body)
    return End(
        ledger=ledger_from(document["ledger"]),
        status=_int(document["status"]) & 0xFF,
        reason=str(document["reason"]),
        wall_ns=_int(document["wall_ns"]),
    )


_COUNTERS = ("events", "map_full", "probe_misses", "recursion_misses", "stacks")


def ledger_document(ledger: Ledger) -> dict[str, Any]:
    """A ledger as JSON; unknown is null."""
    return {
        **{name: getattr(ledger, name) for name in _COUNTERS},
        "probes": [[one.label, one.hits, one.missed, one.recursion] for one in ledger.probes],
        "maps": [[one.name, one.dropped, one.max_entries] for one in ledger.maps],
    }


def ledger_from(document: Any) -> Ledger:
    return Ledger(
        **{name: _count(document[name]) for name in _COUNTERS},
        probes=tuple(
            ProbeLoss(
                label=text(label),
                hits=_int(hits),
                missed=_count(missed),
                recursion=_count(recursion),
            )
            for label, hits, missed, recursion in document["probes"]
        ),
        maps=tuple(
            MapLoss(name=text(name), dropped=_int(dropped), max_entries=_int(most))
            for name, dropped, most in document["maps"]
        ),
    )


def text(value: Any) -> str:
    """A text that can be written as bytes: bytes that were none are lone surrogates of Python."""
    if type(value) is not str:
        raise TypeError(f"{value!r:.40} is no text")
    value.encode("utf-8", "surrogateescape")
    return value


def _int(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r:.40} is no number")
    return value


def _count(value: Any) -> int | None:
    return None if value is None else _int(value)
