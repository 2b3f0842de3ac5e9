# SPDX-License-Identifier: MIT
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kptrace.errors import SpecError
from kptrace.lang import nodes as n
from kptrace.lang import parse
from kptrace.lang.lexer import Kind, Lexer
from kptrace.source import Source


def literal(text: str) -> n.Expr:
    made = parse(Source(name="spec.bt", text=f"begin {{ $x = {text}; }}"))
    assign = made.probes[0].body.statements[0]
    assert isinstance(assign, n.Assign)
    return assign.value


def problem(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        parse(Source(name="spec.bt", text=f"begin {{ $x = {text}; }}"))
    return caught.value.diagnostics[0].message.removeprefix("syntax: ")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("42", 42),
        ("0755", 0o755),
        ("0xff", 255),
        ("0XfF", 255),
        ("1_000_000", 1_000_000),
        ("0xdead_beef", 0xDEADBEEF),
        ("2e3", 2000),
        ("9E5", 900_000),
        ("5ms", 5_000_000),
        ("1ns", 1),
        ("3us", 3000),
        ("2s", 2 * 10**9),
        ("2m", 120 * 10**9),
        ("1h", 3600 * 10**9),
        ("1d", 86400 * 10**9),
        ("18446744073709551615", (1 << 64) - 1),
        ("0xffffffffffffffff", (1 << 64) - 1),
        ("1ull", 1),
        ("1ULL", 1),
        ("1l", 1),
        ("0xfful", 255),
        ("4294967295u", 4294967295),
        ("4294967296ul", 4294967296),
    ],
)
def test_integers(text: str, value: int) -> None:
    made = literal(text)
    assert isinstance(made, n.Integer)
    assert made.value == value
    assert made.text == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1_", "trailing underscore in integer literal"),
        ("12e3", "coefficient part of scientific literal must be 1-9: 12e3"),
        ("5e", "invalid trailing bytes: 5e"),
        ("5e0", "invalid trailing bytes: 5e0"),
        ("09", "invalid trailing bytes: 09"),
        ("1e21", "overflow error, maximum value is 18446744073709551615: 1e21"),
        ("1e99999999999", "overflow error, maximum value is 18446744073709551615: 1e99999999999"),
        (
            "18446744073709551616",
            "overflow error, maximum value is 18446744073709551615: 18446744073709551616",
        ),
        ("1x", "invalid integer suffix 'x'"),
        ("0xfz", "invalid integer suffix 'z'"),
        ("4294967296u", "overflow error, maximum value is 4294967295: 4294967296u"),
        ("1000000000000d", "overflow error, maximum value is 18446744073709551615: 1000000000000d"),
        ("$0", "param $0 is out of integer range [1, 9223372036854775807]"),
        (
            "$9223372036854775808",
            "param $9223372036854775808 is out of integer range [1, 9223372036854775807]",
        ),
        ('"abc', "unterminated string"),
        ('"a\nb"', "unterminated string"),
        (r'"\400"', r"octal escape sequence out of range '\400'"),
        (r'"\z"', r"invalid escape character '\z'"),
        ("/* 1", "unterminated comment"),
        ("1 ` 2", "invalid character '`'"),
    ],
)
def test_wrong_tokens(text: str, message: str) -> None:
    assert problem(text) == message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a\n\t\r\"\\b"', 'a\n\t\r"\\b'),
        (r'"\0\7\101\1012"', "\0\7AA2"),
        (r'"\x4\x41\X42\x414"', "\4AB" + "A4"),
        (r'"\xc3\xa9"', "é"),
        (r'"\xff"', "\udcff"),
        ('"é // /* { } \'"', "é // /* { } '"),
    ],
)
def test_strings(text: str, value: str) -> None:
    made = literal(text)
    assert isinstance(made, n.String)
    assert made.value == value


def test_positional_parameters() -> None:
    assert literal("$12") == n.Positional(span=literal("$12").span, number=12)
    assert literal("$#") == n.Positional(span=literal("$#").span, number=0)


def test_comments_and_blanks_separate_tokens() -> None:
    lexer = Lexer(Source(name="spec.bt", text="a/* x */b // y\n\r\t @c"))
    found, offset = [], 0
    while (token := lexer.token(offset)).kind is not Kind.END:
        found.append(token.text)
        offset = token.span.end
    assert found == ["a", "b", "@c"]


@given(st.binary(max_size=40))
def test_every_byte_can_be_written(data: bytes) -> None:
    made = literal('"' + "".join(f"\\x{byte:02x}" for byte in data) + '"')
    assert isinstance(made, n.String)
    assert made.value.encode("utf-8", "surrogateescape") == data


@given(st.integers(0, (1 << 64) - 1), st.sampled_from(("{}", "{:#x}", "{:_}", "{}ULL")))
def test_every_integer_can_be_written(value: int, form: str) -> None:
    made = literal(form.format(value))
    assert isinstance(made, n.Integer)
    assert made.value == value
