# SPDX-License-Identifier: MIT
"""Probes that the clock or a software event of the kernel fires: interval, profile, software."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kptrace.compiler.providers.base import Found, Request
from kptrace.errors import did_you_mean
from kptrace.lang.lexer import DURATIONS, SpecSyntaxError, parse_integer
from kptrace.plan import Target

_UNITS = ("s", "ms", "us", "hz")
_SHORTEST_NS = 1000
_LONGEST = 1 << 63

SOFTWARE = {
    "cpu-clock": 1_000_000,
    "cpu": 1_000_000,
    "task-clock": 1,
    "page-faults": 100,
    "faults": 100,
    "context-switches": 1000,
    "cs": 1000,
    "cpu-migrations": 1,
    "minor-faults": 100,
    "major-faults": 1,
    "alignment-faults": 1,
    "emulation-faults": 1,
    "dummy": 1,
    "bpf-output": 1,
}
"""The events and, for each, how many of them fire the probe unless it says so (language §6.4)."""


def timer(request: Request) -> Iterator[Found]:
    """interval and profile: NAME:s|ms|us|hz:N, NAME:Nms"""
    if not request.count(1, 2):
        return
    provider, parts = request.provider, request.parts
    unit, text = ("", parts[0]) if len(parts) == 1 else parts
    if not unit and (text in _UNITS or text.replace("_", "").isdigit()):
        request.error(f"{provider} probe must have unit of time")
        return
    if unit not in ("", *_UNITS):
        request.error(f"{unit} is not an accepted unit of time", did_you_mean(unit, _UNITS))
        return
    value = _number(request, text, plain=bool(unit))
    if value < 1:
        request.error(f"{provider} frequency should be a positive integer")
        return
    period = 10**9 // value if unit == "hz" else value * (DURATIONS[unit] if unit else 1)
    if period >= _LONGEST:
        request.error("the interval is too long")
        return
    if period < _SHORTEST_NS:
        request.error(
            f"Invalid rate of {provider} probe. Minimum is 1000 or 1us. Found:"
            f" {period} nanoseconds"
        )
        return
    name = f"{provider}:{unit}:{value}" if unit else f"{provider}:us:{period // 1000}"
    yield Found(targets=(Target(probe=request.point.name or name, period_ns=period),))


def software(request: Request) -> Iterator[Found]:
    """software:event[:count]"""
    if not request.count(1, 2):
        return
    event, *rest = request.parts
    if "*" in event:
        request.error("wildcards are not allowed for software probe type")
        return
    if event not in SOFTWARE:
        request.error(f"{event} is not a software probe", did_you_mean(event, SOFTWARE))
        return
    name, count = f"software:{event}", SOFTWARE[event]
    if rest and rest[0]:
        count = _number(request, rest[0], plain=True)
        name += f":{count}"
        if not 1 <= count < _LONGEST:
            request.error("software count should be a positive integer")
            return
    yield Found(targets=(Target(probe=request.point.name or name, name=event, count=count),))


def _number(request: Request, text: str, *, plain: bool) -> int:
    """A number of an attach point; 0 for anything else. ``plain``: without a duration suffix."""
    if plain and not re.fullmatch(r"[0-9_]+([eE][0-9]+)?", text):
        return 0
    try:
        return parse_integer(text, request.point.span)
    except SpecSyntaxError:
        return 0
