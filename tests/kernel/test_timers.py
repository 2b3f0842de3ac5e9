# SPDX-License-Identifier: MIT
"""profile and software events on a live kernel."""

from __future__ import annotations

import mmap
import os
import time

from harness import Kptrace, Worker


def _compute() -> None:
    end = time.monotonic() + 3
    while time.monotonic() < end:
        pass


def test_profile_of_one_process(kptrace: Kptrace) -> None:
    """Samples of every CPU, and with -p of the process alone; stacks are of what it interrupted."""
    worker = Worker("busy", _compute)
    spec = """
    profile:hz:97 { @[comm] = count(); @stack[kstack(2)] = count(); }
    software:task-clock:20000000 { @clock[comm] = count(); }"""
    with kptrace.tracing("-f", "json", "-p", str(worker.pid), "-e", spec) as tracer:
        worker.run()
        run = tracer.wait()
    assert (run.status, run.err) == (0, "")
    assert set(run.maps["@"]) == set(run.maps["@clock"]) == {"busy"}
    assert run.maps["@"]["busy"] > 20
    assert run.maps["@clock"]["busy"] > 20
    assert sum(run.maps["@stack"].values()) == run.maps["@"]["busy"]


def test_profile_on_every_cpu(kptrace: Kptrace) -> None:
    run = kptrace.during(lambda: time.sleep(1), "-e", "profile:hz:50 { @[cpu] = count(); }")
    assert set(run.maps["@"]) == {str(cpu) for cpu in range(os.cpu_count() or 1)}


def test_faults(kptrace: Kptrace) -> None:
    """Every tenth fault of a process that touches 500 new pages."""

    def work() -> None:
        with mmap.mmap(-1, 500 * mmap.PAGESIZE) as memory:
            for page in range(500):
                memory[page * mmap.PAGESIZE] = 1

    worker = Worker("toucher", work)
    spec = "software:faults:10 { @[comm] = count(); }"
    with kptrace.tracing("-f", "json", "-p", str(worker.pid), "-e", spec) as tracer:
        worker.run()
        run = tracer.wait()
    assert (run.status, run.err) == (0, "")
    assert 50 <= run.maps["@"]["toucher"] <= 200
