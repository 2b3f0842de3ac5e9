# SPDX-License-Identifier: MIT
from __future__ import annotations

from collections.abc import Callable

import pytest

from kptrace import types
from kptrace.aggregate import Ledger, MapLoss, MapSnapshot, ProbeLoss
from kptrace.output import Format, Stream
from kptrace.output.bars import bar_length
from kptrace.output.text import TextFormat
from kptrace.output.values import Style
from kptrace.plan import Event, EventKind
from kptrace.types import (
    INT8,
    INT64,
    Array,
    Avg,
    Count,
    Hist,
    Inet,
    KStack,
    LHist,
    Max,
    Min,
    Pointer,
    Stats,
    String,
    Sum,
    Tuple,
    Type,
)

Table = Callable[..., MapSnapshot]


@pytest.fixture
def text(style: Style) -> Format:
    return TextFormat(style=style)


def lines(*found: str) -> bytes:
    return "".join(line + "\n" for line in found).encode()


def test_printf_and_time_are_the_text_itself(text: Format) -> None:
    assert text.printf([b"a\xff"]) == b"a\xff"
    assert text.time(b"12:00:00\n") == b"12:00:00\n"


def test_value(text: Format) -> None:
    kind = Tuple((INT8, String(4)))
    assert text.value(kind, (1, b"two")) == b"(1, two)\n"
    assert text.value(KStack(limit=1), 7) == b"\n        vfs_read+1\n\n"


# §10.2


def test_end_of_run(text: Format, table: Table) -> None:
    maps = [
        table("@t", Count(), {(b"a", (1, -2)): [1]}, Tuple((String(2), Tuple((INT8, INT8))))),
        table("@c", INT8, {b"x": 3, b"y": 1}, String(2)),
        table("@b", INT8, {None: 7}),
        table("@s", Stats(True), {(1, b"a"): [4, 8]}, Tuple((INT8, String(2)))),
    ]
    assert text.final_maps(maps) == lines(
        "",
        "",
        "@b: 7",
        "@c[y]: 1",
        "@c[x]: 3",
        "@s[1, a]: { .count = 2, .average = 6, .total = 12 }",
        "@t[a, (1, -2)]: 1",
    )


def test_maps_stand_in_bytewise_order(text: Format, table: Table) -> None:
    names = ["@b", "@", "@a", "@B", "@a_"]
    found = text.final_maps([table(name, INT8, {None: 1}) for name in names])
    assert found == lines("", "", "@: 1", "@B: 1", "@a: 1", "@a_: 1", "@b: 1")


def test_end_of_run_without_maps(text: Format) -> None:
    assert text.final_maps([]) == b"\n\n"


@pytest.mark.parametrize(
    ("kind", "key", "line"),
    [
        (INT64, -3, b"@x[-3]: 5\n"),
        (String(16), b"bash", b"@x[bash]: 5\n"),
        (String(16), b'a\x01"\xff\n', b'@x[a\x01"\xff\n]: 5\n'),
        (Pointer(INT8), 0x1F, b"@x[0x1f]: 5\n"),
        (types.BOOL, True, b"@x[true]: 5\n"),
        (Array(INT8, 2), (1, 2), b"@x[[1,2]]: 5\n"),
        (Tuple((String(16), INT8)), (b"bash", 3), b"@x[bash, 3]: 5\n"),
    ],
)
def test_keys(text: Format, table: Table, kind: Type, key: object, line: bytes) -> None:
    assert text.map(table("@x", INT8, {key: 5}, kind)) == line


def test_values(text: Format, table: Table) -> None:
    assert text.map(table("@x", INT8, {None: 5})) == b"@x: 5\n"
    assert text.map(table("@x", Tuple((INT8, String(4))), {None: (1, b"two")})) == b"@x: (1, two)\n"


def test_stacks_as_keys(text: Format, table: Table) -> None:
    assert text.map(table("@", Count(), {7: [1] * 42}, KStack(limit=2))) == lines(
        "@[", "        vfs_read+1", "        ksys_read+111", "]: 42"
    )
    kind = Tuple((KStack(limit=1), String(16)))
    assert text.map(table("@t", Count(), {(8, b"sleep"): [1]}, kind)) == lines(
        "@t[", "        do_nanosleep+1", ", sleep]: 1"
    )


def test_empty_keyed_map_is_silent(text: Format, table: Table) -> None:
    assert text.map(table("@x", Count(), {}, INT8)) == b""
    assert text.map(table("@x", Stats(True), {}, INT8), final=True) == b""


