# SPDX-License-Identifier: MIT
"""What one hit costs: ns per system call beyond an empty program of the same tool.

The 10th percentile of the producer's rounds with the specification, minus that with an empty
program on the same probes, in the same round of the benchmark.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from measure import Budget, Row, row
from tools import HERE, Bench, Tool, attached, produce

_ENTER = "tracepoint:raw_syscalls:sys_enter"
_EXIT = "tracepoint:raw_syscalls:sys_exit"
_EMPTY = f"{_ENTER} {{ }}"
_EMPTY_PAIR = f"{_ENTER} {{ }} {_EXIT} {{ }}"
_ROUNDS = 300
_PAGES = 8192  # of a CPU's ring: no event is lost, for a lost one costs less


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A specification; ``base`` is the empty one on the same probes.

    ``by_hand``: the program of ``hand`` that does the same.
    """

    name: str
    spec: str
    base: str = _EMPTY
    budget: Budget | None = None
    by_hand: str = ""


_CASES = (
    Case(
        name="count",
        spec=f"{_ENTER} {{ @ = count(); }}",
        budget=Budget(limit=0.7, ratio=True),
        by_hand="count",
    ),
    Case(
        name="latency idiom",
        spec=f"{_ENTER} {{ @start[tid] = nsecs; }} {_EXIT} /@start[tid]/ "
        "{ @ns = hist(nsecs - @start[tid]); delete(@start[tid]); }",
        base=_EMPTY_PAIR,
        budget=Budget(limit=0.5, ratio=True),
        by_hand="latency",
    ),
    Case(name="count by pid", spec=f"{_ENTER} {{ @[pid] = count(); }}"),
    Case(
        name="hist",
        spec=f"{_ENTER} {{ @ = hist(args->id); }}",
        budget=Budget(limit=0.7, ratio=True),
        by_hand="hist",
    ),
    Case(name="hist by pid", spec=f"{_ENTER} {{ @[pid] = hist(args->id); }}"),
    Case(name="count by kernel stack", spec=f"{_ENTER} {{ @[kstack] = count(); }}"),
    Case(name="printf", spec=f'{_ENTER} {{ printf("%d %d\\n", pid, args->id); }}'),
)
_QUICK = 1
_HAND = Tool(
    name="libbpf", command=(sys.executable, str(HERE / "hand.py")), version="libbpf C by hand"
)
_EMPTY_BY_HAND = {_EMPTY: "empty", _EMPTY_PAIR: "empty_pair"}
_BESIDE_HAND = Budget(limit=1.1, ratio=True)


def measure(bench: Bench) -> list[Row]:
    cases = _CASES[:_QUICK] if bench.quick else _CASES
    runs = list(dict.fromkeys(run for case in cases for run in _runs(bench, case)))
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    bare: list[float] = []
    for _ in range(bench.rounds):
        bare.append(produce(bench.size(_ROUNDS)).tenth_ns)
        for tool, spec in runs:
            found[tool.name, spec].append(_tenth_ns(bench, tool, spec))

    def cost(tool: Tool, spec: str, base: str) -> list[float]:
        """In each round."""
        without = found[tool.name, base] if base else bare
        return [one - less for one, less in zip(found[tool.name, spec], without, strict=True)]

    def line(name: str, spec: str, base: str, budget: Budget | None = None) -> Row:
        ours, *peer = (cost(tool, spec, base) for tool in bench.tools)
        beside = peer[0] if peer else ()
        return row(f"cost per hit: {name}", "ns", ours, beside, bench.version, budget)

    rows = [line("empty program", _EMPTY, "")]
    for case in cases:
        rows.append(line(case.name, case.spec, case.base, case.budget))
        if case.by_hand:
            ours = cost(bench.kptrace, case.spec, case.base)
            hand = cost(_HAND, case.by_hand, _EMPTY_BY_HAND[case.base])
            name = f"cost per hit: {case.name}, beside C"
            rows.append(row(name, "ns", ours, hand, _HAND.version, _BESIDE_HAND))
    return rows


def _runs(bench: Bench, case: Case) -> Iterator[tuple[Tool, str]]:
    """What has to run for a case, and with which tool."""
    for tool in bench.tools:
        yield tool, case.base
        yield tool, case.spec
    if case.by_hand:
        yield _HAND, _EMPTY_BY_HAND[case.base]
        yield _HAND, case.by_hand


def _tenth_ns(bench: Bench, tool: Tool, spec: str) -> float:
    with attached(tool, spec, tool.ring_pages(_PAGES)) as session:
        made = produce(bench.size(_ROUNDS))
        session.stop()
        if tool is _HAND and spec not in _EMPTY_BY_HAND.values():
            counted = int(session.output.read_text().removeprefix("counted "))
            assert counted >= made.calls, (spec, counted)
    return made.tenth_ns
