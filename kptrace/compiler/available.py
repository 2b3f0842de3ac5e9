# SPDX-License-Identifier: MIT
"""What C variables in scope already hold, so that no key is built and no helper called twice.

A specification says ``@start[tid]`` in its predicate, again in its block, and deletes it: one
lookup, one key. A fact lasts until the block ends in which its variable is declared, or until
what it was made of changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kptrace.compiler import tree
from kptrace.compiler.builtins import BUILTINS

ONCE = {
    "bpf_get_current_pid_tgid()": "pid_tgid",
    "bpf_get_current_uid_gid()": "uid_gid",
    "bpf_get_current_task()": "task",
    "bpf_get_current_cgroup_id()": "cgroup_id",
    "bpf_get_smp_processor_id()": "cpu",
    "bpf_get_numa_node_id()": "numa_node",
}
"""Helpers that give one answer as long as a program runs, and the variable for it."""
_STABLE = {name for name, row in BUILTINS.items() if any(helper in row.c for helper in ONCE)} | {
    "comm"
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fact:
    """``map`` and ``slots`` are the map and the variables that it is made of."""

    name: str
    map: str
    slots: frozenset[str]


class Available:
    """The facts at one line of a program, innermost scope last."""

    def __init__(self) -> None:
        self._scopes: list[dict[str, _Fact]] = [{}]
        self._visible = 0

    @contextmanager
    def scope(self, *, again: bool = False) -> Iterator[None]:
        """A block of C. ``again``: it runs several times, or is a function of its own, so that
        what was known before it does not hold in it."""
        visible = self._visible
        if again:
            self._visible = len(self._scopes)
        self._scopes.append({})
        yield
        self._scopes.pop()
        self._visible = visible

    def get(self, what: str) -> str | None:
        for scope in reversed(self._scopes[self._visible :]):
            if what in scope:
                return scope[what].name
        return None

    def put(
        self, what: str, name: str, slots: frozenset[str] = frozenset(), map_name: str = ""
    ) -> None:
        self._scopes[-1][what] = _Fact(name=name, map=map_name, slots=slots)

    def map_changed(self, name: str) -> None:
        for scope in self._scopes:
            for what in [what for what, one in scope.items() if one.map == name]:
                del scope[what]

    def slot_changed(self, slot: str) -> None:
        for scope in self._scopes:
            for what in [what for what, one in scope.items() if slot in one.slots]:
                del scope[what]


def made_of(node: tree.Expr | None) -> frozenset[str] | None:
    """The variables that a value is made of; None if it may differ at its next use."""
    match node:
        case None | tree.Const() | tree.Register() | tree.RawArgument():
            return frozenset()
        case tree.Builtin() if node.name in _STABLE:
            return frozenset()
        case tree.ContextField(data_loc=False):
            return frozenset()
        case tree.Var():
            return frozenset((node.slot,))
        case tree.Cast():
            return made_of(node.operand)
        case tree.Arithmetic() if node.op not in "/%":  # those tell of a zero each time
            return _union((node.left, node.right))
        case tree.TupleMake():
            return _union(node.elements)
        case _:
            return None


def _union(nodes: tuple[tree.Expr, ...]) -> frozenset[str] | None:
    parts = [made_of(one) for one in nodes]
    known = [one for one in parts if one is not None]
    return frozenset().union(*known) if len(known) == len(parts) else None
