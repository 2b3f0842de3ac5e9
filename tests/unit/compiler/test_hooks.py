# SPDX-License-Identifier: MIT
"""Hooks: the tables, which candidate is taken, and what happens when the kernel refuses it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kptrace.compiler import Options, compile_spec, hook_choice
from kptrace.kernel import Kernel, hooks
from kptrace.kernel.hooks.model import Candidate, Hook, candidate
from kptrace.lang.attach import split_attach_point
from kptrace.lang.constants import parse_constant
from kptrace.plan import Plan
from kptrace.source import Source

NO_OPTIONS = Options()
SWITCH = Hook(
    name="test:switch",
    summary="a CPU changes its task, by candidates of different worth",
    args={"pid": "uint32", "state": "uint64", "nowhere": "uint64"},
    candidates=(
        candidate("rawtracepoint:no_such_event", pid="args.pid"),
        candidate("rawtracepoint:sched_switch", pid="args.next.pid"),
        candidate(
            "tracepoint:sched:sched_switch",
            note="a copy",
            pid=("args.no_such_field", "args.next_pid"),
            state="args.prev_state",
        ),
    ),
)


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with Kernel() as opened:
        yield opened


@pytest.fixture(autouse=True)
def _own_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hooks.HOOKS, SWITCH.name, SWITCH)


def plan(spec: str, kernel: Kernel, options: Options = NO_OPTIONS) -> Plan:
    return compile_spec(Source(name="test", text=spec), kernel, options).plan


@pytest.mark.parametrize("hook", hooks.HOOKS.values(), ids=lambda one: one.name)
def test_every_row_can_be_read(hook: Hook) -> None:
    assert re.fullmatch(r"[a-z]+:[a-z_]+", hook.name)
    assert hook.summary
    assert hook.candidates
    given = {name for one in hook.candidates for name in one.values}
    assert given == set(hook.args)
    for one in hook.candidates:
        for point in one.attach:
            assert len(split_attach_point(point)) in (2, 3)
        texts = [text for name in one.values for text in one.expressions(name)]
        for text in (*texts, *one.filters):
            parse_constant(hook.name, text)


@pytest.mark.parametrize("hook", hooks.HOOKS.values(), ids=lambda one: one.name)
def test_what_is_there_gives_every_argument(hook: Hook, kernel: Kernel) -> None:
    """Where this kernel has a place for a hook, some place has all its arguments."""
    if hook_choice(hook.name, kernel).taken is None:
        assert hook_choice(hook.name, kernel).reasons
    else:
        assert hook_choice(hook.name, kernel, frozenset(hook.args)).taken is not None


def test_the_first_that_is_there_and_gives_what_is_used(kernel: Kernel) -> None:
    made = plan(
        "hook:test:switch { @ = args.pid; } hook:test:switch { @ = args.pid; @s = args.state; }",
        kernel,
    )
    first, second = made.programs
    assert first.label == "hook:test:switch by rawtracepoint:sched_switch"
    assert first.targets[0].probe == "hook:test:switch"
    assert second.label == "hook:test:switch by tracepoint:sched:sched_switch"
    assert second.notes == (
        "not by rawtracepoint:no_such_event: No matches for rawtracepoint no_such_event.",
        "not by rawtracepoint:sched_switch: does not give state",
        "a copy",
    )


FILTERED = Hook(
    name="test:filtered",
    summary="hits of one kind, told by a field or another",
    args={"pid": "uint32"},
    candidates=(
        candidate("rawtracepoint:sched_waking", where="args.no_such > 0", pid="args.p.pid"),
        candidate(
            "rawtracepoint:sched_switch",
            where=("args.no_such > 0", "args.next.pid > 0"),
            pid="args.next.pid",
        ),
    ),
)


def test_the_first_filter_that_this_kernel_has(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A candidate whose hits cannot be told from others does not serve."""
    monkeypatch.setitem(hooks.HOOKS, FILTERED.name, FILTERED)
    (program,) = plan("hook:test:filtered { @ = args.pid; }", kernel).programs
    assert program.label == "hook:test:filtered by rawtracepoint:sched_switch"
    assert program.notes == ("not by rawtracepoint:sched_waking: cannot tell its hits from others",)


CALLED = Hook(
    name="test:called",
    summary="by a function that calls the program, or by a tracepoint",
    args={},
    candidates=(candidate("fexit:bpf_fentry_test1"), candidate("rawtracepoint:sched_switch")),
)


