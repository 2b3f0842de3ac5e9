# SPDX-License-Identifier: MIT
"""The printf format language (language §9): text -> literals and conversions, and their check.

The compiler checks with it, the output formats with it. Pure; knows nothing of values.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeAlias

from kptrace import types
from kptrace.records import dataclass
from kptrace.types import Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal:
    """Text that is printed as it stands; ``%%`` is already one ``%``."""

    offset: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """One ``%…`` sequence; ``offset`` and ``end`` are positions in the format text.

    ``spec`` is the conversion's name (``d``, ``s``, ``rx``, ``gr``); ``bits`` the width of the C
    type that the length modifier names (32 without one).
    """

    offset: int
    end: int
    spec: str
    left: bool = False
    plus: bool = False
    alternate: bool = False
    zero: bool = False
    width: int = 0
    bits: int = 32


Item: TypeAlias = Literal | Conversion

MAX_WIDTH = 65535
"""Each event is padded in memory: a width is not a way to ask the tracer for gigabytes."""

_PATTERN = re.compile(
    r"%(?:(?P<percent>%)"
    r"|(?P<left>-?)(?P<plus>\+?) ?(?P<alternate>\#?)(?P<zero>0?)"
    r"(?P<width>[0-9]+|\*)?(?:\.(?:[0-9]+|\*))?"
    r"(?P<length>hh|h|ll|l|j|z|t)?(?P<spec>rx|rh|r|gr|[diuoxXcpseEfFgGaAn]))"
)
_BITS = {None: 32, "hh": 8, "h": 16}  # every other length is 64 bits
_BUFFERS = frozenset({"r", "rx", "rh"})
_UNSUPPORTED = frozenset("eEfFgGaAn")


def parse_format(text: str) -> tuple[Item, ...]:
    """The parts of a format in order.

    Never fails: a ``%`` that starts no conversion is text, and conversions that exist only in C
    (``%f``) are parsed so that `check_conversion` can refuse them.
    """
    items: list[Item] = []
    literal = ""
    start = position = 0
    for match in _PATTERN.finditer(text):
        literal += text[position : match.start()]
        position = match.end()
        if match["percent"]:
            literal += "%"
            continue
        if literal:
            items.append(Literal(offset=start, text=literal))
        literal, start = "", position
        items.append(
            Conversion(
                offset=match.start(),
                end=position,
                spec=match["spec"],
                left=bool(match["left"]),
                plus=bool(match["plus"]),
                alternate=bool(match["alternate"]),
                zero=bool(match["zero"]),
                width=_width(match["width"]),
                bits=_BITS.get(match["length"], 64),
            )
        )
    literal += text[position:]
    if literal:
        items.append(Literal(offset=start, text=literal))
    return tuple(items)


def _width(digits: str | None) -> int:
    """The number; ``*`` takes no argument and means no width. What is too large stays so."""
    if digits is None or digits == "*":
        return 0
    return int(digits.lstrip("0")[:9] or "0")


def conversions(items: Sequence[Item]) -> tuple[Conversion, ...]:
    """The parts that take an argument."""
    return tuple(item for item in items if isinstance(item, Conversion))


def check_count(items: Sequence[Item], supplied: int) -> str | None:
    """The error text when the number of arguments does not fit, else None."""
    expected = len(conversions(items))
    if supplied == expected:
        return None
    amount = "not enough" if supplied < expected else "too many"
    return f"{amount} arguments for format string ({supplied} supplied, {expected} expected)"


def check_conversion(conversion: Conversion, kind: Type) -> str | None:
    """The error text when a value of this type can't be printed so, else None.

    ``kind`` is the type of the argument's value; an aggregation that is read as an integer has
    become one before. The type of a reported expression passes.
    """
    spec = conversion.spec
    if spec in _UNSUPPORTED:
        return f"unsupported format specifier: {spec}"
    if conversion.width > MAX_WIDTH:
        return f"field width of specifier is too large (at most {MAX_WIDTH}): {spec}"
    match kind:
        case types.Error():
            return None
        case types.Void():
            return f"unable to print none type for specifier: {spec}"
        case types.Int() | types.Bool() | types.Pointer() | types.Enum():
            fits = spec not in _BUFFERS
        case types.Buffer():
            fits = spec == "s" or spec in _BUFFERS
        case _:
            fits = spec == "s"
    if not fits:
        return f"unsupported format specifier for type '{types.type_name(kind)}': {spec}"
    return None


def format_literals(text: str, values: Sequence[int | str | bool]) -> str:
    """A checked format with literal arguments, as text; for messages of the compiler."""
    rest = iter(values)
    return "".join(
        item.text if isinstance(item, Literal) else _literal(item, next(rest))
        for item in parse_format(text)
    )


def _literal(item: Conversion, value: int | str | bool) -> str:
    if item.spec == "s" or isinstance(value, str):
        text = str(value).lower() if isinstance(value, bool) else str(value)
    elif item.spec == "c":
        text = chr(value & 0xFF)
    else:
        bits = 64 if item.spec == "p" else item.bits
        number = value & (1 << bits) - 1
        if item.spec in "di" and number >> (bits - 1):
            number -= 1 << bits
        letter = {"i": "d", "u": "d", "p": "x"}.get(item.spec, item.spec)
        text = format(number, letter)
        if number and (item.spec == "p" or (item.alternate and item.spec in "oxX")):
            text = {"o": "0", "X": "0X"}.get(letter, "0x") + text
        elif item.plus and item.spec in "di" and number >= 0:
            text = "+" + text
    fill = "0" if item.zero else " "
    return text.ljust(item.width, fill) if item.left else text.rjust(item.width, fill)
