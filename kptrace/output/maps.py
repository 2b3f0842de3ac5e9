# SPDX-License-Identifier: MIT
"""What both formats do to a map before they write it: top, div and the zero value (§5.5, §10.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from kptrace import types
from kptrace.aggregate import Average, MapSnapshot, Value, divide
from kptrace.decoding import decode
from kptrace.types import Type

Pairs: TypeAlias = "Sequence[tuple[Value | None, Value]]"


def shown_entries(snapshot: MapSnapshot, top: int | None, *, final: bool) -> Pairs:
    """The entries that print. An empty scalar prints its zero value except at the end."""
    if snapshot.entries:
        # `print(@x, 0, div)` is how one divides without cutting.
        if not top or isinstance(snapshot.map.value, types.TSeries):
            return snapshot.entries
        return snapshot.entries[-top:]
    kind = snapshot.map.value
    if snapshot.map.key is not None or final or isinstance(kind, types.SPREAD):
        return ()
    return ((None, _zero(kind)),)


def _zero(kind: Type) -> Value:
    match kind:
        case types.Avg() | types.Stats():
            return Average(count=0, total=0)
        case types.Count() | types.Sum() | types.Min() | types.Max():
            return 0
        case _:
            return decode(kind, bytes(types.size_of(kind)))


def divided(kind: Type, values: Sequence[Any], div: int | None) -> Sequence[Any]:
    """Numbers of a map (of avg and stats: the averages) after ``div``; 0 counts as 1."""
    if isinstance(kind, types.Avg | types.Stats):
        values = [one.average for one in values]
    elif not isinstance(kind, types.Int | types.Count | types.Sum | types.Min | types.Max):
        return values
    return [divide(one, div) for one in values] if div else values