@pytest.mark.parametrize(
    ("kind", "printed"),
    [
        (INT64, b"@x: 0\n"),
        (types.BOOL, b"@x: false\n"),
        (String(4), b"@x: \n"),
        (Tuple((INT8, String(4))), b"@x: (0, )\n"),
        (Pointer(INT8), b"@x: 0x0\n"),
        (Inet(), b"@x: \n"),
        (Count(), b"@x: 0\n"),
        (Min(True), b"@x: 0\n"),
        (Avg(True), b"@x: 0\n"),
        (Stats(True), b"@x: { .count = 0, .average = 0, .total = 0 }\n"),
        (Hist(0, 0), b""),
        (LHist(0, 30, 10), b""),
    ],
)
def test_empty_scalar_prints_zero_but_not_at_the_end(
    text: Format, table: Table, kind: Type, printed: bytes
) -> None:
    empty = table("@x", kind, {})
    assert text.map(empty) == printed
    assert text.map(empty, final=True) == b""
    assert text.final_maps([empty]) == b"\n\n"


def test_zeroed_entries_print(text: Format, table: Table) -> None:
    assert text.map(table("@x", Hist(5, 0), {None: []}), final=True) == b"@x:\n\n"
    assert text.map(table("@x", LHist(0, 30, 10), {3: []}, INT8)) == b"@x[3]:\n\n"
    assert text.map(table("@x", Count(), {1: []}, INT8)) == b"@x[1]: 0\n"
    assert text.map(table("@x", Sum(True), {None: []}), final=True) == b"@x: 0\n"


# §10.3


def test_simple_aggregations(text: Format, table: Table) -> None:
    maps = [
        table("@n", Count(), {None: [1, 1]}),
        table("@s", Sum(True), {b"bash": [-5]}, String(16)),
        table("@a", Avg(True), {None: [3, 4]}),
        table("@lo", Min(True), {None: [7, -2]}),
        table("@hi", Max(True), {None: [7]}),
        table("@st", Stats(True), {None: [-3]}),
    ]
    assert text.final_maps(maps) == lines(
        "",
        "",
        "@a: 3",
        "@hi: 7",
        "@lo: -2",
        "@n: 2",
        "@s[bash]: -5",
        "@st: { .count = 1, .average = -3, .total = -3 }",
    )


def test_top_and_div(text: Format, table: Table) -> None:
    values = {b"a": [10], b"b": [20], b"c": [30], b"d": [40]}
    averages = table("@m", Avg(True), values, String(2))
    assert text.map(averages, top=2, div=10) == lines("@m[c]: 3", "@m[d]: 4")
    assert text.map(averages, top=9) == lines("@m[a]: 10", "@m[b]: 20", "@m[c]: 30", "@m[d]: 40")
    assert text.map(averages, top=0, div=0) == text.map(averages)
    stats = table("@m", Stats(True), values, String(2))
    assert text.map(stats, top=1, div=10) == lines(
        "@m[d]: { .count = 1, .average = 4, .total = 40 }"
    )


@pytest.mark.parametrize("kind", [Sum(True), Min(True), Max(True), Avg(True)])
def test_div_truncates_toward_zero(text: Format, table: Table, kind: Type) -> None:
    assert text.map(table("@x", kind, {None: [-15]}), div=10) == b"@x: -1\n"
    assert text.map(table("@x", kind, {None: [15]}), div=10) == b"@x: 1\n"


def test_div_of_plain_values(text: Format, table: Table) -> None:
    assert text.map(table("@x", INT64, {None: -15}), div=10) == b"@x: -1\n"
    assert text.map(table("@x", types.BOOL, {None: True}), div=10) == b"@x: true\n"
    assert text.map(table("@x", String(4), {None: b"abc"}), div=10) == b"@x: abc\n"


# §10.5, §10.6


def test_hist(text: Format, table: Table) -> None:
    entries = {b"bash": [900, 1000, 1500, 1800, 5000], b"sh": [-1, 2, 3, 7, 20]}
    expected = lines(
        "@[bash]:",
        "[512, 1K)              2 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|",
        "[1K, 2K)               2 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|",
        "[2K, 4K)               0 |                                                    |",
        "[4K, 8K)               1 |@@@@@@@@@@@@@@@@@@@@@@@@@@                          |",
        "",
        "@[sh]:",
        "(..., 0)               1 |@@@@@@@@@@@@@@@@@@@@@@@@@@                          |",
        "[0]                    0 |                                                    |",
        "[1]                    0 |                                                    |",
        "[2, 4)                 2 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|",
        "[4, 8)                 1 |@@@@@@@@@@@@@@@@@@@@@@@@@@                          |",
        "[8, 16)                0 |                                                    |",
        "[16, 32)               1 |@@@@@@@@@@@@@@@@@@@@@@@@@@                          |",
        "",
    )
    # Collected finer, shown the same.
    for bits in (0, 5):
        assert text.map(table("@", Hist(bits, 0), entries, String(16))) == expected


