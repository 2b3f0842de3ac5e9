# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""Stacks of processes, on the running kernel (language §7, §10.4)."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
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


def test_build_ids(run: Any, target: int) -> None:
    """Offsets count from the start of the file, whose build id readelf shows too."""
    spec = f"config = {{ stack_mode = build_id }} tracepoint:syscalls:sys_enter_getppid /pid == {target}/ {{ @[ustack(1)] = count(); print(ustack(raw, 1)); print((len(ustack), len(ustack(raw)), sizeof(ustack(3)))); exit(); }}"
    ran = run(spec, "--duration", "20")
    assert (ran.status, ran.err) == (0, "")
    (address,) = (int(one, 16) for one in re.findall(r"^([0-9a-f]{10,})$", ran.out, re.M))
    start, offset, path = _mapping(target, address)
    (build_id, place), *_ = re.findall(r"^([0-9a-f]{40}) 0x([0-9a-f]+)$", ran.out, re.M)
    assert int(place, 16) == address - start + offset
    notes = subprocess.run(["readelf", "-n", path], capture_output=True, text=True, check=True)
    assert f"Build ID: {build_id}\n" in notes.stdout
    ((long, raw, size),) = re.findall(r"^\((\d+), (\d+), (\d+)\)$", ran.out, re.M)
    assert (long, size) == (raw, "112")


def _mapping(process: int, address: int) -> tuple[int, int, str]:
    """Start, offset and file of the mapping that has an address."""
    for line in Path(f"/proc/{process}/maps").read_text().splitlines():
        span, _, offset, _, _, *path = line.split()
        start, end = (int(one, 16) for one in span.split("-"))
        if start <= address < end:
            return start, int(offset, 16), path[0]
    raise AssertionError(f"nothing is mapped at {address:#x}")


def test_code_of_no_file_has_addresses(run: Any) -> None:
    """A system call from memory of no file, as a just-in-time compiler's code is."""
    code = (
        "import ctypes, mmap, time\n"
        "m = mmap.mmap(-1, 4096, prot=7)\n"
        "m.write(bytes.fromhex('b86e0000000f05c3'))\n"
        "f = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(m)))\n"
        "while True:\n    f(); time.sleep(0.02)"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        spec = f"tracepoint:syscalls:sys_enter_getppid /pid == {process.pid}/ {{ print(ustack(build_id, 1)); exit(); }}"
        ran = run(spec, "--duration", "20")
        process.kill()
    assert (ran.status, ran.err) == (0, "")
    assert re.search(r"^[0-9a-f]+$", ran.out, re.M)
