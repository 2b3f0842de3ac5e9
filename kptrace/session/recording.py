# SPDX-License-Identifier: MIT
"""What a run collects, to a file: events as they came, and at once what depends on the moment."""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from types import TracebackType
from typing import TypeAlias

from kptrace import types
from kptrace.aggregate import Ledger, MapSnapshot
from kptrace.capture import Header, Kind, Packing, Writer, content
from kptrace.capture.content import End, Purpose
from kptrace.capture.frames import FRAME_HEAD, pack_frame, pack_preamble
from kptrace.capture.header import pack_header
from kptrace.errors import CaptureError, Diagnostic, Severity, UsageError, render
from kptrace.output import Stream
from kptrace.output.losses import text_ledger
from kptrace.output.values import Style
from kptrace.perf_records import RawRecord, Received, Rings, Run
from kptrace.plan import Event, EventKind, Map
from kptrace.records import dataclass
from kptrace.session import actions
from kptrace.session.answers import Asked, Noting
from kptrace.session.events import exit_code, formatter, spiller
from kptrace.session.progress import Progress
from kptrace.session.run import Scene

STORED = frozenset(
    {
        EventKind.PRINTF,
        EventKind.ERRORF,
        EventKind.WARNF,
        EventKind.PRINT,
        EventKind.JOIN,
        EventKind.WARNING,
        EventKind.EXIT,
    }
)
"""Events that mean later what they mean now: they are stored as they came. The others are done
(see ``DONE``), and what came of them is stored."""

_RESERVE = 1 << 20
"""Bytes of the disk for the maps and the end of a run that a full disk ends."""
_FRAME = 1 << 24
"""Bytes of rings from which on the next frame is begun."""