def test_hist_with_bits(text: Format, table: Table) -> None:
    assert text.map(table("@f", Hist(2, 2), {None: [6, 8, 9, 9, 11, 17]})) == lines(
        "@f:",
        "[6]                    1 |@@@@@@@@@@@@@@@@@                                   |",
        "[7]                    0 |                                                    |",
        "[8, 10)                3 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|",
        "[10, 12)               1 |@@@@@@@@@@@@@@@@@                                   |",
        "[12, 14)               0 |                                                    |",
        "[14, 16)               0 |                                                    |",
        "[16, 20)               1 |@@@@@@@@@@@@@@@@@                                   |",
        "",
    )


def test_lhist(text: Format, table: Table) -> None:
    values = [-3, 5, 15, 15, 16, 30, 250]
    assert text.map(table("@l", LHist(0, 30, 10), {None: values})) == lines(
        "@l:",
        "(..., 0)               1 |@@@@@@@@@@@@@@@@@                                   |",
        "[0, 10)                1 |@@@@@@@@@@@@@@@@@                                   |",
        "[10, 20)               3 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|",
        "[20, 30)               0 |                                                    |",
        "[30, ...)              2 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@                  |",
        "",
    )


def test_div_of_histograms(text: Format, table: Table) -> None:
    assert text.map(table("@x", Hist(0, 0), {None: [1] * 25 + [2] * 9}), div=10) == lines(
        "@x:",
        "[1]                    2 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|",
        "[2, 4)                 0 |                                                    |",
        "",
    )
    assert b"[0, 10)               25 |" in text.map(
        table("@x", LHist(0, 30, 10), {None: [1] * 25}), div=10
    )
    small = text.map(table("@x", Hist(0, 0), {None: [1]}), div=10)
    assert small == lines("@x:", f"[1]{0:21} |{'':52}|", "")


def test_columns_grow_with_their_content(text: Format, table: Table) -> None:
    values = [131072] * 3
    found = text.map(table("@x", LHist(131071, 131099, 14), {None: values}))
    assert found == lines("@x:", f"[131071, 131085)       3 |{'@' * 52}|", "")
    found = text.map(table("@x", LHist(1131071, 1131099, 14), {None: [1131072]}))
    assert found == lines("@x:", f"[1131071, 1131085)       1 |{'@' * 52}|", "")


@pytest.mark.parametrize(
    ("count", "largest", "length"),
    [
        (0, 0, 0),
        (0, 5, 0),
        (5, 5, 52),
        (1, 3, 17),
        (2, 3, 34),
        (4, 5, 41),
        # Just below a whole number, which single precision reaches.
        (20851903, 29305380, 37),
        (95353788, 141668488, 35),
        # A whole number, which single precision does not reach.
        (131943480, 171526524, 39),
        (31275054, 180700312, 8),
        # 46 if the multiplication came first.
        (48777634, 53966744, 47),
        ((1 << 52) + 1, (1 << 53) - 1, 26),
    ],
)
def test_bar_length_is_that_of_single_precision(count: int, largest: int, length: int) -> None:
    assert bar_length(count, largest) == length


# §16.2


def test_percentiles(style: Style, table: Table) -> None:
    values = [1100, 1300, 1500, 1700, 1900, 2100, 2300, 2500, 3390, 7000, 9000, 20000]
    values[9] = 53796 - (sum(values) - values[9])  # mean 4483
    text = TextFormat(style=style, percentiles=(50, 90, 99, 99.9))
    assert text.map(table("@ns", Hist(5, 0), {None: values})) == lines(
        "@ns:",
        "[1K, 2K)               5 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|",
        "[2K, 4K)               4 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@           |",
        "[4K, 8K)               1 |@@@@@@@@@@                                          |",
        "[8K, 16K)              1 |@@@@@@@@@@                                          |",
        "[16K, 32K)             1 |@@@@@@@@@@                                          |",
        "p50 2111  p90 9215  p99 20000  p99.9 20000  min 1100  max 20000  mean 4483  n 12"
        "  (error <= 3.1%)",
        "",
    )


def test_percentiles_of_coarse_negative_and_empty_histograms(style: Style, table: Table) -> None:
    text = TextFormat(style=style, percentiles=(50.0, 99.99))
    found = text.map(table("@x", Hist(0, 0), {None: [-7, -7, 5]}), div=10)
    assert found.endswith(
        b"|\np50 <0  p99.99 5  min -7  max 5  mean -3  n 3  (error <= 100.0%)\n\n"
    )
    assert text.map(table("@x", Hist(5, 0), {None: []})) == b"@x:\n\n"
    assert b"p50" not in text.map(table("@x", LHist(0, 30, 10), {None: [7]}))


