# SPDX-License-Identifier: MIT
"""Attach points to units: which program hangs where, on this kernel (language §6).

A block is compiled once per attach point and, where its body depends on the function that is
probed, once per function. Nothing attaches here: whether a function can be probed is decided
from facts, before the first probe is attached.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass

from kptrace.compiler.providers import KERNEL, LATER, PROVIDERS, long_name
from kptrace.compiler.providers.base import ATTACH, Found, Policy, Request, mentions
from kptrace.errors import Report, did_you_mean
from kptrace.kernel import Kernel
from kptrace.kernel.btf import Prototype
from kptrace.kernel.files import wildcard
from kptrace.kernel.tracefs import TracepointFormat
from kptrace.lang import nodes as n
from kptrace.lang.attach import split_attach_point
from kptrace.plan import ProbeKind, Target

__all__ = ["ATTACH", "Policy", "Unit", "expand"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One program to compile: a block and the targets that share its code.

    ``prototype`` is the BTF prototype of the one function or raw tracepoint, ``format`` the
    fields of the one tracepoint; None where there are several targets or nobody knows. ``block``
    is the name from the comment, if there is one, and stands in the ``label`` too. ``notes``: what
    a user should know of how a hook was resolved. ``trusted`` as in `plan.Program`.
    """

    index: int
    probe: n.Probe
    point: n.AttachPoint
    kind: ProbeKind
    targets: tuple[Target, ...]
    label: str
    block: str = ""
    multi: bool = False
    prototype: Prototype | None = None
    format: TracepointFormat | None = None
    notes: tuple[str, ...] = ()
    trusted: bool = False


_PASS_ON = frozenset({"socket_cookie"})
"""Functions of the language that hand an argument of the probe to the kernel."""


def _passes_on(probe: n.Probe) -> bool:
    return not _PASS_ON.isdisjoint(mentions((probe.predicate, probe.body)))


_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


def expand(program: n.Program, kernel: Kernel, policy: Policy, report: Report) -> tuple[Unit, ...]:
    """All units, in source order; findings go to the report."""
    return _Expander(kernel, policy, report).run(program)


