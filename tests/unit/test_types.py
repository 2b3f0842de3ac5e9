# SPDX-License-Identifier: MIT
"""Sizes, layouts and names of language §3.1."""

from __future__ import annotations

import pytest

from kptrace import types
from kptrace.types import (
    BOOL,
    INET,
    INT8,
    INT16,
    INT32,
    INT64,
    UINT8,
    UINT64,
    Array,
    Enum,
    Hist,
    KStack,
    LHist,
    Pointer,
    String,
    Struct,
    Sum,
    Tuple,
    Type,
    type_name,
)


@pytest.mark.parametrize(
    ("kind", "size", "align", "name"),
    [
        (BOOL, 1, 1, "bool"),
        (INT8, 1, 1, "int8"),
        (UINT64, 8, 8, "uint64"),
        (String(6), 6, 1, "string[6]"),
        (INET, 24, 1, "inet"),
        (Pointer(Struct("struct", "task_struct", -1)), 8, 8, "struct task_struct *"),
        (Pointer(Pointer(INT8)), 8, 8, "int8 **"),
        (Array(INT32, 4), 16, 4, "int32[4]"),
        (Array(Array(INT16, 3), 2), 12, 2, "int16[3][2]"),
        (Enum("color", 4, False), 4, 4, "enum color"),
        (Struct("union", "either", 40), 40, 8, "union either"),
        (Tuple((INT8, String(3))), 4, 1, "(int8,string[3])"),
        (Tuple(()), 1, 1, "()"),
        (Tuple((INT8, INT64, INT8, INT64)), 32, 8, "(int8,int64,int8,int64)"),
        (Tuple((String(3), INT32, Tuple((INT8, INT16)))), 12, 4, "(string[3],int32,(int8,int16))"),
        (Tuple((INT8, INET)), 25, 1, "(int8,inet)"),
        (KStack("perf", 5), 8, 8, "kstack_perf_5"),
        (types.Count(), 8, 8, "count_t"),
        (Sum(False), 16, 8, "usum_t"),
        (types.Stats(True), 16, 8, "stats_t"),
        (Hist(0, 0), 8 * (4 + 65), 8, "hist_t"),
        (LHist(0, 30, 10), 8 * (4 + 5), 8, "lhist_t"),
    ],
)
def test_sizes_and_names(kind: Type, size: int, align: int, name: str) -> None:
    assert (types.size_of(kind), types.align_of(kind), type_name(kind)) == (size, align, name)


def test_layout_of_a_tuple() -> None:
    assert types.tuple_layout((INT8, INT64, INT8, INT16)) == ((0, 8, 16, 18), 24)
    assert types.tuple_layout((UINT8, String(5), INT32), 16) == ((16, 17, 24), 28)


@pytest.mark.parametrize("bits", range(6))
def test_number_of_buckets_covers_every_value(bits: int) -> None:
    largest = (1 << 63) - 1
    last = ((62 - bits + 1) << bits) + ((largest >> (62 - bits)) & ((1 << bits) - 1)) + 1
    assert types.hist_buckets(bits) == last + 1


@pytest.mark.parametrize(("low", "high", "step"), [(0, 30, 10), (0, 10, 3), (5, 6, 1)])
def test_number_of_linear_buckets(low: int, high: int, step: int) -> None:
    assert types.lhist_buckets(low, high, step) == 1 + (high - low) // step + 1
