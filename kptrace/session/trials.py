# SPDX-License-Identifier: MIT
"""Tests and benches: blocks that are run by hand and judged (language §14.4)."""

from __future__ import annotations

import time
from collections.abc import Callable

from kptrace.errors import Diagnostic, render
from kptrace.output import Format, Stream
from kptrace.plan import Control, Plan, ProbeKind, Program
from kptrace.runtime import attach
from kptrace.runtime.loaded import Loaded
from kptrace.runtime.perf import Reader
from kptrace.session.events import Handlers
from kptrace.session.sink import Captured, Sink
from kptrace.session.state import set_control

_SHORTEST_NS = 1_000_000
"""A bench repeats at least this long."""
_MOST = 1 << 23  # BPF_MAX_LOOPS, include/linux/bpf_verifier.h

Capture = Callable[[Sink], Handlers]


def run_tests(
    plan: Plan, loaded: Loaded, reader: Reader, form: Format, sink: Sink, capture: Capture
) -> bool:
    """Run every test once; whether all passed."""
    tests = [one for one in plan.programs if one.kind is ProbeKind.TEST]
    sink.write(Stream.OUTPUT, form.tests_begin(len(tests)))
    failed = []
    for test in tests:
        name = test.targets[0].name
        sink.write(Stream.OUTPUT, form.test_begin(name))
        captured = Captured()
        handlers = capture(captured)
        start = time.monotonic_ns()
        result = attach.run_block(plan, loaded, test)
        duration = time.monotonic_ns() - start
        passed = _good(handlers, reader) and not result
        if not passed:
            failed.append(name)
        sink.write(Stream.OUTPUT, form.test_end(name, duration, passed, captured.data))
        sink.flush()
    sink.write(Stream.OUTPUT, form.tests_end(len(tests), failed))
    return not failed


def run_benches(
    plan: Plan, loaded: Loaded, reader: Reader, form: Format, sink: Sink, capture: Capture
) -> bool:
    """Measure every bench; whether none failed. One that returns non-zero is left out."""
    benches = [one for one in plan.programs if one.kind is ProbeKind.BENCH]
    longest = max((len(one.targets[0].name) for one in benches), default=0)
    sink.write(Stream.OUTPUT, form.benches_begin(longest))
    good = True
    for bench in benches:
        name = bench.targets[0].name
        handlers = capture(Captured())
        set_control(loaded, Control.REPEAT, 1)
        result = attach.run_block(plan, loaded, bench)
        if not _good(handlers, reader):
            message = f"Benchmark '{name}' failed."
            failure = Diagnostic(code="bench", message=message)
            text = render(failure, color=sink.color)
            sink.write(Stream.ERROR, text.encode())
            good = False
        elif not result:
            duration, times = _measure(plan, loaded, reader, bench)
            average = duration // times
            sink.write(Stream.OUTPUT, form.bench(name, average, times, longest))
        sink.flush()
    return good


def _good(handlers: Handlers, reader: Reader) -> bool:
    """Whether what a block sent has no errorf and no exit but with 0."""
    handlers.handle(reader.drain())
    return not handlers.errors and not handlers.exit_status


def _measure(plan: Plan, loaded: Loaded, reader: Reader, bench: Program) -> tuple[int, int]:
    """Nanoseconds, and how many repetitions took them."""
    times = 1
    while True:
        times *= 2
        set_control(loaded, Control.REPEAT, times)
        start = time.monotonic_ns()
        attach.run_block(plan, loaded, bench)
        duration = time.monotonic_ns() - start
        reader.drain()  # what it prints is of no interest
        if duration >= _SHORTEST_NS or times >= _MOST:
            return duration, times
