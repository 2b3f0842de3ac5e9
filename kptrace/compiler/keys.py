# SPDX-License-Identifier: MIT
"""Map keys on kernels that limit their size.

A key of a hash map had to fit on the BPF stack until Linux 5.11 ("bpf: Lift hashtab key_size
limit"). A default `str()` is twice as long, so there strings are shorter unless the specification
says how long it wants them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kptrace import types
from kptrace.compiler.check import Checked, check
from kptrace.compiler.expand import Unit
from kptrace.compiler.scope import FEATURE, Facts, MapInfo
from kptrace.errors import Report

MAX_KEY = 512
"""MAX_BPF_STACK of include/linux/filter.h, in bytes."""

SHORT_STRLEN = 240
"""What `max_strlen` is then: two such strings fit into a key, with room for some integers."""

LARGE_KEY = "large_key"


def check_with_keys(units: tuple[Unit, ...], facts: Facts, report: Report) -> tuple[Checked, Facts]:
    """`check`, with shorter strings where this kernel needs that; and the facts then."""
    if facts.has(LARGE_KEY) or not _too_large(check(units, facts, Report()).maps):
        return check(units, facts, report), facts
    if "max_strlen" not in facts.settings.given:
        facts = replace(facts, max_strlen=SHORT_STRLEN, texts=[])
    checked = check(units, facts, report)
    for info in _too_large(checked.maps):
        assert info.key_type is not None
        report.error(
            info.span,
            f"Missing required kernel feature: {LARGE_KEY} (the keys of {info.name} have"
            f" {types.size_of(info.key_type)} bytes, of which this kernel allows {MAX_KEY})",
            code=FEATURE,
            hints=("use shorter strings: str(p, N), or a smaller max_strlen",),
        )
    return checked, facts


def _too_large(maps: Mapping[str, MapInfo]) -> list[MapInfo]:
    return [
        info
        for info in maps.values()
        if info.key_type is not None and types.size_of(info.key_type) > MAX_KEY
    ]