def test_functions_call_programs_only_where_the_kernel_can(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(hooks.HOOKS, CALLED.name, CALLED)
    spec = "hook:test:called { @ = count(); }"
    cannot = "not by fexit:bpf_fentry_test1: this kernel refuses programs that functions call"
    (program,) = plan(spec, kernel, Options(has=lambda one: one != "fentry")).programs
    assert program.notes == (cannot,)
    assert hook_choice(CALLED.name, kernel, has=lambda one: one != "fentry").notes == (cannot,)
    (program,) = plan(spec, kernel).programs
    assert program.label == "hook:test:called by fexit:bpf_fentry_test1"


def test_a_wildcard_takes_what_is_there(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Hook(
        name="test:nowhere",
        summary="on no kernel",
        args={},
        candidates=(candidate("rawtracepoint:no_such_event"),),
    )
    monkeypatch.setitem(hooks.HOOKS, nowhere.name, nowhere)
    source = Source(name="test", text="hook:test:* { @ = count(); }")
    made = compile_spec(source, kernel, NO_OPTIONS)
    assert [one.targets[0].hook for one in made.plan.programs] == ["test:switch"]
    (warning,) = made.warnings
    assert warning.message == "hook:test:* is without test:nowhere: not on this kernel"
    assert warning.hints == (
        "not by rawtracepoint:no_such_event: No matches for rawtracepoint no_such_event.",
    )


def test_what_the_kernel_refused_is_not_taken_again(kernel: Kernel) -> None:
    made = plan(
        "hook:test:switch { @ = args.pid; }",
        kernel,
        Options(refused={("test:switch", "rawtracepoint:sched_switch"): "it said no"}),
    )
    assert "not by rawtracepoint:sched_switch: it said no" in made.programs[0].notes
    assert made.programs[0].targets[0].candidate == "tracepoint:sched:sched_switch"


def _error_of(hook: str, candidate_name: str, **names: str) -> str:
    """The expression for ``error``, with something else in place of what it reads."""
    (one,) = (one for one in hooks.HOOKS[hook].candidates if one.name == candidate_name)
    (text,) = one.expressions("error")
    for name, instead in names.items():
        text = re.sub(rf"(args\.(\w+\.)?|\b){name}\b", instead, text)
    return text


def test_errors_of_requests_have_one_unit(run: Callable[..., Any]) -> None:
    """Minus the errno, from the kernel's own status (one byte) and from an errno."""
    raw = _error_of("block:io_complete", "rawtracepoint:block_rq_complete", error="$e")
    function = _error_of("block:io_complete", "kprobe:blk_update_request", arg1="$e")
    bio = _error_of("block:bio_done", "rawtracepoint:block_bio_complete", bi_status="$e")
    ok, timed_out, media, io, unsure = 0, 2, 7, 10, 17
    rows = "".join(
        f"{{ let $e: uint8 = {number}; print(({raw}, {function}, {bio})); }}"
        for number in (ok, timed_out, media, io, unsure)
    )
    before = f"{{ let $e: int32 = -110; print({raw}); }}"
    told = run(f"begin {{ {rows} {before} }}").out.split("\n")
    assert [one for one in told if one] == [
        "(0, 0, 0)",
        "(-110, -110, -110)",
        "(-61, -61, -61)",
        "(-5, -5, -5)",
        "(-5, -5, -5)",
        "-110",
    ]


@pytest.mark.parametrize("one", hooks.HOOKS["block:io_start"].candidates, ids=lambda one: one.name)
def test_what_diskstats_does_not_count_is_left_out_or_told(one: Candidate) -> None:
    """Only __blk_account_io_start is called for what counts; the others are for every request, and
    block_getrq is for those that were a bio: none of the driver's own."""
    if "kprobe:__blk_account_io_start" in one.attach:
        return
    assert "rawtracepoint:block_getrq" in one.attach or "< 32" in one.filters[0]
    assert "statistics are off" in one.note


def test_the_same_events_as_the_candidate(run: Callable[..., Any]) -> None:
    spec = """
        hook:sched:exec /strcontains(args.filename, "/true")/ { @hook = count(); }
        tracepoint:sched:sched_process_exec /strcontains(str(args.filename), "/true")/ {
            @event = count();
        }
    """
    done = run(spec, "-c", "/bin/sh -c 'for i in 1 2 3 4 5 6 7; do /bin/true; done'")
    assert done.out.split() == ["@event:", "7", "@hook:", "7"], done
