# SPDX-License-Identifier: MIT
from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kptrace import types
from kptrace.aggregate import (
    Average,
    HistogramState,
    Ledger,
    MapLoss,
    ProbeLoss,
    divide,
    merge,
    merge_ledgers,
    snapshot,
)
from kptrace.decoding import column_decoder, decode, decoder
from kptrace.entries import Entries, with_copy
from kptrace.histogram import Histogram, bucket_index, collect, linear_index
from kptrace.plan import Map, MapKind
from kptrace.types import (
    INT8,
    INT16,
    INT32,
    INT64,
    UINT8,
    UINT32,
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
    Max,
    Min,
    Pointer,
    Stats,
    String,
    Sum,
    Tuple,
    Type,
)


def make_map(value: Type, key: Type | None = None, name: str = "@x") -> Map:
    return Map(
        name=name,
        symbol="map_x",
        kind=MapKind.HASH,
        key=key,
        value=value,
        max_entries=4096,
    )


def words(*numbers: int) -> bytes:
    return b"".join((number & (1 << 64) - 1).to_bytes(8, "little") for number in numbers)


def hist_words(kind: Hist | LHist, values: list[int]) -> bytes:
    """The state that one CPU has after these updates."""
    state = [0] * types.aggregate_words(kind)
    if values:
        state[:4] = [len(values), sum(values), min(values), max(values)]
    for value in values:
        index = (
            bucket_index(value, kind.bits) if isinstance(kind, Hist) else linear_index(value, kind)
        )
        state[types.HIST_HEADER_WORDS + index] += 1
    return words(*state)


def make_entries(rows: list[tuple[bytes, list[bytes]]]) -> Entries:
    return Entries(
        count=len(rows),
        keys=b"".join(key for key, _ in rows),
        values=b"".join(copy for _, copies in rows for copy in copies),
        copies=len(rows[0][1]) if rows else 1,
    )


def merge_one(kind: Any, per_cpu: list[bytes]) -> Any:
    (value,) = merge(kind, make_entries([(b"k", per_cpu)]))
    return value


# Decoding

IPV4 = words(2) + bytes([127, 0, 0, 1]) + bytes(12)


@pytest.mark.parametrize(
    ("kind", "data", "value"),
    [
        (INT8, b"\xff", -1),
        (UINT8, b"\xff", 255),
        (INT16, b"\x00\x80", -32768),
        (UINT32, b"\x01\x00\x00\x80", 0x80000001),
        (INT64, b"\xff" * 8, -1),
        (UINT64, b"\xff" * 8, (1 << 64) - 1),
        (types.BOOL, b"\x01", True),
        (types.BOOL, b"\x00", False),
        (Enum("e", 4, True), b"\xfe\xff\xff\xff", -2),
        (Enum("e", 4, False), b"\xfe\xff\xff\xff", 0xFFFFFFFE),
        (Pointer(INT32), b"\x00" * 7 + b"\xff", 0xFF << 56),
        (KSym(), words(7), 7),
        (KStack(), words((1 << 64) - 2), (1 << 64) - 2),
        (String(8), b"ab\x00junk!", b"ab"),
        (String(4), b"abcd", b"abcd"),
        (String(4), b"\xff\xfe\x00\x00", b"\xff\xfe"),
        (Inet(), IPV4, IPV4),
        (Array(INT16, 3), b"\x01\x00\x02\x00\xff\xff", (1, 2, -1)),
        (Array(Array(UINT8, 2), 2), b"\x01\x02\x03\x04", ((1, 2), (3, 4))),
        (Tuple(()), b"", ()),
    ],
)
def test_decode(kind: Type, data: bytes, value: Any) -> None:
    found = decode(kind, b"##" + data, 2)
    assert found == value
    assert type(found) is type(value)


def test_decode_of_a_nested_tuple_skips_the_padding() -> None:
    kind = Tuple((INT8, Tuple((INT64, String(3))), Array(String(2), 2), UINT32))
    data = bytearray(b"\xaa" * types.size_of(kind))
    offsets, _ = types.tuple_layout(kind.elements)
    struct.pack_into("<b", data, offsets[0], -1)
    struct.pack_into("<q3s", data, offsets[1], 5, b"x\0y")
    struct.pack_into("<2s2s", data, offsets[2], b"ab", b"c\0")
    struct.pack_into("<I", data, offsets[3], 9)
    assert decode(kind, memoryview(data)) == (-1, (5, b"x"), (b"ab", b"c"), 9)


def test_a_type_without_storage_is_a_fault() -> None:
    with pytest.raises(TypeError, match="args"):
        decode(types.Args(), bytes(8))


