# SPDX-License-Identifier: MIT
"""Hooks: ``hook:CLASS:NAME`` becomes a probe of the first candidate that this kernel has.

The block is rewritten for the candidate: ``args.NAME`` becomes the candidate's expression. What
follows in the compiler never meets a hook. A candidate must exist, and all arguments that the
block uses must have a type there; whether the kernel lets it attach shows only then, and the
caller compiles again without it (`Policy.refused`).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from kptrace.compiler.providers.base import Found, Provider, Request
from kptrace.errors import Report, did_you_mean
from kptrace.kernel.files import wildcard
from kptrace.kernel.hooks import HOOKS, Candidate, Hook
from kptrace.lang import nodes as n
from kptrace.lang.attach import split_attach_point
from kptrace.lang.constants import parse_constant
from kptrace.lang.rewrite import rewrite
from kptrace.source import Span

_ARGUMENT = re.compile(r"arg[0-9]+")
_REFUSED = ("func", "retval", "reg", "ctx")
"""Besides argN: what depends on the candidate."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What became of a hook on this kernel: what was tried, each with why not ("" for the last)."""

    hook: Hook
    tried: tuple[tuple[Candidate, str], ...]
    found: tuple[Found, ...]

    @property
    def taken(self) -> Candidate | None:
        """The candidate that serves, if any does."""
        return self.tried[-1][0] if self.found else None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the others do not."""
        return tuple(f"not by {one.name}: {why}" for one, why in self.tried if why)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know of the choice."""
        note = self.taken.note if self.taken is not None else ""
        return (*self.reasons, *((note,) if note else ()))


def hook(providers: Mapping[str, Provider]) -> Provider:
    """The provider, which resolves candidates by the other providers."""

    def resolve(request: Request) -> Iterator[Found]:
        """hook:CLASS:NAME"""
        if not request.count(2):
            return
        name = ":".join(request.parts)
        matches = re.compile(wildcard(name).decode()).fullmatch
        wanted = [one for one in HOOKS.values() if matches(one.name)]
        if not wanted:
            request.missing(name, did_you_mean(name, HOOKS))
        used = _used(request)
        if used is None:
            return
        served = False
        lost: list[Choice] = []
        for one in wanted:
            names = _named(request, one, used)
            if names is None:
                served = True  # by an error
                continue
            choice = choose(request, one, providers, names)
            if not choice.found:
                lost.append(choice)
            for found in choice.found:
                served = True
                yield dataclasses.replace(found, notes=choice.notes)
        if lost and served:
            _leave_out(request, lost)
        elif lost:
            request.missing(name, _reasons(lost))

    return resolve


def _leave_out(request: Request, lost: Sequence[Choice]) -> None:
    """Of a wildcard some are not on this kernel: what is counted is told to be a part."""
    if request.policy.missing != "ignore":
        names = ", ".join(one.hook.name for one in lost)
        message = f"{request.point.text} is without {names}: not on this kernel"
        request.report.warning(request.point.span, message, hints=_reasons(lost))


def _reasons(lost: Sequence[Choice]) -> tuple[str, ...]:
    """Why none of the candidates serves; of several hooks, each by its name."""
    if len(lost) == 1:
        return lost[0].reasons
    return tuple(f"{one.hook.name} {why}" for one in lost for why in one.reasons)


def choose(
    request: Request, hook: Hook, providers: Mapping[str, Provider], used: frozenset[str]
) -> Choice:
    """The first candidate that serves the block."""
    tried: list[tuple[Candidate, str]] = []
    for candidate in hook.candidates:
        found, why = _resolve(request, hook, candidate, providers, used)
        tried.append((candidate, why))
        if not why:
            return Choice(hook=hook, tried=tuple(tried), found=found)
    return Choice(hook=hook, tried=tuple(tried), found=())


def _resolve(
    request: Request,
    hook: Hook,
    candidate: Candidate,
    providers: Mapping[str, Provider],
    used: frozenset[str],
) -> tuple[tuple[Found, ...], str]:
    """The targets of a candidate, or why it does not serve."""
    if refused := request.policy.refused.get((hook.name, candidate.name)):
        return (), refused
    kinds = {split_attach_point(one)[0] for one in candidate.attach}
    if kinds & {"kprobe", "kretprobe"} and not request.kernel.host.has_kprobes:
        return (), "this kernel has no kprobes"
    if kinds & {"fentry", "fexit"} and not request.policy.has("fentry"):
        return (), "this kernel refuses programs that functions call"
    made: list[Found] = []
    for text in candidate.attach:
        provider, *parts = split_attach_point(text)
        report = Report()
        point = dataclasses.replace(request.point, name="", text=text)
        inner = dataclasses.replace(
            request,
            report=report,
            probe=_reading_args(request),
            point=point,
            provider=provider,
            parts=tuple(parts),
            # a clone may see less, and what a hook sees is promised
            policy=dataclasses.replace(request.policy, missing="error", clones=False),
            alone=True,
        )
        found = tuple(providers[provider](inner))
        if report.errors or not found:
            return (), report.errors[0].message if report.errors else "absent"
        for one in found:
            one = dataclasses.replace(one, provider=provider)
            values = _values(request, hook, candidate, one, used)
            lost = sorted(used - set(values))
            if lost:
                return (), f"does not give {', '.join(lost)}"
            where = _filter(request, hook, candidate, one)
            if candidate.filters and where is None:
                return (), "cannot tell its hits from others"
            made.append(_rewritten(request, hook, candidate, one, values, where, text))
    return tuple(made), ""


