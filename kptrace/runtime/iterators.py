# SPDX-License-Identifier: MIT
"""Running an iter program over all objects of the kernel, and what it sends meanwhile."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator

from kptrace.errors import RunError
from kptrace.perf_records import RawRecord
from kptrace.runtime import bpf

_HEADER = struct.Struct("=QII")  # time, event id, size of the event with this header
_ROOM = 8 * os.sysconf("SC_PAGESIZE")  # of the kernel's buffer, kernel/bpf/bpf_iter.c
_PIECE = 4096
"""Bytes at a time. The kernel goes on to the next object until it has that many, and runs the
program once more for an object whose events no longer fit: so leave nearly the whole buffer free.
"""


def read(link: int) -> Iterator[list[RawRecord]]:
    """Run over all objects, a batch of records at a time.

    RunError when what is sent about one object is more than the kernel's buffer holds; else
    OSError as read(2) has it.
    """
    iterator = bpf.iterator(link)
    try:
        rest = b""
        while True:
            try:
                data = os.read(iterator, _PIECE)
            except BlockingIOError:  # it has looked at very many objects and wants to go on
                yield []
                continue
            except OSError as error:
                if error.errno != errno.E2BIG:
                    raise
                raise RunError(
                    f"the events about one object of an iter probe need more than {_ROOM} bytes",
                    hint="print less for each object, or collect it in maps",
                    code="iter-buffer",
                ) from error
            if not data:
                return
            records, rest = _split(rest + data)
            yield records
    finally:
        os.close(iterator)


def pin(link: int, path: str) -> None:
    """Pin a link, so that reading the file runs the program. RunError when that cannot be."""
    try:
        bpf.pin(link, path)
    except OSError as error:
        raise RunError(
            f"cannot pin to {path}: {error.strerror}",
            hint=_PIN_HINTS.get(error.errno or 0, ""),
            code="pin",
        ) from error


_NOT_BPF = "it must be on a BPF file system, which mount -t bpf bpf /sys/fs/bpf makes"
_PIN_HINTS = {
    errno.EEXIST: "remove the file, which also frees the program that it keeps",
    # the kernel refuses other file systems with this
    errno.EPERM: _NOT_BPF,
    errno.ENOENT: _NOT_BPF,
}


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
