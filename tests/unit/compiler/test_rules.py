# SPDX-License-Identifier: MIT
"""Promotion and combination of types (language §3.2), and folding of literals (§3.5)."""

from __future__ import annotations

import operator
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kptrace import types
from kptrace.compiler import fold, tree
from kptrace.compiler.rules import Use, combine, literal_type, promote
from kptrace.errors import Report
from kptrace.lang import nodes as n
from kptrace.source import Source, Span
from kptrace.types import (
    INT8,
    INT16,
    INT32,
    INT64,
    UINT8,
    UINT16,
    UINT32,
    UINT64,
    Int,
    Pointer,
    String,
    Tuple,
    Type,
)  # fmt: skip

SPAN = Span(Source(name="", text=""), 0, 0)
INTS = (INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (INT8, INT32, INT32),
        (UINT8, UINT64, UINT64),
        (INT64, UINT32, INT64),
        (INT32, UINT16, INT32),
        (INT8, UINT8, INT16),
        (INT8, UINT16, INT32),
        (INT16, UINT32, INT64),
        (INT8, UINT64, INT64),
        (INT64, UINT64, INT64),
    ],
)
def test_promotion_of_fixed_types(left: Int, right: Int, expected: Int) -> None:
    assert promote(Use(left), Use(right)) == expected
    assert promote(Use(right), Use(left)) == expected


@pytest.mark.parametrize(
    ("literal", "fixed", "expected"),
    [
        (INT8, UINT32, UINT32),
        (INT16, UINT8, UINT16),
        (INT32, INT8, INT32),
        (INT64, UINT8, UINT64),
        (UINT64, INT8, INT64),
    ],
)
def test_a_literal_takes_the_other_sign(literal: Int, fixed: Int, expected: Int) -> None:
    assert promote(Use(literal, True), Use(fixed)) == expected
    assert promote(Use(fixed), Use(literal, True)) == expected


@given(st.sampled_from(INTS), st.sampled_from(INTS), st.sampled_from(INTS))
def test_promotion_never_shrinks(a: Int, b: Int, c: Int) -> None:
    both = promote(Use(a), Use(b))
    assert both.size >= max(a.size, b.size)
    assert both == promote(Use(b), Use(a))
    assert promote(Use(both), Use(a)).size >= both.size
    assert promote(Use(both), Use(c)).size >= c.size


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, INT8), (127, INT8), (128, INT16), (200, INT16), (-128, INT8), (-129, INT16),
        (70000, INT32), ((1 << 31) - 1, INT32), (1 << 31, INT64), ((1 << 63) - 1, INT64),
        (1 << 63, UINT64), ((1 << 64) - 1, UINT64), (-(1 << 63), INT64),
    ],
)  # fmt: skip
def test_type_of_a_literal(value: int, expected: Int) -> None:
    assert literal_type(value) == expected


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (String(3), String(8), String(8)),
        (Tuple((INT8, String(2))), Tuple((INT16, String(5))), Tuple((INT16, String(5)))),
        (Tuple((INT8,)), Tuple((INT8, INT8)), None),
        (Tuple((INT8,)), Tuple((String(2),)), None),
        (Pointer(INT8), Pointer(INT16), Pointer(INT16)),
        (INT8, String(2), None),
        (INT8, types.BOOL, None),
        (types.KStack("raw", 5), types.KStack("raw", 6), None),
        (types.Count(), types.Sum(True), None),
        (types.Sum(True), types.Sum(False), types.Sum(True)),
        (types.Hist(0, 0), types.Hist(2, 2), None),
        (types.ERROR, INT8, INT8),
    ],
)
def test_combination(left: Type, right: Type, expected: Type | None) -> None:
    assert combine(Use(left), Use(right)) == expected
    assert combine(Use(right), Use(left)) == expected


def test_a_literal_takes_the_sign_of_an_aggregation() -> None:
    unsigned, literal = Use(types.Max(False)), Use(types.Max(True), True)
    assert combine(unsigned, literal) == combine(literal, unsigned) == types.Max(False)


# --- folding -----------------------------------------------------------------------------------


def constant(value: int | str) -> tree.Const:
    return fold.integer(SPAN, value) if isinstance(value, int) else fold.string(SPAN, value)


