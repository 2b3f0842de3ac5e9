# SPDX-License-Identifier: MIT
"""Hooks whose first place the kernel refuses, and what is told of them."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from kptrace.errors import CandidateError
from kptrace.kernel import hooks
from kptrace.kernel.hooks.model import Hook, candidate
from kptrace.plan import Plan, ProbeKind, Program, Target
from kptrace.runtime import bpf, libbpf_loader, verifier
from kptrace.runtime.loaded import Loaded
from kptrace.runtime.mechanism import Mechanism

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


def test_a_program_for_which_the_kernel_lacks_something_takes_the_next(
    kptrace: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    load = libbpf_loader.load

    def refuse(data: bytes, plan: Plan, mechanisms: Mapping[str, Mechanism]) -> Loaded:
        for one in plan.programs:
            if one.kind is ProbeKind.RAWTRACEPOINT:
                log = "5: (85) call unknown#500\nprogram of this type cannot use helper unknown#500"
                raise verifier.program_error(one.name, "Invalid argument", log, plan)
        return load(data, plan, mechanisms)

    monkeypatch.setattr(libbpf_loader, "load", refuse)
    spec = "hook:test:switch { @[probe] = count(); }"
    done = kptrace("run", "-v", "--duration", "0.3", "-e", spec)
    assert done.status == 0, done.error
    assert "@[hook:test:switch]: " in done.output
    assert (
        "    not by rawtracepoint:sched_switch: the kernel's verifier refused its program:"
        " program of this type cannot use helper unknown#500\n" in done.error
    )


def test_what_the_verifier_finds_wrong_is_told(
    kptrace: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of the block is the same at every place."""

    def refuse(data: bytes, plan: Plan, mechanisms: Mapping[str, Mechanism]) -> Loaded:
        raise verifier.program_error(
            plan.programs[0].name, "Permission denied", "R1 invalid mem access 'scalar'", plan
        )

    monkeypatch.setattr(libbpf_loader, "load", refuse)
    done = kptrace("run", "-e", "hook:test:switch { @ = count(); }")
    assert done.status == 1
    assert "R1 invalid mem access" in done.error


def test_a_program_that_is_refused_without_a_word_is_the_hooks() -> None:
    target = Target(probe="h", name="sched_switch", hook="test:switch", candidate="a")
    plan = Plan(
        name="test",
        arch="",
        programs=(
            Program(name="p1", kind=ProbeKind.RAWTRACEPOINT, label="h by a", targets=(target,)),
        ),
    )
    said = "libbpf: prog 'p1': BPF program load failed: Invalid argument\n"
    error = verifier.load_error(errno.EINVAL, said, plan)
    assert isinstance(error, CandidateError)
    assert error.candidates.keys() == {("test:switch", "a")}
    assert not isinstance(verifier.load_error(errno.ENOMEM, said, plan), CandidateError)


def test_another_round_repeats_nothing(
    kptrace: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The output is opened once, a warning told once, and a dump says what it is."""
    opened = bpf.raw_tracepoint_open

    def refuse(program: int, name: str = "") -> int:
        if name == "sched_switch":
            raise OSError(errno.EINVAL, "refused")
        return opened(program, name)

    monkeypatch.setattr(bpf, "raw_tracepoint_open", refuse)
    written = tmp_path / "written"
    real_open = os.open

    def counted(path: str, *rest: int) -> int:
        if path == str(written):
            os.write(2, b"opened\n")
        return real_open(path, *rest)

    monkeypatch.setattr(os, "open", counted)
    spec = 'begin { printf("begin\\n"); strftime("%a", 0); } hook:test:switch { @ = count(); }'
    done = kptrace("run", "-d", "plan", "-o", str(written), "--duration", "0.3", "-e", spec)
    assert done.status == 0, done.error
    assert written.read_text().startswith("begin\n")
    assert done.error.count("opened\n") == 1
    assert done.error.count("WARNING: ") == 1
    titles = [one for one in done.output.splitlines() if one.startswith("plan")]
    assert titles == ["plan", "plan, not by rawtracepoint:sched_switch"]


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


def test_no_warning_is_about_a_hooks_own_text(
    kptrace: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cast that one kernel needs is unnecessary on another; the user cannot mend it."""
    pid = {"pid": "(int32)args.prev.pid"}
    place = candidate("rawtracepoint:sched_switch", values=pid)
    hook = Hook(name="test:pid", summary="", args={"pid": "int32"}, candidates=(place,))
    monkeypatch.setitem(hooks.HOOKS, hook.name, hook)
    done = kptrace("check", "-e", "hook:test:pid { print((int32)args.pid); }")
    assert done.status == 0
    assert done.error.count("WARNING: Unnecessary cast") == 1
    assert "WARNING: expanded from" not in done.error


def test_the_list_tells_arguments_and_places(kptrace: Callable[..., Any]) -> None:
    done = kptrace("list", "-v", "hook:sched:switch")
    assert done.output.splitlines() == [
        "hook:sched:switch",
        "    struct task_struct *prev",
        "    struct task_struct *next",
        "    bool preempt",
        "    uint32 prev_state",
        "    bool runnable",
        "    uint64 prev_cgroup",
        "    uint64 next_cgroup",
        "    # a CPU goes from one task to another; runnable: the old one waits for a CPU again",
        "    # by rawtracepoint:sched_switch",
    ]


def test_hooks_are_listed_only_when_asked_for(kptrace: Callable[..., Any]) -> None:
    assert "hook:" not in kptrace("list", "*sched_switch*").output
    assert "hook:sched:switch" in kptrace("list", "hook:*").output.split()
