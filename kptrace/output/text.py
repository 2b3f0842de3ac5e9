# SPDX-License-Identifier: MIT
"""The text format (language §10): what people read, and what scripts have parsed for years."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from kptrace import types
from kptrace.aggregate import Ledger, MapSnapshot, Value
from kptrace.errors import Severity, printable, severity_tag
from kptrace.histogram import Histogram
from kptrace.output import Stream
from kptrace.output.bars import shown_rows, text_percentiles, text_rows
from kptrace.output.losses import text_ledger
from kptrace.output.maps import divided, shown_entries
from kptrace.output.series import text_graph
from kptrace.output.trials import TextTrials
from kptrace.output.values import Style, column_key_renderer, column_renderer, renderer
from kptrace.plan import Event, EventKind
from kptrace.records import dataclass
from kptrace.types import Type


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFormat(TextTrials):
    """Implements `kptrace.output.Format`; ``percentiles`` are printed under each hist."""

    diagnostics: ClassVar[Stream] = Stream.ERROR

    style: Style
    percentiles: tuple[float, ...] = ()

    def printf(self, texts: Iterable[bytes]) -> bytes:
        return b"".join(texts)

    def time(self, text: bytes) -> bytes:
        return text

    def value(self, kind: Type, value: Value) -> bytes:
        return renderer(kind, self.style)(value) + b"\n"

    def map(
        self,
        snapshot: MapSnapshot,
        *,
        top: int | None = None,
        div: int | None = None,
        final: bool = False,
    ) -> bytes:
        entries = shown_entries(snapshot, top, final=final)
        if not entries:
            return b""
        keys, values = zip(*entries, strict=True)
        template, columns = self._values(snapshot.map.value, values, div)
        head = snapshot.map.name.encode()
        if snapshot.map.key is not None:
            key_template, key_columns = column_key_renderer(snapshot.map.key, self.style)
            head = b"%b[%b]" % (head, key_template)
            columns = [*key_columns(keys), *columns]
        return b"".join(map((head + template).__mod__, zip(*columns, strict=True)))

    def _values(
        self, kind: Type, values: Sequence[Any], div: int | None
    ) -> tuple[bytes, list[Iterable[Any]]]:
        """What stands behind the keys: a template and the columns of its arguments."""
        match kind:
            case types.Hist() | types.LHist():
                return b":\n%b\n", [[self._histogram(one, div) for one in values]]
            case types.TSeries():
                return b":\n%b\n", [[text_graph(kind, one, self.style.tai) for one in values]]
            case types.Stats():
                template = b": { .count = %d, .average = %d, .total = %d }\n"
                counts, totals = zip(*[(one.count, one.total) for one in values], strict=True)
                return template, [counts, divided(kind, values, div), totals]
            case types.Avg() | types.Count() | types.Sum() | types.Min() | types.Max():
                return b": %d\n", [divided(kind, values, div)]
            case _:
                template, columns_of = column_renderer(kind, self.style)
                return b": %b\n" % template, columns_of(divided(kind, values, div))

    def _histogram(self, one: Histogram, div: int | None) -> bytes:
        return text_rows(shown_rows(one, div)) + text_percentiles(one, self.percentiles)

    def final_maps(self, maps: Sequence[MapSnapshot]) -> bytes:
        ordered = sorted(maps, key=lambda one: one.map.name.encode())
        return b"\n\n" + b"".join(self.map(one, final=True) for one in ordered)

    def interval(self, number: int, when: str) -> bytes:
        return b"Interval %d, until %b:" % (number, when.encode())

    def host(self, name: str) -> bytes:
        return f"Host {printable(name)}:\n".encode()

    def attached(self, count: int) -> bytes:
        return b"Attached %d %b\n" % (count, b"probe" if count == 1 else b"probes")

    def pinned(self, path: str) -> bytes:
        return b"Program pinned to %b\n" % os.fsencode(path)

    def lost_events(self, count: int) -> bytes:
        return b"Lost %d events\n" % count

    def cat(self, text: bytes) -> bytes:
        return text

    def join(self, text: bytes) -> bytes:
        return text + b"\n"

    def syscall(self, text: bytes) -> bytes:
        return text + b"\n"

    def message(self, event: Event, text: bytes) -> bytes:
        severity = Severity.ERROR if event.kind is EventKind.ERRORF else Severity.WARNING
        head = f"{event.place}: {severity_tag(severity, color=self.style.color)}: "
        tail = f"{event.excerpt}\n" if event.excerpt else ""
        parts = (head.encode("utf-8", "surrogateescape"), text)
        return b"%b%b\n" % parts + tail.encode("utf-8", "surrogateescape")

    def warning(self, event: Event, helper: str = "", retcode: int = 0) -> bytes:
        tag = severity_tag(Severity.WARNING, color=self.style.color)
        lines = [f"{event.place}: {tag}: {event.text}" if event.place else f"{tag}: {event.text}"]
        if helper:
            lines.append(f"Additional Info - helper: {helper}, retcode: {retcode}")
        if event.excerpt:
            lines.append(event.excerpt.removesuffix("\n"))
        return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")

    def ledger(self, ledger: Ledger, *, terminal: bool, quiet: bool) -> bytes:
        return text_ledger(ledger, terminal=terminal, quiet=quiet)
