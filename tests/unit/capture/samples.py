# SPDX-License-Identifier: MIT
"""A capture of every kind of frame, made without a kernel."""

from __future__ import annotations

import struct
from pathlib import Path

from kptrace import types
from kptrace.aggregate import HistogramState, Ledger, MapLoss, ProbeLoss
from kptrace.capture import Clocks, Header, Host, Kind, Packing, Specification, Writer, content
from kptrace.capture.content import End, Purpose
from kptrace.capture.header import pack_header
from kptrace.entries import Entries
from kptrace.plan import (
    Event,
    EventKind,
    Field,
    Map,
    MapKind,
    Plan,
    ProbeKind,
    Program,
    Target,
)
from kptrace.series import SeriesState

HIST = types.Hist(2, 0)
SERIES = types.TSeries(10**9, 5, "avg", True)
INT = types.INT64


def make_map(name: str, value: types.Type, key: types.Type | None = None) -> Map:
    kind = MapKind.PERCPU_HASH if isinstance(value, types.AGGREGATES) else MapKind.HASH
    symbol = f"map_{name[1:]}"
    return Map(name=name, symbol=symbol, kind=kind, key=key, value=value, max_entries=100)


MAPS = (
    make_map("@h", HIST, types.COMM),
    make_map("@n", types.Count(), types.KSYM),
    make_map("@s", SERIES),
    make_map("@t", INT, types.Tuple((types.INT32, types.COMM))),
)
EVENTS = (
    Event(
        id=0,
        kind=EventKind.PRINTF,
        size=24,
        fields=(Field(name="n", type=INT, offset=16),),
        text="n %d\n",
    ),
    Event(id=1, kind=EventKind.PRINT_MAP, size=16, map="@h"),
    Event(id=2, kind=EventKind.TIME, size=16, text="%H:%M:%S\n"),
    Event(
        id=3,
        kind=EventKind.PRINT,
        size=24,
        fields=(Field(name="value", type=types.KSYM, offset=16),),
    ),
)
PLAN = Plan(
    name="sample",
    arch="x86_64",
    programs=(
        Program(
            name="p0",
            kind=ProbeKind.INTERVAL,
            label="interval:ms:10",
            targets=(Target(probe="interval:ms:10", period_ns=10**7),),
        ),
    ),
    maps=MAPS,
    events=EVENTS,
)
LEDGER = Ledger(
    events=3,
    probe_misses=None,
    probes=(ProbeLoss(label="interval:ms:10", hits=7, missed=None, recursion=0),),
    maps=(MapLoss(name="@h", dropped=2, max_entries=100),),
)
HEADER = Header(
    plan=PLAN,
    run="00112233445566778899aabbccddeeff",
    host=Host(
        name="host-1",
        release="6.12.0",
        version="#1",
        arch="x86_64",
        build_id="aa",
        boot_id="bb",
        cpus=2,
    ),
    clocks=Clocks(monotonic=1_700_000_000 * 10**9, boot=5, tai=-37 * 10**9),
    specification=Specification(
        name="stdin", text="interval:ms:10 { }", parameters=("1",), named=(("a", None), ("b", "2"))
    ),
    kptrace="0.1.0",
    interval_ns=10**9,
    percentiles=(50.0, 99.9),
    gfp_flags=(("GFP_KERNEL", 0xCC0),),
)


TIME = struct.pack("<Q", 10**18)


def payload(number: int, time_ns: int, data: bytes = b"") -> bytes:
    return struct.pack("<QII", time_ns, number, 0) + data