def _reading_args(request: Request) -> n.Probe:
    """A probe that uses ``args``, so that a provider looks for their types."""
    span = request.probe.span
    args = n.Discard(span=span, value=n.Name(span=span, name="args"))
    body = n.Block(span=span, statements=(args,), value=None)
    return dataclasses.replace(request.probe, predicate=None, body=body)


def _values(
    request: Request, hook: Hook, candidate: Candidate, found: Found, used: frozenset[str]
) -> dict[str, n.Expr]:
    """An expression of the declared type for each argument that is used and that can be had."""
    values: dict[str, n.Expr] = {}
    for name in hook.args:
        if name not in used:
            continue
        for text in candidate.expressions(name):
            made = _of_type(request, hook, found, text, hook.args[name])
            if made is not None:
                values[name] = made
                break
    return values


def _filter(request: Request, hook: Hook, candidate: Candidate, found: Found) -> n.Expr | None:
    """The first filter of a candidate that this kernel's types allow."""
    for text in candidate.filters:
        made = _parse(request, hook, text)
        if request.policy.typed(request, found, made):
            return made
    return None


def _of_type(request: Request, hook: Hook, found: Found, text: str, wanted: str) -> n.Expr | None:
    """An expression as a value of a type; None where this kernel's types do not allow it."""
    made = _parse(request, hook, text)
    have = request.policy.typed(request, found, made)
    if not have or wanted in (have, "string"):
        return made if have else None
    made = _parse(request, hook, f"({wanted})({text})")
    return made if request.policy.typed(request, found, made) else None


def _parse(request: Request, hook: Hook, text: str) -> n.Expr:
    """A text of the tables; its places lead to the attach point."""
    call = request.point.span

    def placed(node: Any, again: Callable[[Any], Any]) -> Any:
        return node.expanded(call) if isinstance(node, Span) else again(node)

    made: n.Expr = rewrite(parse_constant(f"hook:{hook.name}", text), placed)
    return made


def _rewritten(
    request: Request,
    hook: Hook,
    candidate: Candidate,
    found: Found,
    values: Mapping[str, n.Expr],
    where: n.Expr | None,
    text: str,
) -> Found:
    """The block as a block of the candidate's own probe type."""
    probe = request.probe

    def changed(node: Any, again: Callable[[Any], Any]) -> Any:
        match node:
            case n.Member(operand=operand, name=name) if _is_args(operand):
                return values[name]
            case n.Name() | n.Call() if _is_args(node):
                return n.RecordLiteral(span=node.span, fields=tuple(values.items()))
            case _:
                return again(node)

    body = rewrite(probe.body, changed)
    predicate = rewrite(probe.predicate, changed)
    if where is not None:
        inner = body
        if predicate is not None:
            check = n.If(span=predicate.span, condition=predicate, then=inner, otherwise=None)
            inner = n.Block(span=probe.body.span, statements=(check,), value=None)
        body, predicate = inner, where
    shown = request.point.name or f"hook:{hook.name}"
    targets = tuple(
        dataclasses.replace(one, probe=shown, hook=hook.name, candidate=candidate.name)
        for one in found.targets
    )
    return dataclasses.replace(
        found,
        targets=targets,
        probe=dataclasses.replace(probe, predicate=predicate, body=body),
        label=f"hook:{hook.name} by {text}",
    )


def _is_args(node: object) -> bool:
    return (
        isinstance(node, n.Name | n.Call)
        and node.name == "args"
        and not getattr(node, "arguments", ())
    )


def _used(request: Request) -> dict[str, Span] | None:
    """The arguments that a block uses; "" stands for all of them. None: it uses what it may not."""
    used: dict[str, Span] = {}
    good = True

    def look(node: Any, again: Callable[[Any], Any]) -> Any:
        nonlocal good
        match node:
            case n.Member(operand=operand, name=name) if _is_args(operand):
                used.setdefault(name, node.name_span)
                return node
            case n.Name(name=name) | n.Call(name=name) if name in _REFUSED or _ARGUMENT.fullmatch(
                name
            ):
                message = "hook probes have named args only"
                request.report.error(node.span, message, code="probe")
                good = False
            case n.Name() | n.Call() if _is_args(node):
                used.setdefault("", node.span)
            case _:
                pass
        return again(node)

    rewrite((request.probe.predicate, request.probe.body), look)
    return used if good else None


def _named(request: Request, hook: Hook, used: Mapping[str, Span]) -> frozenset[str] | None:
    """The arguments of a hook that a block uses; None where the hook has no such."""
    good = True
    for name, span in used.items():
        if name and name not in hook.args:
            hints = did_you_mean(name, hook.args) or (
                f"hook:{hook.name} has: {', '.join(hook.args) or 'no arguments'}",
            )
            message = f"hook:{hook.name} has no argument '{name}'"
            request.report.error(span, message, code="unknown-name", hints=hints)
            good = False
    if not good:
        return None
    return frozenset(hook.args) if "" in used else frozenset(used)
