# SPDX-License-Identifier: MIT
"""Reading and writing maps of the running kernel."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator

import pytest

from kptrace import types
from kptrace.kernel import Kernel
from kptrace.plan import Map, MapKind
from kptrace.runtime import bpf, cpus, features, maps
from kptrace.runtime.bpf import MapType

Create = Callable[[MapType, int, int, int], int]


@pytest.fixture(params=["batch", "single"])
def _reading(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, kernel: Kernel
) -> None:
    """Each test with and without batch calls."""
    if request.param == "single":
        monkeypatch.setattr(features, "has", lambda name: False)
    else:
        assert features.has("map_batch")


@pytest.fixture
def create() -> Iterator[Create]:
    opened: list[int] = []

    def make(map_type: MapType, key_size: int, value_size: int, entries: int) -> int:
        opened.append(bpf.map_create(map_type, key_size, value_size, entries))
        return opened[-1]

    yield make
    for fd in opened:
        os.close(fd)


def number(value: int) -> bytes:
    return struct.pack("<Q", value)


@pytest.mark.usefixtures("_reading")
@pytest.mark.parametrize("entries", [0, 1, 7, 4096, 10007])
def test_hash(create: Create, entries: int) -> None:
    fd = create(MapType.HASH, 8, 12, 16384)
    expected = {number(key): (struct.pack("<QI", key * key, 7),) for key in range(entries)}
    for key, (value,) in expected.items():
        bpf.map_update(fd, key, value)
    found = maps.read_map(fd)
    assert found.count == entries
    assert dict(found.rows()) == expected


@pytest.mark.usefixtures("_reading")
def test_percpu_hash_has_a_value_per_possible_cpu(create: Create) -> None:
    fd = create(MapType.PERCPU_HASH, 4, 12, 100)
    count = cpus.possible()
    for key in range(100):
        values = [struct.pack("<QI4x", key, cpu) for cpu in range(count)]
        bpf.map_update(fd, key.to_bytes(4, "little"), b"".join(values))
    found = maps.read_map(fd)
    assert found.count == 100
    for key_bytes, values in found.rows():
        key = int.from_bytes(key_bytes, "little")
        assert values == tuple(struct.pack("<QI4x", key, cpu) for cpu in range(count))


def test_large_values_are_read_in_small_batches(create: Create, kernel: Kernel) -> None:
    size = 15360  # a fine histogram
    fd = create(MapType.PERCPU_HASH, 8, size, 300)
    for key in range(300):
        bpf.map_update(fd, number(key), bytes([key % 256]) * (size * cpus.possible()))
    found = dict(maps.read_map(fd).rows())
    assert len(found) == 300
    assert all(values[0] == bytes([key[0]]) * size for key, values in found.items())


@pytest.mark.usefixtures("_reading")
def test_array(create: Create) -> None:
    fd = create(MapType.PERCPU_ARRAY, 4, 8, 3)
    bpf.map_update(fd, (1).to_bytes(4, "little"), number(5) * cpus.possible())
    assert maps.read_counters(fd, 3) == [0, 5 * cpus.possible(), 0]
    assert maps.read_map(fd).count == 3


def plan_map(kind: MapKind) -> Map:
    return Map(
        name="@x", symbol="x", kind=kind, key=types.UINT64, value=types.UINT64, max_entries=9
    )


def test_clear_and_zero_of_a_hash(create: Create, kernel: Kernel) -> None:
    fd = create(MapType.HASH, 8, 8, 100)
    for key in range(100):
        bpf.map_update(fd, number(key), number(key + 1))
    maps.zero(fd)
    assert dict(maps.read_map(fd).rows()) == {number(key): (number(0),) for key in range(100)}
    maps.clear(fd, plan_map(MapKind.HASH))
    assert maps.read_map(fd).count == 0


def test_clear_of_an_array_zeroes_it(create: Create, kernel: Kernel) -> None:
    fd = create(MapType.PERCPU_ARRAY, 4, 8, 1)
    bpf.map_update(fd, bytes(4), number(5) * cpus.possible())
    maps.clear(fd, plan_map(MapKind.PERCPU_ARRAY))
    assert maps.read_counters(fd, 1) == [0]


def test_stack_ends_at_the_first_zero(create: Create, kernel: Kernel) -> None:
    fd = create(MapType.HASH, 8, 4 * 8, 10)
    bpf.map_update(fd, number(1), struct.pack("<4Q", 11, 12, 0, 0))
    bpf.map_update(fd, number(2), struct.pack("<4Q", 1, 2, 3, 4))
    assert maps.stack(fd, 1) == (11, 12)
    assert maps.stack(fd, 2) == (1, 2, 3, 4)
    assert maps.stack(fd, 3) == ()
