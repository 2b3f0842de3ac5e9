# SPDX-License-Identifier: MIT
"""Hooks whose first place the kernel refuses, and what is told of them."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest

from kptrace.kernel import hooks
from kptrace.kernel.hooks.model import Hook, candidate
from kptrace.runtime import bpf

SWITCH = Hook(
    name="test:switch",
    summary="a CPU changes its task",
    args={},
    candidates=(
        candidate("rawtracepoint:sched_switch"),
        candidate("tracepoint:sched:sched_switch"),
    ),
)


@pytest.fixture(autouse=True)
def _own_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hooks.HOOKS, SWITCH.name, SWITCH)


def test_a_refused_attach_takes_the_next(
    kptrace: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = bpf.raw_tracepoint_open

    def refuse(program: int, name: str = "") -> int:
        if name == "sched_switch":
            raise OSError(errno.EINVAL, "refused")
        return opened(program, name)

    monkeypatch.setattr(bpf, "raw_tracepoint_open", refuse)
    spec = 'begin { printf("begin\\n"); } hook:test:switch { @[probe] = count(); }'
    done = kptrace("run", "-v", "--duration", "0.3", "-e", spec)
    assert done.status == 0, done.error
    assert done.output.count("begin\n") == 1
    assert "@[hook:test:switch]: " in done.output
    assert "tracepoint:sched:sched_switch" in done.error


RAW = Hook(
    name="test:raw",
    summary="two places of one mechanism",
    args={},
    candidates=(candidate("rawtracepoint:sched_switch"), candidate("rawtracepoint:sched_wakeup")),
)


def test_where_nothing_attaches_all_reasons_are_told(
    kptrace: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(hooks.HOOKS, RAW.name, RAW)

    def refuse(*_: object, **__: object) -> int:
        raise OSError(errno.EINVAL, "refused")

    monkeypatch.setattr(bpf, "raw_tracepoint_open", refuse)
    done = kptrace("run", "--duration", "5", "-e", "hook:test:raw { @ = count(); }")
    assert done.status == 4
    assert "not by rawtracepoint:sched_switch: the kernel refused" in done.error
    assert "not by rawtracepoint:sched_wakeup: the kernel refused" in done.error


def test_the_list_tells_arguments_and_places(kptrace: Callable[..., Any]) -> None:
    done = kptrace("list", "-v", "hook:sched:switch")
    assert done.output.splitlines() == [
        "hook:sched:switch",
        "    struct task_struct *prev",
        "    struct task_struct *next",
        "    bool preempt",
        "    uint32 prev_state",
        "    # a CPU goes from one task to another; prev_state is 0 for a task that could go on",
        "    # by rawtracepoint:sched_switch",
    ]


def test_hooks_are_listed_only_when_asked_for(kptrace: Callable[..., Any]) -> None:
    assert "hook:" not in kptrace("list", "*sched_switch*").output
    assert "hook:sched:switch" in kptrace("list", "hook:*").output.split()
