# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""Functions that change the traced system, and debugf, on the running kernel (language §8.1)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kptrace.compiler import Options, compile_spec
from kptrace.kernel import Kernel
from kptrace.source import Source

TARGET = """
import json, os, signal, sys, time
got = []
for one in (signal.SIGUSR1, signal.SIGUSR2):
    signal.signal(one, lambda number, frame: got.append(number))
for _ in range(400):
    os.getppid()
    time.sleep(0.05)
    if got:
        break
print(json.dumps(got))
"""


def run_with_target(run: Any, body: str, *options: str) -> tuple[Any, list[int]]:
    """A block on getppid() of one process, and the signals that the process got."""
    target = subprocess.Popen([sys.executable, "-c", TARGET], stdout=subprocess.PIPE, text=True)
    try:
        spec = f"tracepoint:syscalls:sys_enter_getppid /pid == {target.pid}/ {{ {body} exit(); }}"
        ran = run(spec, "--unsafe", "--duration", "20", *options)
        output, _ = target.communicate(timeout=30)
    finally:
        target.kill()
        target.wait()
    return ran, json.loads(output)


def test_signal(run: Any) -> None:
    ran, got = run_with_target(run, 'signal("SIGUSR1");')
    assert (ran.status, ran.err, got) == (0, "", [10])


def test_signal_to_the_thread_by_number(run: Any) -> None:
    ran, got = run_with_target(run, "$n = 10; signal_thread($n + 2);")
    assert (ran.status, ran.err, got) == (0, "", [12])


def test_signal_with_a_bad_number(run: Any) -> None:
    ran, got = run_with_target(run, "$n = 40; signal($n + 25); signal(10);")
    assert got == [10]
    assert "ERROR: Invalid signal number: 65" in ran.err


def test_debugf(run: Any) -> None:
    trace = Path("/sys/kernel/tracing/trace")
    word = f"kptrace-{os.getpid()}"
    ran = run(f'begin {{ debugf("{word} %d %s %x\\n", 42, comm, 255); }}')
    assert ran.status == 0
    assert "WARNING: The debugf() builtin is not recommended for production use." in ran.err
    assert any(
        f"{word} 42 " in line and line.endswith(" ff") for line in trace.read_text().splitlines()
    )


def test_write_user(run: Any) -> None:
    ran = run(
        "begin { $x = (uint32)7; @r = write_user(0, &$x, 4); @s = write_user(0, &$x, $x - 7); }",
        "--unsafe",
    )
    if "gives no probe bpf_probe_write_user" in ran.err:
        pytest.skip("this kernel does not let programs write to processes")
    assert (ran.status, ran.err) == (0, "")
    assert ran.lines[-2:] == ["@r: false", "@s: true"]


@pytest.mark.parametrize("call", ["signal(10)", "signal_thread(10)", "override(0)"])
def test_needs_unsafe(run: Any, call: str) -> None:
    with Kernel() as kernel:
        spec = Source(name="stdin", text=f"kprobe:vfs_read {{ {call}; }}")
        with pytest.raises(Exception, match="is unsafe. To use you need the --unsafe flag"):
            compile_spec(spec, kernel, Options())


def test_a_program_that_overrides_attaches_by_itself() -> None:
    text = "kprobe:vfs_rea* { override(-5); } kprobe:vfs_writ* { @ = count(); }"
    with Kernel() as kernel:
        made = compile_spec(Source(name="stdin", text=text), kernel, Options(unsafe=True))
    overriding, counting = made.plan.programs
    assert (overriding.multi, counting.multi) == (False, True)
    assert "bpf_override_return(ctx, " in made.c("core")
