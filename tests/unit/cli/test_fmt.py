# SPDX-License-Identifier: MIT
"""kptrace fmt as a command: files, standard input, what it leaves with."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
Start = Callable[..., "subprocess.Popen[bytes]"]

UGLY = "begin{@a=1;// one\n}"
PRETTY = "begin\n{\n    @a = 1; // one\n}\n"


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "ugly.bt"
    path.write_text(UGLY)
    return path


def test_prints_and_leaves_the_file(kptrace: Command, spec: Path) -> None:
    done = kptrace("fmt", str(spec))
    assert (done.status, done.output, done.error) == (0, PRETTY, "")
    assert spec.read_text() == UGLY


def test_standard_input(start: Start) -> None:
    for arguments in ((), ("-",)):
        process = start("fmt", *arguments, stdin=subprocess.PIPE)
        output, error = process.communicate(UGLY.encode(), timeout=30)
        assert (process.returncode, output, error) == (0, PRETTY.encode(), b"")


def test_in_place_keeps_mode_and_link(kptrace: Command, spec: Path) -> None:
    spec.chmod(0o750)
    os.chown(spec, 12, 34)
    link = spec.with_name("link.bt")
    link.symlink_to(spec)
    done = kptrace("fmt", "-w", str(link))
    assert (done.status, done.output, done.error) == (0, "", f"reformatted {link}\n")
    assert spec.read_text() == PRETTY
    assert link.is_symlink()
    found = spec.stat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o750, 12, 34)
    assert not list(spec.parent.glob(".ugly*"))
    assert kptrace("fmt", "-w", str(spec)).error == ""


def test_check_names_what_would_change(kptrace: Command, spec: Path) -> None:
    pretty = spec.with_name("pretty.bt")
    pretty.write_text(PRETTY)
    done = kptrace("fmt", "--check", str(pretty), str(spec))
    assert (done.status, done.output, done.error) == (1, "", f"would reformat {spec}\n")
    assert spec.read_text() == UGLY
    assert kptrace("fmt", "--check", str(pretty)).status == 0


def test_difference(kptrace: Command, spec: Path) -> None:
    done = kptrace("fmt", "--diff", str(spec))
    assert done.status == 0
    assert "-begin{@a=1;// one\n" in done.output
    assert "+    @a = 1; // one\n" in done.output


def test_a_wrong_file_does_not_hide_the_others(kptrace: Command, spec: Path) -> None:
    wrong = spec.with_name("wrong.bt")
    wrong.write_text("begin { @a = }")
    done = kptrace("fmt", "-w", str(wrong), str(spec))
    assert done.status == 2
    assert "wrong.bt:1:14-15: ERROR: syntax: expected an expression" in done.error
    assert wrong.read_text() == "begin { @a = }"
    assert spec.read_text() == PRETTY


def test_bytes_that_are_no_text_pass(kptrace: Command, spec: Path) -> None:
    spec.write_bytes(b'begin{printf("\xff\xc3\xa9")} // \xfe')
    kptrace("fmt", "-w", str(spec))
    assert spec.read_bytes() == b'begin\n{\n    printf("\xff\xc3\xa9")\n} // \xfe\n'


def test_refused_together(kptrace: Command, spec: Path) -> None:
    done = kptrace("fmt", "-w", "--check", str(spec))
    assert done.status == 2
    assert "exclude each other" in done.error
