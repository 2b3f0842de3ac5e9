# SPDX-License-Identifier: MIT
"""Running an iter program over all objects of the kernel, and what it sends meanwhile."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

from kptrace.runtime import bpf
from kptrace.runtime.perf_records import RawRecord

_HEADER = struct.Struct("=QII")  # time, event id, size of the event with this header
_PIECE = 1 << 16  # the kernel fills at most 8 pages before it hands over


def read(link: int) -> Iterator[list[RawRecord]]:
    """Run over all objects, a batch of records at a time. OSError as read(2) has it."""
    iterator = bpf.iterator(link)
    try:
        rest = b""
        while True:
            try:
                data = os.read(iterator, _PIECE)
            except BlockingIOError:  # it has looked at very many objects and wants to go on
                yield []
                continue
            if not data:
                return
            records, rest = _split(rest + data)
            yield records
    finally:
        os.close(iterator)


def _split(data: bytes) -> tuple[list[RawRecord], bytes]:
    """The whole records, and the beginning of the next one."""
    records: list[RawRecord] = []
    start = 0
    while start + _HEADER.size <= len(data):
        time, event, size = _HEADER.unpack_from(data, start)
        if start + size > len(data):
            break
        records.append((time, event, data[start : start + size]))
        start += size
    return records, data[start:]
