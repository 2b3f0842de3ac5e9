# SPDX-License-Identifier: MIT
"""What a warm start costs, without a clock: the system calls of a run that was compiled before.

``warm_start.txt`` has how many of each kind that costs kptrace makes beyond a bare Python of the
same installation, counted by kptrace itself. A count may be a tenth above its line and no more:
no process and no event more than written, a tenth more files, maps or anything else. What is saved
for good is written down by ``pytest tests/cases --update-golden``, as is what had to become more.
``tests/unit/cli/test_kept_plans.py`` has which modules such a start must not import.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import pytest

from kptrace.runtime import cpus

from .test_cases import check_file

TABLE = Path(__file__).with_name("warm_start.txt")
ROOT = Path(__file__).parents[2]
_SPEC = "BEGIN { exit(); }"
_COUNT = "tracepoint:raw_syscalls:sys_enter /pid == cpid/ { @[syscall_name(args.id)] = count(); }"
_START = """
import sys
from pathlib import Path
import kptrace.store
from kptrace.__main__ import main
place = Path(sys.argv.pop(1))
kptrace.store.directory = lambda: place
main()
"""
_KINDS = {
    "start of a program": ("execve", "execveat"),
    "start of a process": ("fork", "vfork", "clone", "clone3"),
    "bpf": ("bpf",),
    "perf_event_open": ("perf_event_open",),
    "open": ("openat", "open"),
    "stat": ("newfstatat", "statx", "stat", "lstat", "fstat"),
    "read": ("read", "pread64", "getdents64"),
    "map memory": ("mmap", "mprotect", "munmap", "brk"),
}
_OF_EACH_CPU = {"bpf": 1, "perf_event_open": 2, "map memory": 1}
"""So many belong to the ring of each CPU, and hosts differ in CPUs."""


def kinds(calls: Mapping[str, int], cpu_count: int = 0) -> dict[str, int]:
    """Calls by kind, without those that every CPU costs."""
    left = Counter(calls)
    found = {
        kind: sum(left.pop(name, 0) for name in names) - cpu_count * _OF_EACH_CPU.get(kind, 0)
        for kind, names in _KINDS.items()
    }
    return {**found, "anything else": left.total()}


def limit(written: int) -> int:
    return written + written // 10


def _command(*arguments: str) -> list[str]:
    """Python without the installation's own hooks, which import what would then not count."""
    return [sys.executable, "-S", *arguments]


def _calls(command: Sequence[str], place: Path, environment: Mapping[str, str]) -> Counter[str]:
    """How often a command makes each system call."""
    child = place / "child"
    child.write_text("#!/bin/sh\nexec " + " ".join(f"'{word}'" for word in command) + "\n")
    child.chmod(0o755)
    counting = [sys.executable, "-m", "kptrace", "-f", "json", "-e", _COUNT, "-c", str(child)]
    done = subprocess.run(counting, env=environment, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    (found,) = (one["data"]["@"] for one in lines if one["type"] == "map")
    (losses,) = (one["data"] for one in lines if one["type"] == "losses")
    assert losses["recursion_misses"] == 0, losses
    return Counter(found)


@pytest.mark.skipif(os.geteuid() != 0, reason="running programs needs root")
def test_system_calls_of_a_warm_start(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    version = f"Python {sys.version_info.major}.{sys.version_info.minor} {platform.machine()}"
    update = pytestconfig.getoption("--update-golden")
    head, *rows = TABLE.read_text().splitlines() if TABLE.exists() else [version]
    if not update and head != version:
        pytest.skip(f"counted with {head}")
    path = f"{ROOT}:{Path(click.__file__).parents[1]}"
    environment = {**os.environ, "PYTHONPATH": path}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # bytecode is part of being warm
    environment["PYTHONPYCACHEPREFIX"] = str(tmp_path / "bytecode")
    command = _command("-c", _START, str(tmp_path / "kept"), "-e", _SPEC)
    for _ in range(2):
        subprocess.run(command, env=environment, capture_output=True, check=True)
    ours = _calls(command, tmp_path, environment)
    bare = _calls(_command("-c", "pass"), tmp_path, environment)
    more = {name: ours[name] - bare[name] for name in ours | bare}
    found = kinds(more, len(cpus.online()))
    if update:
        table = "".join(f"{kind:20} {count:5}\n" for kind, count in found.items())
        check_file(TABLE, f"{version}\n{table}", update=True)
        return
    written = {kind.strip(): int(count) for kind, count in (row.rsplit(None, 1) for row in rows)}
    assert list(written) == list(found)
    above = {
        kind: f"{count}, written is {written[kind]}"
        for kind, count in found.items()
        if count > limit(written[kind])
    }
    assert not above, more
