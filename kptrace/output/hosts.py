# SPDX-License-Identifier: MIT
"""Captures side by side: what each host counted, and which hosts are unlike the others."""

from __future__ import annotations

from collections.abc import Sequence

from kptrace.errors import printable
from kptrace.output.json import dump
from kptrace.records import dataclass

_MANY = 5
"""Hosts from which on one can be unlike the others."""
_FAR = 3 * 1.4826
"""Median deviations from the median: three standard deviations where values are normal."""
_NEAR = 0.1
"""Of the median: what is closer is alike, however little the others differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostTable:
    """One map by host, all its keys together. ``columns`` name the numbers of each row; None is a
    number that there is not. ``error`` bounds the relative error of percentiles, if there are."""

    name: str
    error: float | None
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int | None, ...]], ...]

    def outliers(self) -> list[frozenset[str]]:
        """For each row the columns in which it is far from the median of all.

        Beside others the least and the greatest value are not judged: they are far by nature.
        """
        judged = [name for name in self.columns if name not in ("min", "max")] or self.columns
        far = {
            name: _far([row[self.columns.index(name)] for _, row in self.rows]) for name in judged
        }
        return [
            frozenset(name for name, flags in far.items() if flags[index])
            for index in range(len(self.rows))
        ]


def _far(values: Sequence[int | None]) -> list[bool]:
    known = sorted(value for value in values if value is not None)
    if len(known) < _MANY:
        return [False] * len(values)
    middle = _median(known)
    spread = _median(sorted(abs(value - middle) for value in known))
    limit = max(_FAR * spread, _NEAR * abs(middle))
    return [value is not None and abs(value - middle) > limit for value in values]


def _median(ordered: Sequence[float]) -> float:
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def text_hosts(table: HostTable) -> bytes:
    """Aligned columns; what is far from the median has a star behind it."""
    lines: list[tuple[str, ...]] = [("host", *(f"{name} " for name in table.columns))]
    for (host, row), far in zip(table.rows, table.outliers(), strict=True):
        cells = (
            f"{'-' if value is None else value}{'*' if name in far else ' '}"
            for name, value in zip(table.columns, row, strict=True)
        )
        lines.append((printable(host), *cells))
    width, *widths = (max(map(len, column)) for column in zip(*lines, strict=True))
    bound = "" if table.error is None else f" (error of percentiles <= {table.error:.1%})"
    out = [f"{table.name} by host{bound}:"]
    for host, *numbers in lines:
        aligned = (cell.rjust(size) for cell, size in zip(numbers, widths, strict=True))
        out.append(" ".join((host.ljust(width), *aligned)).rstrip())
    return "".join(f"{line}\n" for line in [*out, ""]).encode()


def json_hosts(table: HostTable) -> bytes:
    """One object: for each host its numbers, and which of them are far from the median."""
    error = {} if table.error is None else {"error": table.error}
    rows = {
        host: dict(zip(table.columns, row, strict=True)) | error | {"outlier": sorted(far)}
        for (host, row), far in zip(table.rows, table.outliers(), strict=True)
    }
    return b'{"type": "hosts", "data": %b}\n' % dump({table.name: rows})