# Diagnostics


def test_diagnostics_go_to_standard_error(text: Format) -> None:
    assert text.diagnostics is Stream.ERROR


def test_attached_and_lost(text: Format) -> None:
    assert text.attached(1) == b"Attached 1 probe\n"
    assert text.attached(2) == b"Attached 2 probes\n"
    assert text.lost_events(3) == b"Lost 3 events\n"


DIVISION = (
    "Divide or modulo by 0 detected. This can lead to unexpected results."
    " 1 is being used as the result."
)


def test_warning(text: Format) -> None:
    event = Event(
        id=1,
        kind=EventKind.WARNING,
        size=16,
        text=DIVISION,
        place="stdin:1:9-14",
        excerpt="begin { 1 / $x }\n        ~~~~~~",
    )
    assert text.warning(event) == lines(
        f"stdin:1:9-14: WARNING: {DIVISION}", "begin { 1 / $x }", "        ~~~~~~"
    )


def test_warning_of_a_failed_helper(text: Format) -> None:
    event = Event(
        id=1,
        kind=EventKind.WARNING,
        size=16,
        text="Can't delete map element because it does not exist.",
        place="a.bt:3-4",
        excerpt="delete(@x,\n  1)\n",
    )
    assert text.warning(event, "map_delete_elem", -2) == lines(
        "a.bt:3-4: WARNING: Can't delete map element because it does not exist.",
        "Additional Info - helper: map_delete_elem, retcode: -2",
        "delete(@x,",
        "  1)",
    )


def test_warning_without_a_place(text: Format) -> None:
    event = Event(id=1, kind=EventKind.WARNING, size=16, text="odd \udcff")
    assert text.warning(event) == b"WARNING: odd \xff\n"


# §16.3

LOSSES = Ledger(
    events=12,
    map_full=340,
    probe_misses=7,
    recursion_misses=2,
    probes=(ProbeLoss(label="kprobe:vfs_read", hits=91214, missed=7, recursion=2),),
    maps=(MapLoss(name="@start", dropped=340, max_entries=4096),),
)


@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize("terminal", [False, True])
def test_losses_always_show(text: Format, terminal: bool, quiet: bool) -> None:
    assert text.ledger(LOSSES, terminal=terminal, quiet=quiet) == lines(
        "Losses:",
        "  events lost           12   event buffer full (perf_rb_pages)",
        "  map updates dropped  340   map full (max_map_keys)",
        "  probe misses           7",
        "  recursion misses       2",
        "  kprobe:vfs_read: 7 missed of 91214 hits",
        "  @start: 340 updates dropped at 4096 keys",
    )


def test_what_is_unknown_stands_beside_the_losses(text: Format) -> None:
    ledger = Ledger(
        probe_misses=None,
        recursion_misses=3,
        stacks=1,
        probes=(
            ProbeLoss(label="kprobe:f", hits=9, missed=None, recursion=3),
            ProbeLoss(label="kprobe:g", hits=5, missed=0, recursion=0),
        ),
        maps=(MapLoss(name="@x", dropped=0, max_entries=1),),
    )
    assert text.ledger(ledger, terminal=False, quiet=True) == lines(
        "Losses:",
        "  probe misses         unknown",
        "  recursion misses           3",
        "  stacks lost                1",
        "  kprobe:f: 3 refused by recursion of 9 hits",
    )


def test_no_losses_show_only_on_a_terminal(text: Format) -> None:
    probes = (ProbeLoss(label="a", hits=1800), ProbeLoss(label="b", hits=43))
    ledger = Ledger(probes=probes)
    assert (
        text.ledger(ledger, terminal=True, quiet=False) == b"Losses: none (2 probes, 1843 hits)\n"
    )
    assert text.ledger(ledger, terminal=False, quiet=False) == b""
    assert text.ledger(ledger, terminal=True, quiet=True) == b""
    one = Ledger(probes=(ProbeLoss(label="a", hits=1),))
    assert text.ledger(one, terminal=True, quiet=False) == b"Losses: none (1 probe, 1 hit)\n"


def test_unknown_is_not_none(text: Format) -> None:
    assert (
        text.ledger(Ledger(probe_misses=None), terminal=True, quiet=False)
        == b"Losses: none known (probe misses: unknown)\n"
    )
    assert (
        text.ledger(Ledger(probe_misses=None, stacks=None), terminal=True, quiet=False)
        == b"Losses: none known (probe misses: unknown, stacks lost: unknown)\n"
    )
