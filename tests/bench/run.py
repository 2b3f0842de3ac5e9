# SPDX-License-Identifier: MIT
"""``make bench``: kptrace beside bpftrace, whole processes on this host, interleaved.

Needs no kprobes: begin blocks and tracepoints run on any kernel with BPF. Prints a Markdown table
and writes ``build/bench.json``. A figure is the median of the rounds with its minimum and maximum;
the ratio is ours to the peer's.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

KPTRACE = [str(Path(sys.executable).with_name("kptrace"))]
BUILD = Path("build")
LONG = Path(__file__).with_name("realistic.bt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measurement; ``spread`` is (min, max) of ours."""

    name: str
    unit: str
    ours: float
    spread: tuple[float, float]
    peer: float | None
    peer_version: str
    ratio: float | None


def _run(command: list[str]) -> tuple[float, float]:
    """Seconds and peak MiB of one process with its children; it must succeed."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if status:
        raise SystemExit(f"failed: {' '.join(command)}")
    return seconds, usage.ru_maxrss / 1024


def _pair(
    name: str, ours: list[str], peer: list[str] | None, rounds: int, version: str
) -> list[Row]:
    """Time and memory of both commands, one after the other in each round."""
    _run(ours)  # fills the caches
    mine: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    for _ in range(rounds):
        mine.append(_run(ours))
        if peer is not None:
            theirs.append(_run(peer))
    rows = []
    for index, (what, unit) in enumerate((("time", "s"), ("peak memory", "MiB"))):
        values = [one[index] for one in mine]
        median = statistics.median(values)
        other = statistics.median(one[index] for one in theirs) if theirs else None
        rows.append(
            Row(
                name=f"{name}: {what}",
                unit=unit,
                ours=median,
                spread=(min(values), max(values)),
                peer=other,
                peer_version=version,
                ratio=median / other if other else None,
            )
        )
    return rows


def _compile_row(rounds: int) -> Row:
    """Text to C of the long specification, inside one process."""
    script = Path(__file__).with_name("compile.py")
    command = [sys.executable, str(script), str(LONG), str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    times = [float(line) for line in done.stdout.split()]
    return Row(
        name=f"text to C, {len(LONG.read_text().splitlines())} lines",
        unit="ms",
        ours=statistics.median(times),
        spread=(min(times), max(times)),
        peer=None,
        peer_version="",
        ratio=None,
    )


def _version(bpftrace: str | None) -> str:
    if bpftrace is None:
        return "not installed"
    done = subprocess.run([bpftrace, "--version"], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    bpftrace = shutil.which("bpftrace")
    version = _version(bpftrace)

    def peer(spec: str) -> list[str] | None:
        return None if bpftrace is None else [bpftrace, "-e", spec]

    empty = "BEGIN { exit(); }"
    attach = "tracepoint:sched:sched_switch { @[args->next_comm] = count(); } BEGIN { exit(); }"
    rows = [
        _compile_row(rounds),
        *_pair("check a long file", [*KPTRACE, "check", str(LONG)], None, rounds, ""),
        *_pair("kptrace --version", [*KPTRACE, "--version"], None, rounds, ""),
        *_pair("warm start, begin only", [*KPTRACE, "-e", empty], peer(empty), rounds, version),
        *_pair("warm start, tracepoint", [*KPTRACE, "-e", attach], peer(attach), rounds, version),
    ]
    print(f"| what | kptrace | min .. max | bpftrace ({version}) | ratio |")
    print("|---|---|---|---|---|")
    for row in rows:
        other = f"{row.peer:.3f} {row.unit}" if row.peer is not None else "-"
        ratio = f"{row.ratio:.2f}" if row.ratio is not None else "-"
        low, high = row.spread
        ours = f"{row.ours:.3f} {row.unit} | {low:.3f} .. {high:.3f}"
        print(f"| {row.name} | {ours} | {other} | {ratio} |")
    BUILD.mkdir(exist_ok=True)
    rows_json = [asdict(row) for row in rows]
    (BUILD / "bench.json").write_text(json.dumps({"rows": rows_json}, indent=2) + "\n")


if __name__ == "__main__":
    main()
