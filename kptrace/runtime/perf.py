# SPDX-License-Identifier: MIT
"""The event buffer: one perf ring per CPU, read in bulk and merged into time order.

Ring layout: one header page, then 2^n data pages. The kernel moves ``data_head``, the reader
``data_tail``; both run free and are taken modulo the size, so a record may wrap around the end.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import os
import platform
import select
import threading
import time
from collections.abc import Mapping
from types import TracebackType

from kptrace.errors import HostError
from kptrace.perf_records import NOTHING_NEWER, Decoder, Records, Rings, in_order, until
from kptrace.records import dataclass
from kptrace.runtime import bpf, clocks, cpus, perf_event

_PAGE = mmap.PAGESIZE
_HEAD, _TAIL = 1024, 1032  # offsets of data_head and data_tail in struct perf_event_mmap_page
_MEMORY_SHARE = 4  # all rings together get no more than this part of the available memory
_SMALLEST, _LARGEST = 256 << 10, 16544 << 10
_WAKEUP_BYTES = 64 << 10  # a wake-up costs the traced task: batch them under load
_TOGETHER_S = 0.01  # what comes closer to the event before may wait that long for more
_SETTLE_S = 0.002  # wait for records of other CPUs before handing out what is pending
_HOTPLUG_INTERVAL_NS = 10**9

_order = threading.Lock()
_order.acquire()
_STRONG_ORDER = platform.machine() == "x86_64"


def _fence() -> None:
    """Order the accesses before against those after, where the processor does not by itself.

    Releasing a lock has release order, taking it acquire order; both together keep reads of
    ring bytes between reading the head and writing the tail.
    """
    if not _STRONG_ORDER:
        _order.release()
        _order.acquire()


def ring_pages(wanted: int, cpu_count: int, each: int = 0) -> int:
    """Data pages per CPU, a power of two, for ``perf_rb_pages`` (0: automatic, language §13).

    ``perf_rb_pages`` counts the pages of all rings together; automatic is a 64th of the available
    memory within 256 KiB and 16544 KiB. ``each``: bytes per CPU, which win. HostError where what
    was asked for would take too much of the host's memory, as rings cannot be swapped out.
    """
    if each:
        pages = 1 << (-(-each // _PAGE) - 1).bit_length()
    else:
        size = min(max(cpus.available_memory() // 64, _SMALLEST), _LARGEST)
        share = max((wanted or size // _PAGE) // cpu_count, 1)
        pages = 1 << (share.bit_length() - 1)
    if each or wanted:
        _require_memory(pages * _PAGE, cpu_count)
    return pages


def _require_memory(size: int, cpu_count: int) -> None:
    most = max(cpus.available_memory() // _MEMORY_SHARE // cpu_count, _PAGE)
    if size > most:
        largest = 1 << (most.bit_length() - 1)
        pages = largest // _PAGE * cpu_count
        raise HostError(
            f"event buffers of {size >> 10} KiB for each of {cpu_count} CPUs are more than a"
            " quarter of the memory that is available",
            hint=f"at most --buffer {largest >> 10}K here, which is perf_rb_pages = {pages}",
            code="event-buffer",
        )


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a ring held: whole records, in the order in which its CPU began to write them."""

    cpu: int
    data: bytes


