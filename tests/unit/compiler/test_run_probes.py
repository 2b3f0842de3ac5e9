# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""Kinds of probes on the running kernel: when they fire, and what they offer."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
CPUS = os.cpu_count() or 1


@pytest.fixture
def busy() -> Iterator[subprocess.Popen[bytes]]:
    """A process that computes all the time."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def _busy_cpus() -> Iterator[None]:
    """Work on every CPU: this kernel's clock does not interrupt one that sleeps."""
    spinning = []
    for cpu in sorted(os.sched_getaffinity(0)):
        command = ["taskset", "--cpu-list", str(cpu), sys.executable, "-c", "while True: pass"]
        spinning.append(subprocess.Popen(command))
    yield
    for process in spinning:
        process.kill()
        process.wait()


def counts(text: str) -> dict[str, int]:
    """``@name[key]: N`` lines."""
    return {key: int(value) for key, value in re.findall(r"^(@.*): (\d+)$", text, re.M)}


@pytest.mark.usefixtures("_busy_cpus")
@pytest.mark.parametrize("spec", ["profile:ms:10", "profile:hz:100", "p:10ms", "PROFILE:us:10000"])
def test_profile_fires_on_every_cpu_at_its_rate(run: Any, spec: str) -> None:
    ran = run(f"{spec} {{ @[cpu] = count(); }} interval:ms:600 {{ exit(); }}")
    assert (ran.status, ran.err) == (0, "")
    found = counts(ran.out)
    assert len(found) == CPUS
    assert all(5 <= n <= 500 for n in found.values()), found  # a busy machine ends it late


def test_profile_sees_the_interrupted_code(run: Any, busy: subprocess.Popen[bytes]) -> None:
    ran = run(
        f"profile:hz:499 /pid == {busy.pid}/ {{ @[comm] = count(); @stack[kstack(1)] = count(); }}"
        " interval:ms:300 { exit(); }"
    )
    assert (ran.status, ran.err) == (0, "")
    assert counts(ran.out)["@[python]" if "@[python]" in ran.out else "@[python3]"] > 10


def test_software_event_fires_every_nth_time(run: Any) -> None:
    spec = (
        "software:faults:1 { @one = count(); } software:page-faults:50 { @fifty = count(); }"
        " s:cs { @cs = count(); } interval:ms:500 { exit(); }"
        ' begin { printf("go\\n"); }'
    )
    worker = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import mmap\nwhile True:\n m=mmap.mmap(-1,1<<20)\n for i in range(0,1<<20,4096): m[i]=1\n m.close()",
        ]
    )
    try:
        ran = run(spec)
    finally:
        worker.kill()
        worker.wait()
    assert (ran.status, ran.err) == (0, "")
    found = counts(ran.out)
    assert found["@one"] > 1000
    assert 30 <= found["@one"] / found["@fifty"] <= 70


def test_names_of_timers(run: Any) -> None:
    spec = (
        'interval:ms:10 { printf("%s\\n", probe); exit(); } profile:1ms { @[probe] = count(); }'
        " software:cs { @[probe] = count(); } s:cpu-clock:100000 { @[probe] = count(); }"
        " mine=profile:hz:1000 { @[probe] = count(); }"
    )
    ran = run(spec)
    assert (ran.status, ran.err) == (0, "")
    assert ran.lines[0] == "interval:ms:10"
    allowed = {"@[profile:us:1000]", "@[software:cs]", "@[software:cpu-clock:100000]", "@[mine]"}
    assert {"@[profile:us:1000]", "@[mine]"} <= set(counts(ran.out)) <= allowed


def test_begin_and_end_run_once_in_source_order(run: Any) -> None:
    spec = (
        'end { printf("e1 "); } BEGIN:* { printf("b1 "); } begin { printf("b2 "); }'
        ' End { printf("e2\\n"); } bEGIN { printf("b3 "); }'
    )
    assert run(spec).out == "b1 b2 b3 e1 e2\n\n\n"


def started(*arguments: str) -> subprocess.Popen[str]:
    """A run of its own; returns when its probes are attached."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kptrace", "run", "-B", "none", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "__BPFTRACE_NOTIFY_PROBES_ATTACHED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "NOTIFY" in line:
            break
    return process


def test_self_probe_runs_at_each_signal(run: Any) -> None:
    process = started(
        "-e",
        'self:signal:SIGUSR1 { printf("%s %d\\n", probe, pid); @n = count(); }'
        " SELF:signal:SIGUSR1 { exit(3); }",
    )
    process.send_signal(signal.SIGUSR1)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 3
    assert out == f"self:signal:SIGUSR1 {process.pid}\n\n\n@n: 1\n"
    assert "Attached 2 probes\n" in err


def test_without_a_self_probe_the_signal_asks_for_a_snapshot(run: Any) -> None:
    process = started("-e", "begin { @x = 7; } interval:s:100 { }")
    process.send_signal(signal.SIGUSR1)
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(3)] == ["\n", "\n", "@x: 7\n"]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 0


def test_provider_wildcard_takes_every_kernel_provider(run: Any) -> None:
    ran = run("*tracepoint:sched:sched_switch { @[probe] = count(); } interval:ms:300 { exit(); }")
    assert (ran.status, ran.err) == (0, "")
    assert list(counts(ran.out)) == ["@[tracepoint:sched:sched_switch]"]


def test_parameters_expand_as_text(run: Any) -> None:
    ran = run('inter$1:$2 { printf("%s\\n", probe); exit(); }', words=("val", "ms:20"))
    assert (ran.status, ran.out) == (0, "interval:ms:20\n\n\n")
