# SPDX-License-Identifier: MIT
from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kptrace import types
from kptrace.aggregate import Ledger, MapLoss, MapSnapshot, ProbeLoss
from kptrace.output import Format, Stream
from kptrace.output.json import JsonFormat, dump, dump_string
from kptrace.output.values import Style
from kptrace.plan import Event, EventKind
from kptrace.types import (
    INT8,
    INT32,
    INT64,
    UINT64,
    Array,
    Avg,
    Count,
    Enum,
    Hist,
    Inet,
    KStack,
    KSym,
    LHist,
    Pointer,
    Stats,
    String,
    Sum,
    Tuple,
    Type,
)

Table = Callable[..., MapSnapshot]


@pytest.fixture
def form(style: Style) -> Format:
    return JsonFormat(style=style)


def test_everything_goes_to_the_output(form: Format) -> None:
    assert form.diagnostics is Stream.OUTPUT


# §11.1


def test_messages(form: Format) -> None:
    assert form.attached(2) == b'{"type": "attached_probes", "count": 2, "data": {"probes": 2}}\n'
    assert form.printf([b"hi 5\n"]) == b'{"type": "printf", "data": "hi 5\\n"}\n'
    assert form.time(b"12:00:00\n") == b'{"type": "time", "data": "12:00:00\\n"}\n'
    assert form.lost_events(3) == b'{"type": "lost_events", "count": 3, "data": {"events": 3}}\n'


def test_value(form: Format) -> None:
    kind = Tuple((INT8, INT8, String(2), Array(INT32, 2)))
    assert form.value(kind, (1, 2, b"x", (4, 5))) == b'{"type": "value", "data": [1,2,"x",[4,5]]}\n'


def test_maps(form: Format, table: Table) -> None:
    assert form.map(table("@b", INT8, {None: 7})) == b'{"type": "map", "data": {"@b": 7}}\n'
    assert (
        form.map(table("@c", INT8, {b"x": 3, b"y": 1}, String(2)))
        == b'{"type": "map", "data": {"@c": {"y": 1, "x": 3}}}\n'
    )
    assert (
        form.map(table("@t", Sum(True), {(b"bash", 2): [5]}, Tuple((String(16), INT8))))
        == b'{"type": "map", "data": {"@t": {"bash,2": 5}}}\n'
    )


def test_averages(form: Format, table: Table) -> None:
    assert (
        form.map(table("@a", Avg(True), {None: [4, 8]}))
        == b'{"type": "stats", "data": {"@a": 6}}\n'
    )
    assert (
        form.map(table("@s", Stats(True), {None: [4, 8]}))
        == b'{"type": "stats", "data": {"@s": {"count": 2, "average": 6, "total": 12}}}\n'
    )
    assert (
        form.map(table("@s", Stats(True), {b"zsh": [2]}, String(16)))
        == b'{"type": "stats", "data": {"@s": {"zsh": {"count": 1, "average": 2, "total": 2}}}}\n'
    )


def test_hist(form: Format, table: Table) -> None:
    assert form.map(table("@h", Hist(0, 0), {None: [2, 8, 9]})) == (
        b'{"type": "hist", "data": {"@h": [{"min": 2, "max": 3, "count": 1},'
        b'{"min": 4, "max": 7, "count": 0},{"min": 8, "max": 15, "count": 2}]}}\n'
    )


def test_open_ends_of_histograms(form: Format, table: Table) -> None:
    entries = {b"k": [-3], b"l": [30, 0]}
    assert form.map(table("@h", LHist(0, 30, 30), entries, String(2))) == (
        b'{"type": "hist", "data": {"@h": {"k": [{"max": -1, "count": 1}],'
        b' "l": [{"min": 0, "max": 29, "count": 1},{"min": 30, "count": 1}]}}}\n'
    )
    assert form.map(table("@h", Hist(0, 0), {None: [-3, 0]})) == (
        b'{"type": "hist", "data": {"@h": [{"max": -1, "count": 1},'
        b'{"min": 0, "max": 0, "count": 1}]}}\n'
    )


def test_bounds_that_no_double_holds_are_strings(form: Format, table: Table) -> None:
    assert form.map(table("@h", Hist(0, 0), {None: [1 << 60]})) == (
        b'{"type": "hist", "data": {"@h": [{"min": 1152921504606846976,'
        b' "max": "2305843009213693951", "count": 1}]}}\n'
    )


