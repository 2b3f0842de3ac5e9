# SPDX-License-Identifier: MIT
"""However a run ends, it says what it found and leaves nothing behind."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from harness import Kptrace, Worker, run_as
from workloads import reads

SPEC = 'kprobe:vfs_read /comm == "reader"/ { @ = count(); }'
TRACEFS = Path("/sys/kernel/tracing")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal(kptrace: Kptrace, file: Path, number: int) -> None:
    """The result is printed and the status is 0."""
    with kptrace.tracing("-e", SPEC) as tracer:
        run_as("reader", reads(file, [1] * 71))
        run = tracer.stop(number)
    assert (run.status, run.out, run.err) == (0, "\n\n@: 71\n", "Attached 1 probe\n")


def test_broken_pipe(kptrace: Kptrace, file: Path) -> None:
    """`kptrace ... | head -1` ends by itself, without a word."""
    reading, writing = os.pipe()
    spec = 'kprobe:vfs_read /comm == "reader"/ { printf("line %d\\n", arg2); }'
    with kptrace.tracing("-q", "-e", spec, stdout=writing) as tracer:
        os.close(writing)
        run_as("reader", reads(file, [5]))
        assert os.read(reading, 100) == b"line 5\n"
        os.close(reading)
        run_as("reader", reads(file, [6]))
        run = tracer.wait()
    assert (run.status, run.err) == (0, "")


def test_kill(kptrace: Kptrace, file: Path) -> None:
    """Nothing outlives even kill -9: the fixture looks at programs, links and kprobes."""
    spec = SPEC + "kretprobe:vfs_write { @w = count(); } tracepoint:sched:sched_switch { @s++; }"
    with kptrace.tracing("-e", spec) as tracer:
        run_as("reader", reads(file, [1] * 3))
        tracer.kill()
        assert tracer.wait().status == -signal.SIGKILL


def test_tracefs(kptrace: Kptrace, file: Path) -> None:
    """The fallback for old kernels counts as exactly, and counts its misses on any kernel."""
    spec = SPEC + 'kretprobe:vfs_read /comm == "reader"/ { @sum = sum(retval); }'
    worker = Worker("reader", reads(file, [3] * 67))
    run = kptrace.during(worker.run, "--attach", "tracefs", "-e", spec)
    assert run.maps == {"@": 67, "@sum": 3 * 67}
    assert run.losses["probe_misses"] == 0


def test_tracefs_after_kill(kptrace: Kptrace, file: Path) -> None:
    """tracefs entries outlive kill -9; the next run removes them, and not those of others."""
    foreign = "p:others/mine vfs_read"
    _write_event(foreign)
    try:
        with kptrace.tracing("--attach", "tracefs", "-e", SPEC) as tracer:
            tracer.kill()
        stale = (TRACEFS / "kprobe_events").read_text()
        assert "kptrace/" in stale
        run = kptrace("--attach", "tracefs", "-e", SPEC, "--duration", "100ms")
        assert run.status == 0
        assert (TRACEFS / "kprobe_events").read_text().split() == foreign.split()
    finally:
        _write_event("-:others/mine")


def _write_event(definition: str) -> None:
    fd = os.open(TRACEFS / "kprobe_events", os.O_WRONLY | os.O_APPEND)
    os.write(fd, definition.encode())
    os.close(fd)
