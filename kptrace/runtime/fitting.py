# SPDX-License-Identifier: MIT
"""Whether this kernel is one that a variant of a bundle is right on; asked before it is loaded."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from kptrace.bundle.content import Variant
from kptrace.errors import Diagnostic, HostError, Severity
from kptrace.kernel import Kernel
from kptrace.kernel.probeable import Status
from kptrace.kernel.questions import ABSENT, TYPES, Question, about_types, answer, known
from kptrace.plan import TRAMPOLINE_KINDS, Plan, ProbeKind, Program, Target
from kptrace.records import dataclass
from kptrace.runtime import features
from kptrace.runtime.mechanism import FUNCTION_KINDS, Has
from kptrace.runtime.preflight import require_probes

_NEWER = "it needs a newer kptrace, for "
_TRIED = (Status.OK, Status.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How a variant fits a kernel: not at all if something is in ``lacks`` or ``places``.

    ``plan`` is the variant's for this kernel. ``lacks``: features that are missing. ``places``:
    what is not there, or is another. ``warnings``: what the user should know if it runs.
    """

    plan: Plan
    lacks: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it does not fit."""
        return self.lacks + self.places


def made_here(variant: Variant, kernel: Kernel) -> bool:
    """Whether a variant was made for a kernel with exactly these types."""
    here = answer(kernel, TYPES)
    return here != ABSENT and any(one.types == here for one in variant.kernels)


def fit(variant: Variant, kernel: Kernel, has: Has = features.has) -> Fit:
    """What a variant needs, asked of a kernel. What cannot be known here passes: loading tells."""
    lacks = _lacking(variant, kernel, has)
    same = made_here(variant, kernel)
    facts = [] if lacks else list(_other_facts(variant, kernel, same))
    found = _Places(kernel, variant.plan.config.missing_probes, same)
    plan = variant.plan
    if not lacks and not facts:
        programs = tuple(map(found.here, plan.programs))
        plan = dataclasses.replace(plan, programs=programs)
    found.tell_wildcards(variant)
    return Fit(
        plan=plan,
        lacks=lacks,
        places=(*facts, *found.missing),
        warnings=tuple(found.warnings),
    )


def _lacking(variant: Variant, kernel: Kernel, has: Has) -> tuple[str, ...]:
    new = set(variant.features) - set(features.names())
    found = [f"{_NEWER}{one}" for one in variant.features if one in new]
    found += (
        f"this kernel lacks {one}"
        for one in variant.features
        if one not in new and has(one) is False
    )
    try:
        require_probes(variant.plan, kernel, has)
    except HostError as error:
        found.append(str(error))
    return tuple(found)


def _other_facts(variant: Variant, kernel: Kernel, same: bool) -> Iterator[str]:
    """Answers that are others here, for people."""
    if variant.facts and not same and kernel.btf is None:
        yield f"the types of this kernel are not known: {kernel.btf_problem}"
        return
    for wanted, *question in variant.facts:
        asked: Question = tuple(question)
        if not known(asked):
            yield f"{_NEWER}{' '.join(asked)}"
            continue
        if same and about_types(asked):
            continue
        if asked[0] == "tracepoint" and kernel.tracefs.problem:
            continue  # attaching tells
        found = answer(kernel, asked)
        if found != wanted:
            yield f"{' '.join(asked)}: {_short(wanted)}; here: {_short(found)}"


def _short(text: str) -> str:
    return (text if len(text) <= 80 else f"{text[:77]}...") or "not there"


class _Places:
    """Finds the places of programs, and collects what is missing."""

    def __init__(self, kernel: Kernel, policy: str, same: bool) -> None:
        self.missing: list[str] = []
        self.warnings: list[Diagnostic] = []
        self._kernel = kernel
        self._policy = policy
        self._same = same

    def here(self, program: Program) -> Program:
        """The program with those of its targets that are here."""
        # a kernel with the same types has the same raw tracepoints but for those of modules, and
        # types are slow to read
        here = self._same and program.kind is ProbeKind.RAWTRACEPOINT
        here = here and not any(one.group for one in program.targets)
        find = None if here else _FIND.get(program.kind)
        if find is None:
            return program
        targets: list[Target] = []
        absent: list[tuple[Target, str]] = []
        for one in program.targets:
            places, why = find(self._kernel, program, one)
            targets += places
            if why:
                absent.append((one, why))
        if absent:
            self._tell(program, absent)
        # what has no place at all is left to the attach, which tells it as this policy says
        return dataclasses.replace(program, targets=tuple(targets) or program.targets)

    def _tell(self, program: Program, absent: list[tuple[Target, str]]) -> None:
        first, why = absent[0]
        if len(program.targets) == 1:
            text = f"{program.named(first)}: {why}"
        else:
            text = (
                f"of {program.label} {len(absent)} of {len(program.targets)} places are not here,"
                f" such as {first.probe}: {why}"
            )
        if self._policy == "error" or any(one.hook for one, _ in absent):
            self.missing.append(text)
        elif self._policy == "warn" and len(absent) < len(program.targets):
            self._warn(f"{text}. Skipping.")

    def tell_wildcards(self, variant: Variant) -> None:
        """Say which probes were resolved elsewhere, or with other modules."""
        only = "modules that were loaded since have" if self._same else "only this kernel has"
        for text in variant.wildcards:
            self._warn(
                f"{text} was resolved when the bundle was built, for {variant.made_for}: what"
                f" {only} is not probed"
            )

    def _warn(self, message: str) -> None:
        self.warnings.append(Diagnostic(code="bundle", severity=Severity.WARNING, message=message))


Found = tuple[list[Target], str]
"""The places that a target is at, and why it is at none."""


def _function(kernel: Kernel, program: Program, target: Target) -> Found:
    if target.bpf_id:
        return [target], ""
    verdict = kernel.probeable.check(
        target.name,
        target.group,
        target.offset,
        is_return=program.kind in (ProbeKind.KRETPROBE, ProbeKind.FEXIT),
    )
    if verdict.status in _TRIED:
        return [target], ""
    if verdict.status is not Status.AMBIGUOUS or program.kind in TRAMPOLINE_KINDS:
        return [], verdict.message
    owner = min(one.module for one in verdict.symbols)
    places = [one.address for one in verdict.symbols if one.module == owner]
    if places == [0]:
        return [dataclasses.replace(target, group=owner)], ""
    if not all(places):
        return [], verdict.message
    found = [dataclasses.replace(target, group=owner, address=one) for one in places]
    return found, ""


def _tracepoint(kernel: Kernel, program: Program, target: Target) -> Found:
    if kernel.tracefs.problem or kernel.tracefs.events(target.group, target.name):
        return [target], ""
    return [], "this kernel has no such tracepoint, or its module is not loaded"


def _raw_tracepoint(kernel: Kernel, program: Program, target: Target) -> Found:
    if kernel.btf is None or kernel.btf.raw_tracepoint(target.name, target.group) is not None:
        return [target], ""
    return [], "this kernel has no such tracepoint, or its module is not loaded"


_FIND: dict[ProbeKind, Callable[[Kernel, Program, Target], Found]] = {
    **dict.fromkeys(FUNCTION_KINDS | TRAMPOLINE_KINDS, _function),
    ProbeKind.TRACEPOINT: _tracepoint,
    ProbeKind.RAWTRACEPOINT: _raw_tracepoint,
}
