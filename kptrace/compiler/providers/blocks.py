# SPDX-License-Identifier: MIT
"""Probes that run in the tracer itself: begin, end."""

from __future__ import annotations

from collections.abc import Iterator

from kptrace.compiler.providers.base import Found, Request
from kptrace.plan import Target


def once(request: Request) -> Iterator[Found]:
    """begin, end"""
    if any(part not in ("", "*") for part in request.parts):
        request.count(0)
        return
    yield Found(targets=(Target(probe=request.point.name or request.provider),))