def test_decoder_of_scalars_is_one_unpack() -> None:
    read = decoder((UINT64, INT32, types.BOOL), (16, 24, 28))
    assert read.__name__ == "unpack_from"
    record = bytes(16) + words(3) + struct.pack("<i?", -4, True)
    assert read(b"#" + record, 1) == (3, -4, True)


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=4)), min_size=1, max_size=5))
def test_column_decoder_reads_every_record(records: list[tuple[int, bytes]]) -> None:
    data = b"".join(bytes(16) + struct.pack("<B3x4s8x", number, text) for number, text in records)
    read = column_decoder((UINT8, String(4)), (16, 20), 32)
    expected = [(number, text.partition(b"\0")[0]) for number, text in records]
    assert list(zip(*read(data), strict=True)) == expected


def test_column_decoder_of_nested_types() -> None:
    kind = Tuple((INT64, Tuple((UINT8, String(4)))))
    size = types.size_of(kind)
    records = [bytes(16) + bytes([n] * size) for n in (1, 2)]
    read = column_decoder((INT64, kind), (8, 16), 16 + size)
    one = decoder((INT64, kind), (8, 16))
    assert list(zip(*read(b"".join(records)), strict=True)) == [one(data, 0) for data in records]


# Merging


@pytest.mark.parametrize(
    ("kind", "per_cpu", "value"),
    [
        (Count(), [words(3), words(0), words(4)], 7),
        (Sum(True), [words(-5, 1), words(3, 1)], -2),
        (Sum(False), [words(-5, 1), words(3, 1)], (1 << 64) - 2),
        (Sum(False), [words(-1, 1), words(2, 1)], 1),
        (Min(True), [words(7, 2), words(0, 0), words(-2, 1)], -2),
        (Min(False), [words(7, 2), words(0, 0), words(-2, 1)], 7),
        (Min(True), [words(9, 0), words(9, 0)], 0),
        (Max(True), [words(-7, 1), words(0, 0)], -7),
        (Max(False), [words(7, 1), words(-1, 1)], (1 << 64) - 1),
        (Max(True), [words(0, 0)], 0),
        (Avg(True), [words(-7, 1), words(0, 1)], Average(count=2, total=-7)),
        (Stats(False), [words(-1, 1)], Average(count=1, total=(1 << 64) - 1)),
    ],
)
def test_merge(kind: Type, per_cpu: list[bytes], value: Any) -> None:
    assert merge_one(kind, per_cpu) == value


def test_average_truncates_toward_zero() -> None:
    assert Average(count=2, total=-7).average == -3
    assert Average(count=2, total=7).average == 3
    assert Average(count=0, total=0).average == 0


@given(st.integers(-100, 100), st.integers(-9, 9).filter(bool))
def test_divide_is_division_of_c(number: int, divisor: int) -> None:
    quotient = divide(number, divisor)
    remainder = number - quotient * divisor
    assert abs(remainder) < abs(divisor)
    assert remainder == 0 or (remainder < 0) == (number < 0)


INT64S = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-5, 50)


@given(
    st.lists(st.lists(INT64S, max_size=6), min_size=1, max_size=4),
    st.sampled_from([Hist(0, 0), Hist(3, 1), Hist(5, 0), LHist(0, 30, 10)]),
)
def test_merge_of_histograms_equals_collecting_all_values(
    per_cpu: list[list[int]], kind: Hist | LHist
) -> None:
    for values in per_cpu:  # a CPU's own sum is an int64
        values[:] = values if abs(sum(values)) < 1 << 63 else values[:1]
    merged = merge_one(kind, [hist_words(kind, values) for values in per_cpu])
    assert merged == collect(kind, [value for values in per_cpu for value in values])


def test_merge_of_very_full_buckets() -> None:
    kind = Hist(0, 0)
    state = [0] * types.aggregate_words(kind)
    state[0] = state[4] = 1 << 62
    state[5] = 1
    merged = merge_one(kind, [words(*state)] * 3)
    assert isinstance(merged, Histogram)
    assert merged.counts == (3 << 62, 3)


COUNTERS = (Count(), Sum(True), Sum(False), Min(True), Max(False), Avg(True), Stats(False))


@given(st.sampled_from(COUNTERS), st.integers(1, 5), st.data())
def test_entries_are_merged_as_each_by_itself(kind: Any, copies: int, data: Any) -> None:
    one_word = isinstance(kind, Count)
    state = st.tuples(INT64S) if one_word else st.tuples(INT64S, st.integers(0, 9))
    rows = data.draw(st.lists(st.lists(state, min_size=copies, max_size=copies), max_size=4))
    per_cpu = [[words(*one) for one in row] for row in rows]
    merged = merge(kind, make_entries([(b"key", copies) for copies in per_cpu]))
    assert list(merged) == [merge_one(kind, copies) for copies in per_cpu]


