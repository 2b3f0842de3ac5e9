# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kptrace import types
from kptrace.output.printf import compile_columns, compile_format
from kptrace.output.values import Style
from kptrace.types import (
    INT8,
    INT16,
    INT32,
    INT64,
    UINT8,
    UINT32,
    UINT64,
    Array,
    Enum,
    KStack,
    KSym,
    Pointer,
    String,
    Tuple,
    Type,
)


class NoSymbols:
    """For the laws, where hypothesis allows no function-scoped fixture."""

    def ksym(self, address: int) -> str | None:
        return None

    def ksym_offset(self, address: int) -> str | None:
        return None

    def stack(self, key: int, kind: KStack) -> tuple[int, ...]:
        return ()


PLAIN = Style(resolver=NoSymbols())


def test_example_of_the_contract(style: Style) -> None:
    kinds = (String(3), INT8, INT16, INT8, INT8, Tuple((INT8, String(2))))
    printf = compile_format("%-6s|%5d|%05x|%lld|%c|%s\n", kinds, style)
    assert printf((b"ab", -7, 255, -1, 65, (1, b"z"))) == b"ab    |   -7|000ff|-1|A|(1, z)\n"


def test_columns_print_what_rows_print(style: Style) -> None:
    kinds = (String(3), INT8, UINT64)
    text = "%-6s|%5d|%d %x\n%%"
    rows = [(b"ab", -7, 1 << 33), (b"", 7, 5), (b"abc", 0, (1 << 64) - 1)]
    one = compile_format(text, (*kinds, UINT64), style)
    many = compile_columns(text, (*kinds, UINT64), style)
    columns: list[Iterable[object]] = [*zip(*rows, strict=True), (1, 2, 3)]
    assert list(many(columns, 3)) == [
        one((*row, n)) for row, n in zip(rows, (1, 2, 3), strict=True)
    ]
    assert list(compile_columns("50%%\n", (), style)([], 2)) == [b"50%\n"] * 2


STATE = Enum("state", 4, True, (("OK", 0), ("BAD", -1)))


@pytest.mark.parametrize(
    ("text", "kind", "value", "printed"),
    [
        # Without a length: 32 bits.
        ("%d", INT64, (1 << 32) + 5, b"5"),
        ("%d", INT64, 4294967295, b"-1"),
        ("%d", UINT32, 4294967295, b"-1"),
        ("%i", INT64, -5, b"-5"),
        ("%u", INT8, -1, b"4294967295"),
        ("%u", INT64, (1 << 32) + 5, b"5"),
        ("%x", INT64, -1, b"ffffffff"),
        ("%X", INT64, 0xABC, b"ABC"),
        ("%o", INT16, 8, b"10"),
        # With one.
        ("%hhd", INT64, 255, b"-1"),
        ("%hhu", INT16, -1, b"255"),
        ("%hd", INT64, 0x18000, b"-32768"),
        ("%hx", INT32, -1, b"ffff"),
        ("%ld", UINT64, (1 << 64) - 1, b"-1"),
        ("%lld", INT64, -(1 << 63), b"-9223372036854775808"),
        ("%lu", INT64, -1, b"18446744073709551615"),
        ("%llx", INT8, -1, b"ffffffffffffffff"),
        ("%jd", INT64, 1 << 40, b"1099511627776"),
        ("%zu", UINT64, 1 << 40, b"1099511627776"),
        ("%td", INT64, 1 << 40, b"1099511627776"),
        # Other sources of integers.
        ("%d", types.BOOL, True, b"1"),
        ("%x", types.BOOL, True, b"1"),
        ("%c", types.BOOL, True, b"\x01"),
        ("%d", STATE, -1, b"-1"),
        ("%lx", Pointer(INT8), 0xFFFF888003C4A000, b"ffff888003c4a000"),
        ("%d", Pointer(INT8), 0xFFFFFFFF, b"-1"),
        # Width and flags.
        ("%5d|", INT8, -7, b"   -7|"),
        ("%-5d|", INT8, -7, b"-7   |"),
        ("%*d", INT8, 7, b"7"),
        ("%5.2d", INT8, 7, b"    7"),
        ("%05d", INT8, -5, b"000-5"),
        ("%05d", INT8, 5, b"00005"),
        ("%-05d", INT8, 5, b"50000"),
        ("%+d", INT8, 5, b"+5"),
        ("%+d", INT8, -5, b"-5"),
        ("%+5d", INT8, 5, b"   +5"),
        ("%+05d", INT8, 5, b"000+5"),
        ("%+u", INT8, 5, b"5"),
        ("%+x", INT8, 5, b"5"),
        ("% d", INT8, 5, b"5"),
        ("%#x", UINT8, 255, b"0xff"),
        ("%#X", UINT8, 255, b"0XFF"),
        ("%#o", UINT8, 8, b"010"),
        ("%#x", UINT8, 0, b"0"),
        ("%#o", UINT8, 0, b"0"),
        ("%#06x", UINT8, 255, b"000xff"),
        ("%#6x|", UINT8, 255, b"  0xff|"),
        ("%-#6x|", UINT8, 255, b"0xff  |"),
        ("%#hhx", INT64, 0x1FF, b"0xff"),
        ("%#d", INT8, 5, b"5"),
        # Characters and pointers.
        ("%c", INT64, 0x141, b"A"),
        ("%c", INT8, 0, b"\0"),
        ("%c", INT8, -1, b"\xff"),
        ("%3c|", INT8, 65, b"  A|"),
        ("%03c", INT8, 65, b"00A"),
        ("%p", Pointer(INT8), 0xFFFF888003C4A000, b"0xffff888003c4a000"),
        ("%p", Pointer(INT8), 0, b"0"),
        ("%p", INT8, -1, b"0xffffffffffffffff"),
        ("%8p|", INT16, 0x1F, b"    0x1f|"),
        # Text.
        ("%s", INT64, 1 << 40, b"1099511627776"),
        ("%s", UINT64, (1 << 64) - 1, b"18446744073709551615"),
        ("%4s|", INT8, -1, b"  -1|"),
        ("%04s|", INT8, -1, b"00-1|"),
        ("%s", types.BOOL, True, b"true"),
        ("%s", STATE, -1, b"BAD"),
        ("%6s|", STATE, 5, b"     5|"),
        ("%s", Pointer(INT8), 0, b"0x0"),
        ("%s", String(4), b"abcd", b"abcd.."),
        ("%8s|", String(4), b"abcd", b"  abcd..|"),
        ("%-8s|", String(9), b"\xff\xfe", b"\xff\xfe      |"),
        ("%05s", String(9), b"ab", b"000ab"),
        ("%-05s", String(9), b"ab", b"ab000"),
        ("%.1s", String(9), b"ab", b"ab"),
        ("%-10s|", Tuple((INT8, INT8)), (1, 2), b"(1, 2)    |"),
        ("%7s|", Array(INT8, 2), (1, 2), b"  [1,2]|"),
        ("%s", KSym(), 0x1010, b"vfs_read"),
        ("%s|", KStack(), 8, b"\n        do_nanosleep+1\n|"),
        # Literal text.
        ("100%% %y ß %d%", INT8, 1, "100% %y ß 1%".encode()),
        ("%%d%d%%s", INT8, 1, b"%d1%s"),
        ("\udcff\udc80%d", INT8, 1, b"\xff\x801"),
    ],
)
def test_conversion(style: Style, text: str, kind: Type, value: Any, printed: bytes) -> None:
    assert compile_format(text, (kind,), style)((value,)) == printed


