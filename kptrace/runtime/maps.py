# SPDX-License-Identifier: MIT
"""Map file descriptors -> bytes. Values are not interpreted here."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import struct

from kptrace.entries import Entries
from kptrace.plan import Map, MapKind
from kptrace.runtime import bpf, cpus, features
from kptrace.runtime.bpf import MapInfo

_BUILD_ID_FRAME = struct.Struct("<i20sQ")
_EMPTY, _VALID = 0, 1  # BPF_STACK_BUILD_ID_*

_BATCH_BYTES = 1 << 20
_BATCH_ENTRIES = 4096


class _Shape:
    """How one entry of a map lies in memory."""

    def __init__(self, info: MapInfo) -> None:
        self.info = info
        per_cpu = info.type in bpf.PERCPU_TYPES
        self.values = cpus.possible() if per_cpu else 1
        # The kernel rounds each CPU's value up to 8 bytes.
        self.stride = -(-info.value_size // 8) * 8 if per_cpu else info.value_size
        self.entry = self.stride * self.values

    def split(self, data: bytes) -> tuple[bytes, ...]:
        size, stride = self.info.value_size, self.stride
        return tuple([data[at : at + size] for at in range(0, self.entry, stride)])

    def entries(self, keys: bytearray, values: bytearray) -> Entries:
        count = len(keys) // self.info.key_size
        return Entries(count=count, keys=bytes(keys), values=bytes(values), copies=self.values)


def read_map(fd: int) -> Entries:
    """Every entry of a map, in no order.

    Entries that come or go meanwhile may or may not be seen. A value is as consistent as the
    programs that write it: one word is never torn.
    """
    shape = _Shape(bpf.map_info(fd))
    hashed = shape.info.type not in (bpf.MapType.ARRAY, bpf.MapType.PERCPU_ARRAY)
    read = _read_batches if hashed and features.has("map_batch") else _read_singly
    keys, values = bytearray(), bytearray()
    read(fd, shape, keys, values)
    return shape.entries(keys, values)


def _read_batches(fd: int, shape: _Shape, keys: bytearray, values: bytearray) -> None:
    """BPF_MAP_LOOKUP_BATCH: since 5.6 (057996380a42), one call for many entries."""
    key_size = shape.info.key_size
    count = max(1, min(_BATCH_ENTRIES, _BATCH_BYTES // shape.entry, shape.info.max_entries))
    cursor = bpf.BatchCursor(key_size)
    last, room = False, 0
    while not last:
        if room != count:
            room = count
            some_keys = ctypes.create_string_buffer(count * key_size)
            some_values = ctypes.create_string_buffer(count * shape.entry)
        try:
            found, last = bpf.map_lookup_batch(fd, cursor, some_keys, some_values, count)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            count *= 2  # one bucket holds more entries than the buffer
            continue
        keys += memoryview(some_keys)[: found * key_size]
        values += memoryview(some_values)[: found * shape.entry]


def _read_singly(fd: int, shape: _Shape, keys: bytearray, values: bytearray) -> None:
    value = ctypes.create_string_buffer(shape.entry)
    seen: set[bytes] = set()
    for key in bpf.map_keys(fd, shape.info.key_size):
        if key in seen:  # a key vanished under the walk, which then began again
            continue
        seen.add(key)
        if bpf.map_lookup(fd, key, value):
            keys += key
            values += memoryview(value)


def lookup(fd: int, key: bytes) -> tuple[bytes, ...] | None:
    """The values of one key; None when it is missing."""
    shape = _Shape(bpf.map_info(fd))
    value = ctypes.create_string_buffer(shape.entry)
    return shape.split(value.raw) if bpf.map_lookup(fd, key, value) else None


def clear(fd: int, plan_map: Map) -> None:
    """Remove all entries; those of an array, which always exist, become zero."""
    if plan_map.kind is MapKind.PERCPU_ARRAY:
        zero(fd)
        return
    info = bpf.map_info(fd)
    for key in list(bpf.map_keys(fd, info.key_size)):
        bpf.map_delete(fd, key)


def zero(fd: int) -> None:
    """Set every value to zero and keep the keys."""
    shape = _Shape(bpf.map_info(fd))
    nothing = bytes(shape.entry)
    for key in list(bpf.map_keys(fd, shape.info.key_size)):
        with contextlib.suppress(FileNotFoundError):  # a program removed it meanwhile
            bpf.map_update(fd, key, nothing, existing=True)


def read_counters(fd: int, count: int) -> list[int]:
    """The first ``count`` slots of a per-CPU array of u64, each summed over all CPUs."""
    shape = _Shape(bpf.map_info(fd))
    value = ctypes.create_string_buffer(shape.entry)
    totals = []
    for slot in range(count):
        bpf.map_lookup(fd, slot.to_bytes(4, "little"), value)
        totals.append(sum(struct.unpack(f"<{shape.values}Q", value.raw)))
    return totals


def stack(fd: int, key: int) -> tuple[int, ...]:
    """The addresses of a stored stack, innermost first; none when it was not stored."""
    values = lookup(fd, key.to_bytes(8, "little"))
    if values is None:
        return ()
    addresses = struct.unpack(f"<{len(values[0]) // 8}Q", values[0])
    return addresses[: addresses.index(0)] if 0 in addresses else addresses


def build_id_stack(fd: int, key: int) -> tuple[tuple[str, int], ...]:
    """The frames of a stored stack as build id (in hex) and offset in the file that has it.

    The build id is "" where the kernel found none; then the offset is an address.
    """
    values = lookup(fd, key.to_bytes(8, "little"))
    frames = []
    for status, build_id, offset in _BUILD_ID_FRAME.iter_unpack(values[0][8:] if values else b""):
        if status == _EMPTY:
            break
        frames.append((build_id.hex() if status == _VALID else "", offset))
    return tuple(frames)
