# SPDX-License-Identifier: MIT
"""Attach points to units: which program hangs where, on this kernel (language §6).

A block is compiled once per attach point and, where its body depends on the function that is
probed, once per function. Nothing attaches here: whether a function can be probed is decided
from facts, before the first probe is attached.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kptrace.errors import Report, did_you_mean
from kptrace.kernel import Kernel
from kptrace.kernel.btf import Prototype
from kptrace.kernel.probeable import Status, Verdict
from kptrace.kernel.tracefs import TracepointFormat
from kptrace.lang import nodes as n
from kptrace.lang.lexer import DURATIONS, SpecSyntaxError, parse_integer
from kptrace.plan import ProbeKind, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One program to compile: a block and the targets that share its code.

    ``prototype`` is the BTF prototype of the one function or raw tracepoint, ``format`` the
    fields of the one tracepoint; None where there are several targets or nobody knows.
    """

    index: int
    probe: n.Probe
    point: n.AttachPoint
    kind: ProbeKind
    targets: tuple[Target, ...]
    label: str
    multi: bool = False
    prototype: Prototype | None = None
    format: TracepointFormat | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """``missing`` is error, warn or ignore; ``func_ip``: a program can ask for its function."""

    missing: str = "error"
    max_programs: int = 1024
    max_probes: int = 1024
    func_ip: bool = True
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What one attach point resolves to, before units are numbered."""

    targets: tuple[Target, ...]
    multi: bool = False
    prototype: Prototype | None = None
    format: TracepointFormat | None = None


ATTACH = "attach"
"""Code of findings that mean: this kernel cannot serve the attach point (exit status 4)."""

_SHORT = {
    "k": "kprobe",
    "kr": "kretprobe",
    "t": "tracepoint",
    "rt": "rawtracepoint",
    "i": "interval",
    "p": "profile",
    "f": "fentry",
    "kfunc": "fentry",
    "fr": "fexit",
    "kretfunc": "fexit",
    "s": "software",
    "it": "iter",
    "u": "uprobe",
    "ur": "uretprobe",
    "U": "usdt",
    "h": "hardware",
    "w": "watchpoint",
}
_NOT_YET = {"profile", "fentry", "fexit", "software", "iter", "self", "test", "bench", "hook"}
_LATER = {"uprobe", "uretprobe", "usdt", "hardware", "watchpoint"}


def expand(program: n.Program, kernel: Kernel, policy: Policy, report: Report) -> tuple[Unit, ...]:
    """All units, in source order; findings go to the report."""
    return _Expander(kernel, policy, report).run(program)


def mentions(node: object) -> Iterator[str]:
    """Every built-in name and function name in a tree."""
    if isinstance(node, n.Name | n.Call):
        yield node.name
    if isinstance(node, tuple):
        for one in node:
            yield from mentions(one)
    elif isinstance(node, n.Node):
        for field in dataclasses.fields(node):
            if field.name != "span":
                yield from mentions(getattr(node, field.name))


class _Expander:
    def __init__(self, kernel: Kernel, policy: Policy, report: Report) -> None:
        self.kernel = kernel
        self.policy = policy
        self.report = report
        self.units: list[Unit] = []
        self.names: dict[str, int] = {}
        self.alone = True  # the probe has a single attach point

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
        label = self.label(probe)
        before = len(self.units)
        known = len(self.report.errors)
        self.alone = len(probe.attach) == 1
        failed = False
        for point in probe.attach:
            parts = self.parameters(point)
            if parts is None:
                failed = True
                continue
            provider = self.provider(point, parts[0])
            if provider is None:
                failed = True
                continue
            errors = len(self.report.errors)
            for found in _PROVIDERS[provider](self, probe, point, parts[1:]):
                text = found.targets[0].probe if len(found.targets) == 1 else point.text
                self.units.append(
                    Unit(
                        index=len(self.units),
                        probe=probe,
                        point=point,
                        kind=ProbeKind(provider),
                        targets=found.targets,
                        label=f"{label} ({text})" if label else text,
                        multi=found.multi,
                        prototype=found.prototype,
                        format=found.format,
                    )
                )
            failed |= len(self.report.errors) > errors
        if len(self.units) == before:
            missing = any(one.code == ATTACH for one in self.report.errors[known:])
            self.nothing_left(probe, failed, missing)

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

    def label(self, probe: n.Probe) -> str:
        """The name from the comment; a second block of one name gets ``#2``."""
        if not probe.name:
            return ""
        count = self.names[probe.name] = self.names.get(probe.name, 0) + 1
        return probe.name if count == 1 else f"{probe.name}#{count}"

    def parameters(self, point: n.AttachPoint) -> tuple[str, ...] | None:
        """The parts of an attach point with ``$N`` replaced by its text (language §6.2)."""
        good = True

        def replace(match: re.Match[str]) -> str:
            nonlocal good
            number = int(match[1]) if match[1] else 0
            if number == 0:
                good = False
                self.report.error(
                    point.span, "invalid parameter in attach point: quote the '$'", code="syntax"
                )
                return ""
            given = self.policy.parameters
            if number > len(given):
                good = False
                message = f"positional parameter ${number} is not provided"
                self.report.error(point.span, message, code="parameter")
                return ""
            return given[number - 1]

        parts = tuple(re.sub(r"\$([0-9]{0,18})", replace, part) for part in point.parts)
        return parts if good else None

    def provider(self, point: n.AttachPoint, word: str) -> str | None:
        name = _SHORT.get(word, word.lower())
        if name in _PROVIDERS:
            return name
        if name in _LATER:
            message = f"{name} probes are not supported: kptrace traces the kernel only"
            self.report.error(point.span, message, code="not-supported")
        elif name in _NOT_YET or "*" in name:
            what = "wildcards in the probe type" if "*" in name else f"{name} probes"
            self.report.error(point.span, f"{what} are not supported yet", code="not-supported")
        else:
            hints = did_you_mean(name, _PROVIDERS)
            message = f"Invalid probe type: {word}"
            self.report.error(point.span, message, code="unknown-name", hints=hints)
        return None

    def count(self, point: n.AttachPoint, parts: tuple[str, ...], *allowed: int) -> bool:
        if len(parts) in allowed:
            return True
        provider = _SHORT.get(point.parts[0], point.parts[0].lower())
        numbers = " or ".join(map(str, allowed))
        plural = "" if allowed == (1,) else "s"
        message = f"{provider} probe type requires {numbers} argument{plural}, found {len(parts)}"
        self.report.error(point.span, message, code="probe")
        return False

    def missing(
        self, point: n.AttachPoint, provider: str, name: str, hints: tuple[str, ...] = ()
    ) -> None:
        """Report what matches nothing, by the missing_probes policy (language §6.3)."""
        if "*" in name and not self.alone:
            return  # a wildcard without match beside other attach points is dropped
        if self.policy.missing == "error":
            message = f"No matches for {provider} {name}."
            self.report.error(point.span, message, code=ATTACH, hints=hints)
        elif self.policy.missing == "warn":
            self.report.warning(point.span, f"No matches for {point.text}. Skipping.", hints=hints)

    # --- providers ---

    def once(
        self, probe: n.Probe, point: n.AttachPoint, parts: tuple[str, ...]
    ) -> Iterator[_Found]:
        """begin, end"""
        if any(part not in ("", "*") for part in parts):
            self.count(point, parts, 0)
            return
        name = point.name or _SHORT.get(point.parts[0], point.parts[0].lower())
        yield _Found(targets=(Target(probe=name),))

    def interval(
        self, probe: n.Probe, point: n.AttachPoint, parts: tuple[str, ...]
    ) -> Iterator[_Found]:
        """interval:s|ms|us|hz:N, interval:Nms"""
        if not self.count(point, parts, 1, 2):
            return
        unit, text = ("", parts[0]) if len(parts) == 1 else parts
        if unit not in ("", "s", "ms", "us", "hz"):
            message = f"{unit} is not an accepted unit of time"
            self.report.error(point.span, message, code="probe")
            return
        try:
            value = parse_integer(text, point.span)
        except SpecSyntaxError:
            value = 0
        if value < 1 or (unit and not re.fullmatch(r"[0-9_]+", text)):
            message = "interval frequency should be a positive integer"
            self.report.error(point.span, message, code="probe")
            return
        if not unit and text.isdigit():
            self.report.error(point.span, "interval probe must have unit of time", code="probe")
            return
        period = 10**9 // value if unit == "hz" else value * (DURATIONS[unit] if unit else 1)
        if period >= 1 << 63:
            self.report.error(point.span, "the interval is too long", code="probe")
            return
        if period < 1000:
            message = (
                "Invalid rate of interval probe. Minimum is 1000 or 1us. Found:"
                f" {period} nanoseconds"
            )
            self.report.error(point.span, message, code="probe")
            return
        name = point.name or (
            f"interval:{unit}:{value}" if unit else f"interval:us:{period // 1000}"
        )
        yield _Found(targets=(Target(probe=name, period_ns=period),))

    def tracepoint(
        self, probe: n.Probe, point: n.AttachPoint, parts: tuple[str, ...]
    ) -> Iterator[_Found]:
        """tracepoint:category:event, every match a unit of its own"""
        if len(parts) == 1 and "*" in parts[0]:
            parts = ("*", parts[0])
        if len(parts) < 2:
            self.report.error(point.span, "tracepoint probe must have a target", code="probe")
            return
        if not self.count(point, parts, 2):
            return
        category, event = parts
        found = self.kernel.tracefs.events(category, event)
        if not found:
            self.missing_tracepoint(point, category, event)
        for group, name in found:
            target = Target(
                probe=point.name or f"tracepoint:{group}:{name}", name=name, group=group
            )
            yield _Found(targets=(target,), format=self.kernel.tracefs.format(group, name))

    def missing_tracepoint(self, point: n.AttachPoint, category: str, event: str) -> None:
        if "*" in category + event and len(point.parts) > 1:
            self.missing(point, "tracepoint", f"{category}:{event}")
            return
        known = [f"{group}:{name}" for group, name in self.kernel.tracefs.events("*", "*")]
        hints = did_you_mean(f"{category}:{event}", known)
        self.missing(point, "tracepoint", f"{category}:{event}", hints)

    def rawtracepoint(
        self, probe: n.Probe, point: n.AttachPoint, parts: tuple[str, ...]
    ) -> Iterator[_Found]:
        """rawtracepoint[:module]:event"""
        if not self.count(point, parts, 1, 2):
            return
        module, pattern = ("", parts[0]) if len(parts) == 1 else parts
        if self.kernel.btf is None:
            message = "rawtracepoints require kernel BTF. Try using a 'tracepoint' instead."
            self.report.error(point.span, message, code=ATTACH, hints=(self.kernel.btf_problem,))
            return
        found = self.kernel.probeable.raw_tracepoints(pattern, module)
        if not found:
            known = [name for name, _ in self.kernel.probeable.raw_tracepoints("*")]
            hints = did_you_mean(pattern, known)
            self.missing(point, "rawtracepoint", pattern, hints)
        for name, owner in found:
            text = f"rawtracepoint:{module}:{name}" if module else f"rawtracepoint:{name}"
            target = Target(probe=point.name or text, name=name, group=owner)
            yield _Found(targets=(target,), prototype=self.kernel.btf.raw_tracepoint(name))

    def function(
        self, probe: n.Probe, point: n.AttachPoint, parts: tuple[str, ...]
    ) -> Iterator[_Found]:
        """kprobe[:module]:function[+offset], kretprobe[:module]:function"""
        if not self.count(point, parts, 1, 2):
            return
        provider = _SHORT.get(point.parts[0], point.parts[0].lower())
        module, text = ("", parts[0]) if len(parts) == 1 else parts
        name, offset = self.offset(point, provider, text)
        if not name:
            return
        if name.startswith("0x"):
            message = "Probing by address requires --unsafe"
            self.report.error(point.span, message, code="not-supported",
                              hints=("probes by address are not supported yet",))  # fmt: skip
            return
        if "*" in name + module:
            targets = self.matching(point, provider, module, name, offset)
        else:
            targets = self.exact(point, provider, module, name, offset)
        yield from self.split(probe, provider, targets, offset)

    def offset(self, point: n.AttachPoint, provider: str, text: str) -> tuple[str, int]:
        name, plus, number = text.partition("+")
        if not plus:
            return name, 0
        if provider == "kretprobe":
            self.report.error(point.span, "Offset not allowed", code="probe")
            return "", 0
        if "+" in number:
            self.report.error(point.span, "Cannot take more than one offset", code="probe")
            return "", 0
        try:
            return name, parse_integer(number, point.span)
        except SpecSyntaxError:
            self.report.error(point.span, f"Invalid offset: {number}", code="probe")
            return "", 0

    def matching(
        self,
        point: n.AttachPoint,
        provider: str,
        module: str,
        name: str,
        offset: int,
    ) -> list[Target]:
        found = self.kernel.probeable.functions(name, module)
        if not found:
            self.missing(point, provider, f"{module}:{name}" if module else name)
        if len(found) > self.policy.max_probes:
            message = (
                f"Can't attach to {len(found)} probes because it exceeds the current limit of"
                f" {self.policy.max_probes} probes."
            )
            hint = "narrow the wildcard, or raise max_probes (BPFTRACE_MAX_PROBES)"
            self.report.error(point.span, message, code="limit", hints=(hint,))
            return []
        return [
            self.target(point, provider, one.module if module else "", one.name, offset, one.module)
            for one in found
        ]

    def target(
        self, point: n.AttachPoint, provider: str, shown: str, name: str, offset: int, module: str
    ) -> Target:
        place = f"{name}+{offset}" if offset else name
        text = f"{provider}:{shown}:{place}" if shown else f"{provider}:{place}"
        return Target(probe=point.name or text, name=name, group=module, offset=offset)

    def exact(
        self, point: n.AttachPoint, provider: str, module: str, name: str, offset: int
    ) -> list[Target]:
        verdict = self.kernel.probeable.check(
            name, module, offset, is_return=provider == "kretprobe"
        )
        group = "" if module == "vmlinux" else module
        target = self.target(point, provider, module, name, offset, group)
        if verdict.status in (Status.OK, Status.UNKNOWN):
            return [target]
        if verdict.status is Status.AMBIGUOUS:
            return self.every_address(point, target, verdict)
        self.refused(point, provider, module, name, verdict)
        return []

    def every_address(self, point: n.AttachPoint, target: Target, verdict: Verdict) -> list[Target]:
        """A name with several functions: all of the module that the kernel would search first."""
        owner = min(symbol.module for symbol in verdict.symbols)
        places = [one.address for one in verdict.symbols if one.module == owner]
        if places == [0]:
            return [dataclasses.replace(target, group=owner)]
        if not all(places):
            hints = (verdict.hint,) if verdict.hint else ()
            self.report.error(point.span, verdict.message, code=ATTACH, hints=hints)
            return []
        return [dataclasses.replace(target, group=owner, address=place) for place in places]

    def refused(
        self, point: n.AttachPoint, provider: str, module: str, name: str, verdict: Verdict
    ) -> None:
        hints = (verdict.hint,) if verdict.hint else ()
        shown = f"{module}:{name}" if module else name
        match verdict.status:
            case Status.MODULE_NOT_LOADED:
                message = (
                    f"specified module {module} in probe {provider}:{module}:{name} is not loaded."
                )
                self.report.error(point.span, message, code=ATTACH, hints=hints)
            case Status.BAD_OFFSET:
                self.report.error(point.span, verdict.message, code=ATTACH, hints=hints)
            case Status.ABSENT:
                self.missing(point, provider, shown, hints)
            case _:
                message = (
                    f"{name} is not traceable (either non-existing, inlined, or marked as"
                    f' "notrace"); attaching to it will likely fail'
                )
                if self.policy.missing != "ignore":
                    new = verdict.message not in ("", message)
                    reason = (verdict.message, *hints) if new else hints
                    self.report.warning(point.span, message, hints=reason)
                self.missing(point, provider, shown)

    def split(
        self, probe: n.Probe, provider: str, targets: list[Target], offset: int
    ) -> Iterator[_Found]:
        """One unit for all targets, or one for each where the body depends on the function."""
        used = set(mentions((probe.predicate, probe.body)))
        # away from the entry a program cannot ask the kernel for its function
        asks = self.policy.func_ip and not offset
        specific = bool(used & {"probe", "args"}) or ("func" in used and not asks)
        btf = self.kernel.btf
        if not targets:
            return
        if len(targets) > 1 and not specific:
            yield _Found(targets=tuple(targets), multi=offset == 0)
            return
        for target in targets:
            prototype = None
            if btf is not None and "args" in used:
                prototype = btf.function(target.name, target.group or "")
            yield _Found(targets=(target,), prototype=prototype)


_PROVIDERS: dict[
    str, Callable[[_Expander, n.Probe, n.AttachPoint, tuple[str, ...]], Iterator[_Found]]
] = {
    "begin": _Expander.once,
    "end": _Expander.once,
    "interval": _Expander.interval,
    "tracepoint": _Expander.tracepoint,
    "rawtracepoint": _Expander.rawtracepoint,
    "kprobe": _Expander.function,
    "kretprobe": _Expander.function,
}
