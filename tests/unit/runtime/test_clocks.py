# SPDX-License-Identifier: MIT
"""The host's clocks, read by a process whose clocks are others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

from kptrace.runtime import clocks

ROOT = Path(__file__).parents[3]
DAYS = 10 * 24 * 3600
SPEC = """
interval:ms:100
{ printf("%lld %lld %s\\n", nsecs(tai), elapsed, strftime("%Y-%m-%d %H:%M:%S", nsecs)); }
"""


def test_clocks_without_a_namespace_are_the_hosts() -> None:
    for clock in (time.CLOCK_MONOTONIC, time.CLOCK_BOOTTIME, time.CLOCK_TAI):
        before = time.clock_gettime_ns(clock)
        assert before <= clocks.host_ns(clock) <= time.clock_gettime_ns(clock)


@pytest.mark.skipif(not Path("/proc/self/ns/time").exists(), reason="no time namespaces")
@pytest.mark.parametrize("monotonic", [-60, DAYS])
def test_a_run_in_a_time_namespace(monotonic: int) -> None:
    """Events come when they happen, and times are those of the day."""
    away = ["unshare", "--time", f"--monotonic={monotonic}", f"--boottime={DAYS}", "--fork"]
    command = [sys.executable, "-m", "kptrace", "-q", "--duration", "10", "-e", SPEC]
    with subprocess.Popen(
        [*away, *command],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        now, tai = time.time(), time.clock_gettime_ns(time.CLOCK_TAI)
        os.killpg(process.pid, signal.SIGKILL)
    told, elapsed, when = line.split(maxsplit=2)
    assert 0 <= tai - int(told) < 5e9
    assert 0 <= int(elapsed) < 5e9
    assert abs(datetime.strptime(when.strip(), "%Y-%m-%d %H:%M:%S").timestamp() - now) < 6