class Ring:
    """The ring of one CPU, mapped, and the two events that can write to it.

    `quiet` wakes the reader when much has come together, `prompt` with every record. ``waking``:
    the second one is in use. ``found_ns``: when there was last something in the ring.
    """

    def __init__(self, cpu: int, pages: int) -> None:
        self.cpu = cpu
        self.size = pages * _PAGE
        self.waking = False
        self.found_ns = 0
        with contextlib.ExitStack() as opened:
            self.quiet = perf_event.open_output(cpu, min(_WAKEUP_BYTES, self.size // 4))
            opened.callback(os.close, self.quiet)
            self.prompt = perf_event.open_output(cpu)
            opened.callback(os.close, self.prompt)
            self._map = mmap.mmap(self.quiet, _PAGE + self.size)
            perf_event.set_output(self.prompt, self.quiet)
            opened.pop_all()
        # A ctypes integer is read and written by one aligned access, a slice of bytes is not.
        self._head = ctypes.c_uint64.from_buffer(self._map, _HEAD)
        self._tail = ctypes.c_uint64.from_buffer(self._map, _TAIL)
        self._data = memoryview(self._map)[_PAGE:]
        for fd in (self.quiet, self.prompt):
            perf_event.enable(fd)

    @property
    def empty(self) -> bool:
        return bool(self._head.value == self._tail.value)

    def take(self) -> bytes:
        """Everything in the ring, whole records end to end; frees its space."""
        head, tail = self._head.value, self._tail.value
        if head == tail:
            return b""
        _fence()
        start, used = tail % self.size, head - tail
        data = bytes(self._data[start : start + used])
        if len(data) < used:
            data += self._data[: used - len(data)]
        _fence()
        self._tail.value = head
        return data

    def lost(self) -> int | None:
        """All records that this ring ever refused; None on kernels that do not count them."""
        counts = [perf_event.read_lost(fd) for fd in (self.quiet, self.prompt)]
        return None if None in counts else sum(one or 0 for one in counts)

    def close(self) -> None:
        del self._head, self._tail
        # An exception on its way out may still hold views of the ring: it goes with them.
        with contextlib.suppress(BufferError):
            self._data.release()
            self._map.close()
        os.close(self.prompt)
        os.close(self.quiet)


class Reader:
    """All rings of one event map. A context manager."""

    def __init__(
        self, map_fd: int, sizes: Mapping[int, int], *, pages: int = 0, each: int = 0
    ) -> None:
        """``sizes``: payload bytes by event id; ``pages`` and ``each``: see `ring_pages`."""
        self._map_fd = map_fd
        self._decoder = Decoder(sizes)
        self._poll = select.epoll()
        self._rings: dict[int, Ring] = {}
        self._pending: Records = []
        self._kept: list[Chunk] = []
        self._late = False
        self._lost_records = 0
        self._lost_closed = 0
        self._next_check = 0
        online = cpus.online()
        self._pages = ring_pages(pages, len(online), each)
        try:
            for cpu in online:
                self._open(cpu)
        except BaseException:
            self.close()
            raise

    @property
    def ring_bytes(self) -> int:
        """Data bytes of one CPU's ring."""
        return self._pages * _PAGE

    def poll(self, timeout_s: float) -> Records:
        """Wait for events, at most ``timeout_s``, and return them in order of time over all CPUs.

        Records that are newer than the start of reading come with the next call: an older one
        may still be on its way in another CPU's ring.
        """
        horizon = self._wait(timeout_s)
        self._read()
        ready = len(self._pending)
        if len(self._rings) > 1:
            ready = until(self._pending, horizon)
        records, self._pending = self._pending[:ready], self._pending[ready:]
        return records

    def poll_rings(self, timeout_s: float) -> Rings:
        """Like `poll`, with nothing decoded: what is newer than the horizon comes at once."""
        horizon = self._wait(timeout_s)
        return Rings(horizon=horizon, chunks=[chunk.data for chunk in self.take()])

    def drain_rings(self) -> Rings:
        """Like `drain`, with nothing decoded."""
        return Rings(horizon=NOTHING_NEWER, chunks=[chunk.data for chunk in self.take()])

    def counts_lost(self) -> bool:
        """Whether the kernel counts what is lost; else only the records tell."""
        return all(ring.lost() is not None for ring in self._rings.values())

    def _wait(self, timeout_s: float) -> int:
        """Wait for events; returns the time from which on they may not be complete."""
        if self._kept:
            timeout_s = 0
        elif self._pending or self._late:
            timeout_s = min(timeout_s, _SETTLE_S)
        elif not all(ring.waking for ring in self._rings.values()):
            timeout_s = min(timeout_s, _TOGETHER_S)
        self._poll.poll(timeout_s)
        horizon = clocks.host_ns(time.CLOCK_MONOTONIC)  # as records have it
        if horizon >= self._next_check:
            self._next_check = horizon + _HOTPLUG_INTERVAL_NS
            self._follow_hotplug()
        return horizon

    def take(self) -> list[Chunk]:
        """Everything in the rings as it is; frees their space. Losses are among the records."""
        chunks, self._kept = self._kept, []
        self._late = False
        now = time.monotonic_ns()
        for ring in self._rings.values():
            data = ring.take()
            if data:
                chunks.append(Chunk(ring.cpu, data))
            self._choose_event(ring, bool(data), now)
        return chunks

    def relieve(self) -> None:
        """Make room in the rings while records are handled: what is there comes with the next poll.

        Nothing more is taken once as much is kept as the rings themselves hold.
        """
        if sum(len(chunk.data) for chunk in self._kept) < self.ring_bytes * len(self._rings):
            self._kept = self.take()

    def drain(self) -> Records:
        """Everything that was submitted so far, in order of time."""
        self._read()
        ready, self._pending = self._pending, []
        return ready

    def lost(self) -> int:
        """Records lost so far, as far as the rings tell: LOST records or the kernel's own count."""
        counts = [ring.lost() for ring in self._rings.values()]
        known = sum(count for count in counts if count is not None)
        return max(self._lost_records, known + self._lost_closed)

    def close(self) -> None:
        for ring in self._rings.values():
            ring.close()
        self._rings = {}
        self._poll.close()

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read(self) -> None:
        parts: list[Records] = [self._pending] if self._pending else []
        for chunk in self.take():
            self._lost_records += self._decoder.decode(memoryview(chunk.data), parts)
        self._pending = in_order(parts)

    def _choose_event(self, ring: Ring, found: bool, now: int) -> None:
        """Be woken at once by what comes after a silence; what follows closely shall wait for more,
        as a wake-up costs the traced task a microsecond and the reader fifty."""
        wanted = not found or now - ring.found_ns >= 2e9 * _TOGETHER_S
        if found:
            ring.found_ns = now
        if wanted == ring.waking:
            return
        self._write_to(ring, waking=wanted)
        # What came before the waking event was in place has woken nobody. (A program that had
        # already looked up the other event is later still; the next timeout finds its record.)
        self._late = self._late or (wanted and not ring.empty)

    def _write_to(self, ring: Ring, *, waking: bool) -> None:
        ring.waking = waking
        fd = ring.prompt if waking else ring.quiet
        bpf.map_update(self._map_fd, ring.cpu.to_bytes(4, "little"), fd.to_bytes(4, "little"))

    def _open(self, cpu: int) -> None:
        try:
            ring = Ring(cpu, self._pages)
        except OSError as error:
            raise _open_error(error, self._pages) from error
        self._rings[cpu] = ring
        self._write_to(ring, waking=True)
        self._poll.register(ring.quiet, select.EPOLLIN)

    def _follow_hotplug(self) -> None:
        """Give a CPU that came (back) online a new ring.

        The ring of a CPU that went offline stays dead for ever: output to it answers EOPNOTSUPP,
        and enabling the event again does not help.
        """
        online = set(cpus.online())
        for cpu in set(self._rings) - online:
            ring = self._rings.pop(cpu)
            data = ring.take()
            if data:
                self._kept.append(Chunk(cpu, data))
            self._lost_closed += ring.lost() or 0
            self._poll.unregister(ring.quiet)
            ring.close()
        for cpu in online - set(self._rings):
            with contextlib.suppress(HostError):  # gone again, or no memory: tried again later
                self._open(cpu)


def _open_error(error: OSError, pages: int) -> HostError:
    if error.errno in (errno.EACCES, errno.EPERM):
        hint = (
            "run as root; without CAP_SYS_ADMIN kernel.perf_event_paranoid must be 2 or lower, and"
            " large buffers need CAP_IPC_LOCK, or a smaller --buffer"
        )
        return HostError(
            f"no permission to open the event buffer: {error.strerror}",
            hint=hint,
            code="permission",
        )
    return HostError(
        f"cannot open an event buffer of {pages} pages per CPU: {error.strerror}",
        hint="ask for less with --buffer" if error.errno == errno.ENOMEM else "",
        code="event-buffer",
    )