# Entries


def test_one_more_copy_of_some_values() -> None:
    entries = make_entries([(b"ab", [words(1), words(2)]), (b"cd", [words(3), words(4)])])
    assert with_copy(entries, {}) is entries
    found = with_copy(entries, {b"cd": words(5), b"ef": words(6)})
    assert found.copies == 3
    assert list(found.rows()) == [
        (b"ab", (words(1), words(2), words(0))),
        (b"cd", (words(3), words(4), words(5))),
        (b"ef", (words(0), words(0), words(6))),
    ]


def test_one_more_copy_of_nothing() -> None:
    found = with_copy(make_entries([]), {b"ab": words(1)})
    assert [(key, copies[-1]) for key, copies in found.rows()] == [(b"ab", words(1))]


# Snapshots


def keys(key: Type, value: Type, entries: list[tuple[bytes, list[bytes]]]) -> list[Any]:
    return [key for key, _ in snapshot(make_map(value, key), make_entries(entries)).entries]


def test_scalar_map_has_no_key() -> None:
    found = snapshot(make_map(INT64), make_entries([(bytes(4), [words(-5)])]))
    assert found.entries == ((None, -5),)
    assert snapshot(make_map(INT64), make_entries([])).entries == ()


@pytest.mark.parametrize(
    ("kind", "untouched", "zero"),
    [
        (Count(), words(0), 0),
        (Sum(True), words(0, 0), 0),
        (Stats(True), words(0, 0), Average(count=0, total=0)),
        (Hist(5, 0), hist_words(Hist(5, 0), []), Histogram(scheme=Hist(5, 0))),
    ],
)
def test_scalar_aggregation_without_update_is_absent_unless_zeroed(
    kind: Type, untouched: bytes, zero: Any
) -> None:
    entries = make_entries([(bytes(4), [untouched, untouched])])
    assert snapshot(make_map(kind), entries).entries == ()
    assert snapshot(make_map(kind), entries, zeroed=True).entries == ((None, zero),)


@pytest.mark.parametrize(
    ("kind", "state", "value"),
    [
        (Sum(True), words(0, 2), 0),
        (Max(True), words(0, 1), 0),
        (LHist(0, 30, 10), hist_words(LHist(0, 30, 10), [7]), collect(LHist(0, 30, 10), [7])),
    ],
)
def test_scalar_aggregation_with_updates_is_present(kind: Type, state: bytes, value: Any) -> None:
    idle = bytes(len(state))
    entries = make_entries([(bytes(4), [idle, state])])
    assert snapshot(make_map(kind), entries).entries == ((None, value),)


def test_zeroed_entries_of_a_keyed_aggregation_stay() -> None:
    found = snapshot(make_map(Count(), INT64), make_entries([(words(1), [words(0)])]))
    assert found.entries == ((1, 0),)


def test_order_by_value_then_key() -> None:
    entries = [(words(key), [words(value)]) for key, value in [(3, 5), (1, 5), (2, -1), (9, 0)]]
    assert keys(INT64, INT64, entries) == [2, 9, 1, 3]
    assert keys(INT64, UINT64, entries) == [9, 1, 3, 2]
    assert keys(INT64, Count(), entries) == [2, 9, 1, 3]


def test_order_of_sums_by_signedness() -> None:
    entries = [(words(key), [words(value, 1)]) for key, value in [(1, 4), (2, -1)]]
    assert keys(INT64, Sum(True), entries) == [2, 1]
    assert keys(INT64, Sum(False), entries) == [1, 2]


def test_order_of_min_and_max_is_unsigned() -> None:
    entries = [(words(key), [words(value, 1)]) for key, value in [(1, -1), (2, 4), (3, 0)]]
    assert keys(INT64, Min(True), entries) == [3, 2, 1]
    assert keys(INT64, Max(True), entries) == [3, 2, 1]


def test_order_by_average() -> None:
    entries = [
        (words(key), [words(total, n)]) for key, total, n in [(1, 100, 50), (2, 9, 3), (3, -8, 2)]
    ]
    assert keys(INT64, Avg(True), entries) == [3, 1, 2]
    assert keys(INT64, Stats(True), entries) == [3, 1, 2]
    assert keys(INT64, Avg(False), entries) == [1, 2, 3]


def test_order_by_total_count() -> None:
    kind = Hist(0, 0)
    entries = [(words(1), [hist_words(kind, [1, 1])]), (words(2), [hist_words(kind, [900])])]
    assert keys(INT64, kind, entries) == [2, 1]


