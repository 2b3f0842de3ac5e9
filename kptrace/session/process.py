# SPDX-License-Identifier: MIT
"""The process that a run is about: one that runs already (``-p``), or a command (``-c``)."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
import select
import signal
from collections.abc import Iterator
from typing import NoReturn

from kptrace.errors import RunError, UsageError

_MOST = 4194304  # PID_MAX_LIMIT on 64-bit machines, include/linux/threads.h
_PR_SET_PDEATHSIG = 1
_HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_IGNORED = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGUSR1)
"""By Python itself at its start, and by the command line until the run begins."""
_PATIENCE_S = 1.0


class Process:
    """A process that is watched; it is gone for good, its number is not mistaken for another's."""

    def __init__(self, pid: int, handle: int) -> None:
        self.pid = pid
        self._handle = handle
        self._poll = select.poll()
        self._poll.register(handle, select.POLLIN)

    def start(self) -> None:
        """Let it run, if it waits for that."""

    def ended(self, wait_s: float = 0.0) -> bool:
        """Whether it has ended, after waiting for that as long as given."""
        return bool(self._poll.poll(wait_s * 1000))

    def close(self) -> None:
        os.close(self._handle)


class Command(Process):
    """A command that is started by us: it waits until `start`, and ends with us."""

    def __init__(self, pid: int, name: str, gate: int, report: int) -> None:
        """``report``: what is read from it is the number of the error that kept it from running."""
        super().__init__(pid, os.pidfd_open(pid))
        self._name = name
        self._gate = gate
        self._report = report

    def start(self) -> None:
        """Let it run; RunError when the kernel refuses to."""
        with contextlib.suppress(BrokenPipeError):  # it has been killed: the run ends, and tells
            os.write(self._gate, b"\n")
        if number := os.read(self._report, 16):
            raise RunError(
                f"cannot run '{self._name}': {os.strerror(int(number))}",
                hint="is its first line '#!' with an interpreter?"
                if int(number) == errno.ENOEXEC
                else "",
                code="command",
            )

    def close(self) -> None:
        os.close(self._gate)
        os.close(self._report)
        if not self.ended():
            os.kill(self.pid, signal.SIGTERM)
        if self.ended(_PATIENCE_S):
            os.waitpid(self.pid, 0)
        super().close()


@contextlib.contextmanager
def open_process(pid: str | None, command: str | None) -> Iterator[Process | None]:
    """The process of ``-p`` or ``-c`` while the block runs; None without either.

    Raises UsageError when there is no such process or command.
    """
    if pid is not None and command is not None:
        raise UsageError("-p and -c exclude each other", code="usage")
    process: Process | None = None
    if pid is not None:
        process = _watch(pid)
    elif command is not None:
        process = _prepare(command)
    try:
        yield process
    finally:
        if process is not None:
            process.close()


def _watch(text: str) -> Process:
    if not re.fullmatch(r"-?[0-9]+", text):  # int() takes more
        raise UsageError(f"Failed to parse pid: {text}", code="usage")
    pid = int(text) if len(text) < 20 else _MOST + 1
    if not 0 < pid <= _MOST:
        raise UsageError(f"Pid out of range: {text}", code="usage")
    try:
        return Process(pid, os.pidfd_open(pid))
    except OSError as error:
        hint = "it must be the id of a process, not of one of its threads"
        raise UsageError(
            f"cannot watch process {pid}: {error.strerror}", hint=hint, code="usage"
        ) from None


def _prepare(text: str) -> Command:
    import shlex
    import shutil

    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"cannot parse the command '{text}': {error}", code="usage") from None
    program = shutil.which(words[0]) if words else None
    if program is None:
        name = words[0] if words else text
        raise UsageError(f"path '{name}' does not exist or is not executable", code="usage")
    waits, gate = os.pipe()
    report, tells = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.close(gate)
        os.close(report)
        _become(program, words, waits, tells, parent)
    os.close(waits)
    os.close(tells)
    return Command(pid, program, gate, report)


def _become(program: str, words: list[str], gate: int, report: int, parent: int) -> NoReturn:
    """In the child: wait, then be the command. No word from the parent means that it is gone."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        for number in _HANDLED:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup is for the command too
                signal.signal(number, signal.SIG_DFL)
        for number in _IGNORED:
            signal.signal(number, signal.SIG_DFL)
        if os.getppid() == parent and os.read(gate, 1):
            try:
                os.execv(program, words)
            except OSError as error:
                os.write(report, b"%d" % (error.errno or errno.EIO))
    finally:
        os._exit(127)