def sample(data: bytes) -> bytes:
    """A record of a ring as the kernel writes it."""
    size = -(-(len(data) + 12) // 8) * 8
    return struct.pack("<IHHI", 9, 0, size, size - 12) + data.ljust(size - 12, b"\0")


def hist_words(*values: int) -> bytes:
    state = HistogramState(HIST)
    for value in values:
        state.add(value)
    return state.pack()


def series_words(*updates: tuple[int, int]) -> bytes:
    state = SeriesState(SERIES)
    for number, now in updates:
        state.add(number, now)
    return state.pack()


def entries(*rows: tuple[bytes, tuple[bytes, ...]]) -> Entries:
    """Rows as the kernel gives them."""
    return Entries(
        count=len(rows),
        keys=b"".join(key for key, _ in rows),
        values=b"".join(copy for _, copies in rows for copy in copies),
        copies=len(rows[0][1]),
    )


def map_entries() -> tuple[Entries, ...]:
    """Entries of each map as the kernel would give them, two CPUs."""
    empty = bytes(types.size_of(HIST))
    return (
        entries(
            (b"cat".ljust(16, b"\0"), (hist_words(1, 100, 5000), empty)),
            (b"dog".ljust(16, b"\0"), (hist_words(-4), hist_words(1 << 40))),
        ),
        entries((struct.pack("<Q", 0xFFFF0010), (struct.pack("<q", 3), struct.pack("<q", 4)))),
        entries(
            (bytes(4), (series_words((3, 10**10), (5, 12 * 10**9)), series_words((9, 12 * 10**9))))
        ),
        entries((struct.pack("<i16s", 7, b"sh"), (struct.pack("<q", -1),))),
    )


def write_maps(writer: Writer, purpose: Purpose) -> None:
    for index, (one, found) in enumerate(zip(MAPS, map_entries(), strict=True)):
        for body in content.pack_map(index, one, found, purpose, zeroed=False):
            writer.append(Kind.MAP, body)


def write_sample(path: Path, packing: Packing = Packing.PLAIN, *, end: bool = True) -> None:
    """Every kind of frame of a run."""
    with Writer(str(path), packing) as writer:
        writer.append(Kind.HEADER, pack_header(HEADER))
        writer.append(Kind.NOTE, content.pack_json({"attached": 1}))
        answers = [["ksym", [0xFFFF0010], "do_it"], ["user", [0], "root"]]
        writer.append(Kind.ANSWERS, content.pack_json(answers))
        sent = [payload(0, 100 + n, struct.pack("<q", n)) for n in range(5)]
        for body in content.pack_records(sent):
            writer.append(Kind.RECORDS, body)
        for body in content.pack_map(0, MAPS[0], map_entries()[0], Purpose.PRINT, zeroed=True):
            writer.append(Kind.MAP, body)
        for sent_then, result in ((payload(1, 200), b""), (payload(2, 201), TIME)):
            for body in content.pack_done(sent_then, result):
                writer.append(Kind.DONE, body)
        for body in content.pack_records([payload(3, 202, struct.pack("<Q", 0xFFFF0010))]):
            writer.append(Kind.RECORDS, body)
        rings = [sample(payload(0, 300 + n, struct.pack("<q", n))) for n in range(40)]
        lost = struct.pack("<IHHQQ", 2, 0, 24, 7, 1)
        chunks = [b"".join(rings[::2]) + lost, b"".join(rings[1::2])]
        writer.append(Kind.RINGS, content.pack_rings(330, chunks))
        writer.append(Kind.NOTE, content.pack_json({"warnings": ["WARNING: told\n"]}))
        write_maps(writer, Purpose.SIGNAL)
        writer.append(Kind.NOTE, content.pack_json({"look": True}))
        write_maps(writer, Purpose.INTERVAL)
        writer.append(Kind.NOTE, content.pack_json({"interval": 1}))
        writer.append(Kind.LOST, content.pack_lost(3))
        if end:
            writer.append(Kind.NOTE, content.pack_json({"reopen": True}))
            write_maps(writer, Purpose.FINAL)
            last = End(ledger=LEDGER, status=0, reason="", wall_ns=1_700_000_001 * 10**9)
            writer.append(Kind.END, content.pack_end(last))
