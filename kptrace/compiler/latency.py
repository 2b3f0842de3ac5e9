# SPDX-License-Identifier: MIT
"""The latency idiom: maps that hold one number for each thread, from one probe to the next.

``@start[tid] = nsecs`` in one probe, ``@start[tid]`` and ``delete(@start, tid)`` in another: such a
map can be storage of the task itself, which takes no hash, no lock and no memory of its own for a
thread that is gone.

It answers as a hash by ``tid`` would (a recursive call takes the start of the outer one), but for
two places where that is wrong: each CPU's idle task has a start of its own, though all have the
number 0, and a thread that runs execve keeps its start when it gets the number of its process.

The cookie of a kprobe session (6.10) is not used: it would serve two probes of one function alone,
and give each call of a recursive function a start, so that one specification counted differently by
kernel. What it could save is less than the two look-ups, which are 50 of 157 ns for the idiom over
the two tracepoints of a system call (least of seven rounds), and both sides' traps come on top.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence

from kptrace import types
from kptrace.compiler import tree
from kptrace.compiler.expand import Unit
from kptrace.compiler.scope import MapInfo
from kptrace.plan import EventKind, ProbeKind

_TASK_KINDS = (
    ProbeKind.KPROBE,
    ProbeKind.KRETPROBE,
    ProbeKind.TRACEPOINT,
    ProbeKind.RAWTRACEPOINT,
    ProbeKind.FENTRY,
    ProbeKind.FEXIT,
)
"""Not those that interrupt what they find, in which the kernel refuses new storage."""


def task_maps(
    units: Sequence[Unit],
    bodies: Sequence[tree.Body],
    maps: Mapping[str, MapInfo],
    declared: Collection[str],
) -> frozenset[str]:
    """The maps that are nothing but one number for each thread, set here and deleted there.

    A `clear` when the run ends is allowed for, since scripts keep what is in flight from being
    printed that way. A map whose entries are never deleted is a result; so is one that is printed,
    walked or counted.
    """
    uses = {name: set[str]() for name, info in maps.items() if _one_number(info)}
    for unit, body in zip(units, bodies, strict=True):
        for name, use in _uses(body):
            if use == "clear" and unit.kind is ProbeKind.END:
                continue
            if name in uses:
                uses[name].add(use if unit.kind in _TASK_KINDS else "elsewhere")
    wanted = {"set", "delete"}
    return frozenset(
        name
        for name, found in uses.items()
        if name not in declared and wanted <= found <= wanted | {"read"}
    )


def _one_number(info: MapInfo) -> bool:
    return (
        info.key is not None
        and info.key.type == types.UINT32
        and info.value is not None
        and isinstance(info.value.type, types.Int)
    )


def _uses(node: object) -> Iterator[tuple[str, str]]:
    """Map and kind of use; ``other`` is everything that needs a map which can be walked."""
    parts: Sequence[object] = ()
    match node:
        case tuple():
            parts = node
        case tree.SetMap():
            yield node.map, "set" if _by_thread(node.key) else "other"
            parts = (node.key, node.value)
        case tree.MapRead() | tree.HasKey():
            yield node.map, "read" if _by_thread(node.key) else "other"
            parts = (node.key,)
        case tree.Delete():
            yield node.map, "delete" if _by_thread(node.key) else "other"
            parts = (node.key,)
        case tree.Increment(target=tree.MapRead(map=name, key=key)):
            yield name, "other"
            parts = (key,)
        case tree.Send():
            if node.map:
                yield node.map, "clear" if node.kind == EventKind.CLEAR else "other"
            parts = node.fields
        case tree.Node() | tree.Statement():
            name = getattr(node, "map", "")
            if name:
                yield name, "other"
            parts = [getattr(node, one.name) for one in dataclasses.fields(node)]
    for part in parts:
        yield from _uses(part)


def _by_thread(key: tree.Expr | None) -> bool:
    while isinstance(key, tree.Cast) and types.size_of(key.type) >= types.size_of(types.UINT32):
        key = key.operand  # a smaller one would be the same for several threads
    return isinstance(key, tree.Builtin) and key.name == "tid"
