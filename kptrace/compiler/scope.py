# SPDX-License-Identifier: MIT
"""What the checker knows besides the tree: scopes, map types, facts about kernel and run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kptrace import types
from kptrace.compiler.config import Settings
from kptrace.compiler.parameters import Named
from kptrace.compiler.rules import Use
from kptrace.kernel import Kernel
from kptrace.plan import ProbeKind
from kptrace.source import Span
from kptrace.types import Type

FEATURE = "feature"
"""Code of an error about something that this kernel lacks, where a newer one would do."""


def every(feature: str) -> bool:
    """A kernel that has every feature."""
    return True


def any_kfunc(kind: ProbeKind, trusted: bool, target: str, function: str) -> bool | None:
    """A kernel that lets every program call every function."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """``parameters`` are the positional ones, ``named`` those of getopt().

    ``hist_bits`` is the least precision of hist().
    ``has`` tells whether this kernel has a feature, by its name in `runtime.features`.
    ``calls`` tells whether a probe's program may call a function of the kernel: the kind of the
    probe, whether it is `plan.Program.trusted`, the name of its target, that of the function. None
    where the kernel cannot be asked.
    ``texts`` collects the formats and filters that values carry by their index.
    ``lost_maps`` are those in which a probe stores that is not compiled: it matches nothing here,
    or, with ``lost_probes``, it has errors that were told; ``lost_told``: in warnings.
    ``percpu_lookup``: a program can read other CPUs' slots (Linux 5.19, commit 07343110b293).
    """

    kernel: Kernel
    parameters: tuple[str, ...] = ()
    named: Named = field(default_factory=Named)
    max_strlen: int = 1024
    stack_mode: str = "bpftrace"
    hist_bits: int = 0
    percpu_lookup: bool = True
    cpid: int | None = None
    has: Callable[[str], bool] = every
    calls: Callable[[ProbeKind, bool, str, str], bool | None] = any_kfunc
    unsafe: bool = False
    settings: Settings = field(default_factory=Settings)
    lost_maps: frozenset[str] = frozenset()
    lost_probes: bool = False
    lost_told: bool = False
    texts: list[str] = field(default_factory=list)

    def text(self, wanted: str) -> int:
        """The index of a text, a new one at first use."""
        if wanted not in self.texts:
            self.texts.append(wanted)
        return self.texts.index(wanted)


@dataclass(slots=True, kw_only=True)
class MapInfo:
    """What is known of a map so far. ``keyed`` follows from its first use.

    ``deleted``: delete() empties it as a whole, which only a hash map can do in one step.
    """

    name: str
    span: Span
    keyed: bool
    key: Use | None = None
    value: Use | None = None
    known: Use | None = None
    written: bool = False

    known_key: Use | None = None
    deleted: bool = False

    @property
    def key_type(self) -> Type | None:
        """The type of the keys, as `type` is that of the values."""
        use = self.known_key or self.key
        return None if use is None else use.type

    @property
    def type(self) -> Type | None:
        """The type of the value as a read sees it: that of the whole last visit."""
        use = self.known or self.value
        return None if use is None else use.type

    def forget(self) -> None:
        """Before a visit: what is assigned is collected anew."""
        self.known, self.known_key = self.value, self.key
        self.key, self.value = None, None


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
    ``captured`` are the slots of the variables that a loop's function shares with its caller;
    ``functions`` the depths at which such functions begin; ``undeclared`` the names of variables
    that an assignment made.
    """

    unit: int
    types: dict[tuple[int, int, str], Use]
    known: dict[tuple[int, int, str], Use]
    stack: list[dict[str, Variable]] = field(default_factory=list)
    slots: set[str] = field(default_factory=set)
    functions: list[int] = field(default_factory=list)
    captured: set[str] = field(default_factory=set)
    undeclared: set[str] = field(default_factory=set)

    def push(self, *, function: bool = False) -> None:
        """Open a scope; ``function``: it becomes a C function of its own."""
        if function:
            self.functions.append(len(self.stack))
        self.stack.append({})

    def pop(self) -> dict[str, Variable]:
        """Close the innermost scope; gives its variables."""
        gone = self.stack.pop()
        if self.functions and self.functions[-1] == len(self.stack):
            self.functions.pop()
        return gone

    def find(self, name: str) -> Variable | None:
        """A variable that is visible here; one of an outer function is captured by this one."""
        for depth in reversed(range(len(self.stack))):
            found = self.stack[depth].get(name)
            if found is not None:
                if self.functions and depth < self.functions[-1]:
                    self.captured.add(found.slot)
                return found
        return None

    def ended(self, name: str) -> bool:
        """Whether an assignment made this variable, in a block that is over; asked once."""
        known = name in self.undeclared
        self.undeclared.discard(name)
        return known

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
            # a declared pointer leads where its values do
            self.types[variable.place] = Use(fixed, isinstance(fixed, types.Pointer))
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
