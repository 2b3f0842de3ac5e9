# SPDX-License-Identifier: MIT
"""Raw system calls, for those that libc does not wrap."""

from __future__ import annotations

import ctypes
import errno
import os
import platform

from kptrace.errors import HostError
from kptrace.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What differs between architectures in the calls that tracing needs.

    powerpc encodes ioctl directions with other bits than everybody else.
    """

    bpf: int
    perf_event_open: int
    ioc_enable: int = 0x2400
    ioc_set_output: int = 0x2405
    ioc_set_bpf: int = 0x40042408


_ARCHITECTURES = {
    "x86_64": Numbers(bpf=321, perf_event_open=298),
    "aarch64": Numbers(bpf=280, perf_event_open=241),
    "ppc64le": Numbers(
        bpf=361,
        perf_event_open=319,
        ioc_enable=0x20002400,
        ioc_set_output=0x20002405,
        ioc_set_bpf=0x80042408,
    ),
}

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def numbers() -> Numbers:
    """The numbers of this machine; HostError on an architecture without a row."""
    machine = platform.machine()
    try:
        return _ARCHITECTURES[machine]
    except KeyError:
        raise HostError(
            f"kptrace does not run on {machine}",
            hint=f"supported: {', '.join(_ARCHITECTURES)}",
            code="architecture",
        ) from None


def syscall(number: int, *arguments: object) -> int:
    """One system call, repeated while a signal interrupts it; OSError with errno on failure.

    Integers are passed as C longs; anything else must be a ctypes value.
    """
    passed = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    while True:
        result = int(_libc.syscall(ctypes.c_long(number), *passed))
        if result >= 0:
            return result
        code = ctypes.get_errno()
        if code != errno.EINTR:
            raise OSError(code, os.strerror(code))
