# SPDX-License-Identifier: MIT
"""Histogram rows and the percentile line, as both formats need them (language §10.5, §16.2)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace

from kptrace.histogram import Histogram, Row, rows
from kptrace.types import Hist

_LABEL_WIDTH, _COUNT_WIDTH, _BAR_WIDTH = 16, 8, 52
_FLOAT = struct.Struct("f")


def shown_rows(one: Histogram, div: int | None) -> tuple[Row, ...]:
    """The rows with counts divided; ``div`` does not apply to linear histograms."""
    found = rows(one)
    if div is None or div <= 1 or not isinstance(one.scheme, Hist):
        return found
    return tuple(replace(row, count=row.count // div) for row in found)


def text_rows(found: Sequence[Row]) -> bytes:
    """One line per row: label, count, bar."""
    largest = max((row.count for row in found), default=0)
    lines = (
        f"{row.label:<{_LABEL_WIDTH}}{row.count:>{_COUNT_WIDTH}}"
        f" |{'@' * bar_length(row.count, largest):<{_BAR_WIDTH}}|\n"
        for row in found
    )
    return "".join(lines).encode()


def bar_length(count: int, largest: int) -> int:
    """trunc(count / largest * 52) in single precision, in this order.

    Every step is done in double precision and rounded to single, which for one division or one
    multiplication gives exactly what single-precision arithmetic gives. A double holds every
    count up to 2^53: at a million a second that takes 285 years.
    """
    if largest == 0:
        return 0
    share = single(single(count) / single(largest))
    return int(single(share * _BAR_WIDTH))


def single(number: float) -> float:
    rounded: float = _FLOAT.unpack(_FLOAT.pack(number))[0]
    return rounded


def percentile_name(percent: float) -> str:
    """``p99``, ``p99.9``."""
    return "p" + repr(float(percent)).removesuffix(".0")


def text_percentiles(one: Histogram, percentiles: Sequence[float]) -> bytes:
    """The line under a hist; nothing for an empty or a linear one."""
    if not _has_percentiles(one, percentiles):
        return b""
    parts = []
    for percent in percentiles:
        value = one.quantile(percent)
        parts.append(f"{percentile_name(percent)} {'<0' if value is None else value}")
    parts.append(f"min {one.min}  max {one.max}  mean {one.mean}  n {one.n}")
    parts.append(f"(error <= {one.error:.1%})")
    return "  ".join(parts).encode() + b"\n"


def percentile_figures(
    one: Histogram, percentiles: Sequence[float]
) -> dict[str, int | float | str] | None:
    """The same figures by name; None where there is no line."""
    if not _has_percentiles(one, percentiles):
        return None
    figures: dict[str, int | float | str] = {}
    for percent in percentiles:
        value = one.quantile(percent)
        figures[percentile_name(percent)] = "<0" if value is None else value
    figures |= {"min": one.min, "max": one.max, "mean": one.mean, "count": one.n}
    figures["error"] = one.error
    return figures


def _has_percentiles(one: Histogram, percentiles: Sequence[float]) -> bool:
    return bool(percentiles) and isinstance(one.scheme, Hist) and one.n > 0
