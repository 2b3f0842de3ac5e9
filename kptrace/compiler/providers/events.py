# SPDX-License-Identifier: MIT
"""Probes on tracepoints: tracepoint, rawtracepoint. Every match is a program of its own."""

from __future__ import annotations

from collections.abc import Iterator

from kptrace.compiler.providers.base import ATTACH, Found, Request
from kptrace.errors import did_you_mean
from kptrace.plan import Target


def tracepoint(request: Request) -> Iterator[Found]:
    """tracepoint:category:event; tracepoint:*x* is any category"""
    parts = request.parts
    if len(parts) == 1 and "*" in parts[0]:
        parts = ("*", parts[0])
    if len(parts) < 2:
        request.error("tracepoint probe must have a target")
        return
    if len(parts) > 2:
        request.count(2)
        return
    category, event = parts
    tracefs = request.kernel.tracefs
    found = tracefs.events(category, event)
    if not found:
        _missing_tracepoint(request, category, event)
    for group, name in found:
        target = Target(
            probe=request.point.name or f"tracepoint:{group}:{name}", name=name, group=group
        )
        yield Found(targets=(target,), format=tracefs.format(group, name))


def _missing_tracepoint(request: Request, category: str, event: str) -> None:
    shown = f"{category}:{event}"
    if "*" in shown and len(request.parts) > 1:
        request.missing(shown)
        return
    known = [f"{group}:{name}" for group, name in request.kernel.tracefs.events("*", "*")]
    request.missing(shown, did_you_mean(shown, known))


def rawtracepoint(request: Request) -> Iterator[Found]:
    """rawtracepoint[:module]:event"""
    if not request.count(1, 2):
        return
    kernel, parts = request.kernel, request.parts
    module, pattern = ("", parts[0]) if len(parts) == 1 else parts
    if kernel.btf is None:
        message = "rawtracepoints require kernel BTF. Try using a 'tracepoint' instead."
        request.error(message, (kernel.btf_problem,), code=ATTACH)
        return
    found = kernel.probeable.raw_tracepoints(pattern, module)
    loaded = kernel.probeable.modules
    if module not in ("", "vmlinux") and loaded is not None and module not in loaded:
        request.not_loaded(module, pattern)
    elif not found:
        known = [name for name, _ in kernel.probeable.raw_tracepoints("*", module)]
        shown = f"{module}:{pattern}" if module else pattern
        request.missing(shown, did_you_mean(pattern, known))
    for name, owner in found:
        text = f"rawtracepoint:{module}:{name}" if module else f"rawtracepoint:{name}"
        target = Target(probe=request.point.name or text, name=name, group=owner)
        yield Found(targets=(target,), prototype=kernel.btf.raw_tracepoint(name))