One: TypeAlias = Callable[[bytes], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What was asked for.

    ``size``: bytes from which on a file is full; then the run ends, or, of more ``files`` than
    one, the next is begun: the newest has ``path``, older ones have a number behind it.
    ``interval_ns``: how far apart maps are read, 0 for only at the end. ``warnings``: whether to
    tell that the file is full.
    """

    path: str
    packing: Packing = Packing.PLAIN
    interval_ns: int = 0
    size: int | None = None
    files: int = 1
    quiet: bool = False
    warnings: bool = True


class Recorder:
    """Writes what it is told. Implements `Outlet`; a context manager."""

    def __init__(self, header: Header, settings: Settings, scene: Scene) -> None:
        """``header`` is that of the first file.

        Raises UsageError for a size that would leave no room behind it.
        """
        begins = len(pack_preamble()) + len(pack_frame(Kind.HEADER, pack_header(header), 0))
        if settings.size is not None and settings.size <= begins + FRAME_HEAD:
            raise UsageError(
                f"--max-size is too small: a capture of this specification begins with {begins}"
                " bytes",
                code="usage",
            )
        plan = scene.plan
        self.exit_status: int | None = None
        self.full = False
        self._failed: CaptureError | None = None
        self._header = header
        self._settings = settings
        self._plan = plan
        self._maps = scene.maps
        self._sink = scene.sink
        self._noting = Noting(scene.resolver)
        self._style = Style(
            resolver=self._noting,
            trailer=plan.config.str_trunc_trailer.encode(),
            texts=plan.texts,
        )
        self._events = {event.id: event for event in plan.events}
        self._spills = {one.id for one in plan.events if one.kind is EventKind.SPILL}
        self._asked = {
            event.id: Asked(
                ((one.offset, one.type) for one in event.fields), self._style, event.size
            )
            for event in plan.events
        }
        self._asked_keys = {
            one.name: Asked([(0, one.key)] if one.key else [], self._style, one.key_size)
            for one in plan.maps
        }
        self._asked_values = {
            one.name: Asked([(0, one.value)], self._style, one.value_size)
            for one in plan.maps
            if not isinstance(one.value, types.AGGREGATES)
        }
        self.raw = all(event.kind in STORED and not self._asked[event.id] for event in plan.events)
        self._done: dict[int, One] = {}
        self._notes: list[bytes] = []  # what every file of the run begins with
        self._lost = 0
        self._waits = False
        self._interval = 0
        self._next_interval = time.monotonic_ns() + settings.interval_ns
        self._progress = Progress(scene.sink, quiet=settings.quiet)
        self._writer = Writer(settings.path, settings.packing, _RESERVE)

    def warn(self, warnings: Sequence[Diagnostic]) -> None:
        for warning in warnings:
            text = render(warning, color=self._sink.color)
            self._sink.write(Stream.ERROR, text.encode())
        if warnings:
            self._note_for_all({"warnings": [render(one) for one in warnings]})

    def attached(self, count: int, mechanisms: Mapping[str, str]) -> None:
        self._note_for_all({"attached": count, "mechanisms": dict(mechanisms)})
        self._begin()
        if not self._settings.quiet:
            probes = "1 probe" if count == 1 else f"{count} probes"
            text = f"Attached {probes}, recording to {self._settings.path}\n"
            self._sink.write(Stream.ERROR, text.encode("utf-8", "surrogateescape"))

    def handle(self, received: Received) -> None:
        if isinstance(received, Rings):
            self._store_rings(received)
        else:
            self._handle(received.records() if isinstance(received, Run) else received)
        self._look_at_size()

    def _store_rings(self, rings: Rings) -> None:
        """What is in several frames has its horizon in the last one."""
        some: list[bytes] = []
        for chunk in rings.chunks:
            self._progress.count_rings(chunk)
            if some and sum(map(len, some)) + len(chunk) > _FRAME:
                self._append(Kind.RINGS, content.pack_rings(0, some))
                some = []
            some.append(chunk)
        if some or self._waits:  # a horizon alone lets what waits for it be told
            self._append(Kind.RINGS, content.pack_rings(rings.horizon, some))
        self._waits = bool(some)

    def _handle(self, records: list[RawRecord]) -> None:
        self._progress.count(len(records))
        waiting: list[bytes] = []
        for number, run in groupby(records, key=lambda record: record[1]):
            over = self.exit_status is not None or self._failed is not None
            if over and number not in self._spills:
                continue
            event = self._events[number]
            payloads = [payload for _, _, payload in run]
            if event.kind in STORED:
                self._asked[number].note(payloads)
                waiting += payloads
                if event.kind is EventKind.EXIT:
                    self.exit_status = exit_code(event, payloads[0])
                continue
            self._store(waiting)
            waiting = []
            do = self._done.get(number)
            if do is None:
                do = self._done[number] = DONE[event.kind](self, event)
            for payload in payloads:
                do(payload)
        self._store(waiting)

    def _store(self, payloads: list[bytes]) -> None:
        self._store_answers()
        for body in content.pack_records(payloads):
            self._append(Kind.RECORDS, body)

    def _store_answers(self) -> None:
        for body in content.pack_answers(self._noting.take()):
            self._append(Kind.ANSWERS, body)

    def _store_done(self, payload: bytes, result: bytes = b"") -> None:
        self._store_answers()
        for body in content.pack_done(payload, result):
            self._append(Kind.DONE, body)

    def _print_map(self, event: Event) -> One:
        index = [one.name for one in self._plan.maps].index(event.map)

        def handle(payload: bytes) -> None:
            self._store_map(index, self._plan.maps[index], Purpose.PRINT)
            self._store_done(payload)

        return handle

    def _clear(self, event: Event) -> One:
        return lambda payload: self._maps.clear(event.map)

    def _zero(self, event: Event) -> One:
        return lambda payload: self._maps.zero(event.map)

    def _spill(self, event: Event) -> One:
        return spiller(event, self._maps)

    def _time(self, event: Event) -> One:
        return lambda payload: self._store_done(payload, struct.pack("<Q", time.time_ns()))

    def _cat(self, event: Event) -> One:
        name_of = formatter(event, self._style)
        most = self._plan.config.max_cat_bytes

        def handle(payload: bytes) -> None:
            try:
                result = b"\0" + actions.read_file(name_of(payload), most)
            except OSError as error:
                result = b"\1" + (error.strerror or str(error)).encode()
            self._store_done(payload, result)

        return handle

    def _system(self, event: Event) -> One:
        command_of = formatter(event, self._style)
        return lambda payload: self._store_done(payload, actions.shell(command_of(payload)))

    def pinned(self, path: str) -> None:
        self._note({"pinned": path})

    def lost(self, count: int) -> None:
        self._lost += count
        self._progress.lost(count)
        self._append(Kind.LOST, content.pack_lost(count))

    def look(self) -> None:
        self._store_maps(Purpose.SIGNAL)
        self._note({"look": True})

    def tick(self) -> bool:
        now = time.monotonic_ns()
        if self._settings.interval_ns and now >= self._next_interval and not self.full:
            self._interval += 1
            self._store_maps(Purpose.INTERVAL)
            self._note({"interval": self._interval})
            late = now - self._next_interval
            self._next_interval += self._settings.interval_ns * (
                1 + late // self._settings.interval_ns
            )
            self._look_at_size()
        self._progress.show(self._writer.size)
        return False

    def reopen(self) -> int | None:
        self._note({"reopen": True})
        status, self.exit_status = self.exit_status, None
        return status

    def finish(self, ledger: Ledger, status: int) -> tuple[MapSnapshot, ...]:
        failed, self._failed = self._failed, None
        if failed:
            self._writer.release()
        reason = "unwritable" if failed else "max-size" if self.full else ""
        self._end(ledger, status, reason)
        failed = failed or self._failed
        quiet = self._settings.quiet
        if self.full and not failed and self._settings.warnings:
            self._sink.write(Stream.ERROR, render(self._full(), color=self._sink.color).encode())
        self._progress.finish(self._settings.path, self._writer.size)
        text = text_ledger(ledger, terminal=self._sink.error_is_terminal, quiet=quiet)
        self._sink.write(Stream.ERROR, text)
        self._sink.flush()
        if failed is not None:
            raise failed
        return ()

    def _full(self) -> Diagnostic:
        path = self._settings.path
        return Diagnostic(
            code="max-size",
            message=f"the run ended because '{path}' has the size of --max-size",
            severity=Severity.WARNING,
        )

    def _end(self, ledger: Ledger, status: int, reason: str) -> None:
        self._store_maps(Purpose.FINAL)
        end = End(ledger=ledger, status=status, reason=reason, wall_ns=time.time_ns())
        self._append(Kind.END, content.pack_end(end))

    def _store_maps(self, purpose: Purpose) -> None:
        for index, one in enumerate(self._plan.maps):
            if one.shown:
                self._store_map(index, one, purpose)

    def _store_map(self, index: int, one: Map, purpose: Purpose) -> None:
        entries = self._maps.entries(one.name)
        self._asked_keys[one.name].note_all(entries.keys, entries.key_size)
        if one.name in self._asked_values:
            self._asked_values[one.name].note_all(entries.values, entries.copy_size)
        self._store_answers()
        zeroed = self._maps.zeroed(one.name)
        for body in content.pack_map(index, one, entries, purpose, zeroed=zeroed):
            self._append(Kind.MAP, body)

    def _append(self, kind: Kind, body: bytes) -> None:
        """What cannot be written ends the run, and nothing behind it is: but its maps and its end.

        So a full disk loses the last events, and not what was counted before.
        """
        if self._failed is not None:
            return
        try:
            self._writer.append(kind, body)
        except CaptureError as error:
            self._failed = error
            self.full = True

    def _note(self, note: dict[str, object]) -> None:
        self._append(Kind.NOTE, content.pack_json(note))

    def _note_for_all(self, note: dict[str, object]) -> None:
        """What stands at the beginning of every file of the run."""
        self._notes.append(content.pack_json(note))

    def _look_at_size(self) -> None:
        """Between events, where nothing is half told."""
        size = self._settings.size
        if size is None or self._writer.size < size or self._failed is not None:
            return
        if self._settings.files == 1:
            self.full = True
            return
        # what only the whole run knows is unknown here
        partial = Ledger(
            events=self._lost or None,
            map_full=None,
            probe_misses=None,
            recursion_misses=None,
            stacks=None,
        )
        self._end(partial, 0, "rotated")
        if self._failed is not None:
            return
        self._writer.close()
        self._shift()
        self._header = replace(self._header, part=self._header.part + 1)
        self._writer = Writer(self._settings.path, self._settings.packing, _RESERVE)
        self._begin()

    def _shift(self) -> None:
        """The files that are kept get the next number; the oldest is replaced.

        One that somebody has taken away meanwhile is theirs.
        """
        path = self._settings.path
        names = (path, *(f"{path}.{number}" for number in range(1, self._settings.files)))
        for newer, older in reversed([*pairwise(names)]):
            try:
                os.replace(newer, older)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise CaptureError(
                    f"cannot rename '{newer}' to '{older}': {error.strerror}", code="output"
                ) from None

    def _begin(self) -> None:
        """Begin a file, which knows nothing of the ones before it."""
        self._noting.forget()
        for asked in (
            *self._asked.values(),
            *self._asked_keys.values(),
            *self._asked_values.values(),
        ):
            asked.forget()
        self._writer.append(Kind.HEADER, pack_header(self._header))
        for note in self._notes:
            self._writer.append(Kind.NOTE, note)

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.clear()
        self._writer.close()


DONE: dict[EventKind, Callable[[Recorder, Event], One]] = {
    EventKind.PRINT_MAP: Recorder._print_map,
    EventKind.CLEAR: Recorder._clear,
    EventKind.ZERO: Recorder._zero,
    EventKind.TIME: Recorder._time,
    EventKind.CAT: Recorder._cat,
    EventKind.SYSTEM: Recorder._system,
    EventKind.SPILL: Recorder._spill,
}
"""Events that have an effect, or mean something only now."""
