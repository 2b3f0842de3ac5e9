# SPDX-License-Identifier: MIT
"""What a shell and a terminal see: completion, colours, messages about the command line, pipes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
Start = Callable[..., "subprocess.Popen[bytes]"]

LISTS = "--help lists what there is"


def completed(start: Start, words: str, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What bash would offer for the last of the words."""
    monkeypatch.setenv("_KPTRACE_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    output, _ = start().communicate(timeout=30)
    return {line.partition(",")[2] for line in output.decode().splitlines()}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("kptrace fm", {"fmt"}),
        ("kptrace biolat", {"biolatency"}),
        ("kptrace --dry", {"--dry-run"}),
        ("kptrace -q --strict biolat", {"biolatency"}),
        ("kptrace run --buff", {"--buffer", "--buffering"}),
        ("kptrace run --attach mul", {"multi"}),
        ("kptrace fmt --ch", {"--check"}),
        ("kptrace completion z", {"zsh"}),
    ],
)
def test_completion(
    start: Start, words: str, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert expected <= completed(start, words, monkeypatch)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(kptrace: Command, shell: str) -> None:
    done = kptrace("completion", shell)
    assert (done.status, done.error) == (0, "")
    assert f"_KPTRACE_COMPLETE={shell}_complete" in done.output


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--nonsense",), f"No such option: --nonsense\nHINT: kptrace run {LISTS}"),
        (("run", "--durat", "3"), "No such option: --durat\nHINT: did you mean '--duration'?"),
        (("count",), f"Missing argument 'PATTERN'\nHINT: kptrace count {LISTS}"),
        (("-e",), f"Option '-e' requires an argument\nHINT: kptrace {LISTS}"),
    ],
)  # fmt: skip
def test_wrong_command_lines_read_as_all_errors(
    kptrace: Command, arguments: tuple[str, ...], error: str
) -> None:
    done = kptrace(*arguments)
    assert (done.status, done.output, done.error) == (2, "", f"ERROR: {error}\n")


@pytest.mark.parametrize(
    ("wanted", "colored"), [("always", True), ("never", False), ("auto", False)]
)
def test_color_by_environment(
    kptrace: Command, monkeypatch: pytest.MonkeyPatch, wanted: str, colored: bool
) -> None:
    monkeypatch.setenv("BPFTRACE_COLOR", wanted)
    done = kptrace("-e", "begin { @ = }")
    assert ("\033[31mERROR\033[0m" in done.error) is colored


def test_color_on_a_terminal(start: Start) -> None:
    leader, follower = os.openpty()
    process = start("-e", "begin { @ = }", stderr=follower)
    process.wait(timeout=30)
    os.close(follower)
    assert b"\033[31mERROR\033[0m" in os.read(leader, 4096)
    os.close(leader)


@pytest.mark.parametrize(
    "arguments",
    [("list", "tracepoint:*"), ("-l", "t:*"), ("emit", "--plan", "-e", "t:sched:* { }")],
)
def test_reader_that_leaves_is_no_error(start: Start, arguments: tuple[str, ...]) -> None:
    process = start(*arguments)
    assert process.stdout is not None
    assert process.stdout.read(10)
    process.stdout.close()
    process.stdout = None
    _, error = process.communicate(timeout=30)
    assert (process.returncode, error) == (0, b"")


@pytest.mark.parametrize("arguments", [("list", "software:*"), ("--info",), ("fmt", "-")])
def test_full_disk(start: Start, arguments: tuple[str, ...]) -> None:
    with open("/dev/full", "wb") as full:
        process = start(*arguments, stdout=full, stdin=subprocess.PIPE)
        _, error = process.communicate(b"begin { }", timeout=30)
    assert (process.returncode, error) == (1, b"ERROR: No space left on device\n")


def test_harnesses_hear_on_standard_output(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits for the line reads standard output, also when results go to a file."""
    variable = "__BPFTRACE_NOTIFY_PROBES_ATTACHED"
    target = tmp_path / "out"
    monkeypatch.setenv(variable, "1")
    process = start("-q", "-o", str(target), "-e", 'begin { printf("x\\n"); exit(); }')
    output, _ = process.communicate(timeout=30)
    assert output == f"{variable}\n".encode()
    assert target.read_text().startswith("x\n")
