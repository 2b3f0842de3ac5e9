# SPDX-License-Identifier: MIT
"""Signals and sudden ends of a run: the result is printed, nothing stays attached."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Start = Callable[..., "subprocess.Popen[bytes]"]
Running = Callable[..., "subprocess.Popen[bytes]"]

SPEC = 'interval:ms:10 { @ = count(); } end { printf("the end\\n"); }'
PATIENCE_S = 20.0


@pytest.fixture
def running(start: Start, tmp_path: Path) -> Running:
    """Start a run and wait until its probes count."""

    def run(spec: str = SPEC) -> subprocess.Popen[bytes]:
        ready = tmp_path / "ready"
        process = start("-q", "-e", spec, "--ready-file", str(ready))
        deadline = time.monotonic() + PATIENCE_S
        while not ready.exists():
            assert time.monotonic() < deadline
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        time.sleep(0.1)
        return process

    return run


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_first_signal_prints_the_result(running: Running, number: signal.Signals) -> None:
    process = running()
    process.send_signal(number)
    output, error = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, error) == (0, b"")
    end, _, count = output.decode().partition("@: ")
    assert end.strip() == "the end"
    assert int(count) > 0


def test_second_signal_ends_at_once(running: Running) -> None:
    """A flood of events would take its time to print; the second signal does not wait for it."""
    process = running(
        'tracepoint:sched:* { printf("%s\\n", probe); } end { printf("the end\\n"); }'
    )
    process.send_signal(signal.SIGINT)
    time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 128 + signal.SIGTERM
    assert b"the end" not in output


def test_second_signal_ends_what_system_started(start: Start, tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    loop = f"(while true; do echo >> {alive}; sleep 0.05; done); true"
    process = start("--unsafe", "-e", f'begin {{ system("{loop}"); }} interval:s:100 {{ }}')
    deadline = time.monotonic() + PATIENCE_S
    while not alive.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 128 + signal.SIGTERM
    size = alive.stat().st_size
    time.sleep(0.3)
    assert alive.stat().st_size == size


def test_request_before_the_run(start: Start) -> None:
    """Whoever asks for a snapshot before there can be one does not end the run."""
    process = start("-q", "-e", "begin { }")
    deadline = time.monotonic() + PATIENCE_S
    while not _ignores(process.pid, signal.SIGUSR1):
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGUSR1)
    _, error = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, error) == (0, b"")


def test_the_request_is_ignored_before_the_long_imports() -> None:
    code = "import sys, kptrace.__main__; sys.exit('kptrace.cli' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def _ignores(pid: int, number: int) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    (ignored,) = (line for line in status.splitlines() if line.startswith("SigIgn:"))
    return bool(int(ignored.split()[1], 16) >> (number - 1) & 1)


def test_snapshot_on_request(running: Running) -> None:
    """SIGUSR1 prints the maps and the run goes on, counting on from where it was."""
    process = running()
    process.send_signal(signal.SIGUSR1)
    time.sleep(0.4)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE_S)
    first, last = (int(part.split()[0]) for part in output.decode().split("@: ")[1:])
    assert 0 < first < last


def test_killed_run_leaves_nothing_attached(running: Running) -> None:
    """Everything hangs on descriptors, so the kernel detaches what a killed process had."""
    process = running("tracepoint:sched:sched_switch { @ = count(); } interval:s:9 { print(@); }")
    ours = _programs(process.pid)
    assert len(ours) == 2
    process.kill()
    process.wait()
    deadline = time.monotonic() + PATIENCE_S  # programs are freed after a grace period
    while ours & _loaded():
        assert time.monotonic() < deadline, "programs outlived their process"
        time.sleep(0.05)


def _programs(pid: int) -> set[int]:
    """Numbers of the programs that a process holds, from its descriptors' fdinfo."""
    found = set()
    for info in Path(f"/proc/{pid}/fdinfo").iterdir():
        fields = dict(
            line.split(":\t", 1) for line in info.read_text().splitlines() if ":\t" in line
        )
        if "prog_id" in fields:
            found.add(int(fields["prog_id"]))
    return found


def _loaded() -> set[int]:
    done = subprocess.run(["bpftool", "prog", "-j"], capture_output=True, check=True)
    return {one["id"] for one in json.loads(done.stdout)}
