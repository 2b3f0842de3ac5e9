# SPDX-License-Identifier: MIT
"""The JSON format (language §11): one object per line, all of it on the output."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from kptrace import types
from kptrace.aggregate import Average, Ledger, MapSnapshot, Value
from kptrace.histogram import Histogram, Row
from kptrace.output import Stream
from kptrace.output.bars import percentile_figures, shown_rows
from kptrace.output.losses import ledger_object
from kptrace.output.maps import divided, shown_entries
from kptrace.output.series import points
from kptrace.output.values import Style, key_renderer, renderer
from kptrace.plan import Event
from kptrace.records import dataclass
from kptrace.types import Type


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonFormat:
    """Implements `kptrace.output.Format`; ``percentiles`` get a line of their own."""

    diagnostics: ClassVar[Stream] = Stream.OUTPUT

    style: Style
    percentiles: tuple[float, ...] = ()

    def printf(self, texts: Iterable[bytes]) -> bytes:
        return b"".join(map(b'{"type": "printf", "data": %b}\n'.__mod__, map(dump_string, texts)))

    def time(self, text: bytes) -> bytes:
        return b'{"type": "time", "data": %b}\n' % dump_string(text)

    def value(self, kind: Type, value: Value) -> bytes:
        return _line("value", dump(_plain(kind, self.style)(value)))

    def map(
        self,
        snapshot: MapSnapshot,
        *,
        top: int | None = None,
        div: int | None = None,
        final: bool = False,
    ) -> bytes:
        kind = snapshot.map.value
        entries = shown_entries(snapshot, top, final=final)
        averages = isinstance(kind, types.Avg | types.Stats)
        if not entries and (snapshot.map.key is None or not averages):
            return b""
        keys, values = zip(*entries, strict=True) if entries else ((), ())
        texts = _map_values(kind, values, self.style, div)
        data = self._data(snapshot, zip(keys, texts, strict=True))
        line = _line(_map_type(kind), data)
        figures = [
            (key, dump(found))
            for key, value in entries
            if isinstance(value, Histogram)
            and (found := percentile_figures(value, self.percentiles)) is not None
        ]
        return line + _line("percentiles", self._data(snapshot, figures)) if figures else line

    def _data(self, snapshot: MapSnapshot, entries: Iterable[tuple[Value | None, bytes]]) -> bytes:
        """``{"@x": value}`` of a scalar map, ``{"@x": {"key": value, …}}`` of a keyed one."""
        if snapshot.map.key is None:
            ((_, value),) = entries
        else:
            key_of = key_renderer(snapshot.map.key, self.style)
            # Pairs, not a dict: without their blanks, different keys may have one text.
            value = _object(
                (dump_string(key_of(key).replace(b" ", b"")), text) for key, text in entries
            )
        return _object([(dump(snapshot.map.name), value)])

    def final_maps(self, maps: Sequence[MapSnapshot]) -> bytes:
        ordered = sorted(maps, key=lambda one: one.map.name.encode())
        return b"".join(self.map(one, final=True) for one in ordered)

    def interval(self, number: int, when: str) -> bytes:
        return _line("interval", dump({"number": number, "until": when}))

    def host(self, name: str) -> bytes:
        return _line("host", dump(name))

    def tests_begin(self, count: int) -> bytes:
        return b""

    def test_begin(self, name: str) -> bytes:
        return b""

    def test_end(self, name: str, duration_ns: int, passed: bool, output: bytes) -> bytes:
        data = {"duration": duration_ns, "passed": passed, "output": output}
        return _line("test_result", dump({name: data}))

    def tests_end(self, count: int, failed: Sequence[str]) -> bytes:
        return b""

    def benches_begin(self, longest: int) -> bytes:
        return b""

    def bench(self, name: str, average_ns: int, times: int, longest: int) -> bytes:
        data = {"average": average_ns, "iters": times}
        return _line("benchmark_result", dump({name: data}))

    def attached(self, count: int) -> bytes:
        data = {"type": "attached_probes", "count": count, "data": {"probes": count}}
        return dump(data) + b"\n"

    def pinned(self, path: str) -> bytes:
        return _line("pinned", dump_string(os.fsencode(path)))

    def lost_events(self, count: int) -> bytes:
        data = {"type": "lost_events", "count": count, "data": {"events": count}}
        return dump(data) + b"\n"

    def cat(self, text: bytes) -> bytes:
        return _line("cat", dump_string(text))

    def join(self, text: bytes) -> bytes:
        return _line("join", dump_string(text))

    def syscall(self, text: bytes) -> bytes:
        return _line("syscall", dump_string(text))

    def message(self, event: Event, text: bytes) -> bytes:
        return dump({"type": event.kind.value, "msg": text} | _place(event.place)) + b"\n"

    def warning(self, event: Event, helper: str = "", retcode: int = 0) -> bytes:
        data: dict[str, object] = {"type": "runtime_error", "msg": event.text}
        if helper:
            data = {
                "type": "helper_error",
                "msg": event.text,
                "helper": helper,
                "retcode": retcode,
            }
        return dump(data | _place(event.place)) + b"\n"

    def ledger(self, ledger: Ledger, *, terminal: bool, quiet: bool) -> bytes:
        if quiet and not ledger.lost:
            return b""
        return _line("losses", dump(ledger_object(ledger)))


def dump(data: object) -> bytes:
    """JSON in the language's own spacing: a blank in objects, none in arrays."""
    match data:
        case None:
            return b"null"
        case bool():
            return b"true" if data else b"false"
        case int():
            # A reader with doubles only would silently change any other integer.
            return b"%d" % data if int(float(data)) == data else b'"%d"' % data
        case float():
            return repr(data).encode()
        case str():
            return dump_string(data.encode("utf-8", "surrogateescape"))
        case bytes():
            return dump_string(data)
        case dict():
            return _object((dump(key), dump(value)) for key, value in data.items())
        case list() | tuple():
            return b"[%b]" % b",".join(map(dump, data))
        case _:
            raise TypeError(f"BUG: {type(data).__name__} has no JSON form")


