# SPDX-License-Identifier: MIT
"""What one hit costs: ns per system call beyond an empty program of the same tool.

The 10th percentile of the producer's rounds with the specification, minus that with an empty
program on the same probes, in the same round of the benchmark.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from measure import Budget, Row, row
from tools import Bench, Tool, attached, produce

_ENTER = "tracepoint:raw_syscalls:sys_enter"
_EXIT = "tracepoint:raw_syscalls:sys_exit"
_EMPTY = f"{_ENTER} {{ }}"
_EMPTY_PAIR = f"{_ENTER} {{ }} {_EXIT} {{ }}"
_ROUNDS = 100
_PAGES = 8192  # of a CPU's ring: no event is lost, for a lost one costs less


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A specification; ``base`` is the empty one on the same probes."""

    name: str
    spec: str
    base: str = _EMPTY
    budget: Budget | None = None


_CASES = (
    Case(
        name="count",
        spec=f"{_ENTER} {{ @ = count(); }}",
        budget=Budget(limit=0.7, ratio=True),
    ),
    Case(
        name="latency idiom",
        spec=f"{_ENTER} {{ @start[tid] = nsecs; }} {_EXIT} /@start[tid]/ "
        "{ @ns = hist(nsecs - @start[tid]); delete(@start[tid]); }",
        base=_EMPTY_PAIR,
        budget=Budget(limit=0.5, ratio=True),
    ),
    Case(name="count by pid", spec=f"{_ENTER} {{ @[pid] = count(); }}"),
    Case(
        name="hist",
        spec=f"{_ENTER} {{ @ = hist(args->id); }}",
        budget=Budget(limit=0.7, ratio=True),
    ),
    Case(name="hist by pid", spec=f"{_ENTER} {{ @[pid] = hist(args->id); }}"),
    Case(name="count by kernel stack", spec=f"{_ENTER} {{ @[kstack] = count(); }}"),
    Case(name="printf", spec=f'{_ENTER} {{ printf("%d %d\\n", pid, args->id); }}'),
)
_QUICK = 1


def measure(bench: Bench) -> list[Row]:
    cases = _CASES[:_QUICK] if bench.quick else _CASES
    specs = list(dict.fromkeys([*(one.base for one in cases), *(one.spec for one in cases)]))
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    bare: list[float] = []
    for _ in range(bench.rounds):
        bare.append(produce(bench.size(_ROUNDS)).tenth_ns)
        for spec in specs:
            for tool in bench.tools:
                found[tool.name, spec].append(_tenth_ns(bench, tool, spec))

    def costs(spec: str, base: list[list[float]]) -> list[list[float]]:
        """Of each tool, in each round."""
        with_spec = [found[tool.name, spec] for tool in bench.tools]
        return [
            [one - less for one, less in zip(each, without, strict=True)]
            for each, without in zip(with_spec, base, strict=True)
        ]

    def line(name: str, each: list[list[float]], budget: Budget | None = None) -> Row:
        peer = each[1] if len(each) > 1 else ()
        return row(f"cost per hit: {name}", "ns", each[0], peer, bench.version, budget)

    rows = [line("empty program", costs(_EMPTY, [bare] * len(bench.tools)))]
    for case in cases:
        base = [found[tool.name, case.base] for tool in bench.tools]
        rows.append(line(case.name, costs(case.spec, base), case.budget))
    return rows


def _tenth_ns(bench: Bench, tool: Tool, spec: str) -> float:
    with attached(tool, spec, tool.ring_pages(_PAGES)) as session:
        made = produce(bench.size(_ROUNDS))
        session.stop()
    return made.tenth_ns
