# SPDX-License-Identifier: MIT
"""Time series as a graph of text lines, and as points (language §10.7, §11)."""

from __future__ import annotations

import time
from collections.abc import Callable

from kptrace import types
from kptrace.output.bars import single
from kptrace.series import Series

_WIDTH = 53
_SECOND, _MILLI, _MICRO = 10**9, 10**6, 10**3
_EMPTY = b"<no data>\n"

WallTime = Callable[[int], int]
"""From ns of TAI to ns of the epoch."""


def text_graph(kind: types.TSeries, one: Series, wall: WallTime) -> bytes:
    """The graph of one key."""
    known = [value for value in one.values if value is not None]
    if not known:
        return _EMPTY
    low, high = _limits(kind, min(known), max(known))
    interval = one.interval if len(one.values) > 1 else 0
    unit, digits = _fraction(interval)
    column = 8 + (digits + 1 if digits else 0) + 1
    blank = " " * column
    ends = f"{blank}{low:<21}{high:>32}\n"
    # in bytes: a μ takes two of them
    head = f"hh:mm:ss{unit}".encode().ljust(column)
    # rounds up to a column that is not there when `high` is next to nothing
    zero = int(single(single(single(0 - low) / single(high - low)) * _WIDTH))
    lines = [ends.encode(), head, b"|" + b"_" * (_WIDTH - 2) + b"|\n"]
    for index, value in enumerate(one.values):
        cells = ["|", *" " * (_WIDTH - 2), "|"]
        if low < 0 < high and zero < _WIDTH:
            cells[zero] = "."
        if value is not None:
            cells[_column(value, low, high)] = "*"
        clock = _clock(wall((one.first + index) * one.interval), digits)
        shown = "-" if value is None else value
        lines.append(f"{clock} {''.join(cells)} {shown}\n".encode())
    lines.append(f"{blank}v{'_' * (_WIDTH - 2)}v\n{ends}".encode())
    return b"".join(lines)


def _limits(kind: types.TSeries, low: int, high: int) -> tuple[int, int]:
    """Least and greatest value; two that differ, within the type."""
    if low != high:
        return low, high
    least, most = (-(1 << 63), (1 << 63) - 1) if kind.signed else (0, (1 << 64) - 1)
    return max(low - 1, least), min(high + 1, most)


def _fraction(interval: int) -> tuple[str, int]:
    """Unit and digits of the second's fraction."""
    if interval >= _SECOND:
        return "", 0
    if interval >= _MILLI:
        return ".ms", 3
    return (".μs", 6) if interval >= _MICRO else (".ns", 9)


def _column(value: int, low: int, high: int) -> int:
    """trunc(52 * (v - lo) / (hi - lo)) in single precision."""
    return int(single(single(single(value - low) / single(high - low)) * (_WIDTH - 1)))


def _clock(ns: int, digits: int) -> str:
    seconds, rest = divmod(ns, _SECOND)
    text = time.strftime("%H:%M:%S", time.localtime(seconds))
    return f"{text}.{rest:09d}"[: len(text) + 1 + digits] if digits else text


def points(one: Series, wall: WallTime) -> bytes:
    """The epochs that have data, as a JSON array; times in UTC."""
    found = []
    for index, value in enumerate(one.values):
        if value is None:
            continue
        seconds, rest = divmod(wall((one.first + index) * one.interval), _SECOND)
        start = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))
        number = value if int(float(value)) == value else f'"{value}"'
        found.append(f'{{"interval_start":"{start}.{rest:09d}","value":{number}}}')
    return f"[{','.join(found)}]".encode()
