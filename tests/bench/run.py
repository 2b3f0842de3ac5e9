# SPDX-License-Identifier: MIT
"""``make bench``: kptrace beside its peers on this host, interleaved, against the budgets.

Needs root and no kprobes: begin blocks and tracepoints run on any kernel with BPF; only the part
``kprobes`` is for the lab's. Prints a Markdown table and writes ``build/bench.json``;
``measure.Row`` says what the columns are.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

import attach
import hits
import kprobes
import maps
import merge
import processes
import stream
from measure import Row, as_json, table
from tools import BUILD, TRACEFS, Bench, bpftrace, kptrace

PARTS = {
    "processes": processes.measure,
    "hits": hits.measure,
    "stream": stream.measure,
    "attach": attach.measure,
    "kprobes": kprobes.measure,
    "maps": maps.measure,
    "merge": merge.measure,
}


def _host() -> dict[str, object]:
    """What the figures depend on."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "kernel": platform.release(),
        "machine": platform.machine(),
        "cpu": models[0] if models else "unknown",
        "cpus": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
    }


def _options(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append", choices=PARTS, help="may be repeated")
    parser.add_argument("--points", type=int, default=100, help="attach points, at most 1000")
    parser.add_argument("--quick", action="store_true", help="as little as shows that it works")
    parser.add_argument("-o", "--output", type=Path, default=BUILD / "bench.json")
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> None:
    options = _options(words)
    if os.geteuid() != 0:
        raise SystemExit("make bench loads BPF programs: run it as root")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not (TRACEFS / "events").exists():
        subprocess.run(["mount", "-t", "tracefs", "tracefs", TRACEFS], check=True)
    bench = Bench(
        rounds=options.rounds,
        points=options.points,
        kptrace=kptrace(),
        peer=bpftrace(),
        quick=options.quick,
    )
    host = _host()
    rows: list[Row] = []
    for name, measure in PARTS.items():
        if options.only is None or name in options.only:
            start = time.monotonic()
            rows += measure(bench)
            print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr)
    host_line = ", ".join(f"{name} {value}" for name, value in host.items())
    print(f"{host_line}; median of {options.rounds} rounds\n\n{table(rows)}")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(as_json(rows, host))


if __name__ == "__main__":
    main()
