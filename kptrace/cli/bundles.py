# SPDX-License-Identifier: MIT
"""Running a bundle: the first variant that is right for this kernel, without compiling."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from kptrace.bundle.actions import acts
from kptrace.bundle.content import Bundle, Variant
from kptrace.bundle.files import BUNDLE, read
from kptrace.cli import report
from kptrace.cli.backend import kept_loader
from kptrace.cli.spec import Given, with_parameters
from kptrace.cli.telling import tell_programs
from kptrace.errors import (
    AttachError,
    Diagnostic,
    Exit,
    HostError,
    KptraceError,
    RunError,
    Severity,
    UsageError,
    printable,
)
from kptrace.kernel import Kernel, host
from kptrace.plan import EventKind, Plan
from kptrace.runtime import cpus
from kptrace.runtime.fitting import Fit, fit, made_here
from kptrace.runtime.loaded import raise_limits
from kptrace.runtime.mechanism import choose
from kptrace.session.run import Load
from kptrace.source import Source

if TYPE_CHECKING:
    from kptrace.cli.run import RunOptions

_BUILT_IN = (
    ("probe_filter", "--probe-filter"),
    ("include", "--include"),
    ("search", "-I"),
    ("dump", "-d"),
    ("traceable_functions", "--traceable-functions"),
    ("report_failures", "-k"),
    ("pid", "-p"),
    ("mode", "--mode"),
    ("test", "--test"),
    ("bench", "--bench"),
)
"""Options that are the compiler's, by their name in `RunOptions`."""

_PROCESS = re.compile(r"\b[pt]id\b")
"""What has another value in a pid namespace, if it is compiled there."""

_NEXT = ("verifier", "load")
"""Refusals of one object, by their code: another may do."""


def read_bundle(words: Sequence[str]) -> tuple[Given, Bundle]:
    """What the bundle that the first word names was built from, and the bundle.

    UsageError where the words behind it are not the parameters that it was built with.
    """
    found = read(words[0])
    asked = found.specification
    if len(words) > 1:
        other = with_parameters(Source(name="", text=""), words[1:])
        if (other.parameters, tuple(other.named.items())) != (asked.parameters, asked.named):
            raise UsageError(
                f"'{words[0]}' was built with {_parameters(found)}",
                hint="parameters are built in: build it again with others",
                code="usage",
            )
    given = Given(
        source=Source(name=asked.name, text=asked.text),
        parameters=asked.parameters,
        named=dict(asked.named),
        from_library=found.from_library,
        files=(words[0],),
    )
    return given, found


def _parameters(bundle: Bundle) -> str:
    """What a bundle was built with, as it was given."""
    asked = bundle.specification
    named = (f"--{one}" if value is None else f"--{one}={value}" for one, value in asked.named)
    return " ".join((*asked.parameters, *named)) or "no parameters"


def check_options(bundle: Bundle, options: RunOptions, *, percentiles: bool) -> None:
    """Raise UsageError for what a bundle cannot do any more."""
    for name, option in _BUILT_IN:
        if getattr(options, name):
            raise UsageError(
                f"a bundle is compiled already: {option} says nothing to it",
                hint="kptrace run takes it with the specification",
                code="usage",
            )
    if options.backend == "bcc":
        raise UsageError("a bundle is loaded by libbpf, not by bcc", code="usage")
    if not options.unsafe:
        _require_safe(bundle)
    if percentiles and not bundle.percentiles:
        raise UsageError(
            "this bundle was built without percentiles",
            hint="its histograms are too coarse: kptrace build --percentiles",
            code="usage",
        )


def _require_safe(bundle: Bundle) -> None:
    """What it does is asked of what would run: what the file says of itself is not enough."""
    found = _actions(bundle)
    if bundle.unsafe or found:
        raise UsageError(
            "this bundle has functions that act on the system" + (f": {found}" if found else ""),
            hint="such a bundle is built with --unsafe, and runs only with it",
            code="unsafe",
        )


def _actions(bundle: Bundle) -> str:
    """What a bundle may do to the system, for people."""
    return ", ".join(dict.fromkeys(it for one in bundle.variants for it in _actions_of(one)))


def _actions_of(variant: Variant) -> Iterator[str]:
    if any(one.kind is EventKind.SYSTEM for one in variant.plan.events):
        yield "system()"
    if any(one.address and not one.name for it in variant.plan.programs for one in it.targets):
        yield "a probe by address"
    yield from acts(variant.program)


def require_host(bundle: Bundle) -> None:
    """Raise HostError where no variant can be right."""
    machine = host.arch()
    if machine != bundle.arch:
        raise HostError(
            f"the bundle is for {bundle.arch}, and this is {machine}",
            hint="build one on such a host",
            code="arch",
        )
    if cpus.possible() > bundle.cpus:
        raise HostError(
            f"the bundle is for hosts of at most {bundle.cpus} CPUs, and this may have"
            f" {cpus.possible()}",
            hint="kptrace run with the specification compiles for this host",
            code="cpus",
        )


