# SPDX-License-Identifier: MIT
"""Laws over all types: whatever a program stores can be decoded, printed and dumped."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kptrace import types
from kptrace.decoding import decode
from kptrace.output.json import JsonFormat
from kptrace.output.printf import compile_format
from kptrace.output.text import TextFormat
from kptrace.output.values import Style
from kptrace.types import Type


class NoSymbols:
    def ksym(self, address: int) -> str | None:
        return None

    def ksym_offset(self, address: int) -> str | None:
        return None

    def stack(self, key: int, kind: types.KStack) -> tuple[int, ...]:
        return (key,)


STYLE = Style(resolver=NoSymbols())
SIZES = st.sampled_from([1, 2, 4, 8])
SCALARS: st.SearchStrategy[Type] = (
    st.builds(types.Int, SIZES, st.booleans())
    | st.builds(types.Enum, st.just("e"), SIZES, st.booleans(), st.just((("A", 0), ("B", 1))))
    | st.builds(types.String, st.integers(1, 20))
    | st.sampled_from(
        [types.BOOL, types.KSYM, types.INET, types.KStack(), types.Pointer(types.VOID)]
    )
)
KINDS: st.SearchStrategy[Type] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4).map(lambda found: types.Tuple(tuple(found)))
    | st.builds(types.Array, inner, st.integers(0, 4)),
    max_leaves=6,
)


@st.composite
def stored(draw: st.DrawFn) -> tuple[Type, bytes]:
    kind = draw(KINDS)
    size = types.size_of(kind)
    return kind, draw(st.binary(min_size=size, max_size=size))


def shape(kind: Type, value: Any) -> bool:
    match kind:
        case types.Tuple(elements=elements):
            return len(value) == len(elements) and all(map(shape, elements, value))
        case types.Array(element=element, count=count):
            return len(value) == count and all(shape(element, one) for one in value)
        case types.String(size=size):
            return isinstance(value, bytes) and len(value) <= size and b"\0" not in value
        case types.Inet():
            return isinstance(value, bytes) and len(value) == 24
        case types.Bool():
            return isinstance(value, bool)
        case _:
            low, high = (-(1 << 63), 1 << 63) if getattr(kind, "signed", False) else (0, 1 << 64)
            return isinstance(value, int) and low <= value < high


@given(stored())
def test_every_stored_value_decodes_and_prints(case: tuple[Type, bytes]) -> None:
    kind, data = case
    value = decode(kind, data)
    assert shape(kind, value)
    text = TextFormat(style=STYLE).value(kind, value)
    assert text.endswith(b"\n")
    assert compile_format("%s\n", (kind,), STYLE)((value,)) == text
    line = JsonFormat(style=STYLE).value(kind, value)
    assert json.loads(line)["type"] == "value"
    assert line.index(b"\n") == len(line) - 1