def folded(op: str, a: int | str, b: int | str) -> tuple[int | str | None, list[str]]:
    report = Report()
    node = n.Binary(
        span=SPAN,
        op=op,
        left=n.String(span=SPAN, value=""),
        right=n.String(span=SPAN, value=""),
    )
    made = fold.binary(report, node, constant(a), constant(b))
    value = made.value if isinstance(made, tree.Const) else None
    return value, [one.message for one in report.diagnostics]


OVERFLOW = (None, ["unable to fold literals due to overflow or underflow"])
EXACT: dict[str, Callable[[int, int], int]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul,
    "&": operator.and_, "|": operator.or_, "^": operator.xor,
}  # fmt: skip
LITERALS = st.integers(-(1 << 63), (1 << 64) - 1) | st.sampled_from((0, 1, -1, 1 << 63))


@given(st.sampled_from(sorted(EXACT)), LITERALS, LITERALS)
def test_arithmetic_is_exact(op: str, a: int, b: int) -> None:
    exact = EXACT[op](a, b)
    fits = -(1 << 63) <= exact < 1 << 64
    assert folded(op, a, b) == ((exact, []) if fits else OVERFLOW)


@pytest.mark.parametrize(
    ("op", "a", "b", "value"),
    [
        ("/", 7, 2, 3), ("/", -7, 2, -3), ("/", 7, -2, -3), ("/", -7, -2, 3),
        ("%", 7, 2, 1), ("%", -7, 2, -1), ("%", 7, -2, 1),
        ("<<", 1, 63, 1 << 63), (">>", -8, 1, -4),
        ("<", -1, 1, 1), ("==", 5, 5, 1), ("&&", 5, 0, 0), ("||", 5, 0, 1),
        ("+", "a", "b", "ab"), ("+", "foo", 1, "oo"), ("==", "a", "a", 1), ("<", "a", "b", 1),
        (">=", "b", "a", 1), ("+", "é", 1, "\udca9"),
    ],
)  # fmt: skip
def test_folding(op: str, a: int | str, b: int | str, value: int | str) -> None:
    assert folded(op, a, b) == (value, [])


@pytest.mark.parametrize(
    ("op", "a", "b"), [("/", 1, 0), ("%", 1, 0), ("<<", 1, 64), ("<<", 1, -1), (">>", 1, 64)]
)
def test_impossible_folding(op: str, a: int, b: int) -> None:
    assert folded(op, a, b) == OVERFLOW


def test_folding_of_strings_tells() -> None:
    assert folded("+", "foo", 3) == ("", ["literal string will always be empty"])
    assert folded("-", "a", "b") == (None, ["illegal literal operation with strings"])


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [("-", 5, -5), ("-", -5, 5), ("~", 0, (1 << 64) - 1), ("~", -1, 0), ("!", 0, 1), ("!", 7, 0)],
)
def test_unary_folding(op: str, value: int, expected: int) -> None:
    node = n.Unary(span=SPAN, op=op, operand=n.String(span=SPAN, value=""))
    made = fold.unary(Report(), node, constant(value))
    assert isinstance(made, tree.Const)
    assert made.value == expected


def test_negation_has_a_limit() -> None:
    report = Report()
    node = n.Unary(span=SPAN, op="-", operand=n.String(span=SPAN, value=""))
    fold.unary(report, node, constant((1 << 63) + 1))
    assert [one.message for one in report.errors] == ["negative value will underflow"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12), ("-12", -12), ("0x1f", 31), ("0755", 493), ("0b101", 5), ("-0b1", -1),
        ("2e3", 2000), ("5ms", 5_000_000), ("word", "word"), ("12x", "12x"), ("", ""),
        ("-", "-"), ("1 2", "1 2"), ("²", "²"), ("--1", "--1"), ("0b12", "0b12"),
        ("99999999999999999999", "99999999999999999999"),
    ],
)  # fmt: skip
def test_parameters(text: str, value: int | str) -> None:
    assert fold.parameter(text) == value


@pytest.mark.parametrize("text", ["0b" + "1" * 70, "-18446744073709551615"])
def test_a_parameter_beyond_64_bits_is_text(text: str) -> None:
    assert fold.parameter(text) == text
