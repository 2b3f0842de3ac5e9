# SPDX-License-Identifier: MIT
"""printf formats, compiled: one bytes template and a few conversions (language §9).

Python's ``%`` on bytes does the same as the language for most conversions, at C speed. So each
conversion becomes a piece of one template, with a function in front where the value first needs
a C conversion (``%d`` of a 64-bit value keeps 32 bits) or where Python would do it differently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any, TypeAlias

from kptrace import types
from kptrace.decoding import Values, convert_column
from kptrace.formats import Conversion, Literal, check_conversion, check_count, parse_format
from kptrace.output.values import BUFFER_FORMS, Renderer, Style, renderer
from kptrace.types import Type

Formatter: TypeAlias = Callable[[Values], bytes]
ColumnFormatter: TypeAlias = Callable[[list[Iterable[Any]], int], Iterable[bytes]]
"""(a column of values for each argument, their number) -> the texts"""
_Convert: TypeAlias = Callable[[Any], Any]


def compile_format(text: str, arguments: Sequence[Type], style: Style) -> Formatter:
    """The function from the arguments' values to the printed bytes.

    The compiler has checked the format: one that does not fit its arguments is a ValueError.
    """
    template, converters = _compile(text, arguments, style)
    if not converters:
        return template.__mod__

    def format_values(values: Values) -> bytes:
        ready: list[Any] = list(values)
        for index, convert in converters:
            ready[index] = convert(ready[index])
        return template % tuple(ready)

    return format_values


def compile_columns(text: str, arguments: Sequence[Type], style: Style) -> ColumnFormatter:
    """Like `compile_format`, for many at once: from each argument's values to all texts."""
    template, converters = _compile(text, arguments, style)
    if not arguments:
        return lambda columns, count: repeat(template % (), count)

    def format_columns(columns: list[Iterable[Any]], count: int) -> Iterable[bytes]:
        ready = list(columns)
        for index, convert in converters:
            ready[index] = convert_column(convert, tuple(ready[index]))
        return map(template.__mod__, zip(*ready, strict=True))

    return format_columns


def _compile(
    text: str, arguments: Sequence[Type], style: Style
) -> tuple[bytes, tuple[tuple[int, _Convert], ...]]:
    """The template, and what some of the values need before."""
    items = parse_format(text)
    problem = check_count(items, len(arguments))
    if problem is not None:
        raise ValueError(problem)
    kinds = iter(arguments)
    template = b""
    converters: list[tuple[int, _Convert]] = []
    position = 0
    for item in items:
        if isinstance(item, Literal):
            template += item.text.encode("utf-8", "surrogateescape").replace(b"%", b"%%")
            continue
        kind = next(kinds)
        problem = check_conversion(item, kind)
        if problem is not None:
            raise ValueError(problem)
        piece, convert = _piece(item, kind, style)
        template += piece
        if convert is not None:
            converters.append((position, convert))
        position += 1
    return template, tuple(converters)


def _piece(item: Conversion, kind: Type, style: Style) -> tuple[bytes, _Convert | None]:
    """The template piece of one conversion, and what its value needs before (None: nothing)."""
    if item.spec == "s":
        if isinstance(kind, types.Int) and not item.zero:
            return _padded(item, "d"), None
        return _text_piece(item, renderer(kind, style))
    if item.spec in BUFFER_FORMS:
        return _text_piece(item, BUFFER_FORMS[item.spec])
    if item.spec == "gr":
        flags = style.resolver.gfp_flags()
        unsigned = _wrapping(kind, 64, signed=False) or _same
        return _text_piece(item, lambda value: _gfp_text(unsigned(value), flags))
    if item.spec == "c":
        if item.zero:
            return _text_piece(item, lambda value: bytes((value & 0xFF,)))
        return _padded(item, "c"), _wrapping(kind, 8, signed=False)
    if item.spec == "p":
        unsigned = _wrapping(kind, 64, signed=False) or _same
        return _text_piece(item, lambda value: _prefixed(b"0x", b"%x", unsigned(value)))
    signed = item.spec in "di"
    wrap = _wrapping(kind, item.bits, signed=signed)
    letter = "d" if item.spec in "diu" else item.spec
    plus = "+" if item.plus and signed else ""
    prefix = {"o": b"0", "x": b"0x", "X": b"0X"}.get(item.spec) if item.alternate else None
    if prefix is None and not item.zero:
        return _padded(item, letter, plus), wrap
    number = f"%{plus}{letter}".encode()
    before = wrap or _same
    if prefix is None:
        return _text_piece(item, lambda value: number % before(value))
    return _text_piece(item, lambda value: _prefixed(prefix, number, before(value)))


def _padded(item: Conversion, letter: str, plus: str = "") -> bytes:
    return f"%{'-' if item.left else ''}{plus}{item.width or ''}{letter}".encode()


def _text_piece(item: Conversion, text_of: Renderer) -> tuple[bytes, _Convert]:
    """A conversion whose text is made first and then padded."""
    if not item.zero or not item.width:
        return _padded(item, "b"), text_of
    # Zeros fill the padding side whatever the text is: in front of a sign, even on the right.
    width = item.width
    if item.left:
        return b"%b", lambda value: text_of(value).ljust(width, b"0")
    return b"%b", lambda value: text_of(value).rjust(width, b"0")


def _prefixed(prefix: bytes, number: bytes, value: int) -> bytes:
    return prefix + number % value if value else b"0"


def _gfp_text(value: int, flags: Sequence[tuple[str, int]]) -> bytes:
    """Names of the bits, combinations first; what has no name as a number."""
    names = []
    for name, mask in flags:
        if value & mask == mask:
            names.append(name)
            value &= ~mask
    if value or not names:
        names.append(f"0x{value:x}" if value else "0")
    return "|".join(names).encode()


def _same(value: Any) -> Any:
    return value


def _wrapping(kind: Type, bits: int, *, signed: bool) -> _Convert | None:
    """C's conversion to an integer of ``bits`` bits; None when no value can change by it."""
    match kind:
        case types.Int() | types.Enum():
            size, has_sign = kind.size * 8, kind.signed
        case types.Bool():
            size, has_sign = 1, False
        case _:
            size, has_sign = 64, False
    if size <= bits and (has_sign == signed or (signed and size < bits)):
        return None
    mask = (1 << bits) - 1
    if not signed:
        return mask.__and__
    half = 1 << (bits - 1)
    return lambda value: ((value + half) & mask) - half