def test_other_values_sort_by_key() -> None:
    entries = [(words(key), [b"\x01"]) for key in (5, -1, 3)]
    assert keys(INT64, types.BOOL, entries) == [-1, 3, 5]
    # Unsigned keys are compared as signed of their size, too.
    assert keys(UINT64, types.BOOL, entries) == [(1 << 64) - 1, 3, 5]
    bytes_ = [(bytes([key]), [b"\x01"]) for key in (127, 128, 0)]
    assert keys(UINT8, types.BOOL, bytes_) == [128, 0, 127]


def test_strings_sort_bytewise() -> None:
    entries = [(text.ljust(4, b"\0"), [b"x\0"]) for text in (b"b", b"\xff", b"a", b"ab", b"B")]
    assert keys(String(4), String(2), entries) == [b"B", b"a", b"ab", b"b", b"\xff"]


def test_tuple_keys_sort_field_by_field_without_fields_that_do_not_take_part() -> None:
    kind = Tuple((String(2), types.Pointer(INT8), INT64))
    entries = [
        (struct.pack("<2s6xQq", *key), [b"\x01"])
        for key in [(b"b", 1, 1), (b"a", 9, 2), (b"a", 5, 3), (b"a", 7, -3)]
    ]
    assert keys(kind, types.BOOL, entries) == [
        (b"a", 7, -3),
        (b"a", 9, 2),
        (b"a", 5, 3),
        (b"b", 1, 1),
    ]


def test_last_tie_is_the_bytes_of_the_key() -> None:
    entries = [(words(key), [words(1)]) for key in (0x0200, 0x01, 0x0100)]
    assert keys(Pointer(INT8), Count(), entries) == [0x0100, 0x0200, 0x01]


@given(st.permutations([(n % 3, n) for n in range(8)]))
def test_order_does_not_depend_on_the_order_of_reading(pairs: list[tuple[int, int]]) -> None:
    entries = [(words(key), [words(value)]) for value, key in pairs]
    assert keys(INT64, Count(), entries) == [0, 3, 6, 1, 4, 7, 2, 5]


# The ledger

OPTIONAL = st.none() | st.integers(0, 9)
LEDGERS = st.builds(
    Ledger,
    events=OPTIONAL,
    map_full=OPTIONAL,
    probe_misses=OPTIONAL,
    recursion_misses=OPTIONAL,
    stacks=OPTIONAL,
    probes=st.just(())
    | st.builds(ProbeLoss, label=st.just("k"), hits=st.just(2)).map(lambda p: (p,)),
)


def test_ledger_is_lost_by_what_is_known() -> None:
    assert not Ledger().lost
    assert not Ledger(probe_misses=None, stacks=None).lost
    assert Ledger(probe_misses=None, stacks=1).lost
    assert Ledger(recursion_misses=2).lost


def test_merged_ledgers_meet_by_name() -> None:
    left = Ledger(
        events=1,
        probe_misses=None,
        stacks=None,
        probes=(ProbeLoss(label="a", hits=3, missed=1, recursion=0),),
        maps=(MapLoss(name="@x", dropped=2, max_entries=10),),
    )
    right = Ledger(
        events=4,
        probe_misses=7,
        stacks=0,
        probes=(
            ProbeLoss(label="b", hits=5),
            ProbeLoss(label="a", hits=4, missed=None, recursion=2),
        ),
        maps=(MapLoss(name="@x", dropped=3, max_entries=20),),
    )
    assert merge_ledgers([left, right]) == Ledger(
        events=5,
        probe_misses=7,  # a known loss is not hidden by an unknown one
        stacks=None,
        probes=(
            ProbeLoss(label="a", hits=7, missed=1, recursion=2),
            ProbeLoss(label="b", hits=5),
        ),
        maps=(MapLoss(name="@x", dropped=5, max_entries=20),),
    )


@given(LEDGERS, LEDGERS, LEDGERS)
def test_merging_ledgers_is_associative_and_commutative(a: Ledger, b: Ledger, c: Ledger) -> None:
    assert merge_ledgers([merge_ledgers([a, b]), c]) == merge_ledgers([a, merge_ledgers([b, c])])
    assert merge_ledgers([a, b]) == merge_ledgers([b, a])
    assert merge_ledgers([a, Ledger()]) == a


@given(
    st.sampled_from([Hist(0, 0), Hist(5, 0), LHist(0, 100, 10)]),
    st.lists(st.integers(-(1 << 40), 1 << 40), min_size=1),
)
def test_a_state_kept_here_is_what_a_program_would_have(
    kind: Hist | LHist, numbers: list[int]
) -> None:
    """An update that travels as an event merges into the same histogram."""
    state = HistogramState(kind)
    for number in numbers:
        state.add(number)
    assert merge_one(kind, [state.pack()]) == collect(kind, numbers)
