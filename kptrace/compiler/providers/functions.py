# SPDX-License-Identifier: MIT
"""Probes on kernel functions: kprobe, kretprobe."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

from kptrace.compiler.providers.base import ATTACH, Found, Request, mentions
from kptrace.kernel.btf import Prototype
from kptrace.kernel.probeable import Status, Verdict, differences
from kptrace.lang.lexer import SpecSyntaxError, parse_integer
from kptrace.plan import Target

_FOUND = (Status.OK, Status.UNKNOWN, Status.AMBIGUOUS)
_UNHIDE = "as root: sysctl kernel.kptr_restrict=1 shows them"
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
        loaded = request.kernel.probeable.modules
        absent = bool(module) and "*" not in module and loaded is not None and module not in loaded
        hints = (f"the module is not loaded: modprobe {module}",) if absent else ()
        request.missing(f"{module}:{name}" if module else name, hints)
    limit = request.policy.max_probes
    if len(found) > limit:
        message = (
            f"Can't attach to {len(found)} probes because it exceeds the current limit of"
            f" {limit} probes."
        )
        hint = "narrow the wildcard, or raise max_probes (BPFTRACE_MAX_PROBES)"
        request.error(message, (hint,), code="limit")
        return []
    probeable = request.kernel.probeable
    shared = probeable.shared(name, frozenset(found))
    targets: list[Target] = []
    for one in found:
        target = _target(request, one.module if module else "", one.name, offset, one.module)
        places = [place.address for place in shared.get(one, ())]
        if one not in shared or places == [0]:
            targets.append(target)
        elif all(places):
            optional = not probeable.tells_sites
            targets += [
                dataclasses.replace(target, address=place, optional=optional) for place in places
            ]
        else:
            message = (
                f"{target.probe} is left out: several functions have this name, and their"
                " addresses are hidden"
            )
            request.report.warning(request.point.span, message, hints=(_UNHIDE,))
    return targets


def _target(request: Request, shown: str, name: str, offset: int, module: str) -> Target:
    place = f"{name}+{offset}" if offset else name
    text = f"{request.provider}:{shown}:{place}" if shown else f"{request.provider}:{place}"
    return Target(probe=request.point.name or text, name=name, group=module, offset=offset)


def _exact(request: Request, module: str, name: str, offset: int) -> list[Target]:
    verdict = _check(request, module, name, offset)
    if verdict.status in _FOUND:
        if request.policy.clones and not offset:
            _tell_clones(request, module, name)
        return _places(request, module, name, offset, verdict)
    if verdict.status is Status.CLONED and request.policy.clones and not offset:
        targets = _instead(request, module, name, verdict)
        if targets:
            return targets
    if refused(request, module, name, verdict):
        return [_target(request, module, name, offset, _group(module))]
    return []


def _group(module: str) -> str:
    """A module as targets have it: the core kernel is none."""
    return "" if module == "vmlinux" else module


def _check(request: Request, module: str, name: str, offset: int) -> Verdict:
    is_return = request.provider == "kretprobe"
    return request.kernel.probeable.check(name, module, offset, is_return=is_return)


def _places(
    request: Request, module: str, name: str, offset: int, verdict: Verdict
) -> list[Target]:
    """Every function of a name, of the module that the kernel would search first."""
    target = _target(request, module, name, offset, _group(module))
    if verdict.status is not Status.AMBIGUOUS:
        return [target]
    owner = min(symbol.module for symbol in verdict.symbols)
    places = [one.address for one in verdict.symbols if one.module == owner]
    if places == [0]:
        return [dataclasses.replace(target, group=owner)]
    if not all(places):
        hints = (verdict.hint or _UNHIDE,)
        request.error(verdict.message, hints, code=ATTACH)
        return []
    return [dataclasses.replace(target, group=owner, address=place) for place in places]


def _instead(request: Request, module: str, name: str, verdict: Verdict) -> list[Target]:
    """The compiler's variants of a function that is not there by its own name."""
    targets: list[Target] = []
    for clone in verdict.clones:
        found = _check(request, module, clone, 0)
        if found.status in _FOUND:
            targets += _places(request, module, clone, 0, found)
    if targets:
        names = sorted({one.name for one in targets})
        typed = all(_prototype(request, one) is not None for one in targets)
        message = (
            f"{request.provider}:{name} is there only as {' and '.join(names)}"
            f"{differences(names, typed=typed)}"
        )
        request.report.warning(request.point.span, message)
    return targets


def _tell_clones(request: Request, module: str, name: str) -> None:
    """Say which variants of a function take calls that a probe on the function does not see."""
    named = {point.parts[-1] for point in request.probe.attach}
    clones = [
        one for one in request.kernel.symbols.clones(name, module or None) if one not in named
    ]
    if not clones:
        return
    message = (
        f"the compiler made {' and '.join(clones)} of {name}: calls that go"
        f" {'there' if len(clones) == 1 else 'to these'} directly are not seen"
    )
    traced = [one for one in clones if _check(request, module, one, 0).status in _FOUND]
    prefix = f"{request.provider}:{module}:" if module else f"{request.provider}:"
    hint = f"probe it, too: {', '.join(prefix + one for one in traced)}"
    request.report.warning(request.point.span, message, hints=(hint,) if traced else ())


def _prototype(request: Request, target: Target) -> Prototype | None:
    """What BTF has of a function.

    It has the variants of the compiler under the name of the function, if their arguments are where
    the prototype says (pahole since 1.25); before, what has no symbol of that name is not in BTF.
    """
    btf = request.kernel.btf
    if btf is None:
        return None
    owner = target.group or ""
    base, clone, _ = target.name.partition(".")
    found = btf.function(target.name, owner)
    if found is None and clone and not request.kernel.symbols.lookup(base, owner or None):
        found = btf.function(base, owner)
    return found


def refused(request: Request, module: str, name: str, verdict: Verdict) -> bool:
    """Report why one named function cannot be probed (language §6.3); whether to try it anyway."""
    hints = (verdict.hint,) if verdict.hint else ()
    shown = f"{module}:{name}" if module else name
    match verdict.status:
        case Status.MODULE_NOT_LOADED:
            request.not_loaded(module, name)
        case Status.BAD_OFFSET:
            request.error(verdict.message, hints, code=ATTACH)
        case Status.ABSENT | Status.CLONED:
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
    if not targets:
        return
    if len(targets) > 1 and not specific:
        yield Found(targets=tuple(targets), multi=offset == 0)
        return
    for target in targets:
        prototype = _prototype(request, target) if "args" in used else None
        yield Found(targets=(target,), prototype=prototype)
