# SPDX-License-Identifier: MIT
"""Options of language §14.1: where they may stand, what they do, which are refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kptrace.runtime import features

Command = Callable[..., Any]

HELLO = 'begin { printf("hello %s\\n", str($1)); exit(); }'
SWITCH = "tracepoint:sched:sched_switch"


@pytest.fixture
def script(tmp_path: Path) -> str:
    path = tmp_path / "hello.bt"
    path.write_text(HELLO)
    return str(path)


@pytest.mark.parametrize(
    ("before", "behind"),
    [(("-q", "-B", "none"), ()), ((), ("-q", "-B", "none")), (("--quiet",), ("-B", "none"))],
)
def test_options_stand_before_or_behind(
    kptrace: Command, script: str, before: tuple[str, ...], behind: tuple[str, ...]
) -> None:
    done = kptrace(*before, script, "you", *behind)
    assert (done.status, done.output, done.error) == (0, "hello you\n\n\n", "")


def test_two_dashes_end_the_options(kptrace: Command, script: str) -> None:
    assert kptrace("-q", script, "--", "-q").output.startswith("hello -q\n")


def test_a_missing_program(kptrace: Command) -> None:
    for arguments in (("-v",), ("-q", "-f", "json"), ("run",)):
        done = kptrace(*arguments)
        assert done.status == 2
        assert done.error.startswith("ERROR: USAGE: filename or -e 'program' required.\n")


@pytest.mark.parametrize("arguments", [(), ("-l",), ("--info",), ("-h",)])
def test_an_unknown_format(kptrace: Command, arguments: tuple[str, ...]) -> None:
    done = kptrace("-f", "xml", "-e", "begin { exit(); }", *arguments)
    assert (done.status, done.output) == (2, "")
    assert (
        done.error == "ERROR: Invalid output format \"xml\"\nHINT: Valid formats: 'text', 'json'\n"
    )


def test_info_names_every_feature(kptrace: Command) -> None:
    done = kptrace("--info")
    assert (done.status, done.error) == (0, "")
    found = dict(line.split(": ") for line in done.output.splitlines())
    logged = found.pop("write_user")
    assert logged == "unknown (not tried, because the kernel writes a trial to its log)"
    assert set(found.values()) <= {"yes", "no", "unknown"}
    assert {"btf", "iter", "dpath", "loop", "kprobe_multi", "kprobe_session"} <= set(found)
    tried = set(features.names()) - features.LOGGED
    assert {name: found[name] for name in tried} == {
        name: {True: "yes", False: "no", None: "unknown"}[features.has(name)] for name in tried
    }


def test_features_taken_away(kptrace: Command) -> None:
    done = kptrace("--info", "--no-feature", "perf_link,ringbuf")
    assert "perf_link: no\n" in done.output
    assert "ringbuf: no\n" in done.output
    assert "test_run: yes\n" in done.output
    assert "write_user: no\n" in kptrace("--info", "--no-feature", "write_user").output
    told = kptrace("-v", "--dry-run", "--no-feature=perf_link", "-e", f"{SWITCH} {{ }}")
    assert f"program probe_0: {SWITCH}, perf ioctl, 1 target\n" in told.error


def test_an_unknown_feature(kptrace: Command) -> None:
    done = kptrace("--no-feature", "kprobe_mutli", "-e", "begin { }")
    assert done.status == 2
    assert done.error.startswith("ERROR: unknown feature 'kprobe_mutli'\nHINT: did you mean")


def test_help_of_a_script(kptrace: Command, tmp_path: Path) -> None:
    path = tmp_path / "named.bt"
    path.write_text(
        "#!/usr/bin/env kptrace\n// SPDX-License-Identifier: MIT\n"
        "// Greetings\n//\n// Who is there?\n//   indented\n\n// of the block\n"
        'begin { print(getopt("who", 5, "whom to greet")); print(getopt("loud")); }'
    )
    for arguments in (("-h", str(path)), (str(path), "--help"), ("run", str(path), "-h")):
        done = kptrace(*arguments)
        assert done.status == 0
        lines = [line.rstrip() for line in done.output.splitlines()]
        assert lines == [
            *("Greetings", "", "Who is there?", "  indented", ""),
            f"Options, behind --, as in: kptrace run {path} -- --who=5",
            "  --who   whom to greet (default: 5)",
            "  --loud",
            "",
            "Those that every run has (--duration, -f, -o, -p ...): kptrace run --help",
        ]


def test_help_of_a_library_probe(kptrace: Command) -> None:
    for arguments in (("--help", "biolatency"), ("run", "biolatency", "--help")):
        done = kptrace(*arguments)
        assert done.status == 0
        assert done.output.startswith("Block I/O latency by device and operation")
        assert "\nOverhead: " in done.output
        assert "kptrace run biolatency -- --phase=device\n" in done.output
        assert "--cgroup  a histogram for each cgroup, too (default: false)\n" in done.output


def test_help_of_program_text(kptrace: Command) -> None:
    done = kptrace("-e", "/* One\n * Two\n */ begin { }", "--help")
    assert done.output.startswith("One\nTwo\n\n-e PROG has no options of its own.\n")


def test_help_fits_a_terminal(kptrace: Command) -> None:
    for arguments in (("--help",), ("run", "--help"), ("list", "-h"), ("fmt", "-h")):
        assert max(map(len, kptrace(*arguments).output.splitlines())) <= 80


def test_stages_are_dumped(kptrace: Command) -> None:
    done = kptrace("-d", "ast,plan", "--dry-run", "-e", "begin{@=1}")
    assert done.output.startswith(f"ast\n{'-' * 19}\nbegin\n{{\n    @ = 1;\n}}\n\nplan\n")
    assert "codegen" not in done.output
    everything = kptrace("-d", "all", "-q", "-e", "begin{@=1}").output
    assert "\ncodegen\n" in everything
    assert 'SEC("' in everything
    assert everything.endswith("@: 1\n"), "the run goes on"


def test_an_unknown_stage(kptrace: Command) -> None:
    done = kptrace("-d", "asm", "-e", "begin { }")
    assert done.status == 2
    assert done.error == "ERROR: Invalid stage 'asm'\nHINT: Valid stages: ast, plan, codegen, all\n"


def test_verbose_tells_programs_and_maps(kptrace: Command) -> None:
    done = kptrace("-v", "-e", "begin { @a[pid] = count(); exit(); }")
    assert done.error == (
        "program probe_0: begin, test run, 1 target\n"
        "map @a: at most 4096 entries\n"
        "Attached 1 probe\n"
    )


def test_a_probe_filter_keeps_begin(kptrace: Command) -> None:
    spec = "begin { @b = 1; } tracepoint:sched:sched_s* { @[probe] = 1; } end { @e = 1; }"
    done = kptrace("-v", "--dry-run", "--probe-filter", "switch$", "-e", spec)
    assert [line.split(", ")[0] for line in done.error.splitlines() if "program" in line] == [
        "program probe_0: begin",
        f"program probe_1: {SWITCH}",
        "program probe_2: end",
    ]
    nothing = kptrace("--probe-filter", "nosuch", "-e", "tracepoint:sched:* { @ = 1; }")
    assert (nothing.status, nothing.output) == (1, "No probes to attach\n")


def test_a_wrong_probe_filter(kptrace: Command) -> None:
    done = kptrace("--probe-filter", "(", "-e", "begin { }")
    assert done.status == 2
    assert done.error.startswith("ERROR: Invalid probe filter '(': ")


def test_a_list_of_functions(kptrace: Command, tmp_path: Path) -> None:
    functions = tmp_path / "functions"
    functions.write_text("vfs_read\nvfs_write\next4_sync_fs [ext4]\n")
    done = kptrace("-l", "kprobe:vfs_*", "--traceable-functions", str(functions))
    assert done.output == "kprobe:vfs_read\nkprobe:vfs_write\n"
    missing = kptrace("--traceable-functions", "/nosuch", "-e", "begin { }")
    assert (missing.status, missing.error) == (2, "ERROR: cannot read '/nosuch'\n")


def test_accepted_without_effect(kptrace: Command) -> None:
    done = kptrace("--verify-llvm-ir", "-q", "-e", "begin { exit(); }")
    assert (done.status, done.error) == (0, "")


@pytest.mark.parametrize(
    "arguments", [("--aot", "out"), ("--fmt",), ("--no-dwarf",), ("--emit-elf", "out")]
)
def test_refused_by_name(kptrace: Command, arguments: tuple[str, ...]) -> None:
    done = kptrace(*arguments, "-e", "begin { exit(); }")
    assert (done.status, done.output) == (2, "")
    assert done.error.startswith(f"ERROR: the option {arguments[0]} is not supported: ")


def test_the_probes_of_a_script(kptrace: Command, tmp_path: Path) -> None:
    path = tmp_path / "some.bt"
    path.write_text(f"begin {{ }} {SWITCH}, interval:s:1 {{ @ = nosuch; }} {SWITCH} {{ }}")
    done = kptrace("-l", str(path))
    assert done.output == f"begin\n{SWITCH}\ninterval:s:1\n"
    assert kptrace("-l", "-e", path.read_text()).output == done.output
    assert kptrace("list", str(path)).output == done.output
