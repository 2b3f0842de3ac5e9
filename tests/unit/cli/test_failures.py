# SPDX-License-Identifier: MIT
"""Every kind of misuse: one clear message on standard error, and the documented exit status."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kptrace.runtime import features

Command = Callable[..., Any]
Start = Callable[..., "subprocess.Popen[bytes]"]

USAGE, HOST, ATTACH = 2, 3, 4
NOBODY = 65534
QUIET = "begin { exit(); }"


def test_syntax_error_points_at_the_text(kptrace: Command, tmp_path: Path) -> None:
    """The whole message: file, line, columns, the line itself and the marker under it."""
    spec = tmp_path / "bad.bt"
    spec.write_text('begin {\n  printf("%d\\n", 1 +);\n}\n')
    done = kptrace(str(spec))
    assert done.status == USAGE
    assert done.output == ""
    assert done.error == (
        f"{spec}:2:21-22: ERROR: syntax: expected an expression\n"
        '  printf("%d\\n", 1 +);\n'
        "                    ~\n"
    )


def test_all_type_errors_are_told_at_once(kptrace: Command) -> None:
    done = kptrace("-e", 'begin { @a = count(); @a = 1; $x = 1; $x = "s"; print($y); }')
    assert done.status == USAGE
    places = [line.split(": ")[0] for line in done.error.splitlines() if ": ERROR: " in line]
    assert places == ["stdin:1:28-29", "stdin:1:44-47", "stdin:1:55-57"]


@pytest.mark.parametrize(
    ("program", "hint"),
    [
        ("tracepoint:sched:sched_swich { @ = count(); }", "'sched:sched_switch'"),
        ("kprobe:vfs_raed { @ = count(); }", "'vfs_read'"),
        ("rawtracepoint:sched_swich { @ = count(); }", "'sched_switch'"),
    ],
)
def test_unknown_probe(kptrace: Command, program: str, hint: str) -> None:
    done = kptrace("-e", program)
    assert done.status == ATTACH
    assert "stdin:1:1-" in done.error
    assert f"HINT: did you mean {hint}" in done.error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run",), "filename or -e 'program' required"),
        (("--nonsense",), "No such option"),
        (("doctor", "-f", "xml"), "'xml' is not one of 'text', 'json'"),
        (("-e", QUIET, "-f", "xml"), 'Invalid output format "xml"'),
        (("-e", QUIET, "--duration", "soon"), "'soon' is no duration: write 10, 500ms, 2m or 1h"),
        (("-e", QUIET, "--duration", "0"), "'0' is no duration"),
        (("-e", QUIET, "--duration", "-5"), "'-5' is no duration"),
        (("-e", QUIET, "--buffer", "much"), "'much' is no size: write 512K, 4M or 1G"),
        (("-e", QUIET, "--buffer", "0"), "'0' is no size"),
        (("-e", QUIET, "--buffer", "-4M"), "'-4M' is no size"),
        (("-e", QUIET, "--buffer", "4T"), "'4T' is no size"),
        (("-e", QUIET, "-B", "some"), "'some' is not one of 'line', 'full', 'none'"),
        (("-e", QUIET, "--backend", "gcc"), "'gcc' is not one of"),
        (("-e", QUIET, "--percentiles=101"), "a list of numbers between 0 and 100"),
        (("-e", QUIET, "-o", "/nonexistent/file"), "cannot write '/nonexistent/file'"),
        (("-e", QUIET, "-o", "/"), "cannot write '/': Is a directory"),
        (("/nonexistent.bt",), "cannot read '/nonexistent.bt': No such file or directory"),
        (("/",), "cannot read '/': Is a directory"),
        (("bioltency",), "did you mean 'biolatency'"),
        (("list", "kprob:x"), "did you mean 'kprobe'"),
        (("-e", "uprobe:/bin/sh:main {}"), "uprobe probes are not supported"),
        (
            ("-e", 'begin { system("id"); }'),
            "system() is an unsafe function being used in safe mode",
        ),
        (("trace", "vfs_read", ")"), "expected an expression"),
    ],
)
def test_misuse(kptrace: Command, arguments: tuple[str, ...], message: str) -> None:
    done = kptrace(*arguments)
    assert done.status == USAGE
    assert message in done.error
    assert done.output == ""
    assert "BUG" not in done.error


def test_nothing_to_attach(kptrace: Command, tmp_path: Path) -> None:
    empty = tmp_path / "empty.bt"
    empty.touch()
    done = kptrace(str(empty))
    assert (done.status, done.output) == (1, "No probes to attach\n")


def test_deep_nesting_is_an_error_not_a_crash(kptrace: Command, tmp_path: Path) -> None:
    deep = tmp_path / "deep.bt"
    deep.write_text("begin { $x = " + "(" * 50_000 + "1" + ")" * 50_000 + "; }")
    done = kptrace(str(deep))
    assert done.status == USAGE
    assert "nested more than" in done.error


def test_too_many_programs(kptrace: Command) -> None:
    done = kptrace("-e", "tracepoint:sched:sched_switch { @ = count(); }\n" * 1100)
    assert done.status == USAGE
    assert "exceeds the current limit of 1024" in done.error


def test_no_clang(kptrace: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KPTRACE_CLANG", "/nonexistent")
    done = kptrace("-e", 'begin { printf("never compiled before\\n"); }', "--backend", "libbpf")
    assert done.status == HOST
    assert "apt install clang" in done.error


def test_no_btf(kptrace: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fields of kernel structs are refused with the reason; the rest still runs."""
    monkeypatch.setenv("BPFTRACE_BTF", "/dev/null")
    done = kptrace("-e", "begin { @ = curtask.pid; }")
    assert done.status == HOST
    assert "No BTF for the fields of 'struct task_struct'" in done.error
    assert kptrace("-q", "-e", "begin { @ = pid; }").status == 0


