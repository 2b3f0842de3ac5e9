# SPDX-License-Identifier: MIT
"""What the tracer does when an event arrives: one function per `EventKind`."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from typing import Protocol

from kptrace import decoding, types
from kptrace.aggregate import MapSnapshot
from kptrace.decoding import Buffer, Values
from kptrace.output import Format, Stream
from kptrace.output.printf import compile_columns, compile_format
from kptrace.output.times import time_renderer
from kptrace.output.values import Style
from kptrace.perf_records import PAYLOAD, RawRecord, Records, Run
from kptrace.plan import Event, EventKind, Plan
from kptrace.session.actions import LIVE, Actions
from kptrace.session.sink import Sink

Handler = Callable[[list[bytes]], None]
"""Handles a run of events of one kind."""
One = Callable[[bytes], None]


class Maps(Protocol):
    """The maps of a specification by their names, as events see them."""

    def snapshot(self, name: str) -> MapSnapshot:
        """What is in it now."""

    def all(self) -> tuple[MapSnapshot, ...]:
        """What is in all that can be read."""

    def clear(self, name: str) -> None:
        """Remove all entries."""

    def zero(self, name: str) -> None:
        """Set every value to zero and keep the keys."""

    def spill(self, name: str, key: bytes, numbers: Values) -> None:
        """Keep an update for which the kernel had no memory just then.

        ``numbers``: the value, and for a time series the time.
        """


class Handlers:
    """Handles records in order until an `exit()` among them; ``exit_status`` is then set.

    ``errors`` counts the messages of errorf.
    """

    def __init__(
        self,
        plan: Plan,
        form: Format,
        style: Style,
        sink: Sink,
        maps: Maps,
        *,
        warnings: bool = True,
        actions: Actions = LIVE,
    ) -> None:
        """``warnings``: whether warnf and run-time warnings are written."""
        self.exit_status: int | None = None
        self.errors = 0
        self.warnings = warnings
        self.form = form
        self._config = plan.config
        self.style = style
        self.sink = sink
        self.maps = maps
        self._actions = actions
        self._events = {event.id: event for event in plan.events}
        self._handlers: dict[int, Handler] = {}
        self._writers: dict[int, Callable[[Buffer], None]] = {}
        self._spills = {one.id for one in plan.events if one.kind is EventKind.SPILL}

    def handle(self, records: Records) -> None:
        """Handle records; what follows an `exit()` is dropped, but for what belongs to maps."""
        if isinstance(records, Run):
            event = self._events[records.event]
            if event.kind is EventKind.PRINTF and self.exit_status is None:
                self._write_run(event, records)
                return
            records = records.records()
        for number, run in groupby(records, key=_number):
            if self.exit_status is not None and number not in self._spills:
                continue
            handler = self._handlers.get(number)
            if handler is None:
                event = self._events[number]
                handler = self._handlers[number] = _MAKERS[event.kind](self, event)
            handler([payload for _, _, payload in run])

    def _write_run(self, event: Event, run: Run) -> None:
        """Print a run of printf as it lies in the ring."""
        writer = self._writers.get(event.id)
        if writer is None:
            writer = self._writers[event.id] = self._writer(event, PAYLOAD, run.size)
        writer(run.data)

    def reopen(self) -> int | None:
        """Accept events again (those of end blocks); returns the status of an earlier `exit()`."""
        status, self.exit_status = self.exit_status, None
        return status

    def write(self, data: bytes) -> None:
        self.sink.write(Stream.OUTPUT, data)

    def tell(self, data: bytes) -> None:
        """What is about the run: standard error, or an object of its own in the output."""
        self.sink.write(self.form.diagnostics, data)

    def formatted(self, event: Event) -> Callable[[bytes], bytes]:
        """The function from an event to its formatted text."""
        return formatter(event, self.style)

    def _writer(self, event: Event, start: int, size: int) -> Callable[[Buffer], None]:
        """Prints the records of a buffer: of ``size`` bytes, in which the event begins there."""
        kinds = [one.type for one in event.fields]
        offsets = [start + one.offset for one in event.fields]
        columns = decoding.column_decoder(kinds, offsets, size)
        texts = compile_columns(event.text, kinds, self.style)

        def write(data: Buffer) -> None:
            self.write(self.form.printf(texts(columns(data), len(data) // size)))

        return write

    def _printf(self, event: Event) -> Handler:
        write = self._writer(event, 0, event.size)
        return lambda payloads: write(b"".join(payloads))

    def _errorf(self, event: Event) -> One:
        text_of = self.formatted(event)

        def handle(payload: bytes) -> None:
            self.errors += 1
            self.tell(self.form.message(event, text_of(payload)))

        return handle

    def _warnf(self, event: Event) -> One:
        if not self.warnings:
            return _nothing
        text_of = self.formatted(event)
        return lambda payload: self.tell(self.form.message(event, text_of(payload)))

    def _value(self, event: Event) -> One:
        (field,) = event.fields
        decode = decoding.decoder((field.type,), (field.offset,))
        form, write = self.form, self.write
        return lambda payload: write(form.value(field.type, decode(payload, 0)[0]))

    def _print_map(self, event: Event) -> One:
        def handle(payload: bytes) -> None:
            found = self.maps.snapshot(event.map)
            self.write(self.form.map(found, top=event.top, div=event.div))

        return handle

    def _clear(self, event: Event) -> One:
        return lambda payload: self.maps.clear(event.map)

    def _zero(self, event: Event) -> One:
        return lambda payload: self.maps.zero(event.map)

    def _time(self, event: Event) -> One:
        text_of = time_renderer(event.text, fractions=False)
        now_ns = self._actions.now_ns
        return lambda payload: self.write(self.form.time(text_of(now_ns())))

    def _cat(self, event: Event) -> One:
        name_of = self.formatted(event)
        read_file = self._actions.read_file

        def handle(payload: bytes) -> None:
            name = name_of(payload)
            try:
                self.write(self.form.cat(read_file(name, self._config.max_cat_bytes)))
            except OSError as error:
                reason = (error.strerror or str(error)).encode()
                text = b"ERROR: failed to open file '%b' (%b)\n" % (name, reason)
                self.sink.write(Stream.ERROR, text)

        return handle

    def _join(self, event: Event) -> One:
        (field,) = event.fields
        start = field.offset + 4  # the buffer's length comes first
        separator = event.text.encode("utf-8", "surrogateescape")

        def handle(payload: bytes) -> None:
            length = int.from_bytes(payload[field.offset : start], "little")
            words = payload[start : start + length].split(b"\0")[:-1]
            self.write(self.form.join(separator.join(words)))

        return handle

    def _system(self, event: Event) -> One:
        command_of = self.formatted(event)
        shell = self._actions.shell
        return lambda payload: self.write(self.form.syscall(shell(command_of(payload))))

    def _spill(self, event: Event) -> One:
        return spiller(event, self.maps)

    def _exit(self, event: Event) -> Handler:
        def handle(payloads: list[bytes]) -> None:
            self.exit_status = exit_code(event, payloads[0])

        return handle

    def _warning(self, event: Event) -> One:
        """A field, if there is one, is named after the failed helper and holds what it returned."""
        if not self.warnings:
            return _nothing
        field = event.fields[0] if event.fields else None

        def handle(payload: bytes) -> None:
            helper, code = "", 0
            if field:
                returned = decoding.decode(field.type, payload, field.offset)
                assert isinstance(returned, int)
                helper, code = field.name, returned
            told = event if event.text else replace(event, text=os.strerror(-code))
            self.tell(self.form.warning(told, helper, code))

        return handle


def formatter(event: Event, style: Style) -> Callable[[bytes], bytes]:
    """The function from an event to its formatted text."""
    kinds = [one.type for one in event.fields]
    decode = decoding.decoder(kinds, [one.offset for one in event.fields])
    render = compile_format(event.text, kinds, style)
    return lambda payload: render(decode(payload, 0))


def spiller(event: Event, maps: Maps) -> One:
    """What puts an update that the kernel had no memory for into the map that it is for."""
    key, *numbers = event.fields
    end = key.offset + types.size_of(key.type)
    decode = decoding.decoder([one.type for one in numbers], [one.offset for one in numbers])

    def spill(payload: bytes) -> None:
        maps.spill(event.map, bytes(payload[key.offset : end]), decode(payload, 0))

    return spill


def exit_code(event: Event, payload: bytes) -> int:
    """The code that an `exit()` asks for."""
    if not event.fields:
        return 0
    (field,) = event.fields
    code = decoding.decode(field.type, payload, field.offset)
    assert isinstance(code, int)
    return code & 0xFF


def _nothing(payload: bytes) -> None:
    """What is not to be told."""


def _number(record: RawRecord) -> int:
    return record[1]


def _each(make: Callable[[Handlers, Event], One]) -> Callable[[Handlers, Event], Handler]:
    """Events that are handled one by one."""

    def maker(handlers: Handlers, event: Event) -> Handler:
        one = make(handlers, event)

        def handle(payloads: list[bytes]) -> None:
            for payload in payloads:
                one(payload)

        return handle

    return maker


_MAKERS: dict[EventKind, Callable[[Handlers, Event], Handler]] = {
    EventKind.PRINTF: Handlers._printf,
    EventKind.EXIT: Handlers._exit,
    EventKind.ERRORF: _each(Handlers._errorf),
    EventKind.WARNF: _each(Handlers._warnf),
    EventKind.PRINT: _each(Handlers._value),
    EventKind.PRINT_MAP: _each(Handlers._print_map),
    EventKind.CLEAR: _each(Handlers._clear),
    EventKind.ZERO: _each(Handlers._zero),
    EventKind.TIME: _each(Handlers._time),
    EventKind.CAT: _each(Handlers._cat),
    EventKind.JOIN: _each(Handlers._join),
    EventKind.SYSTEM: _each(Handlers._system),
    EventKind.WARNING: _each(Handlers._warning),
    EventKind.SPILL: _each(Handlers._spill),
}
