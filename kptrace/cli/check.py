# SPDX-License-Identifier: MIT
"""``kptrace check``: everything short of attaching."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from kptrace.bundle.magic import names_bundle
from kptrace.cli import report
from kptrace.cli.backend import uses_libbpf
from kptrace.cli.bundles import read_bundle, show_bundle
from kptrace.cli.compiling import compile_given
from kptrace.cli.completion import specifications
from kptrace.cli.other_kernel import kernel_option, open_any
from kptrace.cli.spec import find, program_option, search_options
from kptrace.compiler import Compilation
from kptrace.errors import KptraceError, UsageError, to_json
from kptrace.runtime.mechanism import WANTED, Mechanism, choose, reason
from kptrace.runtime.preflight import require_probes

_SHOWN = 10
"""Targets of one program that the text form names."""


@click.command("check")
@program_option("Program text.")
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="Output format.",
)
@click.option("--attach", type=click.Choice(WANTED), default="auto", help="Attach mechanism.")
@click.option("-k", "report_failures", is_flag=True, help="As run -k compiles it.")
@click.option("--unsafe", is_flag=True, help="Allow functions that act on the system.")
@kernel_option
@search_options
@click.argument("words", nargs=-1, metavar="[FILE|NAME|-] [ARG]...", shell_complete=specifications)
def check_command(
    program: str | None,
    form: str,
    attach: str,
    directory: Path | None,
    words: tuple[str, ...],
    **settings: Any,
) -> int:
    """Check a specification: syntax, names, types, and how every probe would attach here.

    Of a bundle of kptrace build: what is in it, and what of it would run here.

    \b
    Examples:
      kptrace check myprobe.bt
      kptrace check --kernel db7-kernel biolatency
      kptrace check biolatency.kpb
    """
    if program is None and words and names_bundle(words[0]):
        if directory is not None or form == "json":
            message = "--kernel and -f json are for specifications, not for bundles"
            raise UsageError(message, code="usage")
        return show_bundle(read_bundle(words)[1])
    try:
        given = find(program, words)
        with open_any(directory) as kernel:
            libbpf = uses_libbpf("auto")  # as run does without --backend
            made = compile_given(
                given,
                kernel,
                percentiles=False,
                session=attach == "auto" and libbpf,
                task_storage=libbpf,
                elsewhere=directory is not None,
                **settings,
            )
            require_probes(made.plan, kernel)
        chosen = choose(made.plan, wanted=attach)
        reasons = {
            one.name: reason(made.plan, one, chosen[one.name], wanted=attach)
            for one in made.plan.programs
        }
    except KptraceError as error:
        if form == "json":
            click.echo(json.dumps({"diagnostics": [to_json(one) for one in error.diagnostics]}))
            return error.exit
        raise
    if form == "json":
        click.echo(json.dumps(_document(made, chosen, reasons)))
        return 0
    report(made.warnings)
    for one in made.plan.programs:
        why = f" ({reasons[one.name]})" if reasons[one.name] else ""
        targets = _targets(len(one.targets))
        click.echo(f"{one.label}: {chosen[one.name].value}, {targets}{why}")
        for note in one.notes:
            click.echo(f"    {note}")
        if len(one.targets) > 1:
            for target in one.targets[:_SHOWN]:
                click.echo(f"    {target.probe}")
            if len(one.targets) > _SHOWN:
                click.echo(f"    ... and {len(one.targets) - _SHOWN} more")
    sys.stdout.flush()
    return 0


def _targets(count: int) -> str:
    return "1 target" if count == 1 else f"{count} targets"


def _document(
    made: Compilation, chosen: dict[str, Mechanism], reasons: dict[str, str]
) -> dict[str, Any]:
    return {
        "diagnostics": [to_json(one) for one in made.warnings],
        "programs": [
            {
                "probe": one.label,
                "mechanism": chosen[one.name].value,
                "reason": reasons[one.name] or None,
                "targets": [target.probe for target in one.targets],
                "notes": list(one.notes),
            }
            for one in made.plan.programs
        ],
    }
