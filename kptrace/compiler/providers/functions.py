# SPDX-License-Identifier: MIT
"""Probes on kernel functions: kprobe, kretprobe."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

from kptrace.compiler.providers.base import ATTACH, Found, Request, mentions
from kptrace.kernel.probeable import Status, Verdict
from kptrace.lang.lexer import SpecSyntaxError, parse_integer
from kptrace.plan import Target

_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{1,16}")


def function(request: Request) -> Iterator[Found]:
    """kprobe[:module]:function[+offset], kretprobe[:module]:function"""
    if not request.count(1, 2):
        return
    parts = request.parts
    module, text = ("", parts[0]) if len(parts) == 1 else parts
    if _ADDRESS.fullmatch(text):
        for target in _by_address(request, int(text, 16)):
            yield Found(targets=(target,))
        return
    name, offset = _offset(request, text)
    if name is None:
        return
    if "*" in name + module:
        targets = _matching(request, module, name, offset)
    else:
        targets = _exact(request, module, name, offset)
    yield from _split(request, targets, offset)


def _by_address(request: Request, address: int) -> list[Target]:
    """kprobe:0xADDR; where the symbols are known it must be in a function."""
    if request.provider == "kretprobe":
        request.error("kretprobe needs the name of a function")
        return []
    if not request.policy.unsafe:
        request.error("Probing by address requires --unsafe")
        return []
    verdict = request.kernel.probeable.check("", address=address)
    unlisted = verdict.status is Status.NOT_TRACEABLE and verdict.symbols
    if unlisted or verdict.status in (Status.OK, Status.UNKNOWN):
        text = f"{request.provider}:{address:#x}"
        return [Target(probe=request.point.name or text, address=address)]
    request.error(verdict.message, code=ATTACH)
    return []


def _offset(request: Request, text: str) -> tuple[str | None, int]:
    """The function and the offset; None where something is wrong with them."""
    name, plus, number = text.partition("+")
    if not plus:
        return name, 0
    if request.provider == "kretprobe":
        request.error("Offset not allowed")
        return None, 0
    if "+" in number:
        request.error("Cannot take more than one offset")
        return None, 0
    try:
        return name, parse_integer(number, request.point.span)
    except SpecSyntaxError:
        request.error(f"Invalid offset: {number}")
        return None, 0


def _matching(request: Request, module: str, name: str, offset: int) -> list[Target]:
    found = request.kernel.probeable.functions(name, module)
    if not found:
        request.missing(f"{module}:{name}" if module else name)
    limit = request.policy.max_probes
    if len(found) > limit:
        message = (
            f"Can't attach to {len(found)} probes because it exceeds the current limit of"
            f" {limit} probes."
        )
        hint = "narrow the wildcard, or raise max_probes (BPFTRACE_MAX_PROBES)"
        request.error(message, (hint,), code="limit")
        return []
    return [
        _target(request, one.module if module else "", one.name, offset, one.module)
        for one in found
    ]


def _target(request: Request, shown: str, name: str, offset: int, module: str) -> Target:
    place = f"{name}+{offset}" if offset else name
    text = f"{request.provider}:{shown}:{place}" if shown else f"{request.provider}:{place}"
    return Target(probe=request.point.name or text, name=name, group=module, offset=offset)


def _exact(request: Request, module: str, name: str, offset: int) -> list[Target]:
    verdict = request.kernel.probeable.check(
        name, module, offset, is_return=request.provider == "kretprobe"
    )
    group = "" if module == "vmlinux" else module
    target = _target(request, module, name, offset, group)
    if verdict.status in (Status.OK, Status.UNKNOWN):
        return [target]
    if verdict.status is Status.AMBIGUOUS:
        return _every_address(request, target, verdict)
    return [target] if refused(request, module, name, verdict) else []


def _every_address(request: Request, target: Target, verdict: Verdict) -> list[Target]:
    """A name with several functions: all of the module that the kernel would search first."""
    owner = min(symbol.module for symbol in verdict.symbols)
    places = [one.address for one in verdict.symbols if one.module == owner]
    if places == [0]:
        return [dataclasses.replace(target, group=owner)]
    if not all(places):
        hints = (verdict.hint,) if verdict.hint else ()
        request.error(verdict.message, hints, code=ATTACH)
        return []
    return [dataclasses.replace(target, group=owner, address=place) for place in places]


def refused(request: Request, module: str, name: str, verdict: Verdict) -> bool:
    """Report why one named function cannot be probed (language §6.3); whether to try it anyway."""
    hints = (verdict.hint,) if verdict.hint else ()
    shown = f"{module}:{name}" if module else name
    match verdict.status:
        case Status.MODULE_NOT_LOADED:
            request.not_loaded(module, name)
        case Status.BAD_OFFSET:
            request.error(verdict.message, hints, code=ATTACH)
        case Status.ABSENT:
            request.missing(shown, hints)
        case _:
            message = (
                f"{name} is not traceable (either non-existing, inlined, or marked as"
                f' "notrace"); attaching to it will likely fail'
            )
            if request.policy.missing != "ignore":
                new = verdict.message not in ("", message)
                reason = (verdict.message, *hints) if new else hints
                request.report.warning(request.point.span, message, hints=reason)
            listed = verdict.status is not Status.NOT_TRACEABLE or not verdict.symbols
            if request.policy.unsafe and not listed:
                return True
            request.missing(shown)
    return False


def _split(request: Request, targets: list[Target], offset: int) -> Iterator[Found]:
    """One unit for all targets, or one for each where the body depends on the function."""
    probe = request.probe
    used = set(mentions((probe.predicate, probe.body)))
    # away from the entry a program cannot ask the kernel for its function
    asks = request.policy.func_ip and not offset
    specific = bool(used & {"probe", "args"}) or ("func" in used and not asks)
    btf = request.kernel.btf
    if not targets:
        return
    if len(targets) > 1 and not specific:
        yield Found(targets=tuple(targets), multi=offset == 0)
        return
    for target in targets:
        prototype = None
        if btf is not None and "args" in used:
            prototype = btf.function(target.name, target.group or "")
        yield Found(targets=(target,), prototype=prototype)
