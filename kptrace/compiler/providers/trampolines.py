# SPDX-License-Identifier: MIT
"""Probes that a function calls directly: fentry, fexit. Every match is a program of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kptrace.compiler.providers.base import ATTACH, Found, Request
from kptrace.compiler.providers.functions import refused
from kptrace.compiler.scope import FEATURE
from kptrace.errors import did_you_mean
from kptrace.kernel.btf import Btf
from kptrace.kernel.denied import NORETURN
from kptrace.kernel.files import wildcard
from kptrace.kernel.probeable import Status
from kptrace.plan import Target

NO_BTF_HINT = "kprobe and kretprobe probes need no BTF"


def trampoline(request: Request) -> Iterator[Found]:
    """fentry[:module]:function, fexit[:module]:function, fentry:bpf[:id]:program"""
    if len(request.parts) in (2, 3) and request.parts[0] == "bpf":
        yield from _bpf(request)
        return
    if not request.count(1, 2):
        return
    module, name = ("", request.parts[0]) if len(request.parts) == 1 else request.parts
    btf = request.kernel.btf
    if btf is None:
        message = f"{request.provider} probes require kernel BTF: {request.kernel.btf_problem}"
        request.error(message, (NO_BTF_HINT,), code=ATTACH)
        return
    if "+" in name:
        request.error("Offset not allowed")
        return
    if "*" in name + module:
        yield from _matching(request, btf, module, name)
    elif (owner := _owner(request, module, name)) is not None:
        shown = f"{module}:{name}" if module else name
        if name in NORETURN and request.provider == "fexit":
            request.error(f"{name} never returns: fexit cannot be attached to it", code=ATTACH)
            return
        if first := _found_first(request, btf, name, owner):  # it would be traced instead
            message = f"{request.provider} cannot attach to {name} of {owner}: {first} has one too"
            hints = (f"kprobe:{owner}:{name} can tell them apart",)
            request.error(message, hints, code=ATTACH)
            return
        prototype = btf.function(name, owner or "vmlinux")
        if prototype is None:
            request.missing(shown, (f"{name} has no BTF prototype; {NO_BTF_HINT}",))
            return
        target = _target(request, module, name, owner)
        yield Found(targets=(target,), prototype=prototype)


def _bpf(request: Request) -> Iterator[Found]:
    """Programs by name, and by id where it is given; both may be wildcards."""
    *given, pattern = request.parts[1:]
    number = given[0] if given else "*"
    wanted = re.compile(wildcard(pattern).decode())
    numbers = re.compile(wildcard(number).decode())
    programs = request.policy.bpf_programs()
    if programs is None:
        message = f"which BPF programs are loaded is not known, for {request.point.text}"
        hint = "only the kernel that runs can be asked, by who has the rights to"
        request.error(message, (hint,), code=FEATURE)
        return
    found = [one for one in programs if wanted.fullmatch(one[1]) and numbers.fullmatch(str(one[0]))]
    if not found:
        hints = did_you_mean(pattern, (name for _, name in programs))
        request.missing(":".join(request.parts), hints)
    for known, name in found:
        place = f"bpf:{known}:{name}" if given else f"bpf:{name}"
        text = f"{request.provider}:{place}"
        target = Target(probe=request.point.name or text, name=name, group="bpf", bpf_id=known)
        yield Found(targets=(target,))


def _matching(request: Request, btf: Btf, module: str, pattern: str) -> Iterator[Found]:
    """Every traceable function that BTF knows."""
    found = False
    for one in request.kernel.probeable.functions(pattern, module):
        if request.provider == "fexit" and one.name in NORETURN:
            continue
        if first := _found_first(request, btf, one.name, one.module):
            message = f"{one.name} of {one.module} is left out: {first} has one too"
            request.report.warning(request.point.span, message)
            continue
        prototype = btf.function(one.name, one.module or "vmlinux")
        if prototype is None:
            continue
        found = True
        shown = (one.module or "vmlinux") if module else ""
        target = _target(request, shown, one.name, one.module)
        yield Found(targets=(target,), prototype=prototype)
    if not found:
        request.missing(f"{module}:{pattern}" if module else pattern)


def _found_first(request: Request, btf: Btf, name: str, owner: str) -> str:
    """Whose function of this name libbpf would take instead of a module's; "" if it takes that.

    It is given a name only (until 1.6), looks into the core kernel first and then into the
    modules, in the order in which they were loaded.
    """
    if not owner:
        return ""
    if btf.function(name, "vmlinux") is not None:
        return "vmlinux"
    others = {symbol.module for symbol in request.kernel.symbols.lookup(name)} - {owner, ""}
    return next((one for one in sorted(others) if btf.function(name, one) is not None), "")


def _target(request: Request, shown: str, name: str, owner: str) -> Target:
    text = f"{request.provider}:{shown}:{name}" if shown else f"{request.provider}:{name}"
    return Target(probe=request.point.name or text, name=name, group=owner)


def _owner(request: Request, module: str, name: str) -> str | None:
    """The module of one function ("" is the core kernel); None when it cannot be probed."""
    verdict = request.kernel.probeable.check(name, module)
    owners = sorted({symbol.module for symbol in verdict.symbols})
    match verdict.status:
        case Status.OK | Status.UNKNOWN:
            return owners[0] if owners else module.replace("vmlinux", "")
        case Status.AMBIGUOUS if len(owners) == 1:
            message = f"{name} names {len(verdict.symbols)} functions in {owners[0] or 'vmlinux'}"
            request.error(message, ("kprobe attaches to all of them",), code=ATTACH)
        case Status.AMBIGUOUS:
            message = (
                "ambiguous attach point, please specify module containing the function" f" '{name}'"
            )
            places = ", ".join(owner or "vmlinux" for owner in owners)
            request.error(message, (f"it is in {places}",), code=ATTACH)
        case _:
            refused(request, module, name, verdict)
    return None
