# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""cat, system and join on the running kernel."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SYSTEM = 'begin { printf("1\\n"); system("echo a b; echo c >&2; printf %s", "d"); printf("2\\n"); }'


def test_system(run: Any) -> None:
    """In order with other output; what the command says on standard error goes there."""
    ran = run(SYSTEM, "--unsafe")
    assert (ran.status, ran.out, ran.err) == (0, "1\na b\nd\n2\n\n\n", "c\n")
    assert (
        run(SYSTEM, "--unsafe", "-f", "json").lines[1] == '{"type": "syscall", "data": "a b\\nd"}'
    )


def test_system_is_unsafe(run: Any) -> None:
    ran = run(SYSTEM)
    assert ran.status == 2
    assert "ERROR: system() is an unsafe function being used in safe mode" in ran.err


def test_cat(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "file 7"
    file.write_bytes(b"text\n\xff" + b"x" * 20000)
    spec = (
        f'begin {{ cat("{tmp_path}/%s %d", "file", 7); cat("/nosuch%d", 3); cat("{tmp_path}"); }}'
    )
    ran = run(spec)
    assert ran.status == 0
    assert ran.out == "text\n\udcff" + "x" * (10240 - 6) + "\n\n"
    assert ran.err == (
        "ERROR: failed to open file '/nosuch3' (No such file or directory)\n"
        f"ERROR: failed to open file '{tmp_path}' (Is a directory)\n"
    )
    short = run("config = { max_cat_bytes = 3 } " + spec, "-f", "json")
    assert short.lines[0] == '{"type": "cat", "data": "tex"}'
    assert run(spec, environment={"BPFTRACE_MAX_CAT_BYTES": "4"}).out == "text\n\n"


def test_cat_does_not_wait_for_a_pipe(run: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert run(f'begin {{ cat("{tmp_path}/pipe"); }}').out == "\n\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="tracing needs root")
def test_join() -> None:
    """Up to 16 strings, up to the first empty one."""
    spec = (
        'tracepoint:syscalls:sys_enter_execve /comm == "joiner"/'
        ' { join(args.argv); join(args.argv, ","); printf("%d\\n", pid > 0); }'
    )
    script = (
        "import ctypes, os; ctypes.CDLL(None).prctl(15, b'joiner', 0, 0, 0)\n"
        "for words in (['ls', '-l', 'x y'], ['a', '', 'b'], [str(n) for n in range(20)], ['z' * 2000]):\n"
        "    try: os.execve('/nosuch', words, {})\n"
        "    except OSError: pass\n"
    )
    command = [sys.executable, "-m", "kptrace", "run", "-q", "-f", "json", "-e", spec]
    environment = {**os.environ, "__BPFTRACE_NOTIFY_PROBES_ATTACHED": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as tracer:
        assert tracer.stdout is not None
        assert tracer.stdout.readline().startswith(b"__BPFTRACE")
        subprocess.run([sys.executable, "-c", script], check=True)
        tracer.send_signal(signal.SIGINT)
        out, _ = tracer.communicate(timeout=60)
    lines = [json.loads(line) for line in out.splitlines()]
    assert [one["data"] for one in lines if one["type"] == "join"] == [
        "ls -l x y", "ls,-l,x y", "a", "a", " ".join(map(str, range(16))),
        ",".join(map(str, range(16))), "z" * 1023, "z" * 1023,
    ]  # fmt: skip
    assert [one["type"] for one in lines].count("printf") == 4


def test_allocation_flags(run: Any) -> None:
    ran = run('begin { printf("%gr|%12gr|%-12gr|%gr\\n", 0, 0x40, 1, (uint32)1 << 31 | 0x40); }')
    assert ran.lines[0] == "0|    __GFP_IO|GFP_DMA     |__GFP_IO|0x80000000"
