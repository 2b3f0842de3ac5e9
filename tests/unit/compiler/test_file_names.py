# SPDX-License-Identifier: MIT
"""A specification's file may have any name: no name is C."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from kptrace.compiler.writer import c_file_name, in_comment


@pytest.mark.parametrize("name", ["*/ int evil; /*", "a\nint evil;", 'a"b\\', "a/*/b", "\\"])
def test_a_name_is_no_code(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"d{name}.bt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('begin { printf("hi\\n"); if (pid) { @ = 1; } }')
    command = [sys.executable, "-m", "kptrace", "emit", str(path)]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    bare = re.sub(r"/\*.*?\*/", "", made, flags=re.S)
    code = [line for line in bare.split("\n") if not line.startswith("#line ")]
    assert "evil" not in "\n".join(code)
    lines = [line for line in made.split("\n") if line.startswith("#line ")]
    assert len(lines) == 3
    assert all(re.fullmatch(r'#line 1 "(?:[^"\\]|\\.)*"', line) for line in lines)


@pytest.mark.parametrize("text", ["*/", "/*/", "*/*", "/**/", "**//", "a\n*\n/"])
def test_comments_end_where_they_should(text: str) -> None:
    assert not re.search(r"\*/|/\*|\n", in_comment(text))


def test_a_line_break_ends_no_directive() -> None:
    assert c_file_name('a\r\n"\\') == r'"a??\"\\"'
