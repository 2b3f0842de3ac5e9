# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""Stacks of processes, on the running kernel (language §7, §10.4)."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

LOOP = "import os, time\nfor _ in range(2000):\n    os.getppid()\n    time.sleep(0.02)"


@pytest.fixture
def target() -> Iterator[int]:
    """A process that calls getppid() again and again."""
    process = subprocess.Popen([sys.executable, "-c", LOOP])
    yield process.pid
    process.kill()
    process.wait()


def test_modes(run: Any, target: int) -> None:
    spec = f"tracepoint:syscalls:sys_enter_getppid /pid == {target}/ {{ @[ustack(2), pid] = count(); print(ustack(perf, 1)); print(ustack(raw, 1)); print(ustack(1)); printf('%d', sizeof(ustack(3))); exit(); }}".replace(
        "'", '"'
    )
    ran = run(spec, "--duration", "20")
    assert (ran.status, ran.err) == (0, "")
    assert re.search(r"^\t[0-9a-f]+ \w*getppid\+\d+ \(/.*libc.*\)$", ran.out, re.M)
    assert re.search(r"^[0-9a-f]{10,}$", ran.out, re.M)
    assert re.search(r"^        \w*getppid\+\d+$", ran.out, re.M)
    assert f", {target}]: " in ran.out
    assert "\n40" in ran.out


def test_two_stacks_beside_each_other(run: Any, target: int) -> None:
    spec = f"tracepoint:syscalls:sys_enter_getppid /pid == {target}/ {{ @[kstack(1), ustack(1), kstack(2)] = count(); exit(); }}"
    ran = run(spec, "--duration", "20")
    assert (ran.status, ran.err) == (0, "")
    assert "getppid+" in ran.out


def test_a_process_that_is_gone_has_addresses(run: Any) -> None:
    spec = 'tracepoint:syscalls:sys_enter_getppid /comm == "gone"/ { @[ustack(1)] = count(); } interval:s:2 { exit(); }'
    short = "import os, ctypes\nctypes.CDLL(None).prctl(15, b'gone')\nfor _ in range(5):\n    os.getppid()"
    starter = subprocess.Popen(["sh", "-c", 'sleep 1; exec "$0" -c "$1"', sys.executable, short])
    ran = run(spec)
    starter.wait()
    assert ran.status == 0
    assert re.search(r"^        0x[0-9a-f]+$", ran.out, re.M)


def test_length(run: Any, target: int) -> None:
    spec = f"tracepoint:syscalls:sys_enter_getppid /pid == {target}/ {{ $s = kstack; @k[1] = kstack(3); @u = ustack(1); print((len($s) >= 3, len(kstack(2)), len(@k[1]), len(@u), len(@k[5]), len(@k))); exit(); }}"
    ran = run(spec, "-f", "json", "--duration", "20")
    assert (ran.status, ran.err) == (0, "")
    assert ran.json[0]["data"] == [True, 2, 3, 1, 0, 1]
