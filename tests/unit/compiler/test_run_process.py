# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""Built-in values of process, clock and context, on the running kernel (language §7)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

import pytest


def values(run: Any, *expressions: str, **more: Any) -> list[Any]:
    """What a begin block prints for each expression."""
    body = " ".join(f"print(({one}));" for one in expressions)
    ran = run(f"config = {{ print_maps_on_exit = false }} begin {{ {body} }}", "-f", "json", **more)
    assert (ran.status, ran.err) == (0, ""), ran.err
    return [one["data"] for one in ran.json if one["type"] == "value"]


def test_process(run: Any) -> None:
    plain = values(run, "pid", "tid", "ppid", "leader_tid", "pcomm", "comm", "leader_comm")
    assert plain[0] == plain[1] == plain[3]
    assert plain[2] == os.getpid()
    with open("/proc/self/comm") as file:
        assert plain[4] == file.read().strip()
    assert plain[5] == plain[6]


def test_same_with_parentheses_and_with_a_task(run: Any) -> None:
    names = ("ppid", "pcomm", "leader_tid", "leader_comm", "ncpus", "usermode", "probetype", "cpu")
    for name in names[:4]:
        one, two, three = values(run, name, f"{name}()", f"{name}(curtask)")
        # every expression of a run is of one process, but leader_tid is of the tracer
        assert one == two == three
    for name in names[4:7]:
        one, two = values(run, name, f"{name}()")
        assert one == two


def in_a_namespace(spec: str) -> subprocess.CompletedProcess[str]:
    """A run whose process is the first one of a pid namespace."""
    done = subprocess.run(
        ["unshare", "-pf", sys.executable, "-m", "kptrace", "run", "-q", "-e", spec],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if "Operation not permitted" in done.stderr:
        pytest.skip("no right to make a pid namespace")
    return done


def test_pid_in_a_namespace() -> None:
    done = in_a_namespace("begin { print((pid, pid(curr_ns), pid(init), tid)); }")
    inner, again, outer, thread = eval(done.stdout.strip())
    assert inner == again == thread == 1
    assert outer > 1


def test_comm_in_a_namespace() -> None:
    """A process that is not found from where the probe fired may live nevertheless."""
    spec = """
    begin { print((comm(1) == comm, comm(7))); }
    tracepoint:sched:sched_switch /!pid/ { print(comm(1)); exit(); }"""
    done = in_a_namespace(spec)
    assert done.stdout == "(true, N/A)\nN/A\n\n\n"
    warnings = [line for line in done.stderr.splitlines() if "WARNING" in line]
    assert [line.partition("WARNING: ")[2] for line in warnings] == [
        "No such process (pid=7)",
        "Process not found (pid=1): the current process is not in the pid namespace of kptrace",
    ]


def test_clocks(run: Any) -> None:
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    got = values(
        run,
        "nsecs(monotonic)",
        "nsecs(boot)",
        "nsecs",
        "nsecs(tai) / 1000000000",
        "nsecs(sw_tai) / 1000000000",
        "jiffies",
    )
    numbers = [int(one) for one in got]
    assert before < numbers[0] < time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    assert numbers[0] <= numbers[1] < numbers[2]
    assert abs(numbers[3] - time.clock_gettime(time.CLOCK_TAI)) < 30
    assert abs(numbers[3] - numbers[4]) <= 1
    assert numbers[5] > 0


def test_machine(run: Any) -> None:
    count, node, mode, kind = values(run, "ncpus", "numaid", "usermode", "probetype")
    with open("/sys/devices/system/cpu/possible") as file:
        assert count == int(file.read().strip().split("-")[-1]) + 1
    assert (node, mode, kind) == (0, 1, "special")


def test_context_of_a_timer(run: Any) -> None:
    ran = run(
        "interval:ms:1 { print((usermode, ctx.regs.cs & 3, ctx->regs.cs, ctx == ctx, probetype)); exit(); }",
        "-f",
        "json",
    )
    assert (ran.status, ran.err) == (0, "")
    mode, level, segment, same, kind = ran.json[0]["data"]
    assert (mode, level) in ((0, 0), (1, 3))
    assert segment in (0x10, 0x33)
    assert same is True
    assert kind == "interval"


def test_side_effects_run_in_order(run: Any) -> None:
    ran = run("begin { $x = 1; print(($x++, ppid > 0, $x)); }", "-f", "json")
    assert ran.json[0]["data"] == [1, True, 2]
