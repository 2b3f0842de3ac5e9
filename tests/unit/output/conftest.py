# SPDX-License-Identifier: MIT
from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest

from kptrace import types
from kptrace.aggregate import MapSnapshot, snapshot
from kptrace.entries import Entries
from kptrace.histogram import bucket_index, linear_index
from kptrace.output.values import Style
from kptrace.plan import Map, MapKind
from kptrace.types import KStack, Type


@dataclass
class Symbols:
    """A resolver over three functions and the stacks that a test puts in."""

    stacks: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def _find(self, address: int) -> tuple[str, int] | None:
        for start, name in ((0x1000, "vfs_read"), (0x2000, "ksys_read"), (0x3000, "do_nanosleep")):
            if start <= address < start + 0x1000:
                return name, address - start
        return None

    def ksym(self, address: int) -> str | None:
        found = self._find(address)
        return found[0] if found else None

    def ksym_offset(self, address: int) -> str | None:
        found = self._find(address)
        return f"{found[0]}+{found[1]}" if found else None

    def wall_ns(self, clock: str, ns: int) -> int:
        return ns if clock == "boot" else ns + 37 * 10**9

    def gfp_flags(self) -> tuple[tuple[str, int], ...]:
        return (
            ("GFP_KERNEL", 0xCC0),
            ("GFP_NOIO", 0xC00),
            ("__GFP_IO", 0x40),
            ("__GFP_ZERO", 0x100),
        )

    def user(self, uid: int) -> str | None:
        return "root" if uid == 0 else None

    def cgroup(self, number: int) -> tuple[tuple[str, str], ...]:
        return (("h1", "/a"), ("unified", "/b")) if number == 3 else ()

    def stack(self, key: int, kind: KStack) -> tuple[int, ...]:
        return self.stacks.get(key, ())[: kind.limit]


@pytest.fixture
def symbols() -> Symbols:
    return Symbols(stacks={7: (0x1001, 0x206F), 8: (0x3001,), 9: (0xFFFF0001,)})


@pytest.fixture
def style(symbols: Symbols) -> Style:
    return Style(resolver=symbols)


def encode(kind: Type, value: Any) -> bytes:
    """The stored bytes of a value, as a program writes them."""
    match kind:
        case types.Tuple(elements=elements):
            offsets, size = types.tuple_layout(elements)
            data = bytearray(size)
            for element, offset, one in zip(elements, offsets, value, strict=True):
                part = encode(element, one)
                data[offset : offset + len(part)] = part
            return bytes(data)
        case types.Array(element=element):
            return b"".join(encode(element, one) for one in value)
        case types.String(size=size):
            return bytes(value).ljust(size, b"\0")
        case types.Int(size=size, signed=signed):
            return int(value).to_bytes(size, "little", signed=signed)
        case _:
            return int(value).to_bytes(types.size_of(kind), "little")


def aggregate(kind: Type, values: Sequence[int]) -> bytes:
    """One CPU's state after these updates, by the table of language §5.4."""
    n = len(values)
    match kind:
        case types.Count():
            state = [n]
        case types.Min():
            state = [min(values, default=0), n]
        case types.Max():
            state = [max(values, default=0), n]
        case types.Hist() | types.LHist():
            state = [n, sum(values), min(values, default=0), max(values, default=0)]
            state += [0] * (types.aggregate_words(kind) - len(state))
            for value in values:
                index = (
                    bucket_index(value, kind.bits)
                    if isinstance(kind, types.Hist)
                    else linear_index(value, kind)
                )
                state[types.HIST_HEADER_WORDS + index] += 1
        case _:
            state = [sum(values), n]
    return struct.pack(f"<{len(state)}Q", *(word % (1 << 64) for word in state))


class Table(Protocol):
    def __call__(
        self, name: str, kind: Type, entries: Mapping[Any, Any], key: Type | None = None
    ) -> MapSnapshot: ...


@pytest.fixture
def table() -> Table:
    """Builds the snapshot of a map from bytes.

    ``entries`` maps a key (None: scalar) to a value, for an aggregation to the list of its
    updates, which two CPUs share; an empty list is a zeroed entry.
    """

    def build(
        name: str, kind: Type, entries: Mapping[Any, Any], key: Type | None = None
    ) -> MapSnapshot:
        map_ = Map(name=name, symbol="m", kind=MapKind.HASH, key=key, value=kind, max_entries=4096)
        keys, copies = [], []
        for one, value in entries.items():
            keys.append(bytes(4) if key is None else encode(key, one))
            if isinstance(kind, types.AGGREGATES):
                copies += [aggregate(kind, value[0::2]), aggregate(kind, value[1::2])]
            else:
                copies.append(encode(kind, value))
        found = Entries(
            count=len(keys),
            keys=b"".join(keys),
            values=b"".join(copies),
            copies=len(copies) // len(keys) if keys else 1,
        )
        return snapshot(map_, found, zeroed=True)

    return build
