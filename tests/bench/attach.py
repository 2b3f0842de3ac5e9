# SPDX-License-Identifier: MIT
"""How long many attach points take, from the start of the process until they count.

Tracepoints, which every kernel has; functions are in ``kprobes.py``. Only the way up is timed: the
way down waits for the kernel (tens of ms for each point, whoever asks), which is also why there are
100 by default and not the 1,000 of the budget: ``--points 1000`` takes minutes.
"""

from __future__ import annotations

from measure import Budget, Row, row
from tools import READY, TRACEFS, Bench, Usage, run

_EVENTS = TRACEFS / "events"
# One hook for all of them, and trace_printk and the like.
_SPECIAL = ("syscalls", "ftrace", "raw_syscalls")


def measure(bench: Bench) -> list[Row]:
    groups, count = _groups(max(bench.size(bench.points), 2))
    probes = ",".join(f"tracepoint:{group}:*" for group in groups)
    spec = f'{probes} {{ @ = count(); }} interval:ms:1 {{ printf("{READY}\\n"); exit(); }}'
    limits = {"BPFTRACE_MAX_PROBES": "1024"}
    run(bench.kptrace.run(spec), limits)  # the object cache
    used: list[list[Usage]] = [[] for _ in bench.tools]
    for _ in range(bench.rounds):
        for tool, mine in zip(bench.tools, used, strict=True):
            mine.append(run(tool.run(spec, "-B", "line"), limits))
    seconds = [[one.attached_s for one in each] for each in used]
    name = f"attach {count} tracepoints, warm"
    peer = seconds[1] if len(seconds) > 1 else ()
    budget = Budget(limit=1, ratio=True)
    return [row(name, "s", seconds[0], peer, bench.version, budget)]


def _groups(most: int) -> tuple[list[str], int]:
    """Whole groups of tracepoints, the largest first, of not more than ``most`` in all."""
    sizes = {
        group.name: sum(one.is_dir() for one in group.iterdir())
        for group in _EVENTS.iterdir()
        if group.is_dir() and group.name not in _SPECIAL
    }
    chosen, count = [], 0
    for group, size in sorted(sizes.items(), key=lambda one: (-one[1], one[0])):
        if size and count + size <= most:
            chosen.append(group)
            count += size
    return chosen, count
