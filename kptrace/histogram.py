# SPDX-License-Identifier: MIT
"""Immutable histograms: the bucketing of language §5.4, merge, quantiles with their error (§16.2).

Two schemes, named by their types: `types.Hist` is log-linear (2^bits buckets per power of two),
`types.LHist` linear. A histogram keeps only the range between its first and last non-zero
bucket, so two that hold the same values are equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import ceil
from typing import TypeAlias

from kptrace import types
from kptrace.errors import UsageError
from kptrace.records import dataclass
from kptrace.types import Hist, LHist

Scheme: TypeAlias = Hist | LHist

_SUFFIXES = ("", "K", "M", "G", "T", "P", "E")
_KILO, _MEGA = 1 << 10, 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Bucket counts from bucket number ``first`` on; exact sum, min and max (0 when empty).

    Build one with `histogram` or `collect`: they keep `counts` trimmed.
    """

    scheme: Scheme
    first: int = 0
    counts: tuple[int, ...] = ()
    sum: int = 0
    min: int = 0
    max: int = 0

    @property
    def n(self) -> int:
        """Number of values."""
        return sum(self.counts)

    @property
    def mean(self) -> int:
        """Average, truncated toward zero; 0 when empty."""
        n = self.n
        if n == 0:
            return 0
        return self.sum // n if self.sum >= 0 else -(-self.sum // n)

    @property
    def error(self) -> float:
        """Bound of the relative error of `quantile`: reported < value * (1 + error)."""
        return 2.0 ** -_log_linear(self).bits

    def __add__(self, other: Histogram) -> Histogram:
        """Both together. Refuses histograms whose buckets differ."""
        if self.scheme != other.scheme:
            raise UsageError(
                f"histograms of different buckets can't be merged: {_describe(self.scheme)} and"
                f" {_describe(other.scheme)}",
                code="histogram-scheme",
            )
        if not self.counts:
            return other
        if not other.counts:
            return self
        first = min(self.first, other.first)
        end = max(self.first + len(self.counts), other.first + len(other.counts))
        counts = [0] * (end - first)
        for one in (self, other):
            start = one.first - first
            for position, count in enumerate(one.counts, start):
                counts[position] += count
        return Histogram(
            scheme=self.scheme,
            first=first,
            counts=tuple(counts),
            sum=self.sum + other.sum,
            min=min(self.min, other.min),
            max=max(self.max, other.max),
        )

    def quantile(self, percent: float) -> int | None:
        """The value below which ``percent`` of the values lie; None if that is negative.

        Reports the greatest integer of the bucket that holds the value of rank
        ceil(percent/100 * n), and never more than the exact maximum. For a non-negative value:
        value <= reported < value * (1 + 2^-bits), and exact below 2^(bits+1).
        """
        bits = _log_linear(self).bits
        n = self.n
        if n == 0:
            raise ValueError("an empty histogram has no quantile")
        # 99.9 means exactly 99.9 %: in binary floating point 99.9/100*1000 exceeds 999.
        from fractions import Fraction  # slow

        rank = max(1, ceil(Fraction(repr(percent)) * n / 100))
        below = accumulate(self.counts)
        index = next(index for index, seen in enumerate(below, self.first) if seen >= rank)
        return None if index == 0 else min(bucket_bound(index, bits) - 1, self.max)

    def fold(self, bits: int) -> Histogram:
        """The same values in the coarser buckets of ``bits`` bits: exact, as if so collected."""
        fine = _log_linear(self).bits
        if bits > fine:
            raise ValueError(f"{fine} bits of precision can't be shown as {bits}")
        scheme = Hist(bits, bits)
        if not self.counts:
            return Histogram(scheme=scheme)
        folded: dict[int, int] = {}
        for index, count in enumerate(self.counts, self.first):
            low = -1 if index == 0 else bucket_bound(index - 1, fine)
            coarse = bucket_index(low, bits)
            folded[coarse] = folded.get(coarse, 0) + count
        first, last = min(folded), max(folded)
        return Histogram(
            scheme=scheme,
            first=first,
            counts=tuple(folded.get(index, 0) for index in range(first, last + 1)),
            sum=self.sum,
            min=self.min,
            max=self.max,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One displayed bucket: ``low`` <= value < ``high``, None where it is open."""

    label: str
    low: int | None
    high: int | None
    count: int


def histogram(
    scheme: Scheme, counts: Sequence[int], *, first: int = 0, sum: int, min: int, max: int
) -> Histogram:
    """A histogram from bucket counts that may begin and end with zeros."""
    start, end = 0, len(counts)
    while start < end and not counts[start]:
        start += 1
    while end > start and not counts[end - 1]:
        end -= 1
    if start == end:
        return Histogram(scheme=scheme)
    return Histogram(
        scheme=scheme,
        first=first + start,
        counts=tuple(counts[start:end]),
        sum=sum,
        min=min,
        max=max,
    )


def collect(scheme: Scheme, values: Iterable[int]) -> Histogram:
    """The histogram of these values, by the rules that the generated C follows."""
    found = list(values)
    if not found:
        return Histogram(scheme=scheme)
    if isinstance(scheme, Hist):
        counts = [0] * types.hist_buckets(scheme.bits)
        for value in found:
            counts[bucket_index(value, scheme.bits)] += 1
    else:
        counts = [0] * types.lhist_buckets(scheme.min, scheme.max, scheme.step)
        for value in found:
            counts[linear_index(value, scheme)] += 1
    return histogram(scheme, counts, sum=sum(found), min=min(found), max=max(found))


def bucket_index(n: int, bits: int) -> int:
    """H(n) of language §5.4 for an int64."""
    if n < 0:
        return 0
    if n < 1 << bits:
        return n + 1
    highest = n.bit_length() - 1
    mantissa = (n >> (highest - bits)) & ((1 << bits) - 1)
    return ((highest - bits + 1) << bits) + mantissa + 1


def linear_index(n: int, scheme: LHist) -> int:
    """L(n) of language §5.4."""
    if n < scheme.min:
        return 0
    return 1 + (min(n, scheme.max) - scheme.min) // scheme.step


def bucket_bound(index: int, bits: int) -> int:
    """B(i) of language §10.5: the first integer above log-linear bucket ``index``."""
    if index <= 2 << bits:
        return index
    mantissa = (1 << bits) + (index & ((1 << bits) - 1))
    return mantissa << ((index >> bits) - 1)


def rows(one: Histogram) -> tuple[Row, ...]:
    """The rows that are shown, from the first to the last non-zero bucket (§10.5, §10.6).

    A log-linear histogram is shown at the precision that its scheme asks for.
    """
    scheme = one.scheme
    if isinstance(scheme, Hist):
        shown = one if scheme.bits == scheme.shown else one.fold(scheme.shown)
        return tuple(
            _log_row(index, scheme.shown, count)
            for index, count in enumerate(shown.counts, shown.first)
        )
    return tuple(
        _linear_row(index, scheme, count) for index, count in enumerate(one.counts, one.first)
    )


def _log_row(index: int, bits: int, count: int) -> Row:
    high = bucket_bound(index, bits)
    if index == 0:
        return Row(label="(..., 0)", low=None, high=0, count=count)
    low = bucket_bound(index - 1, bits)
    if index <= 2 << bits:
        label = f"[{low}]"
    else:
        label = f"[{_log_label(index - 1, bits)}, {_log_label(index, bits)})"
    return Row(label=label, low=low, high=high, count=count)


def _log_label(index: int, bits: int) -> str:
    # Only the power's share of the bound takes a suffix: with 2 bits 1024 stays "1024".
    power = max((index >> bits) - 1, 0)
    return f"{bucket_bound(index, bits) >> (power // 10 * 10)}{_SUFFIXES[power // 10]}"


def _linear_row(index: int, scheme: LHist, count: int) -> Row:
    low = scheme.min + (index - 1) * scheme.step
    high = low + scheme.step
    low_label, high_label = _linear_label(low, scheme.step), _linear_label(high, scheme.step)
    if index == 0:
        return Row(label=f"(..., {high_label})", low=None, high=high, count=count)
    if high > scheme.max:
        return Row(label=f"[{low_label}, ...)", low=low, high=None, count=count)
    label = f"[{low_label}]" if scheme.step == 1 else f"[{low_label}, {high_label})"
    return Row(label=label, low=low, high=high, count=count)


def _linear_label(bound: int, step: int) -> str:
    if step % _KILO or bound == 0:
        return str(bound)
    if bound % _MEGA == 0:
        return f"{bound // _MEGA}M"
    if bound % _KILO == 0:
        return f"{bound // _KILO}K"
    return str(bound)


def _log_linear(one: Histogram) -> Hist:
    if not isinstance(one.scheme, Hist):
        raise ValueError("a linear histogram has no quantiles")
    return one.scheme


def _describe(scheme: Scheme) -> str:
    if isinstance(scheme, Hist):
        return f"hist with {scheme.bits} bits (shown: {scheme.shown})"
    return f"lhist({scheme.min}, {scheme.max}, {scheme.step})"
