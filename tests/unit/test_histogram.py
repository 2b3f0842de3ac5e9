# SPDX-License-Identifier: MIT
from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kptrace.errors import UsageError
from kptrace.histogram import (
    Histogram,
    bucket_bound,
    bucket_index,
    collect,
    histogram,
    linear_index,
    rows,
)
from kptrace.types import Hist, LHist, hist_buckets, lhist_buckets

INT64 = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-10, 5000)
NATURAL = st.integers(0, (1 << 63) - 1) | st.integers(0, 5000)
BITS = st.integers(0, 5)
LINEAR = LHist(0, 30, 10)


@pytest.mark.parametrize(
    ("n", "bits", "index"),
    [
        (-1, 0, 0),
        (-(1 << 63), 5, 0),
        (0, 0, 1),
        (1, 0, 2),
        (2, 0, 3),
        (3, 0, 3),
        (4, 0, 4),
        (1024, 0, 12),
        ((1 << 63) - 1, 0, 64),
        (3, 2, 4),
        (4, 2, 5),
        (7, 2, 8),
        (8, 2, 9),
        (9, 2, 9),
        (10, 2, 10),
        (17, 2, 13),
        ((1 << 63) - 1, 5, 1888),
    ],
)
def test_bucket_index(n: int, bits: int, index: int) -> None:
    assert bucket_index(n, bits) == index


@given(INT64, BITS)
def test_a_value_lies_within_the_bounds_of_its_bucket(n: int, bits: int) -> None:
    index = bucket_index(n, bits)
    assert 0 <= index < hist_buckets(bits)
    assert n < bucket_bound(index, bits)
    assert index == 0 or bucket_bound(index - 1, bits) <= n


@given(BITS)
def test_bounds_grow_by_at_most_the_stated_error(bits: int) -> None:
    bounds = [bucket_bound(index, bits) for index in range(hist_buckets(bits))]
    assert bounds[0] == 0
    assert bounds[-1] == 1 << 63
    for low, high in pairwise(bounds):
        assert low < high
        assert high - low == 1 or (high - low) << bits <= low


@pytest.mark.parametrize(
    ("n", "index"),
    [(-3, 0), (0, 1), (5, 1), (9, 1), (10, 2), (29, 3), (30, 4), (31, 4), (250, 4)],
)
def test_linear_index(n: int, index: int) -> None:
    assert linear_index(n, LINEAR) == index
    assert index < lhist_buckets(0, 30, 10)


def test_linear_index_when_the_step_does_not_divide_the_range() -> None:
    scheme = LHist(0, 25, 10)
    assert [linear_index(n, scheme) for n in (19, 20, 25, 26)] == [2, 3, 3, 3]
    assert [row.label for row in rows(collect(scheme, [5, 25]))] == [
        "[0, 10)",
        "[10, 20)",
        "[20, ...)",
    ]


HISTOGRAMS = st.lists(INT64, max_size=20).map(lambda values: collect(Hist(2, 2), values))


@given(HISTOGRAMS, HISTOGRAMS, HISTOGRAMS)
def test_merge_is_associative_and_commutative(a: Histogram, b: Histogram, c: Histogram) -> None:
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a


@given(HISTOGRAMS)
def test_the_empty_histogram_is_the_identity(one: Histogram) -> None:
    empty = Histogram(scheme=Hist(2, 2))
    assert one + empty == one
    assert empty + one == one


@given(st.lists(INT64, max_size=20), st.lists(INT64, max_size=20), st.booleans())
def test_merge_is_as_if_all_values_had_been_collected_together(
    left: list[int], right: list[int], linear: bool
) -> None:
    scheme = LINEAR if linear else Hist(3, 0)
    merged = collect(scheme, left) + collect(scheme, right)
    assert merged == collect(scheme, left + right)
    assert merged.n == len(left) + len(right)


@pytest.mark.parametrize("other", [Hist(3, 2), Hist(2, 1), LINEAR])
def test_merge_refuses_other_buckets(other: Hist | LHist) -> None:
    with pytest.raises(UsageError, match=r"different buckets .* hist with 2 bits \(shown: 2\) and"):
        collect(Hist(2, 2), [1]) + collect(other, [1])


@given(st.lists(INT64, max_size=20), BITS, BITS)
def test_fold_is_as_if_collected_at_the_coarser_precision(
    values: list[int], one: int, two: int
) -> None:
    fine, coarse = max(one, two), min(one, two)
    folded = collect(Hist(fine, fine), values).fold(coarse)
    assert folded == collect(Hist(coarse, coarse), values)


def test_fold_refuses_to_invent_precision() -> None:
    with pytest.raises(ValueError, match="2 bits of precision can't be shown as 3"):
        collect(Hist(2, 2), [1]).fold(3)


