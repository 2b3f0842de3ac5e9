# SPDX-License-Identifier: MIT
"""What was collected is written, whatever ends the command."""

from __future__ import annotations

from pathlib import Path

import pytest

from kptrace.cli.writing import open_sink
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