def test_no_arguments(style: Style) -> None:
    assert compile_format("50% %d%%\n".replace("%d", ""), (), style)(()) == b"50% %\n"


def test_a_percent_in_a_value_stays(style: Style) -> None:
    printf = compile_format("%s %s %d", (String(9), Tuple((String(9),)), INT64), style)
    assert printf((b"%d", (b"%s%n",), 3)) == b"%d (%s%n) 3"


@pytest.mark.parametrize(
    ("text", "kinds", "problem"),
    [
        ("%d", (String(6),), r"unsupported format specifier for type 'string\[6\]': d"),
        ("%d %d", (INT8,), "not enough arguments"),
        ("hi", (INT8,), "too many arguments"),
        ("%f", (INT8,), "unsupported format specifier: f"),
    ],
)
def test_a_format_that_does_not_fit_is_refused(
    style: Style, text: str, kinds: tuple[Type, ...], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        compile_format(text, kinds, style)


BITS = {"hh": 8, "h": 16, "": 32, "l": 64, "ll": 64}


@given(
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.sampled_from(sorted(BITS)),
    st.sampled_from("dux"),
    st.booleans(),
)
def test_integers_convert_as_in_c(number: int, length: str, spec: str, unsigned: bool) -> None:
    kind = UINT64 if unsigned else INT64
    value = number % (1 << 64) if unsigned else number
    printed = compile_format(f"%{length}{spec}", (kind,), PLAIN)((value,))
    result = int(printed, 16 if spec == "x" else 10)
    bits = BITS[length]
    low, high = (-(1 << (bits - 1)), 1 << (bits - 1)) if spec == "d" else (0, 1 << bits)
    assert low <= result < high
    assert (result - number) % (1 << bits) == 0


@given(st.binary(max_size=8).filter(lambda raw: b"\0" not in raw), st.integers(0, 12))
def test_width_pads_and_never_cuts(raw: bytes, width: int) -> None:
    right = compile_format(f"%{width or ''}s", (String(9),), PLAIN)((raw,))
    left = compile_format(f"%-{width or ''}s", (String(9),), PLAIN)((raw,))
    assert right == raw.rjust(width)
    assert left == raw.ljust(width)


def test_allocation_flags(style: Style) -> None:
    """Combinations first, then single bits, the rest as a number."""
    render = compile_format("%gr", [types.UINT64], style)
    values = (0, 0xCC0, 0xDC0, 0xC40, 0x8000_0000_0040, 2)
    assert [render((value,)).decode() for value in values] == [
        "0", "GFP_KERNEL", "GFP_KERNEL|__GFP_ZERO", "GFP_NOIO|__GFP_IO", "__GFP_IO|0x800000000000",
        "0x2",
    ]  # fmt: skip
