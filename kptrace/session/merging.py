# SPDX-License-Identifier: MIT
"""Several captures of one specification -> one answer, whatever their order and number.

Each capture is read, added and forgotten: what is kept grows with the keys of the maps, not with
the captures, of which only the numbers of their runs are remembered, so that none counts twice.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace

from kptrace import types
from kptrace.aggregate import Ledger, MapSnapshot, merge_ledgers
from kptrace.capture import Capture, Clocks, Header, Host, Kind, Writer, content, states
from kptrace.capture.content import End, Purpose
from kptrace.capture.header import pack_header
from kptrace.errors import CaptureError
from kptrace.output.values import Style
from kptrace.plan import Map
from kptrace.session.answers import Answers
from kptrace.session.stored import StoredMaps, Table, merged_snapshot, pack_table

_SKIPPED = frozenset({Kind.RINGS, Kind.RECORDS, Kind.DONE})
"""Frames that a merge does not look at: events."""


class Part:
    """What one capture adds.

    ``complete``: nothing of it is missing. ``maps_ns``: when its maps were read, if not at its
    end. ``runs``: the numbers of the runs in it; ``captures``: how many it is made of.
    """

    def __init__(self, capture: Capture) -> None:
        """Raises CaptureError where no map can be read."""
        self.header = header = capture.header
        self.path = capture.path
        self.complete = False
        self.maps_ns: int | None = None
        self.runs = [] if header.merged else [header.run]
        self.ledger = Ledger()
        answers = Answers(header.clocks, header.gfp_flags)
        self.style = Style(
            resolver=answers,
            trailer=header.plan.config.str_trunc_trailer.encode(),
            texts=header.plan.texts,
        )
        self.maps = StoredMaps(header.plan, header.host.cpus)
        lost = 0
        for frame in capture.frames(skip=_SKIPPED):
            match frame.kind:
                case Kind.MAP:
                    if content.unpack_map(frame.body).purpose in (Purpose.INTERVAL, Purpose.FINAL):
                        self.maps.take(frame.body)
                case Kind.ANSWERS:
                    answers.add(content.unpack_list(frame.body))
                case Kind.LOST:
                    lost += content.unpack_lost(frame.body)
                case Kind.NOTE:
                    if "interval" in content.unpack_object(frame.body):
                        self.maps.show(Purpose.INTERVAL)
                        self.maps_ns = frame.time_ns
                case Kind.MERGED:
                    self.maps.take_merged(frame.body)
                case Kind.SOURCE:
                    self.runs.append(str(content.unpack_object(frame.body)["run"]))
                case Kind.END:
                    end = content.unpack_end(frame.body)
                    self.complete, self.ledger = end.reason != "rotated", end.ledger
                    self.maps.show(Purpose.FINAL)
        if capture.ended:
            self.maps_ns = None
        else:
            self.ledger = unknown_ledger(lost)
            if self.maps_ns is None and header.plan.maps:
                raise CaptureError(
                    f"'{self.path}' ends before its maps were read: there is nothing to merge",
                    hint="with --interval, record keeps the maps from time to time",
                    code="incomplete-capture",
                )
        self.tables = self.maps.tables(self.style)


def unknown_ledger(lost: int) -> Ledger:
    """What is known of losses where the end of a run is missing: those of events so far."""
    return Ledger(
        events=lost or None,
        map_full=None,
        probe_misses=None,
        recursion_misses=None,
        stacks=None,
    )


class Total:
    """What captures add up to; `add` them in any order."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.runs: set[str] = set()
        self._first: Header | None = None
        self._path = ""
        self._tai = 0
        self._tables: dict[int, Table] = {}
        self._levels: set[float] = set()
        self.incomplete = False

    @property
    def levels(self) -> tuple[float, ...]:
        """Percentiles that any of the runs would have printed."""
        return tuple(sorted(self._levels))

    @property
    def style(self) -> Style:
        """What text depends on; names are text already."""
        clocks = Clocks(monotonic=0, boot=0, tai=self._tai)
        plan = self.header.plan
        return Style(
            resolver=Answers(clocks, ()),
            trailer=plan.config.str_trunc_trailer.encode(),
            texts=plan.texts,
        )

    @property
    def header(self) -> Header:
        """That of a capture of everything."""
        assert self._first is not None
        return replace(
            self._first,
            run=os.urandom(16).hex(),
            part=0,
            merged=True,
            interval_ns=0,
            percentiles=self.levels,
            gfp_flags=(),
            host=Host(
                name=f"{len(self.runs)} captures",
                release="",
                version="",
                arch=self._first.host.arch,
                build_id="",
                boot_id="",
                cpus=0,
            ),
            clocks=Clocks(monotonic=time.time_ns() - time.monotonic_ns(), boot=0, tai=self._tai),
        )

    def add(self, part: Part) -> None:
        """Raises CaptureError, naming both files, where they are not of one specification."""
        if self._first is None:
            self._first, self._path, self._tai = part.header, part.path, part.header.clocks.tai
        else:
            _require_same(self._first, self._path, part.header, part.path)
        twice = self.runs.intersection(part.runs)
        if twice:
            raise CaptureError(
                f"'{part.path}' is of a run that was merged already, and would count twice",
                code="merge",
            )
        self.runs.update(part.runs)
        self._levels.update(part.header.percentiles)
        self._set_clock(min(self._tai, part.header.clocks.tai), part)
        for index, table in part.tables.items():
            kind = self._first.plan.maps[index].value
            assert isinstance(kind, types.AGGREGATES)
            known = self._tables.setdefault(index, {})
            try:
                for key, state in table.items():
                    before = known.get(key)
                    known[key] = state if before is None else states.add(kind, before, state)
            except OverflowError as error:
                raise CaptureError(f"'{part.path}' can't be added: {error}", code="merge") from None
        self.ledger = merge_ledgers((self.ledger, part.ledger))
        self.incomplete = self.incomplete or not part.complete

    def _set_clock(self, tai: int, part: Part) -> None:
        """Number the epochs of time series by one clock: hosts may not have set their TAI."""
        for tables, have in ((self._tables, self._tai), (part.tables, part.header.clocks.tai)):
            for index, table in tables.items():
                map_ = part.header.plan.maps[index]
                kind = map_.value
                if have == tai or not isinstance(kind, types.TSeries):
                    continue
                if (have - tai) % kind.interval:
                    raise CaptureError(
                        f"'{self._path}' and '{part.path}' can't be merged: their clocks (TAI)"
                        f" begin the intervals of {map_.name} at different times",
                        hint="NTP and PTP services set the difference of TAI and UTC",
                        code="merge",
                    )
                for key, state in table.items():
                    table[key] = states.later(kind, state, have - tai)
        self._tai = tai

    def maps(self) -> tuple[MapSnapshot, ...]:
        """What can be added, as a run would have it."""
        assert self._first is not None
        maps = self._first.plan.maps
        return tuple(
            merged_snapshot(maps[index], table) for index, table in sorted(self._tables.items())
        )

    def left_out(self) -> tuple[Map, ...]:
        """Maps whose values cannot be added: a number that a host has set is that host's."""
        assert self._first is not None
        maps = self._first.plan.maps
        return tuple(
            one for one in maps if one.shown and not isinstance(one.value, types.AGGREGATES)
        )

    def write(self, writer: Writer) -> None:
        """A capture of everything, which can be merged further."""
        writer.append(Kind.HEADER, pack_header(self.header))
        for run in sorted(self.runs):
            writer.append(Kind.SOURCE, content.pack_json({"run": run}))
        for body in self._bodies():
            writer.append(Kind.MERGED, body)
        end = End(ledger=self.ledger, status=0, reason="merged", wall_ns=time.time_ns())
        writer.append(Kind.END, content.pack_end(end))

    def _bodies(self) -> Iterator[bytes]:
        assert self._first is not None
        for index, table in sorted(self._tables.items()):
            yield from pack_table(index, self._first.plan.maps[index], table)


def _require_same(left: Header, left_path: str, right: Header, right_path: str) -> None:
    """What was asked must be the same, and so must be what was counted."""
    for what, one, other in (
        ("specifications", left.specification.sha256, right.specification.sha256),
        ("parameters", left.specification.parameters, right.specification.parameters),
        ("parameters", left.specification.named, right.specification.named),
        ("probes (--probe-filter)", left.probe_filter, right.probe_filter),
        ("processes (--pid)", bool(left.pid), bool(right.pid)),  # each host has its own numbers
        ("maps", [map_.name for map_ in left.plan.maps], [map_.name for map_ in right.plan.maps]),
    ):
        if one != other:
            raise _different(left_path, right_path, f"they are of different {what}")
    if left.plan is right.plan:
        return
    for mine, theirs in zip(left.plan.maps, right.plan.maps, strict=True):
        for what, same in (
            ("values or buckets", mine.value == theirs.value),
            ("keys", mine.key == theirs.key),
        ):
            if not same:
                raise _different(left_path, right_path, f"{mine.name} has other {what} in each")


def _different(left: str, right: str, why: str) -> CaptureError:
    return CaptureError(f"'{left}' and '{right}' can't be merged: {why}", code="merge")
