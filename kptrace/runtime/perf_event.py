# SPDX-License-Identifier: MIT
"""perf_event_open(2): the events that programs hang on and the ring that they write to."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct
from ctypes import c_int32, c_uint16, c_uint32, c_uint64
from pathlib import Path

from kptrace.runtime import cpus, syscall

TYPE_SOFTWARE = 1
TYPE_TRACEPOINT = 2
SW_CPU_CLOCK = 0
SW_BPF_OUTPUT = 10
SAMPLE_RAW = 1 << 10
FORMAT_LOST = 1 << 4
FLAG_CLOEXEC = 1 << 3
_DISABLED = 1 << 0
_INHERIT = 1 << 1
_WATERMARK = 1 << 14  # wakeup_events counts bytes
_INHERIT_THREAD = 1 << 35  # and no child process

KPROBE_PMU = Path("/sys/bus/event_source/devices/kprobe")


class Attributes(ctypes.Structure):
    """struct perf_event_attr as of 4.1 (112 bytes, PERF_ATTR_SIZE_VER5)."""

    _fields_ = (
        ("type", c_uint32),
        ("size", c_uint32),
        ("config", c_uint64),
        ("sample_period", c_uint64),
        ("sample_type", c_uint64),
        ("read_format", c_uint64),
        ("flags", c_uint64),
        ("wakeup_events", c_uint32),
        ("bp_type", c_uint32),
        ("config1", c_uint64),
        ("config2", c_uint64),
        ("branch_sample_type", c_uint64),
        ("sample_regs_user", c_uint64),
        ("sample_stack_user", c_uint32),
        ("clockid", c_int32),
        ("sample_regs_intr", c_uint64),
        ("aux_watermark", c_uint32),
        ("sample_max_stack", c_uint16),
        ("_reserved", c_uint16),
    )


EVERYBODY = ANY_CPU = -1


def _open(attributes: Attributes, cpu: int, thread: int = EVERYBODY) -> int:
    attributes.size = ctypes.sizeof(attributes)
    no_group = -1
    return syscall.syscall(
        syscall.numbers().perf_event_open,
        ctypes.byref(attributes),
        thread,
        cpu,
        no_group,
        FLAG_CLOEXEC,
    )


def open_kprobe(name: str, *, offset: int = 0, address: int = 0, at_return: bool = False) -> int:
    """A kprobe by the perf PMU (4.17, e12f03d7031a): ``name`` (or ``module:name``) or an address.

    The event is bound to one CPU, the probe is not: it fires on all of them. ENOENT: no such
    symbol; EINVAL: not probeable; EADDRNOTAVAIL: the name has several addresses.
    """
    attributes = Attributes(type=int((KPROBE_PMU / "type").read_text()))
    if at_return:
        # "config:0": the bit that asks for the return side.
        bit = (KPROBE_PMU / "format" / "retprobe").read_text().strip().rpartition(":")[2]
        attributes.config = 1 << int(bit)
    text = ctypes.create_string_buffer(name.encode())
    attributes.config1 = 0 if address else ctypes.addressof(text)
    attributes.config2 = address or offset
    return _open(attributes, cpus.online()[0])


def open_tracepoint(identifier: int) -> int:
    """A tracepoint by the number in its tracefs ``id`` file; programs on it run on all CPUs."""
    attributes = Attributes(
        type=TYPE_TRACEPOINT, config=identifier, sample_period=1, wakeup_events=1
    )
    return _open(attributes, cpus.online()[0])


def open_timer(period_ns: int, cpu: int | None = None) -> int:
    """A disabled timer on one CPU; the kernel's shortest period is 10 µs."""
    attributes = Attributes(
        type=TYPE_SOFTWARE, config=SW_CPU_CLOCK, sample_period=period_ns, flags=_DISABLED
    )
    return _open(attributes, cpus.online()[0] if cpu is None else cpu)


SOFTWARE = {
    "cpu-clock": SW_CPU_CLOCK,
    "cpu": SW_CPU_CLOCK,
    "task-clock": 1,
    "page-faults": 2,
    "faults": 2,
    "context-switches": 3,
    "cs": 3,
    "cpu-migrations": 4,
    "minor-faults": 5,
    "major-faults": 6,
    "alignment-faults": 7,
    "emulation-faults": 8,
    "dummy": 9,
    "bpf-output": SW_BPF_OUTPUT,
}
"""Names of the language -> enum perf_sw_ids, include/uapi/linux/perf_event.h."""


def open_software(event: str, period: int, cpu: int) -> int:
    """A disabled software event on one CPU that fires each ``period`` events."""
    attributes = Attributes(
        type=TYPE_SOFTWARE, config=SOFTWARE[event], sample_period=period, flags=_DISABLED
    )
    return _open(attributes, cpu)


def open_for_thread(event: str, period: int, thread: int) -> int:
    """A disabled software event of one thread, and of the threads that it starts later.

    Before Linux 5.13 (2b26f0aa0004) the processes that it starts are counted as well.
    """
    attributes = Attributes(
        type=TYPE_SOFTWARE,
        config=SOFTWARE[event],
        sample_period=period,
        flags=_DISABLED | _INHERIT | _INHERIT_THREAD,
    )
    try:
        return _open(attributes, ANY_CPU, thread)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.E2BIG):
            raise
    attributes.flags = _DISABLED | _INHERIT
    return _open(attributes, ANY_CPU, thread)


def open_output(cpu: int, wakeup_bytes: int = 0) -> int:
    """The event that programs of one CPU write to; the reader is woken per ``wakeup_bytes``.

    0: by every record, also where the event writes to another's ring (`set_output`): how often an
    event wakes without a watermark is its own affair, a watermark is one of the ring.

    Reading the descriptor gives (value, lost) where the kernel has PERF_FORMAT_LOST (6.0,
    119a784c8127, and older stable releases), else only (value,).
    """
    attributes = Attributes(
        type=TYPE_SOFTWARE,
        config=SW_BPF_OUTPUT,
        sample_period=1,
        sample_type=SAMPLE_RAW,
        flags=_WATERMARK if wakeup_bytes else 0,
        wakeup_events=wakeup_bytes or 1,
        read_format=FORMAT_LOST,
    )
    try:
        return _open(attributes, cpu)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    attributes.read_format = 0
    return _open(attributes, cpu)


def set_output(fd: int, ring_fd: int) -> None:
    """Let an event write to the ring of another one of its CPU."""
    fcntl.ioctl(fd, syscall.numbers().ioc_set_output, ring_fd)


def read_lost(fd: int) -> int | None:
    """Records that an output event has lost so far; None before PERF_FORMAT_LOST."""
    data = os.read(fd, 16)
    return int(struct.unpack("=QQ", data)[1]) if len(data) == 16 else None


def enable(fd: int) -> None:
    fcntl.ioctl(fd, syscall.numbers().ioc_enable, 0)


def set_program(fd: int, program_fd: int) -> None:
    """Attach by PERF_EVENT_IOC_SET_BPF (4.1): no link, hence no miss counter."""
    fcntl.ioctl(fd, syscall.numbers().ioc_set_bpf, program_fd)
