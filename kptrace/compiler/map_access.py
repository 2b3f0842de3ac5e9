# SPDX-License-Identifier: MIT
"""The C of expressions on maps: lookups, deletions, and questions about entries."""

from __future__ import annotations

from abc import ABC, abstractmethod

from kptrace import types
from kptrace.compiler import tree
from kptrace.compiler.available import made_of
from kptrace.compiler.rules import is_scalar
from kptrace.compiler.writer import Writer
from kptrace.plan import Map, MapKind
from kptrace.source import Span
from kptrace.types import Type

MAP_FULL = (
    "Map full; can't update element. Try increasing max_map_keys config or manually setting the"
    " max entries in a map declaration e.g. `let @a = hash(5000)`"
)

NO_STORAGE = "Can't keep a value for this thread: the kernel has no memory for it just now."

NO_ELEMENT = "Can't lookup map element because it does not exist."


class MapAccess(Writer, ABC):
    """The part of the emitter that reaches into maps."""

    @abstractmethod
    def fill(self, node: tree.Expr, target: str, kind: Type) -> None:
        """Store into fresh memory, padding zeroed."""

    @abstractmethod
    def load(self, pointer: str, have: Type, target: str, want: Type) -> None:
        """Copy what a pointer into a map points to."""

    def key_arguments(self, name: str, key: tree.Expr | None) -> str:
        """The key as leading arguments of a map function, with a comma behind."""
        plan_map = self.shared.storage.map(name)
        if key is None or plan_map.kind is MapKind.TASK_STORAGE:
            return ""
        kind = plan_map.key
        assert kind is not None
        slots = made_of(key)
        what = f"{types.type_name(kind)} {key!r}"
        known = None if slots is None else self.available.get(what)
        if known is None:
            known = self.object(kind, "key")
            self.fill(key, known, kind)
            if slots is not None:
                self.available.put(what, known, slots)
        return f"&{known}, "

    def key_argument(self, name: str, key: tree.Expr | None) -> str:
        """The key as the only argument of a map function."""
        return self.key_arguments(name, key).removesuffix(", ")

    def lookup(self, node: tree.MapRead) -> str:
        found = self.found(node.map, self.key_argument(node.map, node.key))
        self.report_missing(found, node.span)
        return found

    def report_missing(self, found: str, span: Span) -> None:
        """With -k: say that a lookup found nothing."""
        if self.shared.report_failures:
            self.line(f"if (!{found})")
            self.line(f"\t{self.failed('bpf_map_lookup_elem', '0', span, NO_ELEMENT)}")

    def found(self, name: str, key: str) -> str:
        """A pointer to a value; of an aggregation, this CPU's.

        A thread has one entry in its storage, which is looked up once as long as it is not changed.
        """
        plan_map = self.shared.storage.map(name)
        what = f"entry of {name}"
        known = self.available.get(what)
        if known is not None:
            # clang would remember in another register that it was null: the verifier would not
            self.line(f'asm volatile("" : "+r"({known})); /* what is checked is what is used */')
            return known
        found = self.fresh("found")
        self.shared.needs.add(f"lookup {plan_map.symbol}")
        spelling = self.spelling(plan_map.value)
        self.line(f"{spelling} *{found} = {plan_map.symbol}_lookup({key});")
        if plan_map.kind is MapKind.TASK_STORAGE:
            self.available.put(what, found, map_name=name)
        return found

    def map_value(self, node: tree.MapRead) -> str:
        """A scalar value; zero where there is no such key."""
        slots = made_of(node.key)
        what = repr(node)
        known = None if slots is None else self.available.get(what)
        if known is not None and not self.shared.report_failures:  # else each lookup is told of
            return known
        found = self.lookup(node)
        name = self.fresh("value")
        plan_map = self.shared.storage.map(node.map)
        self.line(f"{self.spelling(plan_map.value)} {name} = {found} ? *{found} : 0;")
        if slots is not None:
            self.available.put(what, name, slots, node.map)
        return name

    def aggregate_value(self, node: tree.AggregateRead) -> str:
        key = self.key_argument(node.map, node.key)
        if self.shared.report_failures and node.key is not None:
            self.report_missing(self.found(node.map, key), node.span)
        name = self.fresh("value")
        self.line(f"{self.spelling(node.type)} {name} = {self.merged(node.map, key)};")
        return name

    def merged(self, name: str, key: str) -> str:
        """The call that reads an aggregation over all CPUs."""
        symbol = self.shared.storage.map(name).symbol
        self.shared.needs.add(f"read {symbol}")
        return f"{symbol}_read({key})"

    def delete(self, node: tree.Delete) -> str:
        return f"!{self.delete_entry(node)}"

    def delete_entry(self, node: tree.Delete) -> str:
        """Delete; the result of the helper, 0 if the entry was there."""
        plan_map = self.shared.storage.map(node.map)
        own = plan_map.kind is MapKind.TASK_STORAGE
        key = self.found(node.map, "") if own else self.key_argument(node.map, node.key)
        name = self.fresh("missing")
        self.line(f"int {name} = {plan_map.symbol}_delete({key});")
        self.available.map_changed(node.map)
        self.effects += 1
        return name

    def full_warning(self, plan_map: Map, span: Span) -> int:
        """The event that tells that an update was refused."""
        if plan_map.kind is MapKind.TASK_STORAGE:
            return self.shared.events.warning(span, NO_STORAGE, "task_storage_get").id
        return self.shared.events.warning(span, MAP_FULL, "map_update_elem").id

    def has_key(self, node: tree.HasKey) -> str:
        return f"({self.found(node.map, self.key_argument(node.map, node.key))} != 0)"

    def find(self, node: tree.Find) -> str:
        plan_map = self.shared.storage.map(node.map)
        key = self.key_argument(node.map, node.key)
        found = self.found(node.map, key)
        self.effects += 1
        scalar = is_scalar(node.value)
        target = self.variable(node.slot) if scalar else self.variable_object(node.slot)
        self.available.slot_changed(node.slot)
        with self.braces(f"if ({found})"):
            if isinstance(plan_map.value, types.AGGREGATES):
                self.line(f"{target} = {self.merged(node.map, key)};")
            else:
                self.load(found, plan_map.value, target, node.value)
        return f"({found} != 0)"

    def map_length(self, node: tree.MapLength) -> str:
        plan_map = self.shared.storage.map(node.map)
        self.shared.needs |= {f"each {plan_map.symbol}", "next_entry"}
        name = self.fresh("length")
        self.line(f"__s64 {name} = {plan_map.symbol}_each(next_entry, (void *)0);")
        return name
