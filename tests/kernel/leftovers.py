# SPDX-License-Identifier: MIT
"""What a tracer may leave behind in a kernel, read without kptrace's own code."""

from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path

_SYS_BPF = 321  # x86-64
_PROG_GET_NEXT_ID = 11
_LINK_GET_NEXT_ID = 31
_ATTR_BYTES = 32
_LIBC = ctypes.CDLL(None, use_errno=True)
_TRACEFS = Path("/sys/kernel/tracing")

State = tuple[tuple[str, ...], ...]


def state() -> State:
    """Every kprobe, kprobe event, BPF program and BPF link of this machine."""
    return (
        _lines(Path("/sys/kernel/debug/kprobes/list")),
        _lines(_TRACEFS / "kprobe_events"),
        _ids("program", _PROG_GET_NEXT_ID),
        _ids("link", _LINK_GET_NEXT_ID),
    )


def added_since(before: State, patience: float = 10.0) -> list[str]:
    """What is there that was not; waits a little, as the kernel frees programs late."""
    deadline = time.monotonic() + patience
    while True:
        now = state()
        added = [one for old, new in zip(before, now, strict=True) for one in new if one not in old]
        if not added or time.monotonic() > deadline:
            return added
        time.sleep(0.05)


def _lines(path: Path) -> tuple[str, ...]:
    return tuple(path.read_text().splitlines())


def _ids(what: str, command: int) -> tuple[str, ...]:
    """The attribute begins with two 32-bit numbers: the last id seen, and the next one."""
    found: list[str] = []
    attribute = (ctypes.c_uint32 * (_ATTR_BYTES // 4))()
    while _LIBC.syscall(_SYS_BPF, command, ctypes.byref(attribute), _ATTR_BYTES) == 0:
        attribute[0] = attribute[1]
        found.append(f"BPF {what} {attribute[0]}")
    assert ctypes.get_errno() == 2, os.strerror(ctypes.get_errno())  # ENOENT: no more
    return tuple(found)
