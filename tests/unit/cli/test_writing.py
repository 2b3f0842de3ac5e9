# SPDX-License-Identifier: MIT
"""What was collected is written, whatever ends the command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kptrace.cli.writing import open_sink, refuse_same_file
from kptrace.errors import RunError
from kptrace.output import Stream
from kptrace.session.signals import StopNow


@pytest.mark.parametrize(
    ("error", "written"),
    [
        (RunError("no more"), b"first\n"),
        (OSError(5, "no such luck"), b"first\n"),
        (AssertionError("a bug"), b"first\n"),
        (StopNow(15), b""),
    ],
    ids=["told", "system", "bug", "second signal"],
)
def test_what_waits_is_written_when_a_run_fails(
    error: BaseException, written: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "out"

    def fail() -> None:
        with open_sink(str(path), "full") as sink:
            sink.write(Stream.OUTPUT, b"first\n")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert path.read_bytes() == written


@pytest.mark.parametrize(
    "words",
    [
        ["run", "FILE"],
        ["run", "-", "ARG"],
        ["run", "-e", "begin { }", "--include", "FILE"],
        ["record", "FILE"],
        ["build", "FILE"],
        ["report", "FILE"],
        ["merge", "other", "FILE"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("link", [None, os.symlink, os.link], ids=["same", "symlink", "link"])
def test_what_is_read_is_not_overwritten(
    words: list[str], link: Callable[[Path, Path], None] | None, tmp_path: Path
) -> None:
    path, output = tmp_path / "a.bt", tmp_path / "b.bt"
    path.write_text("begin { }")
    if link is None:
        output = path
    else:
        link(path, output)
    given = [str(path) if word == "FILE" else word for word in words]
    with path.open() as file:
        done = subprocess.run(
            [sys.executable, "-m", "kptrace", *given, "-o", output],
            stdin=file,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 2
    assert done.stderr.startswith(f"ERROR: '{output}' is read, and would be overwritten\n")
    assert path.read_text() == "begin { }"


def test_a_terminal_or_a_pipe_may_be_both() -> None:
    refuse_same_file("/dev/null", ["/dev/null"])
    refuse_same_file(None, ["/dev/stdin"])
