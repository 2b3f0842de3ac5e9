# SPDX-License-Identifier: MIT
"""``kptrace build``: a specification compiled for many kernels, in one file."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

import kptrace
from kptrace import plan as plans
from kptrace import store
from kptrace.bundle.content import Bundle, Variant
from kptrace.bundle.content import Kernel as MadeFor
from kptrace.bundle.files import write
from kptrace.capture.header import Specification
from kptrace.cli import report
from kptrace.cli.compiling import compile_given
from kptrace.cli.completion import specifications
from kptrace.cli.once import once
from kptrace.cli.other_kernel import answer_for
from kptrace.cli.spec import OTHER_FILES, Given, find, program_option, search_options
from kptrace.cli.writing import DEFAULT_PERCENTILES, percentile_levels, refuse_same_file
from kptrace.compiler import MAX_CPUS, clang, portable
from kptrace.errors import (
    Diagnostic,
    HostError,
    KptraceError,
    Severity,
    SpecError,
    UsageError,
    printable,
)
from kptrace.kernel.questions import TYPES, answer
from kptrace.runtime import features

_OTHER_FILES = re.compile(OTHER_FILES)


@click.command("build")
@program_option("Program text.")
@click.option("-o", "--output", metavar="FILE", required=True, help="The file to write.", **once)
@click.option(
    "--kernel",
    "directories",
    multiple=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Also for this kernel: that of kptrace doctor --export DIR.",
)
@click.option(
    "--percentiles",
    metavar="[=LIST]",
    help=f"Percentiles under each histogram ({DEFAULT_PERCENTILES}); 'none': no.",
)
@click.option(
    "--probe-filter",
    "only",
    default="",
    metavar="RE",
    help="Only probes whose name matches; begin and end stay.",
)
@click.option("-k", "report_failures", is_flag=True, help="Report failed helpers of the kernel.")
@click.option("--unsafe", is_flag=True, help="Allow functions that act on the system.")
@search_options
@click.argument("words", nargs=-1, metavar="[FILE|NAME|-] [ARG]...", shell_complete=specifications)
def build_command(
    program: str | None,
    output: str,
    directories: tuple[Path, ...],
    percentiles: str | None,
    words: tuple[str, ...],
    **settings: Any,
) -> int:
    """Compile a specification for this kernel and for others, into one file.

    kptrace run and kptrace record take it: on hosts with the same kind of processor, without
    a compiler and without headers. They run the first variant that is right for the kernel of
    the host, or say what each one lacks. Parameters are built in. Wildcards are resolved now.

    \b
    Examples:
      kptrace build biolatency -o biolatency.kpb
      kptrace build biolatency -o biolatency.kpb --kernel db7-kernel --kernel web1-kernel
      kptrace run biolatency.kpb --duration 10
    """
    given = find(program, words)
    refuse_same_file(output, (*given.files, *settings["include"]))
    text = percentiles
    if text is None:
        text = DEFAULT_PERCENTILES if given.from_library else "none"
    levels = percentile_levels(text)
    # this kernel first: once a directory has answered, features are not tried any more
    here = _here(given, bool(directories), percentiles=bool(levels), **settings)
    others = [_made(given, one, percentiles=bool(levels), **settings) for one in directories]
    variants = tuple(_distinct([*here, *others]))
    bundle = Bundle(
        specification=Specification(
            name=given.source.name,
            text=given.source.text,
            parameters=given.parameters,
            named=tuple(given.named.items()),
        ),
        arch=variants[0].plan.arch,
        kptrace=kptrace.__version__,
        cpus=MAX_CPUS,
        variants=variants,
        percentiles=levels,
        unsafe=settings["unsafe"],
        report_failures=settings["report_failures"],
        from_library=given.from_library,
        probe_filter=settings["only"],
    )
    if other := {one.plan.arch for one in variants} - {bundle.arch}:
        message = f"these kernels are of several architectures: {', '.join({bundle.arch, *other})}"
        raise UsageError(message, hint="build a bundle for each", code="usage")
    write(bundle, output)
    for one in variants:
        click.echo(printable(f"{output}: {one.plan.arch}, for {one.made_for}"))
    return 0


def _here(given: Given, others: bool, **settings: Any) -> list[Variant]:
    """The variant for this kernel; none where it cannot serve the probes and others may."""
    try:
        return [_made(given, None, **settings)]
    except SpecError:
        raise
    except KptraceError as error:
        if not others:
            raise
        report([dataclasses.replace(one, severity=Severity.WARNING) for one in error.diagnostics])
        message = "the bundle is not for this kernel, only for the others"
        report([Diagnostic(code="bundle", severity=Severity.WARNING, message=message)])
        return []


def _made(given: Given, directory: Path | None, **settings: Any) -> Variant:
    if directory is not None:
        answer_for(directory)
    with portable.HostKernel(root=directory or Path("/")) as kernel:
        made = compile_given(
            given,
            kernel,
            session=True,
            task_storage=True,
            elsewhere=directory is not None,
            **settings,
        )
        report(made.warnings)
        portable.refuse_bound(made)
        if not made.plan.programs:
            raise UsageError("No probes to attach", code="usage")
        needed = portable.features(made)
        _require(needed, kernel.release)
        return Variant(
            kernels=(MadeFor(release=kernel.release, types=answer(kernel, TYPES)),),
            features=needed,
            facts=portable.facts(made, kernel, headers=_reads_headers(given, settings)),
            wildcards=portable.wildcards(made),
            plan=portable.portable_plan(made.plan),
            program=clang.build(made.c("core"), made.plan.arch, store.directory()),
        )


def _require(needed: tuple[str, ...], release: str) -> None:
    """What is a number of this boot for `run`, such as func, a bundle asks the kernel for."""
    if lacks := [one for one in needed if features.has(one) is False]:
        raise HostError(
            f"a bundle of this needs {', '.join(lacks)}, which the kernel {release} lacks",
            hint="kptrace run with the specification may do without",
            code="feature",
        )


def _reads_headers(given: Given, settings: Mapping[str, Any]) -> bool:
    """Whether there may be types from the headers of one kernel in it."""
    texts = (given.source.text, *given.parameters)
    return bool(settings["include"]) or any(map(_OTHER_FILES.search, texts))


def _distinct(variants: list[Variant]) -> Iterator[Variant]:
    """Variants that are not equal, each with all the kernels that it was made for."""
    found: dict[object, list[Variant]] = {}
    for one in variants:
        alike = (plans.to_json(one.plan), one.program, one.features, one.facts, one.wildcards)
        found.setdefault(alike, []).append(one)
    for same in found.values():
        kernels = dict.fromkeys(kernel for one in same for kernel in one.kernels)
        yield dataclasses.replace(same[0], kernels=tuple(kernels))
