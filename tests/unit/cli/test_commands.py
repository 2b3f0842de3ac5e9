# SPDX-License-Identifier: MIT
"""list, check, emit, run and the one-liners: what each prints when all is well."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kptrace import __version__, plan
from kptrace.cli import COMMANDS

Command = Callable[..., Any]
Start = Callable[..., "subprocess.Popen[bytes]"]

SWITCH = "tracepoint:sched:sched_switch"
COUNT = f"{SWITCH} {{ @[comm] = count(); }}"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(kptrace: Command, name: str) -> None:
    done = kptrace(name, "--help")
    assert done.status == 0
    assert "Example" in done.output
    assert f"kptrace {name}" in done.output or "kptrace " in done.output.partition("Example")[2]


def test_version_and_help(kptrace: Command) -> None:
    assert kptrace("--version").output == f"kptrace {__version__}\n"
    assert all(name in kptrace("--help").output for name in COMMANDS)
    assert kptrace().output == kptrace("--help").output


def test_list_finds_by_wildcard(kptrace: Command) -> None:
    lines = kptrace("list", "tracepoint:sched:sched_s*").output.splitlines()
    assert SWITCH in lines
    assert lines == sorted(lines)
    assert all(line.startswith("tracepoint:sched:sched_s") for line in lines)
    assert kptrace("-l", "tracepoint:sched:sched_s*").output.splitlines() == lines


def test_list_without_provider_searches_all(kptrace: Command) -> None:
    found = json.loads(kptrace("list", "sched_switch", "-f", "json").output)["probes"]
    assert {SWITCH, "rawtracepoint:sched_switch"} <= set(found)


def test_list_of_the_library(kptrace: Command) -> None:
    rows = json.loads(kptrace("list", "--library", "-f", "json").output)["library"]
    text = kptrace("list", "--library").output
    assert {"biolatency", "runqlat", "irqlatency", "vfslatency"} <= {row["name"] for row in rows}
    for row in rows:
        assert row["title"]
        assert f"{row['group']}/{row['name']}" in text


def test_own_probes_come_before_the_library(kptrace: Command, tmp_path: Path) -> None:
    own = tmp_path / "block" / "biolatency.bt"
    own.parent.mkdir()
    own.write_text('// Mine.\nbegin { printf("mine\\n"); exit(); }\n')
    done = kptrace("run", "biolatency", "--probe-path", str(tmp_path), "-q")
    assert done.output.startswith("mine\n")


def test_check_shows_targets_and_mechanism(kptrace: Command) -> None:
    done = kptrace("check", "-e", COUNT)
    assert (done.status, done.error) == (0, "")
    assert done.output == f"{SWITCH}: perf link, 1 target\n"


def test_check_as_json(kptrace: Command) -> None:
    done = kptrace("check", "-f", "json", "-e", COUNT)
    (program,) = json.loads(done.output)["programs"]
    assert program == {
        "probe": SWITCH,
        "mechanism": "perf link",
        "reason": None,
        "targets": [SWITCH],
        "notes": [],
    }


def test_check_as_json_tells_errors(kptrace: Command) -> None:
    done = kptrace("check", "-f", "json", "-e", "begin { nosuch(); }")
    assert (done.status, done.error) == (2, "")
    (found,) = json.loads(done.output)["diagnostics"]
    assert (found["file"], found["line"], found["column"]) == ("stdin", 1, 9)
    assert found["severity"] == "error"
    assert "nosuch" in found["message"]


def test_emit_c_in_both_dialects(kptrace: Command) -> None:
    core = kptrace("emit", "-e", COUNT).output
    bcc = kptrace("emit", "-e", COUNT, "--dialect", "bcc").output
    assert 'SEC("' in core
    assert "BPF_" in bcc
    assert 'SEC("tracepoint' not in bcc


def test_emit_plan_reads_back(kptrace: Command) -> None:
    text = kptrace("emit", "--plan", "-e", COUNT).output
    (program,) = plan.from_json(text).programs
    assert [target.probe for target in program.targets] == [SWITCH]


def test_emit_object_is_a_bpf_file(start: Start) -> None:
    elf, _ = start("emit", "--object", "-e", COUNT).communicate(timeout=30)
    assert elf[:4] == b"\x7fELF"
    assert int.from_bytes(elf[18:20], "little") == 247, "the machine is not BPF"


def test_emit_spec_reads_as_the_same_specification(kptrace: Command) -> None:
    once = kptrace("emit", "--spec", "-e", COUNT).output
    assert once.strip().endswith("}")
    assert kptrace("emit", "--spec", "-e", once).output == once


@pytest.mark.parametrize(
    "arguments",
    [
        ("latency", SWITCH.rpartition(":")[2]),
        ("latency", "vfs_read", "--by", "comm"),
        ("count", "vfs_*"),
        ("count", "tracepoint:sched:*", "--by", "pid"),
        ("stack", SWITCH),
        ("stack", "vfs_read", "--depth", "5"),
        ("trace", "vfs_read", "args.count", "--filter", "pid == 1"),
        ("trace", "vfs_read", 'str("100%")'),
    ],
)
def test_shown_spec_is_a_specification(kptrace: Command, arguments: tuple[str, ...]) -> None:
    """What --show-spec prints parses again: it is meant as a start for one's own."""
    shown = kptrace(*arguments, "--show-spec")
    assert shown.status == 0
    again = kptrace("emit", "--spec", "-e", shown.output)
    assert (again.status, again.error) == (0, "")


def test_stack_spec(kptrace: Command) -> None:
    shown = kptrace("stack", "vfs_read", "--depth", "5", "--show-spec").output
    assert shown == "kprobe:vfs_read { @[kstack(5)] = count(); }\n"


def test_one_liner_runs(kptrace: Command) -> None:
    done = kptrace("count", SWITCH, "--duration", "300ms", "-f", "json", "-q")
    assert done.status == 0
    (counted,) = (
        row["data"]["@"]
        for row in map(json.loads, done.output.splitlines())
        if row["type"] == "map"
    )
    assert counted[SWITCH] > 0


def test_parameters_and_output_file(kptrace: Command, tmp_path: Path) -> None:
    target = tmp_path / "out"
    done = kptrace(
        "-q", "-e", 'begin { printf("%d %s\\n", $1, str($2)); }', "42", "word", "-o", str(target)
    )
    assert (done.status, done.output) == (0, "")
    assert target.read_text().startswith("42 word\n")


def test_duration_ends_a_run(kptrace: Command) -> None:
    done = kptrace("-q", "--duration", "200ms", "-e", "interval:ms:10 { @ = count(); }")
    assert done.status == 0
    assert 0 < int(done.output.split("@: ")[1]) <= 60


def test_dry_run_attaches_and_prints_nothing(kptrace: Command) -> None:
    done = kptrace("--dry-run", "-e", COUNT)
    assert (done.status, done.output) == (0, "")
