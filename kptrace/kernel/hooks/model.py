# SPDX-License-Identifier: MIT
"""What a hook is: a stable name with typed arguments, over places that change by kernel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TypeAlias

from kptrace.records import dataclass

Expressions: TypeAlias = str | tuple[str, ...]
"""One expression of the specification language, or several to try in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One way to obtain a hook: attach points, which all belong to it, and its arguments there.

    ``values`` are expressions of the specification language, valid at these attach points; of
    several for one argument the first that this kernel's types allow is taken. An argument
    without a value is not to be had there. ``where`` is a filter in front of the block, against
    hits that are not the hook's; a candidate whose filters all have no type here does not serve.
    ``note`` is what a user must know of what this candidate sees.
    """

    attach: tuple[str, ...]
    values: Mapping[str, Expressions] = field(default_factory=dict)
    where: Expressions = ()
    note: str = ""

    @property
    def name(self) -> str:
        """What listings show."""
        return " + ".join(self.attach)

    def expressions(self, argument: str) -> tuple[str, ...]:
        """The expressions to try for an argument, in order."""
        return _several(self.values.get(argument, ()))

    @property
    def filters(self) -> tuple[str, ...]:
        """The filters to try, in order; none where every hit is the hook's."""
        return _several(self.where)


def _several(one: Expressions) -> tuple[str, ...]:
    return (one,) if isinstance(one, str) else one


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """``args`` names the arguments and their types, the same on every kernel.

    A type of the language, into which the value is cast; "string" leaves the value as it is.
    ``candidates`` stand in order of preference: the first that a kernel has, and that attaches.
    """

    name: str
    summary: str
    args: Mapping[str, str]
    candidates: tuple[Candidate, ...]


def candidate(
    *attach: str,
    where: Expressions = (),
    note: str = "",
    values: Mapping[str, Expressions] | None = None,
    **more: Expressions,
) -> Candidate:
    """A candidate, as the tables write it: ``more`` are further values."""
    return Candidate(attach=attach, values={**(values or {}), **more}, where=where, note=note)
