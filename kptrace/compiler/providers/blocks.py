# SPDX-License-Identifier: MIT
"""Probes that the tracer itself runs: begin, end, self, test, bench."""

from __future__ import annotations

from collections.abc import Iterator

from kptrace.compiler.providers.base import Found, Request
from kptrace.plan import Target

_TRIGGERS = ("signal",)
_SIGNALS = ("SIGUSR1",)


def once(request: Request) -> Iterator[Found]:
    """begin, end; begin:* is tolerated"""
    if any(part not in ("", "*") for part in request.parts) or len(request.parts) > 1:
        request.count(0)
        return
    yield Found(targets=(Target(probe=request.point.name or request.provider),))


def itself(request: Request) -> Iterator[Found]:
    """self:signal:SIGUSR1"""
    if not request.count(2):
        return
    trigger, name = request.parts
    if trigger not in _TRIGGERS:
        request.error(f"{trigger} is not a supported trigger", _only(_TRIGGERS))
        return
    if name not in _SIGNALS:
        request.error(f"{name} is not a supported signal", _only(_SIGNALS))
        return
    probe = request.point.name or f"self:{trigger}:{name}"
    yield Found(targets=(Target(probe=probe, name=name),))


def _only(known: tuple[str, ...]) -> tuple[str, ...]:
    return (f"there is: {', '.join(known)}",)


def trial(request: Request) -> Iterator[Found]:
    """test:name, bench:name"""
    if not request.count(1):
        return
    (name,) = request.parts
    probe = f"{request.provider}:{name}"
    if probe in request.taken:
        kind = request.provider.upper()
        request.error(f'"{name}" was used as the name for more than one {kind} probe')
        return
    request.taken.add(probe)
    yield Found(targets=(Target(probe=request.point.name or probe, name=name),))
