# SPDX-License-Identifier: MIT
"""What every part of the checker shares: its state, and expressions as values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

from kptrace import types
from kptrace.compiler import tree
from kptrace.compiler.expand import Unit
from kptrace.compiler.rules import Use, aggregate_int, as_int, fits, mixed
from kptrace.compiler.scope import FEATURE, Facts, MapInfo, Scopes
from kptrace.errors import Report, did_you_mean
from kptrace.lang import nodes as n
from kptrace.source import Span
from kptrace.types import Type, type_name

_REMOVED = " (missing_probes is ignore, or --probe-filter leaves it out)"


class CheckerBase(ABC):
    """One visit of one program. ``guess``: a map read before its type is known is an int64."""

    def __init__(
        self,
        unit: Unit,
        facts: Facts,
        report: Report,
        maps: dict[str, MapInfo],
        scopes: Scopes,
        guess: bool,
    ) -> None:
        self.unit = unit
        self.facts = facts
        self.report = report
        self.maps = maps
        self.scopes = scopes
        self.guess = guess
        self.ahead: list[tree.Statement] = []  # what must stand before this statement
        self.loops: list[str] = []  # the keywords of the loops around it

    @abstractmethod
    def expr(self, node: n.Expr) -> tree.Expr:
        """An expression with its type; memory may still be unread (`tree.Place`)."""

    @abstractmethod
    def no_btf(self, span: Span, what: str) -> tree.Bad:
        """Say that BTF is needed, and why there is none."""

    def bad(self, span: Span) -> tree.Bad:
        return tree.Bad(span=span)

    def undefined_map(self, node: n.Map, span: Span | None = None) -> None:
        """Say that nothing is ever stored in a map; not where the reason was told already."""
        hints = did_you_mean(node.name, (key for key, one in self.maps.items() if one.written))
        if node.name in self.facts.lost_maps:
            if self.facts.lost_probes:
                return
            told = ": see the warning about its name" if self.facts.lost_told else ""
            hints = (f"the probe that stores in it was removed{told or _REMOVED}",)
        message = f"Undefined map: {node.name}"
        self.report.error(span or node.span, message, code="unknown-name", hints=hints)

    def value(self, node: n.Expr) -> tree.Expr:
        """An expression as a value: memory is read, structs know their members."""
        made = self.expr(node)
        if isinstance(made.type, types.Args):
            return self.args_record(node)
        if isinstance(made, tree.Place) and isinstance(made.type, types.Struct | types.Array):
            if isinstance(made.type, types.Struct) and made.type.size < 0:
                if self.facts.kernel.btf is None:
                    return self.no_btf(node.span, f"the type '{type_name(made.type)}'")
                message = f"Unknown struct/union: '{type_name(made.type)}'"
                self.report.error(node.span, message, code="unknown-name")
                return self.bad(node.span)
            return replace(made, type=self.by_value(made.type))
        return made

    def tell_address(self, made: tree.Expr) -> None:
        """Warn where a text is meant, perhaps, and the value is its address: kernels turned
        fields like ``char comm[16]`` into ``__data_loc char[] comm``."""
        if isinstance(made, tree.ContextField) and made.data_loc:
            message = f"{made.name} is the address of a text on this kernel: use str()"
            self.report.warning(made.span, message)

    @abstractmethod
    def args_record(self, node: n.Expr) -> tree.Expr:
        """All arguments of the probe as one record."""

    def size_in_code(self, kind: Type) -> int:
        """The size of a type where it becomes a number in code: other kernels may have another."""
        if self.facts.kernel.btf is not None:
            self.facts.kernel.btf.uses_size(kind)
        return types.size_of(kind)

    def by_value(self, kind: Type) -> Type:
        """A type as values have it: structs know their members."""
        btf = self.facts.kernel.btf
        match kind:
            case types.Struct(members=()) if btf is not None:
                return replace(btf.complete(kind), user=kind.user)
            case types.Array(element=element):
                return replace(kind, element=self.by_value(element))
            case _:
                return kind

    def converted(self, value: tree.Expr, kind: Type) -> None:
        """Warn where a value that is no literal may not fit the type that it becomes.

        Of a tuple that is written out, each element is looked at.
        """
        have = value.type
        wanted = (types.Tuple, types.Record)
        if isinstance(value, tree.TupleMake) and isinstance(kind, wanted):
            assert isinstance(have, wanted)
            for one, place in zip(value.elements, types.element_places(have, kind), strict=True):
                self.converted(one, kind.elements[place])
        if not isinstance(have, types.Int) or not isinstance(kind, types.Int):
            return
        if isinstance(value, tree.Const) or fits(have, kind):
            return
        message = (
            f"Expression of type: {type_name(have)} being cast to type: {type_name(kind)}. This may"
            " cause unexpected results. Use an explicit cast to suppress this warning."
        )
        self.report.warning(value.span, message)

    def condition(self, node: n.Expr) -> tree.Expr:
        made = self.value(node)
        hints: tuple[str, ...] = ()
        scalar = as_int(made.type) is not None or isinstance(made.type, types.Pointer)
        if isinstance(made.type, types.AGGREGATES):
            scalar = False
            if isinstance(made.type, types.CASTABLE):
                hints = ("compare the aggregation with a number, or cast it to an integer",)
        if not scalar and not isinstance(made.type, types.Error):
            message = f"Invalid condition: {type_name(made.type)}"
            self.report.error(node.span, message, code="type", hints=hints)
            return self.bad(node.span)
        return made

    def castable(self, made: tree.Expr) -> tree.Expr:
        """An aggregation in a value position becomes its integer (language §5.4)."""
        if isinstance(made, tree.MapRead) and isinstance(made.type, types.AGGREGATES):
            if not isinstance(made.type, types.CASTABLE):
                message = f"Value of type '{type_name(made.type)}' cannot be used in an expression"
                self.report.error(made.span, message, code="type")
                return self.bad(made.span)
            assert isinstance(made.type, types.CASTABLE)
            if not self.facts.percpu_lookup:
                message = "Missing required kernel feature: map_lookup_percpu_elem"
                self.report.error(made.span, message, code=FEATURE)
                return self.bad(made.span)
            return tree.AggregateRead(
                span=made.span, type=aggregate_int(made.type), map=made.map, key=made.key
            )
        return made

    def use_of(self, value: tree.Expr) -> Use:
        if isinstance(value, tree.TupleMake):
            return Use(value.type, elements=tuple(self.use_of(one) for one in value.elements))
        if isinstance(value.type, types.Pointer):
            literal = isinstance(value, tree.Cast) and isinstance(value.operand, tree.Const)
            return Use(value.type, literal)
        return Use(value.type, isinstance(value, tree.Const) and value.flexible)

    def tell_mixed(self, span: Span, first: Use, other: Use) -> None:
        """Warn where one pointer may lead to memory of the kernel or of a process."""
        if not mixed(first, other):
            return
        user = isinstance(first.type, types.Pointer) and first.type.user
        here, there = ("kernel", "user") if user else ("user", "kernel")
        message = f"This points to {here} memory, but is read as a pointer to {there} memory."
        hints = ("keep the two in variables of their own, or tell each read: kptr(p), uptr(p)",)
        self.report.warning(span, message, hints=hints)

    def map_info(self, node: n.Map) -> MapInfo:
        keyed = node.keys is not None
        info = self.maps.get(node.name)
        if info is None:
            info = self.maps[node.name] = MapInfo(name=node.name, span=node.span, keyed=keyed)
        if info.keyed != keyed:
            way = ("with an explicit key (non-scalar map)", "without an explicit key (scalar map)")
            now, then = (way[0], way[1]) if keyed else (way[1], way[0])
            self.report.error(
                node.span, f"{node.name} used as a map {now}, previously used {then}", code="map"
            )
        return info
