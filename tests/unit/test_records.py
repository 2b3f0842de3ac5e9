# SPDX-License-Identifier: MIT
"""Records compare, hash and print as the standard dataclasses do."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from dataclasses import field

import pytest

from kptrace.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    place: int = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point(Base):
    x: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alone:
    pass


@dataclass(slots=True, kw_only=True)
class Open:
    """Not frozen."""

    x: int
    seen: list[int] = field(default_factory=list)

    def __repr__(self) -> str:
        return "mine"


def test_equality_is_by_class_and_compared_fields() -> None:
    assert Point(place=1, x=2) == Point(place=3, x=2)
    assert Point(place=1, x=2) != Point(place=1, x=3)
    assert Point(place=1, x=2) != Base(place=1)
    assert Alone() == Alone()
    assert Alone() != ()


def test_hash_follows_equality() -> None:
    assert len({Point(place=1, x=2), Point(place=3, x=2), Point(place=1, x=3)}) == 2
    assert len({Alone(), Alone()}) == 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(Open(x=1))


def test_printing() -> None:
    assert repr(Point(place=1, x=2, names=("a",))) == "Point(x=2, names=('a',))"
    assert repr(Open(x=1)) == "mine"


def test_the_tools_of_dataclasses_work() -> None:
    point = Point(place=1, x=2)
    assert dataclasses.replace(point, x=5) == Point(place=1, x=5)
    assert dataclasses.asdict(point) == {"place": 1, "x": 2, "names": ()}
    assert [one.name for one in dataclasses.fields(Point)] == ["place", "x", "names"]
    assert copy.deepcopy(point) == point
    assert pickle.loads(pickle.dumps(point)) == point
    assert Open(x=1).seen is not Open(x=1).seen


def test_arguments_are_checked_from_the_first_instance_on() -> None:
    @dataclass(frozen=True, slots=True)
    class Fresh:
        first: int
        second: str = "x"
        third: list[int] = field(default_factory=list)

    with pytest.raises(TypeError, match=r"Fresh.__init__\(\) missing 1 required .* 'first'"):
        Fresh()  # type: ignore[call-arg]
    for _ in range(2):
        assert Fresh(1, third=[2]) == Fresh(1, "x", [2])
        assert Fresh(1) == Fresh(first=1, second="x", third=[])
        with pytest.raises(TypeError, match="unexpected keyword argument 'other'"):
            Fresh(1, other=2)  # type: ignore[call-arg]


def test_fields_have_no_dictionary() -> None:
    assert not hasattr(Point(place=1, x=2), "__dict__")
    with pytest.raises(TypeError, match="positional"):
        Point(1, 2)  # type: ignore[misc]
