# SPDX-License-Identifier: MIT
"""Every probe that this kernel has, by kind; what ``kptrace list`` selects from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from kptrace.compiler import hook_choice
from kptrace.compiler.providers import LATER, PROVIDERS, long_name
from kptrace.compiler.providers.timers import SOFTWARE
from kptrace.errors import HostError, UsageError, did_you_mean
from kptrace.kernel import Kernel, listing
from kptrace.kernel.files import wildcard
from kptrace.kernel.hooks import HOOKS, Hook
from kptrace.runtime import features


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One probe: its kind, its full text, and the names that its arguments are found by.

    ``blocks``: names from comments of the blocks of a specification that it is for.
    """

    kind: str
    text: str
    module: str = ""
    name: str = ""
    blocks: tuple[str, ...] = ()


Finder = Callable[[Kernel, str, str, str], Iterator[Listed]]
"""(kernel, kind, pattern of modules or categories or "", pattern of names) -> probes."""


def _functions(kernel: Kernel, kind: str, module: str, name: str) -> Iterator[Listed]:
    for one in kernel.probeable.functions(name, module):
        owner = f"{one.module}:" if one.module else ""
        yield Listed(kind=kind, text=f"{kind}:{owner}{one.name}", module=one.module, name=one.name)


def _typed_functions(kernel: Kernel, kind: str, module: str, name: str) -> Iterator[Listed]:
    """Functions with a prototype; a module's are taken to have one."""
    if kernel.btf is None:
        raise HostError(f"{kind} probes are not known: {kernel.btf_problem}")
    known = listing.functions(kernel.btf)
    for one in kernel.probeable.functions(name, module):
        if one.module or one.name in known:
            text = f"{kind}:{one.module or 'vmlinux'}:{one.name}"
            yield Listed(kind=kind, text=text, module=one.module, name=one.name)


def _tracepoints(kernel: Kernel, kind: str, module: str, name: str) -> Iterator[Listed]:
    for category, event in kernel.tracefs.events(module or "*", name):
        yield Listed(kind=kind, text=f"{kind}:{category}:{event}", module=category, name=event)


def _raw_tracepoints(kernel: Kernel, kind: str, module: str, name: str) -> Iterator[Listed]:
    if kernel.btf is None:
        raise HostError(f"raw tracepoints are not known: {kernel.btf_problem}")
    for event, owner in kernel.probeable.raw_tracepoints(name, module):
        yield Listed(kind=kind, text=f"{kind}:{event}", module=owner, name=event)


def _iterators(kernel: Kernel, kind: str, module: str, name: str) -> Iterator[Listed]:
    if kernel.btf is None:
        raise HostError(f"iterators are not known: {kernel.btf_problem}")
    yield from _fixed(listing.iterators(kernel.btf), "")(kernel, kind, module, name)


def _fixed(names: Iterable[str], end: str) -> Finder:
    """Probes that every kernel has; ``end`` stands where an argument may follow."""

    def find(kernel: Kernel, kind: str, module: str, name: str) -> Iterator[Listed]:
        pattern = f"{module}:{name}" if module else name
        matches = re.compile(wildcard(pattern).decode()).fullmatch
        for one in names:
            if matches(one):
                yield Listed(kind=kind, text=f"{kind}:{one}{end}", name=one)

    return find


_FINDERS: dict[str, Finder] = {
    "fentry": _typed_functions,
    "fexit": _typed_functions,
    "hook": _fixed(HOOKS, ""),
    "interval": _fixed(("hz", "ms", "s", "us"), ":"),
    "iter": _iterators,
    "kprobe": _functions,
    "kretprobe": _functions,
    "profile": _fixed(("hz", "ms", "s", "us"), ":"),
    "rawtracepoint": _raw_tracepoints,
    "self": _fixed(("signal:SIGUSR1",), ""),
    "software": _fixed(sorted(SOFTWARE), ":"),
    "tracepoint": _tracepoints,
}
_WHEN_ASKED = ("kretprobe", "fexit", "hook")
"""Left out unless asked for: they repeat another kind's list, or the probes that serve them."""


def kinds() -> tuple[str, ...]:
    """The kinds that can be listed, of those that can be used."""
    return tuple(one for one in _FINDERS if one in PROVIDERS)


def probes(kernel: Kernel, pattern: str, unknown: list[str]) -> Iterator[Listed]:
    """All that match ``[KIND:][MODULE:]NAME``, kind by kind; ``*`` is the wildcard.

    ``unknown`` gets the reasons why some of several kinds could not be looked at; HostError when
    it is the only one.
    """
    first, colon, rest = pattern.partition(":")
    if not colon:
        first, rest = "*", pattern
    rest = rest.removesuffix(":") or "*"
    kind = long_name(first)
    wanted = [one for one in kinds() if re.fullmatch(wildcard(kind).decode(), one)]
    if kind in LATER:
        message = f"{kind} probes are not supported: {LATER[kind]}"
        raise UsageError(message, code="not-supported")
    if not wanted:
        hint = " ".join(did_you_mean(kind, kinds())) or f"one of {', '.join(kinds())}"
        raise UsageError(f"Invalid probe type: {first}", hint=hint, code="usage")
    module, split, name = rest.partition(":")
    if not split:
        module, name = "", rest
    for one in wanted:
        if kind == "*" and one in _WHEN_ASKED:
            continue
        try:
            yield from _FINDERS[one](kernel, one, module, name)
        except HostError as error:
            if len(wanted) == 1:
                raise
            unknown.append(str(error))


def arguments(kernel: Kernel, probe: Listed) -> Iterator[str]:
    """The arguments of a probe with their types, as C declarations."""
    btf = kernel.btf
    module = probe.module or "vmlinux"
    match probe.kind:
        case "tracepoint":
            yield from kernel.tracefs.declarations(probe.module, probe.name)
        case "kprobe" if btf is not None:
            yield from listing.function_arguments(btf, probe.name, module)
        case "fentry" | "fexit" if btf is not None:
            yield from listing.function_arguments(btf, probe.name, module)
            yield from listing.function_result(btf, probe.name, module)
        case "rawtracepoint" if btf is not None:
            yield from listing.raw_tracepoint_arguments(btf, probe.name, module)
        case "hook":
            yield from _hook(kernel, HOOKS[probe.name])
        case "iter" if btf is not None:
            yield from listing.iterator_arguments(btf, probe.name)


def _hook(kernel: Kernel, hook: Hook) -> Iterator[str]:
    """The arguments of a hook, and how this kernel serves it."""
    choice = hook_choice(hook.name, kernel, has=features.may_have)
    for name, kind in hook.args.items():
        given = hook_choice(hook.name, kernel, frozenset({name}), features.may_have).taken
        other = "not on this kernel" if given is None else f"by {given.name}"
        declared = f"{kind}{name}" if kind.endswith("*") else f"{kind} {name}"
        yield declared if given is choice.taken else f"{declared}  ({other})"
    taken = choice.taken
    yield f"# {hook.summary}"
    yield f"# by {taken.name}" if taken is not None else "# not on this kernel"
    yield from (f"# {one}" for one in choice.notes)
