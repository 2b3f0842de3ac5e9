# SPDX-License-Identifier: MIT
"""Events: how many arrive, what they cost the producer, and what a printed line costs us."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from dataclasses import replace

from measure import Budget, Row, row
from tools import HERE, PRODUCER, Bench, Tool, attached, call_number, environment, produce

_NAME = f"{PRODUCER} ".encode()
"""What each line has."""
_SHORT = 'printf("%s %d\\n", comm, args->id)'
_LONG = 'printf("%d %s %d %d %lld %s\\n", pid, comm, args->id, cpu, nsecs, "x")'
_RATE = 1_500_000
_KEPT = "events kept, of 1.5 M/s with rings of 4 MB"
_PACED_ROUNDS = 150
_PRINTED_ROUNDS = 40
_SMALL_PAGES = 1024  # rings of 4 MB
_LARGE_PAGES = 8192  # all events of a run fit: what is lost costs nothing
_EVENTS = 200_000


def measure(bench: Bench) -> list[Row]:
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for _ in range(bench.rounds):
        bare = produce(bench.size(_PACED_ROUNDS)).median_ns
        for tool in bench.tools:
            figures = {**_kept(bench, tool), **_printed(bench, tool, bare)}
            for name, value in figures.items():
                found[tool.name, name].append(value)

    def line(name: str, unit: str, budget: Budget | None = None) -> Row:
        peer = found["bpftrace", name]
        return row(name, unit, found["kptrace", name], peer, bench.version, budget)

    offered = row("", "", found["kptrace", "events offered"]).ours
    kept = line(_KEPT, "%", Budget(limit=100, at_least=True))
    if kept.met and offered < _RATE * 0.98 / 1e6:  # lossless, but at less than the budget's rate
        reason = f"not judged: {offered:.2f} M/s is what the producer reaches here"
        kept = replace(kept, met=None, unjudged=reason)
    return [
        line("events offered", "M/s"),
        kept,
        line("producer slow-down", "times"),
        line("lines printed", "k per CPU second", Budget(limit=500, at_least=True)),
        *_decoding(bench),
    ]


def _spec(text: str) -> str:
    return f"tracepoint:raw_syscalls:sys_enter /args->id == {call_number()}/ {{ {text}; }}"


def _kept(bench: Bench, tool: Tool) -> dict[str, float]:
    """One producer at the rate of the budget, or as near as it gets, with rings of 4 MB."""
    with attached(tool, _spec(_SHORT), tool.ring_pages(_SMALL_PAGES)) as session:
        made = produce(bench.size(_PACED_ROUNDS), _RATE)
        session.wait_for_output()
        session.stop()
        lines = session.lines(_NAME)
    return {
        "events offered": made.calls / made.seconds / 1e6,
        _KEPT: 100 * lines / made.calls,
    }


def _printed(bench: Bench, tool: Tool, bare_ns: float) -> dict[str, float]:
    """A producer flat out, nothing lost: what it waits and what the tool spends on a line."""
    with attached(tool, _spec(_LONG), tool.ring_pages(_LARGE_PAGES)) as session:
        before = session.spent_s()
        made = produce(bench.size(_PRINTED_ROUNDS))
        session.wait_for_output()
        spent = session.spent_s() - before
        session.stop()
        lines = session.lines(_NAME)
    return {
        "producer slow-down": made.median_ns / bare_ns,
        # a small run may end within a tick of the kernel's clock
        "lines printed": lines / max(spent, 0.01) / 1e3,
    }


def _decoding(bench: Bench) -> list[Row]:
    """Inside one process, on a ring that was made up: no kernel, no peer."""
    rows = []
    for text, fields, budget in ((_SHORT, "two", _DECODE), (_LONG, "six", None)):
        command = [sys.executable, str(HERE / "decode.py"), str(bench.size(_EVENTS))]
        command += [str(bench.rounds), _spec(text)]
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment(), check=True
        )
        rates = [[float(one) for one in line.split()] for line in done.stdout.splitlines()]
        split, decoded, printed = zip(*rates, strict=True)
        what = f"events of {fields} fields, in one process"
        rows += [
            row(f"{what}: put in order", "M/s", split),
            row(f"{what}: decoded into columns of values", "M/s", decoded, budget=budget),
            row(f"{what}: printed", "k/s", printed),
        ]
    return rows


_DECODE = Budget(limit=10, at_least=True)
