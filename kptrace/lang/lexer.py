# SPDX-License-Identifier: MIT
"""Tokens of the specification language (language §1), read on demand.

What a character means depends on where the parser stands (attach points are raw text, ``/`` may
close a predicate), so there is no token list: the parser asks for the token at an offset.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from kptrace.source import Source, Span

MAX_INTEGER = (1 << 64) - 1


class Kind(Enum):
    IDENTIFIER = "identifier"
    INTEGER = "integer"
    STRING = "string"
    VARIABLE = "variable"
    MAP = "map"
    POSITIONAL = "positional parameter"
    PUNCTUATION = "punctuation"
    END = "end of file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """``text`` is the spelling; ``value`` the meaning of an integer or a string."""

    kind: Kind
    text: str
    span: Span
    value: int | str = ""


class SpecSyntaxError(Exception):
    """A syntax error at a place; the parser collects these into diagnostics."""

    def __init__(self, span: Span, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.span = span
        self.message = message
        self.hint = hint


_TRIVIA = re.compile(r"(?:[ \t\r\n]+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_TOKEN = re.compile(
    r"""
      (?P<identifier>[_a-zA-Z][_a-zA-Z0-9]*)
    | (?P<integer>[0-9][_a-zA-Z0-9]*)
    | (?P<string>"(?:[^"\\\n]|\\[^\n])*")
    | (?P<positional>\$(?:[0-9]+|\#))
    | (?P<variable>\$[_a-zA-Z][_a-zA-Z0-9]*)
    | (?P<map>@(?:[_a-zA-Z][_a-zA-Z0-9]*)?)
    | (?P<punctuation><<=|>>=|\.\.|->|\+\+|--|&&|\|\||==|!=|<=|>=|<<|>>
        |\+=|-=|\*=|/=|%=|&=|\|=|\^=|[-+*/%&|^~!<>=?:;,.(){}\[\]\#])
    """,
    re.VERBOSE,
)
_KINDS = {kind.name.lower(): kind for kind in Kind} | {"positional": Kind.POSITIONAL}


class Lexer:
    """Reads tokens of one source."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def skip(self, offset: int) -> int:
        """The offset of the next thing that is neither blank nor comment."""
        match = _TRIVIA.match(self.source.text, offset)
        assert match is not None
        if self.source.text.startswith("/*", match.end()):
            raise SpecSyntaxError(self.span(match.end(), match.end() + 2), "unterminated comment")
        return match.end()

    def span(self, start: int, end: int) -> Span:
        return Span(self.source, start, end)

    def token(self, offset: int) -> Token:
        """The token at or after an offset."""
        start = self.skip(offset)
        text = self.source.text
        if start >= len(text):
            return Token(kind=Kind.END, text="", span=self.span(start, start))
        match = _TOKEN.match(text, start)
        if match is None:
            span = self.span(start, start + 1)
            if text[start] == '"':
                raise SpecSyntaxError(span, "unterminated string")
            raise SpecSyntaxError(span, f"invalid character '{text[start]}'")
        span = self.span(start, match.end())
        kind = _KINDS[match.lastgroup or ""]
        value: int | str = ""
        if kind is Kind.INTEGER:
            value = parse_integer(match.group(), span)
        elif kind is Kind.STRING:
            value = _unescape(match.group()[1:-1], span)
        elif kind is Kind.POSITIONAL:
            value = _positional(match.group()[1:], span)
        return Token(kind=kind, text=match.group(), span=span, value=value)


def _positional(digits: str, span: Span) -> int:
    if digits == "#":
        return 0
    number = int(digits) if len(digits) < 30 else 1 << 63
    if not 1 <= number < 1 << 63:
        message = f"param ${digits} is out of integer range [1, {(1 << 63) - 1}]"
        raise SpecSyntaxError(span, message)
    return number


DURATIONS = {
    "ns": 1,
    "us": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
}
_HEX = re.compile(r"0[xX]([0-9a-fA-F_]+)(\w*)")
_SCIENTIFIC = re.compile(r"([0-9_]+)[eE]([0-9_]*)(\w*)")
_DECIMAL = re.compile(r"([0-9_]+)(\w*)")
_SIZES = ("", "u", "ul", "ull", "l", "ll")


def parse_integer(text: str, span: Span) -> int:
    """The value of an integer literal in any form of language §1.1."""
    if text.endswith("_"):
        raise SpecSyntaxError(span, "trailing underscore in integer literal")
    if match := _HEX.fullmatch(text):
        return _sized(int(match[1].replace("_", ""), 16), match[2], text, span)
    if match := _SCIENTIFIC.fullmatch(text):
        return _scientific(match, text, span)
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise SpecSyntaxError(span, f"invalid trailing bytes: {text}")
    digits = match[1].replace("_", "")
    if digits.startswith("0") and digits.strip("01234567"):
        raise SpecSyntaxError(span, f"invalid trailing bytes: {text}")
    if len(digits) > 30:  # Python refuses to convert thousands of digits
        _bounded(MAX_INTEGER + 1, text, span)
    value = _bounded(int(digits, 8 if digits.startswith("0") else 10), text, span)
    if match[2] in DURATIONS:
        return _bounded(value * DURATIONS[match[2]], text, span)
    return _sized(value, match[2], text, span)


def _scientific(match: re.Match[str], text: str, span: Span) -> int:
    coefficient, exponent = match[1].replace("_", ""), match[2].replace("_", "")
    if not exponent or exponent.startswith("0"):
        raise SpecSyntaxError(span, f"invalid trailing bytes: {text}")
    if len(coefficient) != 1 or coefficient == "0":
        message = f"coefficient part of scientific literal must be 1-9: {text}"
        raise SpecSyntaxError(span, message)
    # 10^20 is already beyond 64 bits; never compute a huge power from a few characters.
    value = int(coefficient) * 10 ** min(int(exponent[:4]), 20)
    return _sized(_bounded(value, text, span), match[3], text, span)


def _bounded(value: int, text: str, span: Span) -> int:
    if value > MAX_INTEGER:
        raise SpecSyntaxError(span, f"overflow error, maximum value is {MAX_INTEGER}: {text}")
    return value


def _sized(value: int, suffix: str, text: str, span: Span) -> int:
    _bounded(value, text, span)
    if suffix.lower() not in _SIZES:
        raise SpecSyntaxError(span, f"invalid integer suffix '{suffix}'")
    if suffix.lower() == "u" and value >= 1 << 32:
        raise SpecSyntaxError(span, f"overflow error, maximum value is {(1 << 32) - 1}: {text}")
    return value


_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|(.))", re.DOTALL)
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}


def _unescape(body: str, span: Span) -> str:
    """The bytes of a string literal, as text with one surrogate escape per non-UTF-8 byte."""
    if "\\" not in body:
        return body
    out = bytearray()
    position = 0
    for match in _ESCAPE.finditer(body):
        out += body[position : match.start()].encode("utf-8", "surrogateescape")
        position = match.end()
        octal, hexadecimal, simple = match.groups()
        if octal is not None:
            value = int(octal, 8)
            if value > 0o377:
                raise SpecSyntaxError(span, f"octal escape sequence out of range '\\{octal}'")
            out.append(value)
        elif hexadecimal is not None:
            out.append(int(hexadecimal, 16))
        elif simple in _SIMPLE:
            out += _SIMPLE[simple].encode()
        else:
            raise SpecSyntaxError(span, f"invalid escape character '\\{simple}'")
    out += body[position:].encode("utf-8", "surrogateescape")
    return out.decode("utf-8", "surrogateescape")
