# SPDX-License-Identifier: MIT
"""How types combine: promotion, common types, what may be assigned where (language §3.2)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kptrace import types
from kptrace.types import INT64, UINT64, Int, Type


@dataclass(frozen=True, slots=True)
class Use:
    """A type as one use contributes it; ``flexible``: only non-negative literals so far, and of
    pointers only literal addresses, such as 0, which lie in the memory of the other uses.

    ``elements`` are the uses inside a tuple, where they are known.
    """

    type: Type
    flexible: bool = False
    elements: tuple[Use, ...] = ()


def literal_type(value: int) -> Int:
    """The smallest signed type that holds a literal; above 2^63-1 uint64."""
    for size in (1, 2, 4, 8):
        if -(1 << (size * 8 - 1)) <= value < 1 << (size * 8 - 1):
            return Int(size, True)
    return UINT64


def promote(left: Use, right: Use) -> Int:
    """The common integer type of two uses (language §3.2)."""
    a, b = as_int(left.type), as_int(right.type)
    assert a is not None
    assert b is not None
    size = max(a.size, b.size)
    if a.signed == b.signed:
        return Int(size, a.signed)
    if left.flexible != right.flexible:
        return Int(size, (b if left.flexible else a).signed)
    signed, unsigned = (a, b) if a.signed else (b, a)
    if signed.size > unsigned.size:
        return signed
    return Int(min(size * 2, 8), True)


def as_int(kind: Type) -> Int | None:
    """The integer type that a value counts as in arithmetic; None for what is no integer."""
    match kind:
        case Int():
            return kind
        case types.Bool():
            return types.UINT8
        case types.Enum(size=size, signed=signed):
            return Int(size, signed)
        case types.Count() | types.Sum() | types.Min() | types.Max() | types.Avg():
            return aggregate_int(kind)
        case _:
            return None


def aggregate_int(kind: types.Aggregate) -> Int:
    """The integer that a castable aggregation becomes as a value."""
    return UINT64 if getattr(kind, "signed", True) is False else INT64


def fits(value: Int, target: Int) -> bool:
    """Whether every value of one integer type is one of another."""
    if value.signed == target.signed:
        return value.size <= target.size
    return target.signed and value.size < target.size


def combine(left: Use, right: Use) -> Type | None:
    """The one type for several uses of a variable, a key or a map value; None on a mismatch."""
    a, b = left.type, right.type
    if isinstance(a, types.Pointer) and left.flexible and not right.flexible:
        a = replace(a, user=isinstance(b, types.Pointer) and b.user)
    if a == b:
        return a
    if isinstance(a, types.Error) or isinstance(b, types.Error):
        return b if isinstance(a, types.Error) else a
    match a, b:
        case (Int(), Int()):
            return promote(left, right)
        case (types.String(size=one), types.String(size=two)):
            return types.String(max(one, two))
        case (types.Buffer(size=one), types.Buffer(size=two)):
            return types.Buffer(max(one, two))
        case (types.Tuple(elements=one), types.Tuple(elements=two)) if len(one) == len(two):
            elements = [combine(x, y) for x, y in _pairs(left, right)]
            known = tuple(element for element in elements if element is not None)
            return types.Tuple(known) if len(known) == len(elements) else None
        case (types.Record(names=names), types.Record(names=others)):
            if set(names) != set(others):
                return None
            # the order of the first use is kept
            elements = [combine(x, y) for x, y in _pairs(left, right)]
            known = tuple(element for element in elements if element is not None)
            return types.Record(names, known) if len(known) == len(elements) else None
        case (types.Pointer(target=one), types.Pointer(target=two)):
            target = combine(Use(one), Use(two))
            return replace(a, target=target) if target is not None else None
        case (types.Enum(name=one), types.Enum(name=two)) if one and one == two:
            return a if types.size_of(a) >= types.size_of(b) else b  # an enumerator is 64 bits wide
        case (types.TSeries(), types.TSeries()) if replace(a, signed=b.signed) == b:
            if left.flexible != right.flexible:
                return b if left.flexible else a
            return replace(a, signed=True)
        case (types.Avg() | types.Sum() | types.Min() | types.Max() | types.Stats(), _):
            if type(a) is not type(b):
                return None
            if left.flexible != right.flexible:
                return b if left.flexible else a
            # one aggregation over several argument types: signed if one of them is
            return type(a)(True)
        case _:
            return None


def _elements(use: Use) -> tuple[Use, ...]:
    assert isinstance(use.type, types.Tuple | types.Record)
    return use.elements or tuple(Use(kind) for kind in use.type.elements)


def _pairs(left: Use, right: Use) -> list[tuple[Use, Use]]:
    """The elements of two tuples or records that belong together, in the left one's order."""
    assert isinstance(left.type, types.Tuple | types.Record)
    assert isinstance(right.type, types.Tuple | types.Record)
    others = _elements(right)
    places = types.element_places(left.type, right.type)
    return [(one, others[place]) for one, place in zip(_elements(left), places, strict=True)]


def join(left: Use, right: Use) -> Use | None:
    """Like `combine`, as a use that further uses can be joined to."""
    kind = combine(left, right)
    if kind is None:
        return None
    if isinstance(left.type, types.Error) or isinstance(right.type, types.Error):
        return right if isinstance(left.type, types.Error) else left
    elements: tuple[Use, ...] = ()
    if isinstance(kind, types.Tuple | types.Record):
        elements = tuple(one for x, y in _pairs(left, right) if (one := join(x, y)) is not None)
    return Use(kind, left.flexible and right.flexible, elements)


def mixed(left: Use, right: Use) -> bool:
    """Whether two uses point to memory of different kinds: reads follow only the first."""
    a, b = left.type, right.type
    if not isinstance(a, types.Pointer) or not isinstance(b, types.Pointer):
        return False
    return a.user != b.user and not left.flexible and not right.flexible


def is_scalar(kind: Type) -> bool:
    """Whether a value fits a register."""
    return isinstance(
        kind,
        Int | types.Bool | types.Enum | types.Pointer | types.KSym | types.KStack | types.UserName,
    )
