# SPDX-License-Identifier: MIT
"""How long many functions take: until their probes count, and until they are gone again.

For kernels with kprobes, as those of the lab: ``make bench KERNEL=6.12 ARGS='--only kprobes'``.
Both beyond the same specification on one function, which leaves the start of the tool out. Nothing
that is hot: in an emulated guest the figures are large, the ratios are what counts.
"""

from __future__ import annotations

import sys
from collections import Counter

from measure import Budget, Row, row
from tools import READY, TRACEFS, Bench, Tool, Usage, run

_FAMILIES = ("acpi", "pci", "ext4", "usb", "nvme", "blk", "tcp", "jbd2", "ata", "drm", "snd", "nfs")
_PARTS = {
    "count": "@ = count();",
    "count by func": "@[func] = count();",
}
_ONE = "kprobe:acpi_bus_scan"
_END = "END { clear(@); }"  # what is printed is no part of going away
_ATMOST = Budget(limit=1, ratio=True)


def measure(bench: Bench) -> list[Row]:
    if not (TRACEFS / "kprobe_events").exists():
        print("kprobes: this kernel has none, the lab's have", file=sys.stderr)
        return []
    families, count = _families(bench.points)
    many = ",".join(f"kprobe:{family}_*" for family in families)
    rows = []
    for name, action in _PARTS.items():
        specs = [
            f'{where} {{ {action} }} interval:ms:1 {{ printf("{READY}\\n"); exit(); }} {_END}'
            for where in (_ONE, many)
        ]
        used = _run(bench, specs)
        for what, seconds in (("attach", _attach), ("detach", _detach)):
            ours, *peer = (
                [seconds(two) - seconds(one) for one, two in zip(*used[tool.name], strict=True)]
                for tool in bench.tools
            )
            title = f"{what} {count:,} functions: {name}"
            beside = peer[0] if peer else ()
            rows.append(row(title, "s", ours, beside, bench.version, _ATMOST))
    return rows


def _run(bench: Bench, specs: list[str]) -> dict[str, list[list[Usage]]]:
    """Of each tool, the rounds of each specification."""
    used: dict[str, list[list[Usage]]] = {tool.name: [[] for _ in specs] for tool in bench.tools}
    for spec in specs:
        _once(bench.kptrace, spec)  # the kept plan
    for _ in range(bench.rounds):
        for tool in bench.tools:
            for number, spec in enumerate(specs):
                used[tool.name][number].append(_once(tool, spec))
    return used


def _once(tool: Tool, spec: str) -> Usage:
    # the second name is that of releases before 0.19
    limits = {"BPFTRACE_MAX_PROBES": "2048", "BPFTRACE_MAX_BPF_PROGS": "2048"}
    return run(tool.run(spec, "-B", "line"), limits)


def _attach(one: Usage) -> float:
    return one.attached_s


def _detach(one: Usage) -> float:
    # not from `line_s`: kptrace may print its line when the probes are gone
    return one.ended_s - one.attached_s


def _families(most: int) -> tuple[list[str], int]:
    """Those families of functions that are not more than ``most`` in all, and how many they are."""
    names = {line.partition(" ")[0] for line in (TRACEFS / "available_filter_functions").open()}
    sizes = Counter(name.partition("_")[0] for name in map(str.strip, names) if "." not in name)
    chosen, count = [], 0
    for family in _FAMILIES:
        if sizes[family] and count + sizes[family] <= most:
            chosen.append(family)
            count += sizes[family]
    return chosen, count
