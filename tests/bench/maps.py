# SPDX-License-Identifier: MIT
"""A large map: from the interrupt to the end of a run that prints 100,000 keys, and its memory."""

from __future__ import annotations

from collections import defaultdict

from measure import Budget, Row, row
from tools import CALLS, Bench, Tool, attached, call_number, produce

_ROUNDS = 100_000 // CALLS
_FULL = 200_000


def measure(bench: Bench) -> list[Row]:
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    keys = bench.size(_ROUNDS) * CALLS
    for _ in range(bench.rounds):
        for tool in bench.tools:
            for what, value in _print(tool, keys).items():
                found[tool.name, what].append(value)
    return [
        row(
            f"print a map of {keys:,} keys: {what}",
            unit,
            found["kptrace", what],
            found["bpftrace", what],
            bench.version,
            budget,
        )
        for what, unit, budget in (
            ("time", "s", Budget(limit=1)),
            ("CPU time", "s", None),
            ("peak memory", "MiB", None),
        )
    ]


def _print(tool: Tool, keys: int) -> dict[str, float]:
    spec = (
        f"tracepoint:raw_syscalls:sys_enter /args->id == {call_number()}/ "
        "{ @[args->args[0]] = count(); }"
    )
    # the second name is that of releases before 0.19
    limits = {"BPFTRACE_MAX_MAP_KEYS": str(_FULL), "BPFTRACE_MAP_KEYS_MAX": str(_FULL)}
    with attached(tool, spec, limits) as session:
        produce(keys // CALLS)
        before = session.spent_s()
        session.stop()
        printed = session.lines(b"@[")
    if printed < keys:
        raise SystemExit(f"{tool.name} printed {printed} of {keys} keys")
    return {
        "time": session.stop_s,
        "CPU time": session.cpu_s - before,
        "peak memory": session.peak_mib,
    }
