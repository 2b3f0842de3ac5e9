# SPDX-License-Identifier: MIT
"""What a compilation takes for granted of its kernel, so that it can run on another one.

The object finds the fields of structs by itself when it is loaded. Everything else that went into
it as a number, from a kernel's types or from what it can do, is told here, or refused where it is
of one host only.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from enum import Enum
from typing import Any

from kptrace import types
from kptrace.compiler import MAX_CPUS, Compilation
from kptrace.compiler.expand import Unit
from kptrace.compiler.providers.base import mentions
from kptrace.errors import Report
from kptrace.kernel import Kernel
from kptrace.kernel.questions import TYPES, Question, answer
from kptrace.lang import nodes as n
from kptrace.plan import (
    TRAMPOLINE_KINDS,
    Map,
    MapKind,
    Plan,
    ProbeKind,
    Target,
)

_ONE_HOST = {
    "kaddr": "an address is another one after each boot",
    "cgroupid": "the number of a control group is that of one host",
    "ncpus": "it is that of the host that compiles",
    "cpid": "the command starts when the bundle runs",
    "has_cpid": "the command starts when the bundle runs",
}
"""Names whose value is known on one host only, and why."""

_ONE_KERNEL = frozenset({"kfunc_allowed", "kfunc_exist", "typeinfo"})
"""What is answered from all of a kernel's types while compiling."""

_HELPERS = {
    "bpf_get_func_ip": "get_func_ip",
    "bpf_get_func_ret": "get_func_ret",
    "bpf_get_socket_cookie": "socket_cookie",
    "bpf_map_lookup_percpu_elem": "lookup_percpu_elem",
    "bpf_loop": "loop",
    "bpf_for_each_map_elem": "for_each_map_elem",
    "bpf_ktime_get_tai_ns": "tai",
    "bpf_override_return": "override",
    "bpf_probe_write_user": "write_user",
}
"""Helpers that not every kernel has, and the feature that tells."""

_STACK = 512
"""Bytes of the BPF stack: larger keys are a feature."""

_ALLOCATOR = "bpf_mem_alloc_init"
"""With it, maps need not be allocated beforehand (6.1, 7c8199e24fa0)."""

_ARGUMENTS = re.compile(r"args|retval|arg\d")
_CALL = re.compile(r"\b(bpf_\w+)\(")


class HostKernel(Kernel):
    """A kernel of which only what every host with it has in common is known."""

    @property
    def possible_cpus(self) -> int | None:
        return MAX_CPUS

    @property
    def pid_namespace(self) -> tuple[int, int] | None:
        return None

    @property
    def fixed_addresses(self) -> bool:
        return False

    @property
    def fixed_symbols(self) -> bool:
        return False


def refuse_bound(made: Compilation) -> None:
    """Raise SpecError for what can be right on one host only."""
    report = Report()
    for unit in _units(made):
        for node in _nodes((unit.probe.predicate, unit.probe.body)):
            if isinstance(node, n.Name | n.Call) and node.name in _ONE_HOST:
                message = f"{node.name} cannot be in a bundle: {_ONE_HOST[node.name]}"
                report.error(node.span, message, code="bundle")
        used = set(mentions((unit.probe.predicate, unit.probe.body)))
        if "func" in used and any(one.offset for one in unit.targets):
            message = f"func cannot be in a bundle for {unit.label}: only at the entry it is known"
            report.error(unit.point.span, message, code="bundle")
        if any(one.bpf_id or (one.address and not one.name) for one in unit.targets):
            message = f"{unit.label} cannot be in a bundle: it is a place of one boot"
            report.error(unit.point.span, message, code="bundle")
    report.check()


def portable_plan(plan: Plan) -> Plan:
    """The plan without what only one kernel or one boot has.

    Functions of one name are told apart again where the plan runs; what a pointer points to says
    nothing about its value.
    """
    programs = tuple(
        dataclasses.replace(one, targets=_by_name(one.targets)) for one in plan.programs
    )
    without: Plan = _without_ids(plan)
    return dataclasses.replace(without, programs=programs)


