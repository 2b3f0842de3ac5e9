# SPDX-License-Identifier: MIT
"""`dataclass` for modules with dozens of small classes: quick to import.

Half of what a command needs to start was the standard decorator, which compiles six methods for
every class. This one has none: ``__init__`` is compiled when the first instance is made, which for
most classes is never; comparing, hashing and printing are shared functions over the fields. To a
type checker it is the standard one, and it is the type checker that sees to ``frozen``: at run
time nothing enforces it, which makes instances cheap to create.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen: bool = False, slots: bool = False, kw_only: bool = False) -> Any:
        """The class with ``__init__``, equality by value, and a hash if it is frozen."""

        def decorate(cls: type) -> type:
            own = cls.__dict__
            assert not hasattr(cls, "__post_init__")
            cls.__doc__ = cls.__doc__ or cls.__name__  # else it is made from the signature
            made = dataclasses.dataclass(
                init=False, repr=False, eq=False, slots=slots, kw_only=kw_only
            )(cls)
            shared = {
                "__init__": _first_init(made),
                "__eq__": _equal,
                "__hash__": _hash if frozen else None,
                "__repr__": _show,
            }
            for name, function in shared.items():
                if name not in own:
                    setattr(made, name, function)
            return made

        return decorate


_UNSET: Any = object()
"""Stands for an argument that was not given and whose default is made each time."""


def _first_init(cls: Any) -> Callable[..., None]:
    """An ``__init__`` that puts a compiled one in its place."""

    def first(self: Any, *arguments: Any, **named: Any) -> None:
        cls.__init__ = _init(cls)
        cls.__init__(self, *arguments, **named)

    return first


def _init(cls: type) -> Callable[..., None]:
    """``__init__`` with the fields as parameters, in the order and with the defaults they have."""
    names: dict[str, Any] = {"_UNSET": _UNSET}
    positional, body = ["self"], []
    named: list[str] = []
    for field in dataclasses.fields(cls):
        assert field.init
        parameter, value = field.name, field.name
        if field.default is not dataclasses.MISSING:
            names[f"_{field.name}"] = field.default
            parameter = f"{field.name}=_{field.name}"
        elif field.default_factory is not dataclasses.MISSING:
            names[f"_{field.name}"] = field.default_factory
            parameter = f"{field.name}=_UNSET"
            value = f"_{field.name}() if {field.name} is _UNSET else {field.name}"
        (named if field.kw_only else positional).append(parameter)
        body.append(f"self.{field.name} = {value}")
    parameters = ", ".join([*positional, *(["*", *named] if named else [])])
    lines = "\n    ".join(body or ["pass"])
    exec(f"def __init__({parameters}):\n    {lines}", names)
    made: Callable[..., None] = names["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


_GETTERS: dict[type, Callable[[Any], Any]] = {}


def _values(one: Any) -> Any:
    """The values of the fields that take part in comparison."""
    cls = type(one)
    getter = _GETTERS.get(cls)
    if getter is None:
        names = [field.name for field in dataclasses.fields(cls) if field.compare]
        getter = _GETTERS[cls] = attrgetter(*names) if names else _nothing
    return getter(one)


def _nothing(one: Any) -> Any:
    return ()


def _equal(self: Any, other: object) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    return _values(self) == _values(other)


def _hash(self: Any) -> int:
    return hash((self.__class__, _values(self)))


def _show(self: Any) -> str:
    parts = (
        f"{field.name}={getattr(self, field.name)!r}"
        for field in dataclasses.fields(self)
        if field.repr
    )
    return f"{type(self).__qualname__}({', '.join(parts)})"
