# SPDX-License-Identifier: MIT
"""What the checker knows besides the tree: scopes, map types, facts about kernel and run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kptrace import types
from kptrace.compiler.parameters import Named
from kptrace.compiler.rules import Use
from kptrace.kernel import Kernel
from kptrace.source import Span
from kptrace.types import Type


def every(feature: str) -> bool:
    """A kernel that has every feature."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """``parameters`` are the positional ones, ``named`` those of getopt().

    ``hist_bits`` is the least precision of hist().
    ``has`` tells whether this kernel has a feature, by its name in `runtime.features`.
    ``texts`` collects the formats and filters that values carry by their index.
    ``percpu_lookup``: a program can read other CPUs' slots (Linux 5.19, commit 07343110b293).
    """

    kernel: Kernel
    parameters: tuple[str, ...] = ()
    named: Named = field(default_factory=Named)
    max_strlen: int = 1024
    stack_mode: str = "bpftrace"
    hist_bits: int = 0
    percpu_lookup: bool = True
    has: Callable[[str], bool] = every
    texts: list[str] = field(default_factory=list)

    def text(self, wanted: str) -> int:
        """The index of a text, a new one at first use."""
        if wanted not in self.texts:
            self.texts.append(wanted)
        return self.texts.index(wanted)


@dataclass(slots=True, kw_only=True)
class MapInfo:
    """What is known of a map so far. ``keyed`` follows from its first use."""

    name: str
    span: Span
    keyed: bool
    key: Use | None = None
    value: Use | None = None
    known: Use | None = None
    written: bool = False

    @property
    def type(self) -> Type | None:
        """The type of the value as a read sees it: that of the whole last visit."""
        use = self.known or self.value
        return None if use is None else use.type

    def forget(self) -> None:
        """Before a visit: what is assigned is collected anew."""
        self.known, self.key, self.value = self.value, None, None


@dataclass(slots=True, kw_only=True)
class Variable:
    """``slot`` is its C name; ``fixed`` the type that a ``let`` gives it.

    ``assigned``: an assignment was seen so far, in source order.
    """

    slot: str
    place: tuple[int, int, str]
    span: Span
    fixed: Type | None
    assigned: bool = False


@dataclass(slots=True)
class Scopes:
    """The scratch variables of one program.

    Types live in ``types`` by place of declaration and survive from one visit to the next.
    """

    unit: int
    types: dict[tuple[int, int, str], Use]
    known: dict[tuple[int, int, str], Use]
    stack: list[dict[str, Variable]] = field(default_factory=list)
    slots: set[str] = field(default_factory=set)

    def push(self) -> None:
        self.stack.append({})

    def pop(self) -> dict[str, Variable]:
        """Close the innermost scope; gives its variables."""
        return self.stack.pop()

    def find(self, name: str) -> Variable | None:
        for scope in reversed(self.stack):
            if name in scope:
                return scope[name]
        return None

    def declare(self, name: str, span: Span, fixed: Type | None) -> Variable:
        plain = name[1:].partition("#")[0]  # a macro's own variable is renamed: "$x#3"
        slot, number = plain, 1
        while slot in self.slots:
            number += 1
            slot = f"{plain}_{number}"
        self.slots.add(slot)
        place = (self.unit, span.start, name)
        variable = Variable(slot=f"v_{slot}", place=place, span=span, fixed=fixed)
        if fixed is not None:
            self.types[variable.place] = Use(fixed)
        self.stack[-1][name] = variable
        return variable

    def use(self, variable: Variable) -> Use | None:
        return self.types.get(variable.place)

    def set(self, variable: Variable, use: Use) -> None:
        if not isinstance(use.type, types.Error):
            self.types[variable.place] = use

    def type_of(self, variable: Variable) -> Type:
        use = self.known.get(variable.place) or self.use(variable)
        return types.ERROR if use is None else use.type