def _without_ids(part: Any) -> Any:
    """A part of a plan whose types have no numbers of a kernel's BTF."""
    match part:
        case types.Pointer(target=types.Struct(kind=keyword, name=name)):
            target = types.Struct(kind=keyword, name=name, size=-1)
            return dataclasses.replace(part, target=target)
        case tuple():
            return tuple(map(_without_ids, part))
        case Enum():
            return part
        case _ if dataclasses.is_dataclass(part) and not isinstance(part, type):
            changed = {
                one.name: _without_ids(getattr(part, one.name)) for one in dataclasses.fields(part)
            }
            if isinstance(part, types.Struct):
                changed["btf_id"] = 0
            return type(part)(**changed)
    return part


def _by_name(targets: tuple[Target, ...]) -> tuple[Target, ...]:
    found = (
        dataclasses.replace(one, address=0, optional=False) if one.address else one
        for one in targets
    )
    return tuple(dict.fromkeys(found))


def wildcards(made: Compilation) -> tuple[str, ...]:
    """Attach points as they are written whose places are those that this kernel has."""
    points = (one.point.text for one in _units(made))
    return tuple(dict.fromkeys(text for text in points if "*" in text))


def features(made: Compilation) -> tuple[str, ...]:
    """The features without which the object cannot be loaded."""
    called = set(_CALL.findall(made.c("core")))
    found = {feature for helper, feature in _HELPERS.items() if helper in called}
    if any(one.session for one in made.plan.programs):
        found.add("kprobe_session")
    if any(_has_large_key(one) for one in made.plan.maps):
        found.add("large_key")
    return tuple(sorted(found))


def _has_large_key(one: Map) -> bool:
    return one.kind is not MapKind.PERCPU_ARRAY and one.key_size > _STACK


def facts(made: Compilation, kernel: Kernel, *, headers: bool) -> tuple[tuple[str, ...], ...]:
    """Answers of the kernel that went into the object, each before its question.

    ``headers``: some were read, and may be those of one kernel.
    """
    asked: set[Question] = set() if kernel.btf is None else set(kernel.btf.asked)
    if headers or any(target.offset for one in made.plan.programs for target in one.targets):
        asked.add(TYPES)  # the nearest to the same instructions that can be asked for
    asked.update(("enum", one.name) if one.name else TYPES for one in _enums(made.plan))
    for unit in _units(made):
        used = set(mentions((unit.probe.predicate, unit.probe.body)))
        if used & _ONE_KERNEL or _asks_types(unit):
            asked.add(TYPES)
        if any(map(_ARGUMENTS.match, used)):
            asked.update(_arguments(unit))
    if any(one.kind is MapKind.TASK_STORAGE for one in made.plan.maps):
        asked.add(("task storage",))
    if any(not one.prealloc for one in made.plan.maps if one.kind is not MapKind.TASK_STORAGE):
        asked.add(("has function", _ALLOCATOR))
    return tuple((answer(kernel, one), *one) for one in sorted(asked))


def _asks_types(unit: Unit) -> bool:
    found = _nodes((unit.probe.predicate, unit.probe.body))
    return any(isinstance(one, n.Sizeof) and one.keyword == "typeinfo" for one in found)


def _enums(part: Any) -> Iterator[types.Enum]:
    """The enumerations whose names a plan prints."""
    if isinstance(part, types.Enum):
        yield part
    elif isinstance(part, tuple):
        for one in part:
            yield from _enums(one)
    elif dataclasses.is_dataclass(part) and not isinstance(part, types.Pointer):
        for field in dataclasses.fields(part):
            yield from _enums(getattr(part, field.name))


def _arguments(unit: Unit) -> Iterator[Question]:
    """What tells where the arguments of a probe are."""
    for target in unit.targets:
        match unit.kind:
            case ProbeKind.TRACEPOINT if unit.format is not None:
                yield "tracepoint", target.group, target.name
            case ProbeKind.RAWTRACEPOINT if unit.prototype is not None:
                yield "rawtracepoint", target.name, target.group
            case kind if (
                unit.prototype is not None
                and kind in TRAMPOLINE_KINDS | {ProbeKind.KPROBE, ProbeKind.KRETPROBE}
            ):
                # variants of the compiler have the arguments of the function that they are of
                yield "function", target.name.partition(".")[0], target.group


def _units(made: Compilation) -> Iterator[Unit]:
    for one in made.generated.programs:
        yield one.unit


def _nodes(node: object) -> Iterator[n.Node]:
    """Every node of a tree."""
    if isinstance(node, tuple):
        for one in node:
            yield from _nodes(one)
    elif isinstance(node, n.Node):
        yield node
        for field in dataclasses.fields(node):
            if field.name != "span":
                yield from _nodes(getattr(node, field.name))