def test_division_and_top(form: Format, table: Table) -> None:
    entries = {b"a": [1] * 25, b"b": [1] * 39}
    found = form.map(table("@h", Hist(0, 0), entries, String(2)), top=1, div=10)
    assert found == (
        b'{"type": "hist", "data": {"@h": {"b": [{"min": 1, "max": 1, "count": 3}]}}}\n'
    )
    found = form.map(table("@a", Stats(True), {None: [40]}), div=10)
    assert found == b'{"type": "stats", "data": {"@a": {"count": 1, "average": 4, "total": 40}}}\n'
    assert b'{"@n": 2}' in form.map(table("@n", Count(), {None: [1] * 25}), div=10)


def test_zeroed_and_empty(form: Format, table: Table) -> None:
    assert (
        form.map(table("@h", Hist(5, 0), {None: []})) == b'{"type": "hist", "data": {"@h": []}}\n'
    )
    assert form.map(table("@x", Count(), {}, INT8)) == b""
    assert form.map(table("@x", Hist(5, 0), {}, INT8)) == b""
    assert form.map(table("@x", Stats(True), {}, INT8)) == (
        b'{"type": "stats", "data": {"@x": {}}}\n'
    )
    assert form.map(table("@x", INT8, {})) == b'{"type": "map", "data": {"@x": 0}}\n'
    assert form.map(table("@x", INT8, {}), final=True) == b""
    assert form.map(table("@x", Avg(True), {}), final=True) == b""


def test_end_of_run_is_the_maps_alone(form: Format, table: Table) -> None:
    maps = [table("@b", INT8, {None: 1}), table("@", INT8, {None: 2}), table("@c", INT8, {})]
    assert form.final_maps(maps) == (
        b'{"type": "map", "data": {"@": 2}}\n{"type": "map", "data": {"@b": 1}}\n'
    )
    assert form.final_maps([]) == b""


def warning(text: str, place: str) -> Event:
    return Event(id=1, kind=EventKind.WARNING, size=16, text=text, place=place, excerpt="x\n~")


def test_warnings(form: Format) -> None:
    event = warning("Bad address", "stdin:1:87-90")
    assert form.warning(event, "probe_read_user", -14) == (
        b'{"type": "helper_error", "msg": "Bad address", "helper": "probe_read_user",'
        b' "retcode": -14, "filename": "stdin", "line": 1, "col": 87}\n'
    )
    event = warning("Divide or modulo by 0 detected.", "/tmp/a:1:2-3.bt:4:9-12")
    assert form.warning(event) == (
        b'{"type": "runtime_error", "msg": "Divide or modulo by 0 detected.",'
        b' "filename": "/tmp/a:1:2-3.bt", "line": 4, "col": 9}\n'
    )
    assert b'"filename": "a.bt", "line": 3, "col": 1}' in form.warning(warning("x", "a.bt:3-5"))
    assert form.warning(warning("x", "")) == b'{"type": "runtime_error", "msg": "x"}\n'


# §11.2

STATE = Enum("state", 4, False, (("RUNNING", 0),))
IPV4 = b"\x02" + bytes(7) + bytes([10, 0, 0, 1]) + bytes(12)


@pytest.mark.parametrize(
    ("kind", "value", "data"),
    [
        (UINT64, 5, b"5"),
        (UINT64, (1 << 64) - 1, b'"18446744073709551615"'),
        (UINT64, 1 << 63, b"9223372036854775808"),
        (INT64, -(1 << 53) - 1, b'"-9007199254740993"'),
        (INT64, -(1 << 53), b"-9007199254740992"),
        (types.BOOL, True, b"true"),
        (types.BOOL, False, b"false"),
        (STATE, 0, b"0"),
        (Pointer(INT8), 0x1F, b"31"),
        (Pointer(INT8), 0xFFFF888003C4A001, b'"18446612682133250049"'),
        (String(9), b'a"b\\\n\r\t', b'"a\\"b\\\\\\n\\r\\t"'),
        (String(9), b"\x01\x1f\x7f", b'"\\u0001\\u001f\x7f"'),
        (String(9), "µ€".encode(), '"µ€"'.encode()),
        (String(9), b"a\xffb", '"a\ufffdb"'.encode()),
        (String(2), b"ab", b'"ab.."'),
        (Array(Array(INT8, 2), 2), ((1, 2), (3, 4)), b"[[1,2],[3,4]]"),
        (Tuple(()), (), b"[]"),
        (Inet(), IPV4, b'"10.0.0.1"'),
        (KSym(), 0x1010, b'"vfs_read"'),
        (KStack(limit=1), 7, b'"\\n        vfs_read+1\\n"'),
    ],
)
def test_values(form: Format, kind: Type, value: Any, data: bytes) -> None:
    assert form.value(kind, value) == b'{"type": "value", "data": ' + data + b"}\n"


