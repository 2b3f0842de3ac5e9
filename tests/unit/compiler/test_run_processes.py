# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""Runs about one process: ``-p`` and ``-c``."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

BUSY = "import os, threading\nwhile True: os.stat('/')"


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """A process that computes and makes system calls."""
    process = subprocess.Popen([sys.executable, "-c", BUSY])
    yield process
    process.kill()
    process.wait()


def test_only_the_process_counts(run: Any, process: subprocess.Popen[bytes]) -> None:
    spec = (
        "tracepoint:syscalls:sys_enter_* { @t[pid] = count(); } rawtracepoint:sys_enter { @rt[pid] = count(); }"
        " profile:hz:999 { @p[pid] = count(); } software:task-clock:1000000 { @s[pid] = count(); }"
        " interval:ms:400 { @i = count(); exit(); } begin { @b = count(); }"
    )
    ran = run(spec, "-p", str(process.pid))
    assert (ran.status, ran.err) == (0, "")
    assert set(re.findall(r"@(\w+)\[(\d+)\]", ran.out)) == {
        (name, str(process.pid)) for name in ("t", "rt", "p", "s")
    }
    assert "@b: 1" in ran.out
    assert "@i: 1" in ran.out


def test_threads_that_run_already_and_later_ones(run: Any) -> None:
    code = (
        "import threading, time\n"
        "def work():\n"
        " t = time.time() + 20\n"
        " while time.time() < t: pass\n"
        "threading.Thread(target=work, daemon=True).start()\n"
        "time.sleep(1.5)\n"
        "threading.Thread(target=work, daemon=True).start()\n"
        "time.sleep(20)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        time.sleep(0.3)
        ran = run(
            "profile:hz:999 { @[tid] = count(); } interval:s:3 { exit(); }",
            "--pid",
            str(process.pid),
        )
    finally:
        process.kill()
        process.wait()
    threads = set(re.findall(r"@\[(\d+)\]", ran.out))
    assert len(threads - {str(process.pid)}) == 2


def test_the_run_ends_with_the_process(run: Any) -> None:
    process = subprocess.Popen(["sleep", "2"])
    ran = run("tracepoint:sched:sched_switch { @ = count(); }", "-p", str(process.pid))
    process.wait()
    assert (ran.status, ran.err) == (0, "")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("-p=1x", "Failed to parse pid: 1x"),
        ("-p=", "Failed to parse pid: "),
        ("-p=4194305", "Pid out of range: 4194305"),
        ("-p=0", "Pid out of range: 0"),
        ("-p=4194304", "cannot watch process 4194304: No such process"),
        ("-c=no-such-command", "path 'no-such-command' does not exist or is not executable"),
        ("-c=", "path '' does not exist or is not executable"),
        ("-c='", "cannot parse the command ''': No closing quotation"),
    ],
)
def test_wrong_process(run: Any, option: str, message: str) -> None:
    ran = run("begin { }", *option.split("=", 1))
    assert ran.status == 2
    assert ran.err.splitlines()[0] == f"ERROR: {message}"


def test_both_options(run: Any) -> None:
    ran = run("begin { }", "-p", "1", "-c", "true")
    assert (ran.status, ran.err) == (2, "ERROR: -p and -c exclude each other\n")


def test_command_runs_from_attach_to_its_end(run: Any) -> None:
    spec = (
        'tracepoint:sched:sched_process_exec /pid == cpid/ { printf("exec %s %d\\n", comm, has_cpid); }'
        ' tracepoint:sched:sched_process_exit /pid == cpid/ { printf("exit %d\\n", pid == cpid); }'
    )
    ran = run(spec, "-c", "sh -c 'exit 3'")
    assert (ran.status, ran.err, ran.out) == (0, "", "exec sh 1\nexit 1\n\n\n")


def test_command_is_terminated_when_the_run_ends_first(run: Any) -> None:
    ran = run('begin { printf("%d\\n", cpid); }', "-c", "sleep 1000")
    assert (ran.status, ran.err) == (0, "")
    with pytest.raises(ProcessLookupError):
        os.kill(int(ran.lines[0]), 0)


def test_command_does_not_start_in_a_dry_run(run: Any, tmp_path: Any) -> None:
    file = tmp_path / "file"
    ran = run("interval:s:1 { }", "--dry-run", "-c", f"touch {file}")
    assert ran.status == 0
    assert not file.exists()


def test_signals_of_the_command_are_as_usual(run: Any) -> None:
    """The tracer ignores SIGUSR1 while it compiles; its child must not."""
    ran = run("interval:s:9 { }", "-c", "grep SigIgn /proc/self/status")
    (ignored,) = re.findall(r"SigIgn:\s+([0-9a-f]+)", ran.out)
    for number in (signal.SIGUSR1, signal.SIGPIPE, signal.SIGTERM):
        assert not int(ignored, 16) >> (number - 1) & 1


def test_without_a_command(run: Any) -> None:
    ran = run("begin { print(cpid); print(has_cpid); }")
    assert ran.lines[:2] == ["0", "false"]
    assert (
        ran.err.splitlines()[0] == "stdin:1:15-19: WARNING: No child command (`-c`); cpid is zero"
    )
