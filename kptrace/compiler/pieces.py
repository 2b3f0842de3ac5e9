# SPDX-License-Identifier: MIT
"""The C helper functions that values and calls name, each emitted where something needs it."""

from __future__ import annotations

import errno
import os
import re
import signal
from collections.abc import Callable, Collection
from functools import cache, partial

from kptrace.compiler import ksyms, object_pieces, prelude, string_pieces, syscalls

PIECES: dict[str, str] = {
    "start_time": prelude.START_TIME,
    "tai_offset_get": prelude.TAI_OFFSET,
    "ns_pid_tgid": prelude.NS_PID_TGID,
    "end_loop": prelude.END_LOOP,
    "forget": prelude.FORGET,
    "next_entry": prelude.NEXT_ENTRY,
    "clear_bytes": prelude.CLEAR_BYTES,
    "join_user": prelude.join("user"),
    "join_kernel": prelude.join("kernel"),
    "string_equal": prelude.STRING_EQUAL,
    "bytes_equal": prelude.BYTES_EQUAL,
    "KEEP": string_pieces.KEEP,
    "text_length": string_pieces.TEXT_LENGTH,
    "text_find": string_pieces.TEXT_FIND,
    "text_join": string_pieces.TEXT_JOIN,
    "bytes_compare": string_pieces.BYTES_COMPARE,
    "path_text": string_pieces.PATH_TEXT,
    "write_user_from_user": string_pieces.write_user("user"),
    "write_user_from_kernel": string_pieces.write_user("kernel"),
    "task_of_process": object_pieces.TASK_OF_PROCESS,
    "socket_cookie": object_pieces.SOCKET_COOKIE,
    "ask_exit": prelude.ASK_EXIT,
    "bench_repeat": prelude.BENCH,
    "no_room": prelude.NO_ROOM,
    "send_iter": prelude.SEND_ITER,
    "write_iter": prelude.WRITE_ITER,
    "print_iter": prelude.PRINT_ITER,
    "func_ret": prelude.FUNC_RET,
}
"""By name, which is that of the function; one that calls another stands behind it."""

NAME_SIZE = 64
"""Bytes of the string that strerror() and its kin give."""
_SYSCALL_SIZE = 32


@cache
def errors() -> dict[int, str]:
    """What strerror(3) says on this system, by number."""
    return {0: os.strerror(0), **{number: os.strerror(number) for number in errno.errorcode}}


@cache
def signals() -> dict[int, str]:
    """Names of signals; the real-time ones count from the first."""
    found = {one.value: one.name for one in signal.Signals}
    for number in range(signal.SIGRTMIN + 1, signal.SIGRTMAX):
        found[number] = f"SIGRTMIN+{number - signal.SIGRTMIN}"
    return {0: "Unknown signal 0", **found}


def syscall_names(machine: str) -> dict[int, str]:
    """Names of system calls; a processor without a table has none."""
    return syscalls.names(machine) or {}


def _syscall_table(machine: str) -> str:
    names = syscall_names(machine)
    return string_pieces.name_table(f"syscall_name_{machine}", names, _SYSCALL_SIZE)


TABLES: dict[str, Callable[[], str]] = {
    "kernel_printk": lambda: string_pieces.KERNEL_PRINTK,
    "error_name": lambda: string_pieces.name_table("error_name", errors(), NAME_SIZE),
    "signal_name": lambda: string_pieces.name_table("signal_name", signals(), _SYSCALL_SIZE),
    **{f"syscall_name_{one}": partial(_syscall_table, one) for one in syscalls.MACHINES},
}
"""Pieces that only the core dialect has, made only where they are needed."""


def needed(needs: Collection[str]) -> list[str]:
    """The texts of the pieces in ``needs``, and of those that they call, in order."""
    wanted = set(needs) & set(PIECES)
    for name, text in reversed(PIECES.items()):
        if name in wanted:
            wanted.update(other for other in PIECES if f"{other}(" in text)
    return [text for name, text in PIECES.items() if name in wanted]


_SEARCH = re.compile(r"text_find_(\d+)_(\d+)")


def core_only(needs: Collection[str]) -> list[str]:
    """The texts of the pieces in ``needs`` that BCC cannot build: tables, and functions to call."""
    found = [make() for name, make in TABLES.items() if name in needs]
    searches = [one for name in sorted(needs) if (one := _SEARCH.fullmatch(name))]
    return [
        *ksyms.declarations(needs),
        *found,
        *(string_pieces.text_find_loop(int(one[1]), int(one[2])) for one in searches),
    ]