def test_kprobe_where_the_kernel_has_none(kptrace: Command) -> None:
    """The message names what is missing, and `check` says the same as `run`."""
    if json.loads(kptrace("doctor", "-f", "json").output)["facts"]["has_kprobes"]:
        return
    for command in ("run", "check"):
        done = kptrace(command, "-e", 'begin { printf("no"); } kprobe:vfs_read { @ = count(); }')
        assert (done.status, done.output) == (HOST, "")
        assert "this kernel has no kprobes" in done.error
        assert "kptrace doctor" in done.error


def test_fentry_where_the_kernel_has_none(
    kptrace: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told before anything runs, and the same by both; not as a want of rights."""
    features.has.cache_clear()
    monkeypatch.setitem(features._answers, "fentry", False)
    spec = 'begin { printf("no"); } fentry:bpf_fentry_test1 { @ = count(); }'
    for command in ("run", "check"):
        done = kptrace(command, "-e", spec)
        assert (done.status, done.output) == (HOST, "")
        assert "this kernel refuses programs that functions call" in done.error
        assert "needed for fentry:bpf_fentry_test1" in done.error


def test_exit_status_of_the_specification_wins(kptrace: Command) -> None:
    assert kptrace("-q", "-e", "begin { exit(7); }").status == 7


def test_unprivileged_user(kptrace: Command) -> None:
    """What is missing is the right to load programs, and the message says how to get it."""
    ran = kptrace("-e", QUIET, user=NOBODY)
    assert (ran.status, ran.output) == (HOST, "")
    assert "no permission" in ran.error
    assert "HINT: run as root" in ran.error


def test_unreadable_file(kptrace: Command, tmp_path: Path) -> None:
    secret = tmp_path / "secret.bt"
    secret.write_text(QUIET)
    ran = kptrace(str(secret), user=NOBODY)
    assert ran.status == USAGE
    assert f"cannot read '{secret}': Permission denied" in ran.error


def test_reader_that_leaves_ends_the_run_quietly(start: Start) -> None:
    reading, writing = os.pipe()
    process = start("-q", "-e", 'interval:ms:20 { printf("tick\\n"); }', stdout=writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        assert pipe.readline() == b"tick\n"
    _, error = process.communicate(timeout=10)
    assert (process.returncode, error) == (0, b"")


def test_full_disk_is_told_once(kptrace: Command) -> None:
    done = kptrace("-q", "-e", 'begin { printf("lost\\n"); }', "-o", "/dev/full")
    assert done.status == 1
    assert done.error == "ERROR: cannot write the output: No space left on device\n"


def test_closed_output_is_no_map(start: Start, tmp_path: Path) -> None:
    """A closed descriptor's number must not go to a BPF map, which would get what is printed."""
    process = start(
        *("-q", "-e", 'begin { printf("x\\n"); }', "-o", str(tmp_path / "out")),
        stdout=None,
        preexec_fn=lambda: os.close(1),
    )
    _, error = process.communicate(timeout=30)
    assert (process.returncode, error) == (0, b"")
    assert (tmp_path / "out").read_text() == "x\n\n\n"


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("-q", "-e", "begin { print(1); }"), USAGE, b"ERROR: standard output is closed\n"),
        (("list", "software:*"), 1, b"ERROR: cannot write to standard output: it is closed\n"),
    ],
)
def test_closed_output_is_told(
    start: Start, arguments: tuple[str, ...], status: int, told: bytes
) -> None:
    """Nobody would see what the run prints, so it does not begin."""
    process = start(*arguments, stdout=None, preexec_fn=lambda: os.close(1))
    _, error = process.communicate(timeout=30)
    assert process.returncode == status
    assert error.startswith(told)


def test_closed_input_is_told(start: Start) -> None:
    process = start("-q", "-", preexec_fn=lambda: os.close(0))
    _, error = process.communicate(timeout=30)
    assert process.returncode == USAGE
    assert error == b"ERROR: cannot read standard input: it is closed\n"


def test_binary_file_is_not_printed(kptrace: Command) -> None:
    done = kptrace("/bin/true")
    assert done.status == USAGE
    assert done.error == "ERROR: '/bin/true' is a binary file, no specification\n"


def test_command_misspelt(kptrace: Command) -> None:
    assert "did you mean 'doctor'" in kptrace("doctr").error


@pytest.mark.parametrize("left", [b"", b"\x7fELF torn"])
def test_torn_cache_entry_is_compiled_anew(
    kptrace: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: bytes
) -> None:
    """A power cut may leave such a file under the name of a whole object."""
    monkeypatch.setattr("kptrace.store.directory", lambda: tmp_path / "cache")
    assert kptrace("emit", "--object", "-e", QUIET).status == 0
    (kept,) = (tmp_path / "cache").iterdir()
    kept.write_bytes(left)
    assert kptrace("emit", "--object", "-e", QUIET).status == 0
    assert len(kept.read_bytes()) > len(left)


@pytest.mark.parametrize("probe", ["kprobe:vfs_read", "rawtracepoint:sched_switch"])
def test_unprivileged_check(kptrace: Command, probe: str) -> None:
    """What this user may not see is unknown, which `check` lets pass."""
    ran = kptrace("check", "-e", f"{probe} {{ @ = count(); }}", user=NOBODY)
    assert (ran.status, ran.error) == (0, "")
    assert ran.output.startswith(probe)
