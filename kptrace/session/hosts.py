# SPDX-License-Identifier: MIT
"""What each of several captures counted, in a row of its own."""

from __future__ import annotations

from kptrace import types
from kptrace.aggregate import Average, MapSnapshot
from kptrace.capture import states
from kptrace.capture.states import State
from kptrace.errors import CaptureError
from kptrace.histogram import Histogram
from kptrace.output.hosts import HostTable
from kptrace.plan import Map
from kptrace.session.merging import Part
from kptrace.session.stored import Table

Row = tuple[str, tuple[int | None, ...]]


class Hosts:
    """Rows of numbers: what is kept of a capture is a few of them for each map."""

    def __init__(self, levels: tuple[float, ...]) -> None:
        """``levels``: percentiles of log-linear histograms."""
        self._levels = levels
        self._rows: dict[str, list[Row]] = {}
        self._kinds: dict[str, types.Type] = {}
        self._names: set[str] = set()

    def add(self, part: Part) -> str:
        """Take a capture's numbers; returns what its host is called."""
        if part.header.merged:
            raise CaptureError(
                f"'{part.path}' is merged: its hosts cannot be told apart any more", code="merge"
            )
        name = part.header.host.name
        if name in self._names:  # a second run there
            name = f"{name} ({part.path})"
        self._names.add(name)
        maps = part.header.plan.maps
        for index, table in sorted(part.tables.items()):
            if not isinstance(maps[index].value, types.TSeries):
                numbers = self._numbers(maps[index], table)
                self._rows.setdefault(maps[index].name, []).append((name, numbers))
                self._kinds[maps[index].name] = maps[index].value
        return name

    def _numbers(self, map_: Map, table: Table) -> tuple[int | None, ...]:
        kind = map_.value
        assert isinstance(kind, types.AGGREGATES)
        total: State | None = None
        for state in table.values():
            total = state if total is None else states.add(kind, total, state)
        if total is None:
            return (None,) * len(_columns(kind, self._levels))
        (value,) = states.values(kind, [total])
        match value:
            case Histogram():
                levels = self._levels if isinstance(kind, types.Hist) and value.n else ()
                found = (value.quantile(level) for level in levels)
                return value.n, value.mean, *found, value.min, value.max
            case Average():
                return value.count, value.average, value.total
            case int():
                empty = isinstance(kind, types.Min | types.Max) and not total[1]
                return (None if empty else value,)
        raise TypeError(f"BUG: {map_.name} has no numbers")

    def tables(self) -> list[HostTable]:
        """One for each map."""
        return [
            HostTable(
                name=name,
                error=_error(self._kinds[name]) if self._levels else None,
                columns=_columns(self._kinds[name], self._levels),
                rows=tuple(rows),
            )
            for name, rows in self._rows.items()
        ]


def _error(kind: types.Type) -> float | None:
    """The bound of `Histogram.error`."""
    return Histogram(scheme=kind).error if isinstance(kind, types.Hist) else None


def _columns(kind: types.Type, levels: tuple[float, ...]) -> tuple[str, ...]:
    match kind:
        case types.Hist():
            return "count", "mean", *(f"p{level:g}" for level in levels), "min", "max"
        case types.LHist():
            return "count", "mean", "min", "max"
        case types.Avg() | types.Stats():
            return "count", "average", "total"
        case _:
            return (type(kind).__name__.lower(),)


def own_maps(part: Part) -> list[MapSnapshot]:
    """Maps whose values are those of one host: numbers that it has set."""
    return [one for one in part.maps.all() if not isinstance(one.map.value, types.AGGREGATES)]