_SPECIAL = re.compile(rb'["\\\x00-\x1f]')
_ESCAPES = {code: f"\\u{code:04x}" for code in range(0x20)} | {
    ord('"'): '\\"',
    ord("\\"): "\\\\",
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
}


def dump_string(raw: bytes) -> bytes:
    """Bytes as a JSON string; what is not UTF-8 becomes U+FFFD."""
    if raw.isascii() and not _SPECIAL.search(raw):
        return b'"%b"' % raw
    return b'"%b"' % raw.decode("utf-8", "replace").translate(_ESCAPES).encode()


def _object(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"{%b}" % b", ".join(b"%b: %b" % pair for pair in pairs)


def _line(name: str, data: bytes) -> bytes:
    return b'{"type": "%b", "data": %b}\n' % (name.encode(), data)


def _plain(kind: Type, style: Style) -> Callable[[Any], object]:
    """The function from a value to what `dump` takes; what has no number is its text."""
    match kind:
        case (
            types.Int()
            | types.Bool()
            | types.Enum()
            | types.Pointer()
            | types.Void()
            | types.Function()
            | types.Float()
        ):
            return _same
        case types.Buffer():
            return lambda value: [byte - 256 if byte > 127 else byte for byte in value]
        case types.Array(element=element):
            part = _plain(element, style)
            return lambda value: [part(one) for one in value]
        case types.Tuple(elements=elements):
            parts = [_plain(element, style) for element in elements]
            return lambda value: [part(one) for part, one in zip(parts, value, strict=True)]
        case types.Record(names=names, elements=elements):
            return _object_of(names, [_plain(element, style) for element in elements])
        case types.Struct(members=members):
            fields = [_plain(one.type, style) for one in members]
            return _object_of([one.name for one in members], fields)
        case _:
            return renderer(kind, style)


def _object_of(
    names: Sequence[str], parts: Sequence[Callable[[Any], object]]
) -> Callable[[Any], object]:
    return lambda values: {
        name: part(value) for name, part, value in zip(names, parts, values, strict=True)
    }


def _map_type(kind: Type) -> str:
    match kind:
        case types.Avg() | types.Stats():
            return "stats"
        case types.Hist() | types.LHist():
            return "hist"
        case types.TSeries():
            return "tseries"
        case _:
            return "map"


def _map_values(
    kind: Type, values: Sequence[Any], style: Style, div: int | None
) -> Iterable[bytes]:
    match kind:
        case types.Hist() | types.LHist():
            return (dump([_bucket(row) for row in shown_rows(one, div)]) for one in values)
        case types.TSeries():
            return (points(one, style.tai) for one in values)
        case types.Stats():
            averages = divided(kind, values, div)
            return (dump(_stats(*one)) for one in zip(values, averages, strict=True))
        case types.Avg() | types.Count() | types.Sum() | types.Min() | types.Max():
            return map(dump, divided(kind, values, div))
        case _:
            return map(dump, map(_plain(kind, style), divided(kind, values, div)))


def _bucket(row: Row) -> dict[str, int]:
    bucket = {} if row.low is None else {"min": row.low}
    if row.high is not None:
        bucket["max"] = row.high - 1
    return bucket | {"count": row.count}


def _stats(value: Average, average: int) -> dict[str, int]:
    return {"count": value.count, "average": average, "total": value.total}


def _same(value: object) -> object:
    return value


_ONE_LINE = re.compile(r"(?P<file>.*):(?P<line>\d+):(?P<column>\d+)-\d+", re.DOTALL)
_LINES = re.compile(r"(?P<file>.*):(?P<line>\d+)-\d+", re.DOTALL)


def _place(place: str) -> dict[str, object]:
    """The parts of a rendered location (§15.1); one of several lines begins at column 1."""
    if found := _ONE_LINE.fullmatch(place):
        return {
            "filename": found["file"],
            "line": int(found["line"]),
            "col": int(found["column"]),
        }
    if found := _LINES.fullmatch(place):
        return {"filename": found["file"], "line": int(found["line"]), "col": 1}
    return {}
