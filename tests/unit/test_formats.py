# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kptrace import types
from kptrace.formats import (
    Conversion,
    Literal,
    check_conversion,
    check_count,
    conversions,
    format_literals,
    parse_format,
)
from kptrace.types import Type


def test_parts_carry_their_offsets() -> None:
    assert parse_format("a%d%-6sß%%%lld") == (
        Literal(offset=0, text="a"),
        Conversion(offset=1, end=3, spec="d"),
        Conversion(offset=3, end=7, spec="s", left=True, width=6),
        Literal(offset=7, text="ß%"),
        Conversion(offset=10, end=14, spec="d", bits=64),
    )


@pytest.mark.parametrize(
    ("text", "conversion"),
    [
        (
            "%-+ #08.3hhx",
            Conversion(
                offset=0,
                end=12,
                spec="x",
                left=True,
                plus=True,
                alternate=True,
                zero=True,
                width=8,
                bits=8,
            ),
        ),
        ("%*d", Conversion(offset=0, end=3, spec="d")),
        ("%.*s", Conversion(offset=0, end=4, spec="s")),
        ("%hu", Conversion(offset=0, end=3, spec="u", bits=16)),
        ("%ju", Conversion(offset=0, end=3, spec="u", bits=64)),
        ("%zx", Conversion(offset=0, end=3, spec="x", bits=64)),
        ("%ti", Conversion(offset=0, end=3, spec="i", bits=64)),
        ("%lo", Conversion(offset=0, end=3, spec="o", bits=64)),
        ("%rx", Conversion(offset=0, end=3, spec="rx")),
        ("%rh", Conversion(offset=0, end=3, spec="rh")),
        ("%gr", Conversion(offset=0, end=3, spec="gr")),
        ("%g", Conversion(offset=0, end=2, spec="g")),
    ],
)
def test_conversion(text: str, conversion: Conversion) -> None:
    assert parse_format(text) == (conversion,)


@pytest.mark.parametrize(
    "text", ["", "%", "100% yes", "%y", "%+-y", "50%!", "%5", "% ", "%.d", "%0-5y", "%k%"]
)
def test_a_percent_that_starts_nothing_is_text(text: str) -> None:
    expected = (Literal(offset=0, text=text),) if text else ()
    assert parse_format(text) == expected


def test_flags_only_in_their_order() -> None:
    # "%+" starts nothing here, "-5d" is text.
    assert parse_format("%+-5d") == (Literal(offset=0, text="%+-5d"),)


@given(st.text("%-+ #0159.*hljztdiuoxXcpsrgfy", max_size=30))
def test_parts_cover_the_text(text: str) -> None:
    items = parse_format(text)
    rebuilt = "".join(
        item.text.replace("%", "%%") if isinstance(item, Literal) else text[item.offset : item.end]
        for item in items
    )
    # Doubled percent signs are the only thing that the parts do not keep as written.
    assert parse_format(rebuilt) != () or text == ""
    assert rebuilt.replace("%%", "%") == text.replace("%%", "%")
    assert [text[item.offset] for item in conversions(items)] == ["%"] * len(conversions(items))


@pytest.mark.parametrize(
    ("text", "supplied", "problem"),
    [
        ("%d %d", 1, "not enough arguments for format string (1 supplied, 2 expected)"),
        ("%d %d %%", 3, "too many arguments for format string (3 supplied, 2 expected)"),
        ("hi", 1, "too many arguments for format string (1 supplied, 0 expected)"),
        ("%d%s", 2, None),
        ("100%", 0, None),
    ],
)
def test_count(text: str, supplied: int, problem: str | None) -> None:
    assert check_count(parse_format(text), supplied) == problem


ENUM = types.Enum("e", 4, False)
KINDS_OF_NUMBERS = [types.INT8, types.UINT64, types.BOOL, types.Pointer(types.INT8), ENUM]


@pytest.mark.parametrize("kind", KINDS_OF_NUMBERS)
@pytest.mark.parametrize("spec", list("diuoxXcps"))
def test_numbers_take_every_conversion(spec: str, kind: Type) -> None:
    assert check_conversion(conversions(parse_format("%" + spec))[0], kind) is None


@pytest.mark.parametrize(
    ("spec", "kind", "problem"),
    [
        ("d", types.String(6), "unsupported format specifier for type 'string[6]': d"),
        ("llx", types.String(6), "unsupported format specifier for type 'string[6]': x"),
        ("s", types.String(6), None),
        ("s", types.Tuple((types.INT8,)), None),
        ("s", types.KStack(), None),
        ("p", types.KSym(), "unsupported format specifier for type 'ksym_t': p"),
        ("r", types.INT8, "unsupported format specifier for type 'int8': r"),
        ("rh", types.String(6), "unsupported format specifier for type 'string[6]': rh"),
        ("s", types.VOID, "unable to print none type for specifier: s"),
        ("d", types.VOID, "unable to print none type for specifier: d"),
        ("f", types.INT8, "unsupported format specifier: f"),
        ("n", types.String(6), "unsupported format specifier: n"),
        ("gr", types.INT64, None),
        ("gr", types.String(6), "unsupported format specifier for type 'string[6]': gr"),
        ("d", types.ERROR, None),
        ("E", types.ERROR, "unsupported format specifier: E"),
    ],
)
def test_conversion_and_type(spec: str, kind: Type, problem: str | None) -> None:
    assert check_conversion(conversions(parse_format("%" + spec))[0], kind) == problem


def test_literals_are_formatted_as_printf_would() -> None:
    text = "%d|%5u|%-4x|%#x|%#o|%s|%s|%c|%+d|%05d|%hhd|%p|%%"
    values = (1, -1, 255, 255, 8, "a", True, 65, 3, 42, 200, 4096)
    assert format_literals(text, values) == (
        "1|4294967295|ff  |0xff|010|a|true|A|+3|00042|-56|0x1000|%"
    )