@pytest.mark.parametrize(
    ("kind", "key", "text"),
    [
        (Tuple((String(2), Tuple((INT8, INT8)))), (b"a", (1, 2)), b'"a,(1,2)"'),
        (String(16), b"kworker u 8", b'"kworkeru8"'),
        (String(16), b"(sd-pam)", b'"sd-pam"'),
        (String(16), b'"\t\xff', '"\\"\\t\ufffd"'.encode()),
        (INT64, -3, b'"-3"'),
        (Pointer(INT8), 0x1F, b'"0x1f"'),
        (KStack(limit=1), 7, b'"\\nvfs_read+1\\n"'),
    ],
)
def test_keys(form: Format, table: Table, kind: Type, key: Any, text: bytes) -> None:
    found = form.map(table("@x", INT8, {key: 1}, kind))
    assert found == b'{"type": "map", "data": {"@x": {' + text + b": 1}}}\n"


def test_keys_that_differ_in_blanks_both_appear(form: Format, table: Table) -> None:
    found = form.map(table("@x", INT8, {b"a b": 1, b"ab": 2}, String(4)))
    assert found == b'{"type": "map", "data": {"@x": {"ab": 1, "ab": 2}}}\n'


# §16.2, §16.3


def test_percentiles(style: Style, table: Table) -> None:
    values = [1100, 1300, 1500, 1700, 1900, 2100, 2300, 2500, 3390, 7006, 9000, 20000]
    form = JsonFormat(style=style, percentiles=(50, 90, 99, 99.9))
    first, second = form.map(table("@ns", Hist(5, 0), {None: values})).splitlines()
    assert first.startswith(b'{"type": "hist", "data": {"@ns": [{"min": 1024, ')
    assert second == (
        b'{"type": "percentiles", "data": {"@ns": {"p50": 2111, "p90": 9215, "p99": 20000,'
        b' "p99.9": 20000, "min": 1100, "max": 20000, "mean": 4483, "count": 12,'
        b' "error": 0.03125}}}'
    )


def test_percentiles_of_a_keyed_map(style: Style, table: Table) -> None:
    form = JsonFormat(style=style, percentiles=(50.0,))
    entries = {b"a b": [-1], b"z": []}
    _, second = form.map(table("@x", Hist(0, 0), entries, String(4))).splitlines()
    assert second == (
        b'{"type": "percentiles", "data": {"@x": {"ab": {"p50": "<0", "min": -1, "max": -1,'
        b' "mean": -1, "count": 1, "error": 1.0}}}}'
    )
    assert len(form.map(table("@x", Hist(0, 0), {None: []})).splitlines()) == 1
    assert len(form.map(table("@x", LHist(0, 30, 10), {None: [1]})).splitlines()) == 1


LOSSES = Ledger(
    events=12,
    map_full=340,
    probe_misses=7,
    recursion_misses=2,
    probes=(ProbeLoss(label="kprobe:vfs_read", hits=91214, missed=7, recursion=2),),
    maps=(MapLoss(name="@start", dropped=340, max_entries=4096),),
)


@pytest.mark.parametrize("quiet", [False, True])
def test_losses(form: Format, quiet: bool) -> None:
    assert form.ledger(LOSSES, terminal=False, quiet=quiet) == (
        b'{"type": "losses", "data": {"events": 12, "map_full": 340, "probe_misses": 7,'
        b' "recursion_misses": 2, "stacks": 0, "probes": {"kprobe:vfs_read": {"hits": 91214,'
        b' "missed": 7, "recursion": 2}}, "maps": {"@start": {"dropped": 340}}}}\n'
    )


def test_no_losses(form: Format) -> None:
    ledger = Ledger(probe_misses=None, probes=(ProbeLoss(label="k", hits=1, recursion=0),))
    assert form.ledger(ledger, terminal=False, quiet=False) == (
        b'{"type": "losses", "data": {"events": 0, "map_full": 0, "probe_misses": null,'
        b' "recursion_misses": 0, "stacks": 0, "probes": {"k": {"hits": 1, "missed": null,'
        b' "recursion": 0}}, "maps": {}}}\n'
    )
    assert form.ledger(ledger, terminal=True, quiet=True) == b""


# Laws


@given(st.binary())
def test_strings_read_back(raw: bytes) -> None:
    assert json.loads(dump_string(raw)) == raw.decode("utf-8", "replace")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 53), 1 << 53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_objects_read_back(data: object) -> None:
    assert json.loads(dump(data)) == data
    assert b"\n" not in dump(data)


@given(st.integers(-(1 << 64), 1 << 64))
def test_integers_survive_a_reader_with_doubles(number: int) -> None:
    found = json.loads(dump(number), parse_int=float)
    assert int(found) == number