class _Expander:
    def __init__(self, kernel: Kernel, policy: Policy, report: Report) -> None:
        self.kernel = kernel
        self.policy = policy
        self.report = report
        self.units: list[Unit] = []
        self.names: dict[str, int] = {}
        self.filtered = False  # the policy left out something of this probe
        self.taken: set[str] = set()

    def run(self, program: n.Program) -> tuple[Unit, ...]:
        for probe in program.probes:
            self.probe(probe)
        if len(self.units) > self.policy.max_programs:
            message = (
                f"Your program is trying to generate more than {len(self.units)} BPF programs,"
                f" which exceeds the current limit of {self.policy.max_programs}"
            )
            hint = (
                "You can increase the limit through the BPFTRACE_MAX_BPF_PROGS environment"
                " variable."
            )
            self.report.error(program.probes[0].span, message, hints=(hint,))
        return tuple(self.units)

    def probe(self, probe: n.Probe) -> None:
        block = self.block(probe)
        before = len(self.units)
        known = len(self.report.errors)
        self.filtered = failed = False
        for point in probe.attach:
            errors = len(self.report.errors)
            parts = self.parameters(point)
            if parts is not None:
                self.point(probe, point, parts, block)
            failed |= len(self.report.errors) > errors
        if len(self.units) == before and not self.filtered:
            missing = any(one.code == ATTACH for one in self.report.errors[known:])
            self.nothing_left(probe, failed, missing)

    def point(
        self, probe: n.Probe, point: n.AttachPoint, parts: tuple[str, ...], block: str
    ) -> None:
        """Add the units of one attach point."""
        if "@" in _QUOTED.sub("", point.text):
            message = (
                "source-location attach points are not supported: kptrace reads types from BTF,"
                " which knows no source lines"
            )
            self.report.error(point.span, message, code="not-supported")
            return
        word, *rest = parts
        if "*" in word:
            self.every_provider(probe, point, parts, block)
        elif (provider := self.provider(point, word)) is not None:
            alone = len(probe.attach) == 1
            request = self.request(probe, point, provider, tuple(rest), alone, self.report)
            self.add(PROVIDERS[provider](request), request, block)

    def every_provider(
        self, probe: n.Probe, point: n.AttachPoint, parts: tuple[str, ...], block: str
    ) -> None:
        """A wildcard in the provider: those that have no such attach point are left out."""
        word, *rest = parts
        pattern = re.compile(wildcard(word.lower()).decode())
        providers = tuple(filter(pattern.fullmatch, KERNEL))
        if not providers:
            self.provider(point, word)
            return
        known = len(self.units)
        for provider in providers:
            ignored = Report()
            request = self.request(probe, point, provider, tuple(rest), False, ignored)
            found = tuple(PROVIDERS[provider](request))
            if not ignored.errors:
                self.add(found, request, block)
        if len(self.units) == known:
            alone = len(probe.attach) == 1
            request = self.request(probe, point, word, tuple(rest), alone, self.report)
            request.missing(":".join(rest))

    def request(
        self,
        probe: n.Probe,
        point: n.AttachPoint,
        provider: str,
        parts: tuple[str, ...],
        alone: bool,
        report: Report,
    ) -> Request:
        return Request(
            kernel=self.kernel,
            policy=self.policy,
            report=report,
            probe=probe,
            point=point,
            provider=provider,
            parts=parts,
            alone=alone,
            taken=self.taken,
        )

    def add(self, every: Iterable[Found], request: Request, block: str) -> None:
        for found in every:
            if request.provider not in ("begin", "end"):
                kept = tuple(one for one in found.targets if self.policy.keeps(one.probe))
                if not kept:
                    self.filtered = True
                    continue
                found = dataclasses.replace(found, targets=kept)
            text = found.targets[0].probe if len(found.targets) == 1 else request.point.text
            text = found.label or text
            kind = ProbeKind(found.provider or request.provider)
            probe = found.probe or request.probe
            self.units.append(
                Unit(
                    index=len(self.units),
                    probe=probe,
                    point=request.point,
                    kind=kind,
                    targets=found.targets,
                    label=f"{block} ({text})" if block else text,
                    block=block,
                    multi=found.multi,
                    prototype=found.prototype,
                    format=found.format,
                    notes=found.notes,
                    trusted=kind is ProbeKind.RAWTRACEPOINT and _passes_on(probe),
                )
            )

    def nothing_left(self, probe: n.Probe, failed: bool, missing: bool) -> None:
        span = probe.attach[0].span.to(probe.attach[-1].span)
        if self.policy.missing == "warn" and not failed:
            message = (
                "Probe has no valid attach points. It is being removed which may cause issues"
                " with program behavior."
            )
            self.report.warning(span, message)
        elif self.policy.missing == "error" and (missing or not failed):
            message = (
                "Probe has no valid attach points. If this is expected, set the"
                " 'missing_probes' config variable to 'warn'."
            )
            self.report.error(span, message, code=ATTACH)

    def block(self, probe: n.Probe) -> str:
        """The name from the comment; a second block of one name gets ``#2``."""
        if not probe.name:
            return ""
        count = self.names[probe.name] = self.names.get(probe.name, 0) + 1
        return probe.name if count == 1 else f"{probe.name}#{count}"

    def parameters(self, point: n.AttachPoint) -> tuple[str, ...] | None:
        """The parts of an attach point with ``$N`` replaced by its text (language §6.2)."""
        if "$" not in point.text:
            return point.parts
        good = True

        def replace(match: re.Match[str]) -> str:
            nonlocal good
            if match[1] is None:
                return match[0]  # quoted
            number = int(match[1]) if match[1] else 0
            given = self.policy.parameters
            if 1 <= number <= len(given):
                return given[number - 1]
            good = False
            if number:
                message = f"positional parameter ${number} is not provided"
                self.report.error(point.span, message, code="parameter")
            else:
                message = "invalid parameter in attach point: quote the '$'"
                self.report.error(point.span, message, code="syntax")
            return ""

        text = point.text.removeprefix(f"{point.name}=") if point.name else point.text
        text = re.sub(r'"(?:[^"\\]|\\.)*"|\$([0-9]{0,18})', replace, text)
        return split_attach_point(text) if good else None

    def provider(self, point: n.AttachPoint, word: str) -> str | None:
        name = long_name(word)
        if name in PROVIDERS:
            return name
        if name in LATER:
            message = f"{name} probes are not supported: {LATER[name]}"
            self.report.error(point.span, message, code="not-supported")
        else:
            hints = did_you_mean(name, PROVIDERS)
            message = f"Invalid probe type: {word}"
            self.report.error(point.span, message, code="unknown-name", hints=hints)
        return None
