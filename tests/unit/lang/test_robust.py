# SPDX-License-Identifier: MIT
"""The parser answers any text with a tree or a SpecError, and soon."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kptrace.errors import Diagnostic, SpecError
from kptrace.lang import parse
from kptrace.source import Source

OPERATORS = "1||1&&1|1^1&1==1<1<<1+1*("
NESTED_TYPEOF = "1"
for _ in range(60):
    NESTED_TYPEOF = f"(typeof({NESTED_TYPEOF}))+1"


def outcome(text: str) -> str:
    try:
        parse(Source(name="spec.bt", text=text))
        found: tuple[Diagnostic, ...] = ()
    except SpecError as error:
        found = error.diagnostics
    assert all(one.span is not None for one in found)
    assert all(one.message.startswith("syntax: ") for one in found)
    return "error" if found else "tree"


@pytest.mark.parametrize(
    "text",
    [
        "{}" * 10_000,
        "begin " + "{" * 10_000,
        "begin { $x = " + "(" * 10_000,
        "begin { $x = " + "-" * 10_000 + "1; }",
        "begin { $x = " + "(a)" * 10_000 + "1; }",
        "begin { $x = " + "1 ? 1 : " * 10_000 + "1; }",
        "begin { $x = " + "1+" * 10_000 + "1; }",
        "begin { $x = $a" + ".b" * 10_000 + "; }",
        "begin { $x = " + "@a[" * 10_000 + "1; }",
        "begin { " + "if (1) {} else " * 10_000 + "{} }",
        "begin { print(" + OPERATORS * 200 + "1" + ")" * 200 + "); }",
        "begin { $x = " + NESTED_TYPEOF + "; }",
        "begin { $x = 0x" + "f" * 100_000 + "; }",
        "begin { $x = " + "9" * 100_000 + "; }",
        "begin { $x = 9e" + "9" * 100_000 + "; }",
        "begin { $" + "9" * 100_000 + "; }",
        "/*" * 100_000,
        'begin { $x = "' + "\\n" * 100_000,
        "begin { $x = ; }\n" * 3_000,
        "struct x {" * 10_000,
        "config = {" * 1_000,
        "macro m(" * 1_000,
        "#" * 100_000 + "\n" + "begin",
        ";" * 1_000_000,
        "@" * 1_000_000,
        'a"' * 500_000,
        "a:" * 500_000,
        '"' * 1_000_000,
    ],
    ids=lambda text: text[:20],
)
def test_large_and_wrong(text: str) -> None:
    start = time.process_time()
    assert outcome(text) == "error"
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "text",
    [
        "begin { $x = 1; }\n" * 3_000,
        "begin { $x = " + "1+" * 450 + "1; }",
        "begin { " + "{" * 50 + "}" * 50 + " }",
        "begin { print(" + OPERATORS * 100 + "1" + ")" * 100 + "); }",
        'begin { $x = "' + "a" * 1_000_000 + '"; }',
        "//\n" * 50_000,
        "#\n" * 50_000,
        "struct a { int b; };\n" * 10_000,
        " " * 1_000_000 + "begin { }",
    ],
    ids=lambda text: text[:20],
)
def test_large_and_right(text: str) -> None:
    start = time.process_time()
    assert outcome(text) == "tree"
    assert time.process_time() - start < 5


WORDS = st.sampled_from(
    """
    begin end kprobe:f interval:s:1 { } ( ) [ ] ; , : . .. -> / // /* */ ++ -- + - * % &
    && | || ^ ! ~ < > <= >= << >> == != = += ? $x $1 $# $0 @ @m 1 0x1f 2e3 08 5ms 1_ "s"
    "\\n" "\\q" " if else for while unroll let return break continue true false sizeof
    offsetof typeof comptime macro fn import config struct union enum args pid comm print
    count hist str uint8 int64 string[4] #define # '\\n' \\ \x00 é \udcff
    """.split()
)


@settings(max_examples=400, deadline=2000)
@given(st.lists(WORDS, max_size=40), st.booleans())
def test_word_salad(words: list[str], wrapped: bool) -> None:
    text = " ".join(words)
    outcome(f"begin {{ {text} }}" if wrapped else text)


@settings(max_examples=300, deadline=2000)
@given(st.text(max_size=60))
def test_any_text(text: str) -> None:
    outcome(text)


@settings(max_examples=200, deadline=2000)
@given(st.data())
def test_a_spec_with_one_character_changed(data: st.DataObject) -> None:
    spec = 'kprobe:f /pid == 1/ { @m[comm, 1] = hist(nsecs - $x["a"]); if ($x) { print((1, 2)); } }'
    at = data.draw(st.integers(0, len(spec) - 1))
    other = data.draw(st.sampled_from('{}()[];,:."/$@#-+*<>=!?~ \n\\') | st.just(""))
    outcome(spec[:at] + other + spec[at + 1 :])


def test_every_broken_item_is_told_once() -> None:
    text = "begin { $x = ; }\nend { ok(1); }\ninterval:s:1 { $y = 1 2; }\n"
    with pytest.raises(SpecError) as caught:
        parse(Source(name="spec.bt", text=text))
    assert [str(one.span) for one in caught.value.diagnostics] == [
        "spec.bt:1:14-15",
        "spec.bt:3:23-24",
    ]


def test_errors_do_not_make_later_items_too_deep() -> None:
    text = "begin { { { $x = ; } } }\n" * 100
    with pytest.raises(SpecError) as caught:
        parse(Source(name="spec.bt", text=text))
    assert {one.message for one in caught.value.diagnostics} == {"syntax: expected an expression"}
