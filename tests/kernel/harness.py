# SPDX-License-Identifier: MIT
"""Run kptrace and workloads beside each other, cheaply enough for an emulated machine.

Starting a Python program takes seconds in the lab. So kptrace runs in a forked child of the test
process, where everything is imported already, by the same function as the command line.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from kptrace.runtime import features
from kptrace.runtime.loaded import raise_limits

LIMIT_S = 120.0  # for kptrace to get ready, and to end; bcc compiles half a minute
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_LIBC = ctypes.CDLL(None, use_errno=True)
_NUMBERS = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How a run of kptrace ended, and what it wrote. Status -9 means killed by signal 9."""

    status: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The lines of JSON output."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def maps(self) -> dict[str, Any]:
        """The maps of JSON output by name; of a map printed twice, the last one."""
        found: dict[str, Any] = {}
        for one in self.objects:
            if one["type"] in ("map", "hist", "stats"):
                found |= one["data"]
        return found

    @property
    def printed(self) -> list[str]:
        """What printf wrote, of JSON output."""
        return [one["data"] for one in self.objects if one["type"] == "printf"]

    def counts(self, name: str) -> dict[str, int]:
        """How many values each histogram of a map has, {} of a map that is not there."""
        return {
            key: sum(bucket["count"] for bucket in buckets)
            for key, buckets in self.maps.get(name, {}).items()
        }

    def percentiles(self, name: str) -> Any:
        """The exact figures and percentiles of a map's histograms, in JSON output."""
        (found,) = (
            one["data"][name]
            for one in self.objects
            if one["type"] == "percentiles" and name in one["data"]
        )
        return found

    @property
    def losses(self) -> Any:
        """The ledger of JSON output."""
        (losses,) = (one["data"] for one in self.objects if one["type"] == "losses")
        return losses


class Tracer:
    """kptrace in a child process, from the fork to its end."""

    def __init__(self, folder: Path, arguments: tuple[str, ...], **settings: Any) -> None:
        number = next(_NUMBERS)
        self._out = folder / f"{number}.out"
        self._err = folder / f"{number}.err"
        self._ready = folder / f"{number}.ready"
        self._result: Run | None = None
        self.pid = os.fork()
        if self.pid == 0:
            ready = ("--ready-file", str(self._ready)) if settings.pop("ready", True) else ()
            command = _with_options(arguments, *ready)
            _be_kptrace(command, self._out, self._err, **settings)

    def wait_ready(self) -> None:
        """Wait until all probes count."""
        deadline = time.monotonic() + LIMIT_S
        while not (self._ready.exists() and self._ready.stat().st_size):
            if self._poll():
                raise AssertionError(f"kptrace ended too early: {self._result}")
            assert time.monotonic() < deadline, f"kptrace is not ready: {self._read(0)}"
            time.sleep(0.02)

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self, limit: float = LIMIT_S) -> Run:
        """Wait for the end."""
        deadline = time.monotonic() + limit
        while not self._poll():
            if time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"kptrace did not end: {self._result}")
            time.sleep(0.02)
        assert self._result is not None
        return self._result

    def stop(self, number: int = signal.SIGINT) -> Run:
        """End it by a signal."""
        self.send(number)
        return self.wait()

    def kill(self) -> None:
        """Kill it, unless it has ended."""
        if self._result is None:
            os.kill(self.pid, signal.SIGKILL)
            _, status = os.waitpid(self.pid, 0)
            self._result = self._read(os.waitstatus_to_exitcode(status))

    def _poll(self) -> bool:
        if self._result is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._result = self._read(os.waitstatus_to_exitcode(status))
        return self._result is not None

    def _read(self, status: int) -> Run:
        texts = (
            path.read_text(errors="replace") if path.exists() else ""
            for path in (self._out, self._err)
        )
        out, err = texts
        return Run(status=status, out=out, err=err)


class Kptrace:
    """What the `kptrace` fixture gives: runs it, with files in a folder of the test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, *arguments: str, **settings: Any) -> Run:
        """Run to its own end."""
        return Tracer(self._folder, arguments, ready=False, **settings).wait()

    @contextlib.contextmanager
    def tracing(self, *arguments: str, **settings: Any) -> Iterator[Tracer]:
        """Run while the block runs, which begins when all probes count."""
        tracer = Tracer(self._folder, arguments, **settings)
        try:
            tracer.wait_ready()
            yield tracer
        finally:
            tracer.kill()

    def during(self, work: Callable[[], object], *arguments: str, **settings: Any) -> Run:
        """Trace a workload in JSON, which has to end well with nothing lost."""
        with self.tracing(*_with_options(arguments, "-f", "json"), **settings) as tracer:
            work()
            run = tracer.stop()
        assert (run.status, run.err) == (0, ""), run
        return run


def _with_options(arguments: Sequence[str], *options: str) -> list[str]:
    """A command line with options more, in front of ``--`` and the script's own parameters."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return [*arguments[:end], *options, *arguments[end:]]


def _be_kptrace(
    arguments: list[str],
    out: Path,
    err: Path,
    *,
    stdout: int | None = None,
    uid: int | None = None,
    environment: dict[str, str] | None = None,
) -> NoReturn:
    """The child: standard streams of its own, another name, and then the command line."""
    status = 99
    try:
        set_comm("kptrace")
        files = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(os.open(out, files) if stdout is None else stdout, 1)
        os.dup2(os.open(err, files), 2)
        os.closerange(3, 256)
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(fd, mode) for fd, mode in enumerate("rww"))
        os.environ.update(environment or {})
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        if uid is not None:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
        from kptrace.cli import execute

        status = execute(arguments)
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def kernel_has(feature: str) -> bool:
    """Whether this kernel has a feature of `kptrace --info` (`test_features` says who vouches)."""
    raise_limits()  # else an old kernel refuses even the trial
    answer = features.has(feature)
    assert answer is not None, feature
    return answer


def set_comm(name: str) -> None:
    """Name this thread, without a file operation that a probe would see."""
    _LIBC.prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)


class Worker:
    """A process of its own name that waits, and does its work when told.

    It dies with this one: left behind by a test that failed it would hold the lab's output open.
    """

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        assert len(name) < 16
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
                set_comm(name)
                signal.sigwait({signal.SIGUSR2})
                work()
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR2})

    def run(self) -> None:
        """Let it do its work and wait for its end."""
        os.kill(self.pid, signal.SIGUSR2)
        _, status = os.waitpid(self.pid, 0)
        assert status == 0, f"the workload failed: {status:#x}"


def run_as(name: str, work: Callable[[], object]) -> None:
    """Do some work in a process of its own name."""
    Worker(name, work).run()