def fits(bundle: Bundle, kernel: Kernel) -> Iterator[tuple[int, Variant, Fit]]:
    """Variants, their numbers from 1 and how they fit, those made for these types first."""
    numbered = list(enumerate(bundle.variants, 1))
    numbered.sort(key=lambda one: not made_here(one[1], kernel))
    for number, variant in numbered:
        yield number, variant, fit(variant, kernel)


def run_bundle(
    bundle: Bundle, options: RunOptions, kernel: Kernel, attempt: Callable[[Plan, Load], int]
) -> int:
    """Run the first variant that this kernel takes; gives the exit status."""
    raise_limits()
    report(_newer(bundle), warnings=options.warnings)
    require_host(bundle)
    if kernel.pid_namespace is not None and _PROCESS.search(bundle.specification.text):
        message = "pid and tid are those of the initial pid namespace, not of this container's"
        told = Diagnostic(code="bundle", severity=Severity.WARNING, message=message)
        report([told], warnings=options.warnings)
    refused: list[Diagnostic] = []
    lacking = True
    for number, variant, found in fits(bundle, kernel):
        reasons = (*found.reasons, *_other_ways(variant, options.attach))
        if reasons:
            lacking = lacking and bool(found.lacks)
            refused.append(_refusal(number, variant, reasons))
            continue
        report(found.warnings, warnings=options.warnings)
        if options.verbose:
            _tell(bundle, number, variant)
            tell_programs(found.plan, choose(found.plan, wanted=options.attach))
        try:
            return attempt(found.plan, kept_loader(found.plan, variant.program))
        except (AttachError, RunError) as error:
            if not isinstance(error, AttachError) and error.diagnostics[0].code not in _NEXT:
                raise
            if len(bundle.variants) == 1:
                raise
            lacking = False
            refused.append(_refusal(number, variant, _texts(error)))
    raise (HostError if lacking else AttachError).of([_none(bundle, kernel), *refused])


def _other_ways(variant: Variant, wanted: str) -> tuple[str, ...]:
    """Why it cannot attach as ``--attach`` wants it."""
    if wanted == "auto" or not any(one.session for one in variant.plan.programs):
        return ()
    return (f"it attaches by kprobe.session, not by --attach {wanted}",)


def _texts(error: KptraceError) -> tuple[str, ...]:
    return tuple(" ".join((one.message, *one.hints)) for one in error.diagnostics)


def _none(bundle: Bundle, kernel: Kernel) -> Diagnostic:
    return Diagnostic(
        code="bundle",
        message=f"the bundle has no variant that is right for this kernel, {kernel.release}",
        hints=(
            "kptrace doctor --export DIR here, then kptrace build --kernel DIR where there is a"
            " compiler",
        ),
    )


def _refusal(number: int, variant: Variant, reasons: tuple[str, ...]) -> Diagnostic:
    return Diagnostic(
        code="bundle", message=f"variant {number}, for {variant.made_for}: {'; '.join(reasons)}"
    )


def _tell(bundle: Bundle, number: int, variant: Variant) -> None:
    found = bundle.specification
    text = (
        f"bundle of {found.name}: sha256 {found.sha256}, by kptrace {bundle.kptrace}, with"
        f" {_parameters(bundle)}; variant {number}, for {variant.made_for}"
    )
    click.echo(printable(text), err=True)


def _newer(bundle: Bundle) -> list[Diagnostic]:
    """A warning about a bundle of a later minor version."""
    if bundle.minor <= BUNDLE.minor:
        return []
    message = (
        f"the bundle is of format {BUNDLE.major}.{bundle.minor}, and this kptrace reads"
        f" {BUNDLE.major}.{BUNDLE.minor}: what is new in it is not done"
    )
    return [Diagnostic(code="bundle-version", severity=Severity.WARNING, message=message)]


def show_bundle(bundle: Bundle) -> int:
    """What is in a bundle, and what of it would run here: ``kptrace check FILE.kpb``."""
    found = bundle.specification
    _show(f"{found.name}: {bundle.arch}, by kptrace {bundle.kptrace}")
    _show(f"    sha256 of the specification: {found.sha256}")
    _show(f"    built with {_parameters(bundle)}")
    if done := _actions(bundle):
        _show(f"    acts on the system: {done}")
    report(_newer(bundle))
    require_host(bundle)
    taken = False
    with Kernel() as kernel:
        for number, variant, one in fits(bundle, kernel):
            state = "fits, too" if taken else "would run here"
            _show(
                f"variant {number}, for {variant.made_for}: "
                + (state if not one.reasons else "does not fit")
            )
            for reason in one.reasons:
                _show(f"    {reason}")
            if one.reasons or taken:
                continue
            taken = True
            report(one.warnings)
            chosen = choose(one.plan)
            for program in one.plan.programs:
                count = len(program.targets)
                targets = "1 target" if count == 1 else f"{count} targets"
                _show(f"    {program.label}: {chosen[program.name].value}, {targets}")
        if not taken:
            report([_none(bundle, kernel)])
    return Exit.OK if taken else Exit.ATTACH


def _show(line: str) -> None:
    click.echo(printable(line))
