# SPDX-License-Identifier: MIT
"""Map declarations: ``let @m = lruhash(100)`` (language §5.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kptrace.compiler.providers.base import ATTACH
from kptrace.compiler.scope import MapInfo
from kptrace.errors import Context, Report
from kptrace.lang import nodes as n
from kptrace.plan import MapKind
from kptrace.source import Span

KINDS = {
    one.value: one
    for one in (
        MapKind.HASH,
        MapKind.LRU_HASH,
        MapKind.PERCPU_HASH,
        MapKind.PERCPU_LRU_HASH,
    )
}
MAX_ENTRIES = (1 << 32) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a specification asks of one map."""

    kind: MapKind
    entries: int
    span: Span


def declarations(program: n.Program, report: Report) -> dict[str, Declared]:
    """The declared maps by name; findings go to the report."""
    found: dict[str, Declared] = {}
    for item in program.items:
        if not isinstance(item, n.MapDeclaration):
            continue
        kind = KINDS.get(item.kind)
        if kind is None:
            message = f"Invalid bpf map type: {item.kind}"
            hints = (f"Valid map types: {', '.join(KINDS)}",)
            report.error(item.kind_span, message, code="map", hints=hints)
        elif not 1 <= item.size <= MAX_ENTRIES:
            message = f"A map holds between 1 and {MAX_ENTRIES} entries, not {item.size}"
            report.error(item.span, message, code="map")
        elif item.map in found:
            other = Context(span=found[item.map].span, message="this is the other instance")
            message = f"Map {item.map} was already declared."
            report.error(item.span, message, code="map", contexts=(other,))
        else:
            found[item.map] = Declared(kind=kind, entries=item.size, span=item.span)
    return found


def check_declarations(
    declared: Mapping[str, Declared],
    maps: Mapping[str, MapInfo],
    kind_of: Callable[[MapInfo], MapKind],
    report: Report,
) -> None:
    """Compare the declarations with how the maps are used; ``kind_of`` is for undeclared maps."""
    missing = any(error.code == ATTACH for error in report.errors)  # may be what uses a map
    for name, one in declared.items():
        info = maps.get(name)
        if info is None:
            if not missing:
                report.warning(one.span, f"Unused map: {name}")
        elif info.value is not None:
            wanted = kind_of(info)
            if wanted is MapKind.PERCPU_ARRAY:
                wanted = MapKind.PERCPU_HASH
            if (wanted is MapKind.PERCPU_HASH) != one.kind.per_cpu:
                message = (
                    "Incompatible map types. Type from declaration:"
                    f" {one.kind.value}. Type from value/key type: {wanted.value}"
                )
                report.error(one.span, message, code="map")
