# SPDX-License-Identifier: MIT
"""Positional and named parameters from the command line (language §14.2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kptrace.cli.spec import find


def test_words_of_the_command_line(tmp_path: Path) -> None:
    file = tmp_path / "x.bt"
    file.write_text("begin { }")
    words = ("5", "--a=1", "-x", "--b", "--c=", "--a=2=3", "y z")
    for given in (find("begin { }", words), find(None, (str(file), *words))):
        assert given.parameters == ("5", "-x", "y z")
        assert given.named == {"a": "2=3", "b": None, "c": ""}


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ((), "(5, false, x, true)"),
        (("--n=0x10", "--b", "--s=hello", "--on=off"), "(16, true, hello, false)"),
        (("--n=-3", "--b=yes", "--s=", "--on=0"), "(-3, true, , false)"),
        (("--n=1e3", "--b=no", "--s=5", "--on"), "(1000, false, 5, true)"),
        (("--n=18446744073709551615",), "(18446744073709551615, false, x, true)"),
    ],
)
def test_getopt(run: Any, words: tuple[str, ...], values: str) -> None:
    spec = (
        'begin { print((getopt("n", 5, "a number"), getopt("b"), getopt("s", "x"),'
        ' getopt("on", true))); }'
    )
    ran = run(spec, words=("--", *words))
    assert (ran.status, ran.out, ran.err) == (0, f"{values}\n\n\n", "")


def test_options_before_the_double_dash_are_ours(run: Any) -> None:
    ran = run(
        'begin { print(getopt("percentiles")); print($#); }', words=("1", "--", "--percentiles")
    )
    assert (ran.out, ran.err) == ("true\n1\n\n\n", "")
    assert run("begin { }", words=("--nosuch",)).status == 2


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("7", "7"), ("-7", "-7"), ("0x1f", "31"), ("0b101", "5"), ("010", "8"), ("1e3", "1000"),
        ("2ms", "2000000"), ("5x", "5x"), ("", "0"), ("x", "x"), ("-", "-"),
    ],
)  # fmt: skip
def test_positional(run: Any, word: str, value: str) -> None:
    ran = run("begin { print($1); print(str($1)); print($#); }", words=("--", word))
    assert ran.lines[:3] == [value, word, "1"]
