# SPDX-License-Identifier: MIT
"""A capture to the output, as if its run happened now: `Printer` is told what the run told."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from kptrace.capture import Capture, Frame, Kind, content
from kptrace.capture.content import End, Purpose
from kptrace.decoding import BLOCK
from kptrace.errors import Severity, printable, severity_tag
from kptrace.output import Format, Stream
from kptrace.output.values import Style
from kptrace.perf_records import (
    NOTHING_NEWER,
    Decoder,
    Records,
    in_order,
    latest,
    pieces,
    until,
)
from kptrace.plan import EventKind
from kptrace.records import dataclass
from kptrace.session.actions import Actions
from kptrace.session.answers import Answers
from kptrace.session.printing import Printer
from kptrace.session.sink import Sink
from kptrace.session.stored import MOST_KEPT, StoredMaps


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to print: as `session.run.Options` says. ``intervals``: the maps at each of them."""

    form: Callable[[Style], Format]
    quiet: bool = False
    warnings: bool = True
    intervals: bool = False


class Replay:
    """One capture and where it is printed."""

    def __init__(self, capture: Capture, options: Options, sink: Sink) -> None:
        header = capture.header
        plan = header.plan
        self.end: End | None = None
        self._capture = capture
        self._options = options
        self._sink = sink
        self._answers = Answers(header.clocks, header.gfp_flags)
        self._maps = StoredMaps(plan, header.host.cpus)
        self._result = b""
        self._pieces: list[bytes] = []
        self._waiting = 0
        self._printer = Printer(
            plan,
            options.form,
            Style(
                resolver=self._answers,
                trailer=plan.config.str_trunc_trailer.encode(),
                texts=plan.texts,
                color=sink.color,
            ),
            sink,
            self._maps,
            quiet=options.quiet,
            warnings=options.warnings,
            actions=Actions(
                now_ns=lambda: int(struct.unpack("<Q", self._result)[0]),
                read_file=self._read_file,
                shell=lambda command: self._result,
            ),
        )
        sizes = {one.id: one.size for one in plan.events if one.kind is not EventKind.JOIN}
        self._decoder = Decoder(sizes)
        self._parts: list[Records] = []
        self._waits_until = 0
        self.maps_ns: int | None = None
        """When the maps were read that stand for those of an end that is missing."""

    def run(self, more: Callable[[], bool] | None = None) -> None:
        """Print everything; ``more`` is that of `Capture.frames`.

        Raises CaptureError, at the end of the capture's block also for what cannot be decoded.
        """
        for frame in self._capture.frames(self._more(more)):
            handle = _FRAMES.get(Kind(frame.kind))
            if handle is None:
                raise ValueError(f"a frame of the kind {Kind(frame.kind).name.lower()}")
            handle(self, frame)
        if self.end is None:
            self._cut_short()
        self._sink.flush()

    def _more(self, more: Callable[[], bool] | None) -> Callable[[], bool] | None:
        if more is None:
            return None

        def flushed() -> bool:
            self._sink.flush()
            return more()

        return flushed

    def _cut_short(self) -> None:
        """Where a run has no end, its maps are those that were read last, if any were."""
        self._handle_until(NOTHING_NEWER)
        if not self._capture.header.plan.config.print_maps_on_exit:
            self.maps_ns = None
        if self.maps_ns is not None:
            self._printer.look()

    def _handle_until(self, horizon: int) -> None:
        """Print what is not newer, in order.

        What waited since an earlier horizon waits no longer: whoever wrote this one has looked
        again since. So nothing is put in order more than twice.
        """
        horizon = max(horizon, self._waits_until)
        pending = in_order(self._parts)
        ready = until(pending, horizon)
        records, rest = pending[:ready], pending[ready:]
        self._parts = [rest] if rest else []
        self._waits_until = latest(rest)
        for piece in pieces(records, BLOCK):
            self._printer.handle(piece)

    def _rings(self, frame: Frame) -> None:
        horizon, chunks = content.unpack_rings(frame.body)
        for chunk in chunks:
            self._decoder.decode(memoryview(chunk), self._parts)
        if horizon:  # else the rest of the rings is in the next frame
            self._handle_until(horizon)

    def _records(self, frame: Frame) -> None:
        self._handle_until(NOTHING_NEWER)
        self._printer.handle(content.unpack_records(frame.body))

    def _done(self, frame: Frame) -> None:
        record, piece, more = content.unpack_done(frame.body)
        self._pieces.append(piece)
        self._waiting += len(piece)
        if self._waiting > MOST_KEPT:
            raise ValueError("more of what came of an event than can be shown")
        if not more:
            self._result = b"".join(self._pieces)
            self._pieces.clear()
            self._waiting = 0
            self._printer.handle([record])

    def _read_file(self, name: bytes, most: int) -> bytes:
        if self._result[:1] == b"\1":
            raise OSError(0, self._result[1:].decode("utf-8", "replace"))
        return self._result[1:]

    def _map(self, frame: Frame) -> None:
        self._maps.take(frame.body)

    def _merged(self, frame: Frame) -> None:
        self._maps.take_merged(frame.body)

    def _source(self, frame: Frame) -> None:
        """Which captures were merged is for merging."""

    def _take_answers(self, frame: Frame) -> None:
        self._answers.add(content.unpack_list(frame.body))

    def _lost(self, frame: Frame) -> None:
        self._printer.lost(content.unpack_lost(frame.body))

    def _note(self, frame: Frame) -> None:
        for name, value in content.unpack_object(frame.body).items():
            if name in _NOTES:
                _NOTES[name](self, value, frame)

    def _warn(self, texts: Any, frame: Frame) -> None:
        for text in texts:
            tag = severity_tag(Severity.WARNING, color=self._sink.color)
            colored = printable(str(text), "\n\t").replace(Severity.WARNING.value, tag, 1)
            self._sink.write(Stream.ERROR, colored.encode())

    def _reopen(self, value: Any, frame: Frame) -> None:
        self._handle_until(NOTHING_NEWER)
        self._printer.reopen()

    def _look(self, value: Any, frame: Frame) -> None:
        if self._maps.show(Purpose.SIGNAL):
            self._printer.look()

    def _at_interval(self, value: Any, frame: Frame) -> None:
        self._maps.show(Purpose.INTERVAL)
        self.maps_ns = frame.time_ns
        if self._options.intervals:
            self._printer.interval(int(value), self._capture.when(frame.time_ns))

    def _ended(self, frame: Frame) -> None:
        self._handle_until(NOTHING_NEWER)
        self.end = content.unpack_end(frame.body)
        self._maps.show(Purpose.FINAL)
        self._printer.finish(self.end.ledger, self.end.status)


_FRAMES: dict[Kind, Callable[[Replay, Frame], None]] = {
    Kind.RINGS: Replay._rings,
    Kind.RECORDS: Replay._records,
    Kind.DONE: Replay._done,
    Kind.MAP: Replay._map,
    Kind.MERGED: Replay._merged,
    Kind.SOURCE: Replay._source,
    Kind.ANSWERS: Replay._take_answers,
    Kind.NOTE: Replay._note,
    Kind.LOST: Replay._lost,
    Kind.END: Replay._ended,
}

_NOTES: dict[str, Callable[[Replay, Any, Frame], None]] = {
    "attached": lambda replay, count, frame: replay._printer.attached(int(count), {}),
    "warnings": Replay._warn,
    "pinned": lambda replay, path, frame: replay._printer.pinned(printable(str(path))),
    "look": Replay._look,
    "interval": Replay._at_interval,
    "reopen": Replay._reopen,
}
"""What a run tells about itself."""
