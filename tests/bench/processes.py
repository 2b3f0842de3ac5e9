# SPDX-License-Identifier: MIT
"""Whole processes: start warm and cold, CPU time and peak memory.

A start ends when the probes count; `tools.run` says how that is known.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from measure import Budget, Row, row
from tools import HERE, READY, Bench, Usage, environment, run

from kptrace import store

_LONG = HERE / "realistic.bt"
_BEGIN = f'BEGIN {{ printf("{READY}\\n"); exit(); }}'
_TRACEPOINT = (
    "tracepoint:sched:sched_switch { @[args->next_comm] = count(); } "
    f'interval:ms:1 {{ printf("{READY}\\n"); exit(); }}'
)
_HALF = Budget(limit=0.5, ratio=True)
_MEMORY = Budget(limit=32)
# BCC is a module of the distribution's Python.
_PYTHON = "/usr/bin/python3"
_BCC = HERE / "bcc_start.py"


def measure(bench: Bench) -> list[Row]:
    _object_cache()
    begin = _interleave(bench, [tool.run(_BEGIN, "-B", "line") for tool in bench.tools])
    commands = [tool.run(_TRACEPOINT, "-B", "line") for tool in bench.tools]
    version, bcc = _bcc(bench)
    warm = _interleave(bench, [*commands, *bcc])
    cold = _interleave(bench, [[*_empty_cache(), *one] for one in commands])
    tools = len(bench.tools)
    budget = Budget(limit=1, ratio=True)
    tenth = Budget(limit=0.1, ratio=True)
    return [
        *_own(bench),
        _row("start, begin only, warm", "attached_s", begin, bench.version, _HALF),
        _row("start, tracepoint, warm", "attached_s", warm[:tools], bench.version, _HALF),
        _row(
            "start, tracepoint, warm, beside BCC",
            "attached_s",
            [warm[0], *warm[tools:]],
            version,
            tenth,
        ),
        _row("start, tracepoint, cold", "attached_s", cold, bench.version, budget),
        _row("start until the first line, warm", "line_s", warm[:tools], bench.version),
        _row("CPU time of the warm run", "cpu_s", warm[:tools], bench.version),
        _row("CPU time of the cold run", "cpu_s", cold, bench.version),
        _row("peak memory of the warm run", "peak_mib", warm[:tools], bench.version, _MEMORY),
        _row(
            "peak memory of the warm run, beside BCC", "peak_mib", [warm[0], *warm[tools:]], version
        ),
    ]


_UNITS = {"line_s": "s", "attached_s": "s", "cpu_s": "s", "peak_mib": "MiB"}


def _row(
    name: str,
    what: str,
    used: Sequence[Sequence[Usage]],
    version: str,
    budget: Budget | None = None,
) -> Row:
    """Of one attribute of `Usage`; the first list is ours, a second the peer's."""
    ours, *others = ([getattr(one, what) for one in each] for each in used)
    return row(name, _UNITS[what], ours, others[0] if others else (), version, budget)


def _interleave(bench: Bench, commands: Sequence[Sequence[str]]) -> list[list[Usage]]:
    """The rounds of each command."""
    if not bench.quick:
        for command in commands:  # fills the caches
            run(command)
    used: list[list[Usage]] = [[] for _ in commands]
    for _ in range(bench.rounds):
        for command, mine in zip(commands, used, strict=True):
            mine.append(run(command))
    return used


def _own(bench: Bench) -> list[Row]:
    """What no peer does."""
    program = bench.kptrace.command
    version, check = _interleave(bench, [[*program, "--version"], [*program, "check", str(_LONG)]])
    command = [sys.executable, str(HERE / "compile.py"), str(_LONG), str(bench.rounds)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=True)
    lines = len(_LONG.read_text().splitlines())
    seconds = [one.attached_s * 1000 for one in version]
    return [
        row("kptrace --version", "ms", seconds, budget=Budget(limit=100)),
        _row(f"kptrace check, {lines} lines", "attached_s", [check], ""),
        row(f"text to C, {lines} lines", "ms", [float(one) for one in done.stdout.split()]),
    ]


def _object_cache() -> Path:
    """Where kptrace keeps objects; it must be there to be mounted over."""
    # of kptrace only this small module: the peak memory of a child begins with that of its parent
    found = store.directory()
    found.mkdir(mode=0o700, parents=True, exist_ok=True)
    return found


def _empty_cache() -> list[str]:
    """Runs a command with an empty object cache: a tmpfs over it, in a mount namespace of its
    own. The peer gets the same, so that both pay for the namespace."""
    script = 'mount -t tmpfs -o mode=0700 tmpfs "$0" && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", script, str(_object_cache())]


def _bcc(bench: Bench) -> tuple[str, list[list[str]]]:
    """BCC's version and the command of its tool; no command, and why, where it does not work."""
    done = subprocess.run([_PYTHON, str(_BCC)], capture_output=True, text=True, check=False)
    version = subprocess.run(
        [_PYTHON, "-c", "import bcc; print(bcc.__version__)"],
        capture_output=True,
        text=True,
        check=False,
    )
    if version.returncode:
        return "BCC is not installed", []
    name = f"BCC {version.stdout.strip()}"
    if done.returncode:
        return f"{name} compiles nothing here: no headers of this kernel", []
    return name, [[_PYTHON, str(_BCC)]]
