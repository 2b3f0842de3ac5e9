# SPDX-License-Identifier: MIT
"""Probes that the clock fires: interval."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kptrace.compiler.providers.base import Found, Request
from kptrace.lang.lexer import DURATIONS, SpecSyntaxError, parse_integer
from kptrace.plan import Target


def timer(request: Request) -> Iterator[Found]:
    """interval:s|ms|us|hz:N, interval:Nms"""
    if not request.count(1, 2):
        return
    parts = request.parts
    unit, text = ("", parts[0]) if len(parts) == 1 else parts
    if unit not in ("", "s", "ms", "us", "hz"):
        request.error(f"{unit} is not an accepted unit of time")
        return
    try:
        value = parse_integer(text, request.point.span)
    except SpecSyntaxError:
        value = 0
    if value < 1 or (unit and not re.fullmatch(r"[0-9_]+", text)):
        request.error("interval frequency should be a positive integer")
        return
    if not unit and text.isdigit():
        request.error("interval probe must have unit of time")
        return
    period = 10**9 // value if unit == "hz" else value * (DURATIONS[unit] if unit else 1)
    if period >= 1 << 63:
        request.error("the interval is too long")
        return
    if period < 1000:
        request.error(
            "Invalid rate of interval probe. Minimum is 1000 or 1us. Found:"
            f" {period} nanoseconds"
        )
        return
    name = f"interval:{unit}:{value}" if unit else f"interval:us:{period // 1000}"
    yield Found(targets=(Target(probe=request.point.name or name, period_ns=period),))
