# SPDX-License-Identifier: MIT
"""kptrace list and -l: kinds, wildcards, arguments, types, scripts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]

SWITCH = "tracepoint:sched:sched_switch"


def lines(kptrace: Command, *arguments: str) -> list[str]:
    done = kptrace(*arguments)
    assert (done.status, done.error) == (0, "")
    return list(done.output.splitlines())


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("software:faults:", ["software:faults:"]),
        ("software:m*faults", ["software:major-faults:", "software:minor-faults:"]),
        ("s:cs", ["software:cs:"]),
        ("interval:*", ["interval:hz:", "interval:ms:", "interval:s:", "interval:us:"]),
        ("profile:hz", ["profile:hz:"]),
        ("self:*", ["self:signal:SIGUSR1"]),
        ("t:sched:sched_switch", [SWITCH]),
        ("T*POINT:sched:sched_switch", [SWITCH]),
        ("*tracepoint:sched_switch", ["rawtracepoint:sched_switch", SWITCH]),
        ("sched_switch", ["rawtracepoint:sched_switch", SWITCH]),
    ],
)  # fmt: skip
def test_patterns(kptrace: Command, pattern: str, expected: list[str]) -> None:
    assert lines(kptrace, "list", pattern) == expected
    assert lines(kptrace, "-l", pattern) == expected


def test_everything_is_listed_once(kptrace: Command, tmp_path: Path) -> None:
    functions = tmp_path / "functions"
    functions.write_text("vfs_read\nvfs_write\n")
    found = lines(kptrace, "-l", "--traceable-functions", str(functions))
    assert found == list(dict.fromkeys(found))
    kinds = {one.split(":")[0] for one in found}
    assert {"kprobe", "tracepoint", "rawtracepoint", "software", "interval"} <= kinds
    assert "kretprobe" not in kinds
    named = lines(kptrace, "-l", "k*probe:vfs*", "--traceable-functions", str(functions))
    assert named == [
        "kprobe:vfs_read", "kprobe:vfs_write", "kretprobe:vfs_read", "kretprobe:vfs_write",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "spelling", [("-lv",), ("-l", "-v"), ("--list", "--verbose"), ("list", "-v")]
)
def test_fields_of_tracepoints(kptrace: Command, spelling: tuple[str, ...]) -> None:
    name, *fields = lines(kptrace, *spelling, SWITCH)
    assert name == SWITCH
    assert {"    char prev_comm[16]", "    pid_t next_pid"} <= {*fields}
    assert not any("common_" in one for one in fields)


def test_arguments_of_functions_and_raw_tracepoints(kptrace: Command) -> None:
    assert lines(kptrace, "list", "-v", "kprobe:vfs_read") == [
        "kprobe:vfs_read",
        "    struct file *file",
        "    char *buf",
        "    size_t count",
        "    loff_t *pos",
    ]
    raw = lines(kptrace, "list", "-v", "rawtracepoint:sched_switch")
    assert raw[:3] == [
        "rawtracepoint:sched_switch",
        "    bool preempt",
        "    struct task_struct *prev",
    ]
    assert lines(kptrace, "list", "-v", "software:cs") == ["software:cs:"]


def test_many_functions_have_their_own_arguments(kptrace: Command) -> None:
    found = lines(kptrace, "list", "-v", "kprobe:vfs_*")
    assert sum(not one.startswith(" ") for one in found) > 50, "no index was used"
    at = found.index("kprobe:vfs_fsync")
    assert found[at + 1 : at + 3] == ["    struct file *file", "    int datasync"]


def test_arguments_of_trampolines_and_iterators(kptrace: Command) -> None:
    """fentry has the module in its name, as bpftrace lists it, and what the function returns."""
    assert lines(kptrace, "list", "-v", "fentry:vfs_fsync") == [
        "fentry:vmlinux:vfs_fsync",
        "    struct file *file",
        "    int datasync",
        "    int retval",
    ]
    assert lines(kptrace, "-l", "fr:vfs_fsync") == ["fexit:vmlinux:vfs_fsync"]
    assert lines(kptrace, "-lv", "iter:task") == [
        "iter:task",
        "    struct bpf_iter_meta *meta",
        "    struct task_struct *task",
    ]
    assert "iter:task_file" in lines(kptrace, "-l", "it:task*")


def test_arguments_as_json(kptrace: Command) -> None:
    done = kptrace("list", "-v", "-f", "json", "kprobe:vfs_fsync")
    assert json.loads(done.output) == {
        "probes": [{"name": "kprobe:vfs_fsync", "arguments": ["struct file *file", "int datasync"]}]
    }


def test_types(kptrace: Command) -> None:
    head = [
        "struct list_head {",
        "    struct list_head *next;",
        "    struct list_head *prev;",
        "};",
    ]
    assert lines(kptrace, "-l", "struct list_head") == head
    assert lines(kptrace, "-lv", "struct list_hea*") == head
    assert lines(kptrace, "-l", "struct list_hea*") == ["struct list_head"]
    assert "    PIDTYPE_TGID = 1," in lines(kptrace, "list", "enum pid_type")
    types = json.loads(kptrace("list", "-f", "json", "union bpf_att*").output)["types"]
    assert types == ["union bpf_attr"]


def test_probes_of_a_script_with_arguments(kptrace: Command) -> None:
    found = lines(kptrace, "-lv", "-e", f"begin {{ }} {SWITCH} {{ }}")
    assert found[:3] == ["begin", SWITCH, "    char prev_comm[16]"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("trace:x", "Invalid probe type: trace\n"),
        ("uprobe:x", "uprobe probes are not supported: kptrace traces the kernel only\n"),
        ("w:x", "watchpoint probes are not supported: kptrace has no hardware breakpoints\n"),
    ],
)
def test_wrong_kinds(kptrace: Command, pattern: str, message: str) -> None:
    done = kptrace("-l", pattern)
    assert (done.status, done.output) == (2, "")
    assert done.error.startswith(f"ERROR: {message}")


def test_a_script_that_does_not_parse(kptrace: Command) -> None:
    done = kptrace("-l", "-e", "begin { @ = }")
    assert done.status == 2
    assert "syntax: expected an expression" in done.error


def test_no_match_is_told_with_what_could_not_be_looked_at(
    kptrace: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An empty list of everything is no proof of absence where a kind is unknown."""
    monkeypatch.setenv("BPFTRACE_BTF", str(tmp_path / "none"))
    done = kptrace("list", "nosuch*")
    assert (done.status, done.output) == (1, "")
    assert done.error.startswith("WARNING: No probes match 'nosuch*'\n")
    assert "HINT: raw tracepoints are not known: " in done.error
    assert json.loads(kptrace("list", "-f", "json", "nosuch*").output) == {"probes": []}


@pytest.mark.parametrize("command", ["list", "-l"])
def test_a_second_pattern_is_refused(kptrace: Command, command: str) -> None:
    done = kptrace(command, SWITCH, "software:*")
    assert (done.status, done.output) == (2, "")
    assert "one pattern at a time: 'software:*' is a second one" in done.error


def test_hooks_whose_arguments_are_used(kptrace: Command) -> None:
    text = "hook:sched:switch { print(args.prev.pid); } hook:sched:exit { }"
    assert lines(kptrace, "list", "-e", text) == ["hook:sched:switch", "hook:sched:exit"]
