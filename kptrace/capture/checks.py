# SPDX-License-Identifier: MIT
"""A plan from a file that anybody may have written: only one that a compiler could have made.

Every value is of its field's type, and everything that a plan says the size of is bounded, so that
reading what a capture holds takes no more than its own size in memory and time.
"""

from __future__ import annotations

import dataclasses
import functools
import types as python
import typing
from collections.abc import Iterable
from enum import Enum
from typing import Any

from kptrace import plan as plans
from kptrace import types
from kptrace.plan import EVENT_HEADER, Event, Map, Plan
from kptrace.series import FUNCTIONS

MOST_BYTES = 1 << 20
"""Of a value, a key or an event: a perf record holds 64 KiB, and so does what a program writes."""
_MOST_LEAVES = 1 << 16
_MOST_WORDS = 1 << 13
"""Of an aggregation: the kernel has 32 KiB for the value of one CPU."""
_NAMES = vars(types) | vars(plans)


def check_plan(plan: Plan) -> None:
    """Raises ValueError or TypeError for a plan that no compiler has made."""
    _check(plan, Plan)
    if len({one.id for one in plan.events}) != len(plan.events):
        raise ValueError("events share a number")
    if len({one.name for one in plan.maps}) != len(plan.maps):
        raise ValueError("maps share a name")
    for one in plan.maps:
        _check_map(one)
    for event in plan.events:
        _check_event(event, {one.name for one in plan.maps})


def _check_map(one: Map) -> None:
    if one.key is not None:
        check_type(one.key)
    if isinstance(one.value, types.AGGREGATES):
        _check_aggregate(one.value)
    else:
        check_type(one.value)


def _check_event(event: Event, maps: Iterable[str]) -> None:
    if not EVENT_HEADER <= event.size <= MOST_BYTES:
        raise ValueError(f"an event of {event.size} bytes")
    if event.map and event.map not in maps:
        raise ValueError(f"an event about {event.map}, which is no map")
    position = EVENT_HEADER
    for field in event.fields:
        check_type(field.type)
        if field.offset < position:
            raise ValueError("fields of an event lie over each other")
        position = field.offset + types.size_of(field.type)
    if position > event.size:
        raise ValueError("a field lies behind its event")


def check_type(kind: types.Type) -> None:
    """Refuse a type that is not one of stored values, or that is too large."""
    if isinstance(kind, types.AGGREGATES):
        raise ValueError(f"{types.type_name(kind)} where a plain value is stored")
    leaves = _leaves(kind)
    if leaves > _MOST_LEAVES or not 0 <= types.size_of(kind) <= MOST_BYTES:
        raise ValueError(f"a value of {types.size_of(kind)} bytes in {leaves} parts")


def _leaves(kind: Any) -> int:
    """How many values one of this type is decoded to; each part of a type counts."""
    match kind:
        case types.Int(size=size) | types.Enum(size=size):
            if size not in (1, 2, 4, 8):
                raise ValueError(f"a number of {size} bytes")
        case types.String(size=size) | types.Buffer(size=size) | types.Float(size=size):
            _positive(size)
        case types.Array(element=element, count=count):
            return 1 + max(count, 0) * _leaves(element)
        case types.Tuple(elements=elements):
            return 1 + sum(map(_leaves, elements))
        case types.Record(elements=elements, names=names):
            if len(names) != len(elements):
                raise ValueError("a record with names that are not its elements'")
            return 1 + sum(map(_leaves, elements))
        case types.Struct(members=members, align=align):
            _positive(align - 1)
            for one in members:
                for number in (one.offset, one.shift, one.bit_size, one.held):
                    _positive(number)
                if one.bit_size > 64:
                    raise ValueError(f"a bit field of {one.bit_size} bits")
            return 1 + sum(_leaves(one.type) for one in members)
    return 1


def _positive(number: int) -> None:
    if not 0 <= number <= MOST_BYTES:
        raise ValueError(f"a size of {number} bytes")


def _check_aggregate(kind: types.Aggregate) -> None:
    match kind:
        case types.Hist(bits=bits, shown=shown):
            good = 0 <= shown <= bits <= 8
        case types.LHist(min=low, max=high, step=step):
            good = step > 0 and low < high
            good = good and types.aggregate_words(kind) < _MOST_WORDS
        case types.TSeries(interval=interval, count=count, function=function):
            good = (
                interval > 0
                and count > 0
                and types.aggregate_words(kind) < _MOST_WORDS
                and function in FUNCTIONS
            )
        case _:
            good = True
    if not good:
        raise ValueError(f"no such {types.type_name(kind)}")


def _check(value: Any, hint: Any) -> None:
    """Whether a value is one of an annotated type, with everything in it."""
    if hint in (int, str, bool):
        good = type(value) is hint
        if good and hint is str:
            value.encode("utf-8", "surrogateescape")  # else it can't be printed
        if hint is int and good and value.bit_length() > 65:
            raise ValueError(f"a number of {value.bit_length()} bits")
    elif hint is type(None):
        good = value is None
    elif typing.get_origin(hint) is tuple:
        good = type(value) is tuple
        if good:
            for one in value:
                _check(one, _element(hint))
    elif isinstance(hint, python.UnionType) or typing.get_origin(hint) is typing.Union:
        fitting = [one for one in _choices(hint) if _fits(value, one)]
        good = bool(fitting)
        if good:
            _check(value, fitting[0])
    else:
        good = type(value) is hint
        if good and not issubclass(hint, Enum):
            for name, wanted in _hints(hint).items():
                _check(getattr(value, name), wanted)
    if not good:
        raise TypeError(f"{value!r:.60} where {getattr(hint, '__name__', hint)} is wanted")


def _element(hint: Any) -> Any:
    """The type of a tuple's elements; pairs such as an enumerator are of two types."""
    inner = typing.get_args(hint)
    if inner[-1] is ...:
        return inner[0]
    return typing.Union[inner]  # noqa: UP007  (made from values)


def _choices(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint)


def _fits(value: Any, hint: Any) -> bool:
    origin = typing.get_origin(hint) or hint
    return type(value) is origin


@functools.cache
def _hints(cls: Any) -> dict[str, Any]:
    """The types of a class's fields that a plan carries."""
    hints = typing.get_type_hints(cls, _NAMES)
    return {
        one.name: hints[one.name]
        for one in dataclasses.fields(cls)
        if one.metadata.get("plan", True)
    }
