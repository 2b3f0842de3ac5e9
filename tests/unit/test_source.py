# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kptrace.source import Source, Span


def span(text: str, part: str, name: str = "stdin") -> Span:
    start = text.index(part)
    return Span(Source(name=name, text=text), start, start + len(part))


def test_example_of_the_language() -> None:
    """Section 15.1."""
    one = span("begin { @a = 1 + $x; }", "$x")
    assert str(one) == "stdin:1:18-20"
    assert one.excerpt() == "begin { @a = 1 + $x; }\n                 ~~"


def test_tabs_are_four_blanks_with_four_markers() -> None:
    one = span("begin {\n\t@a\t= $x;\n}", "\t= $x", "p.bt")
    assert str(one) == "p.bt:2:4-9"
    assert one.excerpt() == "    @a    = $x;\n      ~~~~~~~~"


def test_several_lines_have_no_marker() -> None:
    one = span("a {\n\tb\n}\n", "{\n\tb\n}", "p.bt")
    assert str(one) == "p.bt:1-3"
    assert one.excerpt() == "a {\n    b\n}"


@pytest.mark.parametrize(
    ("text", "at", "place", "excerpt"),
    [
        ("", 0, "s:1:1-1", "\n~"),
        ("ab", 2, "s:1:3-3", "ab\n  ~"),
        ("ab\n", 3, "s:2:1-1", "\n~"),
        ("\n\nx", 2, "s:3:1-1", "x\n~"),
    ],
)
def test_empty_spans(text: str, at: int, place: str, excerpt: str) -> None:
    one = Span(Source(name="s", text=text), at, at)
    assert (str(one), one.excerpt()) == (place, excerpt)


def test_joining_spans() -> None:
    text = "a + bb"
    assert span(text, "a").to(Span(span(text, "a").source, 4, 6)).text == "a + bb"


@given(st.text(st.sampled_from("ab\n\t é"), max_size=40), st.data())
def test_locations_agree_with_lines(text: str, data: st.DataObject) -> None:
    source = Source(name="s", text=text)
    offset = data.draw(st.integers(0, len(text)))
    line, column = source.location(offset)
    lines = text.split("\n")
    assert source.line(line) == lines[line - 1]
    assert sum(len(one) + 1 for one in lines[: line - 1]) + column - 1 == offset
    end = data.draw(st.integers(offset, len(text)))
    excerpt = Span(source, offset, end).excerpt().split("\n")
    covered = text[offset:end].count("\n") + 1
    assert len(excerpt) == (2 if covered == 1 else covered)
    if covered == 1 and end > offset:
        assert excerpt[1].count("~") == sum(4 if c == "\t" else 1 for c in text[offset:end])