@given(
    st.lists(NATURAL, min_size=1, max_size=30),
    BITS,
    st.sampled_from([0.0, 1.0, 50.0, 90.0, 99.0, 99.9, 100.0]) | st.floats(0, 100),
)
def test_quantile_keeps_its_error_bound(values: list[int], bits: int, percent: float) -> None:
    rank = max(1, -(-len(values) * percent // 100))  # any rank that float allows
    reported = collect(Hist(bits, 0), values).quantile(percent)
    assert reported is not None
    ranked = sorted(values)
    candidates = {ranked[min(int(rank) + shift, len(values)) - 1] for shift in (0, 1)}
    # value <= reported < value * (1 + 2^-bits) for the value of that rank; 0 is exact.
    assert any(
        value <= reported and (reported - value) << bits < max(value, 1) for value in candidates
    )


@given(st.lists(st.integers(0, 63), min_size=1), st.sampled_from([50.0, 90.0]))
def test_quantile_is_exact_for_small_values(values: list[int], percent: float) -> None:
    rank = -(-len(values) * int(percent) // 100)
    assert collect(Hist(5, 0), values).quantile(percent) == sorted(values)[rank - 1]


def test_quantile_takes_the_percentage_as_written() -> None:
    # In binary floating point 99.9/100 * 1000 is more than 999.
    values = [1] * 999 + [7]
    assert collect(Hist(5, 0), values).quantile(99.9) == 1
    assert collect(Hist(5, 0), values).quantile(99.91) == 7


def test_quantile_never_exceeds_the_maximum() -> None:
    assert collect(Hist(5, 0), [20000]).quantile(99) == 20000


def test_quantile_of_a_negative_value() -> None:
    one = collect(Hist(5, 0), [-5, -4, 3])
    assert one.quantile(50) is None
    assert one.quantile(99) == 3


def test_no_quantile_without_values_or_of_linear_buckets() -> None:
    with pytest.raises(ValueError, match="empty"):
        Histogram(scheme=Hist(5, 0)).quantile(50)
    with pytest.raises(ValueError, match="linear"):
        collect(LINEAR, [1]).quantile(50)


@pytest.mark.parametrize(("values", "mean"), [([-3, -4], -3), ([3, 4], 3), ([], 0), ([-7], -7)])
def test_mean_truncates_toward_zero(values: list[int], mean: int) -> None:
    assert collect(Hist(0, 0), values).mean == mean


def test_zeros_at_both_ends_are_trimmed() -> None:
    one = histogram(Hist(0, 0), [0, 0, 3, 0, 1, 0], first=1, sum=9, min=2, max=9)
    assert (one.first, one.counts) == (3, (3, 0, 1))
    assert histogram(Hist(0, 0), [0, 0], sum=0, min=0, max=0) == Histogram(scheme=Hist(0, 0))


@pytest.mark.parametrize(
    ("bits", "value", "label"),
    [
        (0, -1, "(..., 0)"),
        (0, 0, "[0]"),
        (0, 1, "[1]"),
        (0, 2, "[2, 4)"),
        (0, 600, "[512, 1K)"),
        (0, 1 << 20, "[1M, 2M)"),
        (0, (1 << 63) - 1, "[4E, 8E)"),
        (2, 7, "[7]"),
        (2, 8, "[8, 10)"),
        (2, 1024, "[1024, 1280)"),
        (2, 3600, "[3584, 4K)"),
        (2, 4096, "[4K, 5K)"),
        (5, 1, "[1]"),
    ],
)
def test_labels_of_log_linear_rows(bits: int, value: int, label: str) -> None:
    assert [row.label for row in rows(collect(Hist(bits, bits), [value]))] == [label]


@pytest.mark.parametrize(
    ("scheme", "value", "label"),
    [
        (LHist(0, 8192, 2048), 1, "[0, 2K)"),
        (LHist(0, 1 << 20, 1 << 19), 600000, "[512K, 1M)"),
        (LHist(0, 1 << 20, 1 << 19), 1 << 20, "[1M, ...)"),
        (LHist(2048, 8192, 2048), 0, "(..., 2K)"),
        (LHist(512, 8704, 2048), 600, "[512, 2560)"),
        (LHist(0, 8000, 1000), 1024, "[1000, 2000)"),
        (LHist(0, 5, 1), 3, "[3]"),
        (LHist(0, 5, 1), 5, "[5, ...)"),
        (LHist(0, 5, 1), -2, "(..., 0)"),
    ],
)
def test_labels_of_linear_rows(scheme: LHist, value: int, label: str) -> None:
    assert [row.label for row in rows(collect(scheme, [value]))] == [label]


def test_rows_are_shown_at_the_precision_asked_for() -> None:
    fine = rows(collect(Hist(5, 0), [900, 1000, 1500, 1800, 5000]))
    assert [(row.label, row.count) for row in fine] == [
        ("[512, 1K)", 2),
        ("[1K, 2K)", 2),
        ("[2K, 4K)", 0),
        ("[4K, 8K)", 1),
    ]
    assert fine[0].low == 512
    assert fine[0].high == 1024
