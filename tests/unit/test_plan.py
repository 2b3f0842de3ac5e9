# SPDX-License-Identifier: MIT
from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kptrace import types
from kptrace.errors import UsageError
from kptrace.plan import (
    Config,
    Counter,
    CounterKind,
    Event,
    EventKind,
    Field,
    Map,
    MapKind,
    Plan,
    ProbeKind,
    Program,
    StackMap,
    Target,
    from_json,
    to_json,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.just("\udcff"), max_size=8)
SMALL = st.integers(0, 1 << 20)
SCALARS = st.one_of(
    st.builds(types.Int, st.sampled_from((1, 2, 4, 8)), st.booleans()),
    st.just(types.BOOL),
    st.just(types.INET),
    st.just(types.KSYM),
    st.builds(types.String, SMALL),
    st.builds(types.KStack, st.sampled_from(("perf", "raw")), SMALL),
    st.builds(types.Struct, st.sampled_from(("struct", "union")), TEXT, SMALL, SMALL, TEXT),
    st.builds(
        types.Enum,
        TEXT,
        st.sampled_from((1, 4, 8)),
        st.booleans(),
        st.lists(st.tuples(TEXT, st.integers(-(1 << 63), (1 << 64) - 1)), max_size=3).map(tuple),
    ),
)
TYPES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.builds(types.Tuple, st.lists(inner, max_size=3).map(tuple)),
        st.builds(types.Pointer, inner, st.booleans(), TEXT),
        st.builds(types.Array, inner, SMALL),
    ),
    max_leaves=6,
)
AGGREGATES = st.one_of(
    st.just(types.Count()),
    st.builds(types.Sum, st.booleans()),
    st.builds(types.Avg, st.booleans()),
    st.builds(types.Hist, st.integers(0, 5), st.integers(0, 5)),
    st.builds(types.LHist, SMALL, SMALL, SMALL),
)


def several(one: Any) -> Any:
    return st.lists(one, max_size=2).map(tuple)


TARGETS = st.builds(
    Target, probe=TEXT, name=TEXT, group=TEXT, offset=SMALL, address=st.integers(0, (1 << 64) - 1)
)
PLANS = st.builds(
    Plan,
    name=TEXT,
    arch=st.just("x86_64"),
    programs=several(
        st.builds(
            Program,
            name=TEXT,
            kind=st.sampled_from(ProbeKind),
            label=TEXT,
            targets=several(TARGETS),
            multi=st.booleans(),
            line=SMALL,
        )
    ),
    maps=several(
        st.builds(
            Map,
            name=TEXT,
            symbol=TEXT,
            kind=st.sampled_from(MapKind),
            key=st.none() | TYPES,
            value=TYPES | AGGREGATES,
            max_entries=SMALL,
            prealloc=st.booleans(),
        )
    ),
    stack_maps=several(st.builds(StackMap, symbol=TEXT, depth=SMALL, max_entries=SMALL)),
    events=several(
        st.builds(
            Event,
            id=SMALL,
            kind=st.sampled_from(EventKind),
            size=SMALL,
            fields=several(st.builds(Field, name=TEXT, type=TYPES, offset=SMALL)),
            text=TEXT,
            map=TEXT,
            top=st.none() | SMALL,
            div=st.none() | SMALL,
            place=TEXT,
            excerpt=TEXT,
        )
    ),
    counters=several(st.builds(Counter, kind=st.sampled_from(CounterKind), subject=TEXT)),
    config=st.builds(Config, perf_rb_pages=SMALL, str_trunc_trailer=TEXT, license=TEXT),
    scratch_size=SMALL,
)


def whole(value: Any) -> Any:
    """Every field of a plan, also those that do not take part in comparison."""
    if isinstance(value, tuple):
        return tuple(map(whole, value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return type(value), tuple((one.name, whole(getattr(value, one.name))) for one in fields)
    return value


@settings(deadline=None)
@given(PLANS)
def test_json_round_trip(plan: Plan) -> None:
    text = to_json(plan)
    text.encode("ascii")  # as a file or over a wire, whatever the encoding
    assert whole(from_json(text)) == whole(plan)


SIMPLE = Plan(name="x", arch="x86_64", programs=())


def test_a_plan_of_another_version_is_refused() -> None:
    document = json.loads(to_json(SIMPLE)) | {"version": 99}
    with pytest.raises(UsageError, match="plan version 99") as caught:
        from_json(json.dumps(document))
    assert caught.value.diagnostics[0].hints


@pytest.mark.parametrize("text", ["1", "[]", "{}", '{"class": "Map"}'])
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a kptrace plan"):
        from_json(text)


def test_maps_by_name() -> None:
    one = Map(
        name="@a", symbol="map_a", kind=MapKind.HASH, key=None, value=types.INT64, max_entries=1
    )
    plan = dataclasses.replace(SIMPLE, maps=(one,))
    assert plan.map("@a") is one
    assert (one.key_size, one.value_size) == (4, 8)
    with pytest.raises(KeyError):
        plan.map("@b")
