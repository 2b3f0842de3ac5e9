# SPDX-License-Identifier: MIT
"""``kptrace emit``: what a specification compiles to."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from kptrace import plan as plans
from kptrace import store
from kptrace.cli import report
from kptrace.cli.compiling import compile_given
from kptrace.cli.completion import specifications
from kptrace.cli.spec import find, open_kernel, program_option, search_options
from kptrace.compiler import clang
from kptrace.lang import to_text
from kptrace.lang.parser import parse


@click.command("emit")
@program_option("Program text.")
@click.option("--c", "what", flag_value="c", default=True, help="The generated C (default).")
@click.option("--plan", "what", flag_value="plan", help="The plan, as JSON.")
@click.option("--object", "what", flag_value="object", help="The BPF object, as bytes.")
@click.option("--spec", "what", flag_value="spec", help="The specification as kptrace reads it.")
@click.option(
    "--dialect", type=click.Choice(["core", "bcc"]), default="core", help="Dialect of the C."
)
@click.option("--percentiles", metavar="[=LIST]", help="As run --percentiles compiles it.")
@click.option("-k", "report_failures", is_flag=True, help="As run -k compiles it.")
@click.option("--unsafe", is_flag=True, help="Allow functions that act on the system.")
@search_options
@click.argument("words", nargs=-1, metavar="[FILE|NAME|-] [ARG]...", shell_complete=specifications)
def emit_command(
    program: str | None,
    what: str,
    dialect: str,
    percentiles: str | None,
    words: tuple[str, ...],
    **settings: Any,
) -> None:
    """Show what a specification compiles to; nothing is loaded.

    \b
    Examples:
      kptrace emit -e 'kprobe:vfs_read { @[comm] = count(); }'
      kptrace emit biolatency --plan
    """
    given = find(program, words)
    if what == "spec":
        click.echo(to_text(parse(given.source)), nl=False)
        return
    with open_kernel() as kernel:
        made = compile_given(
            given,
            kernel,
            percentiles=percentiles is not None,
            session=dialect == "core",  # as run compiles it
            task_storage=dialect == "core",
            **settings,
        )
    report(made.warnings)
    if what == "plan":
        click.echo(json.dumps(json.loads(plans.to_json(made.plan)), indent=2))
    elif what == "object":
        sys.stdout.buffer.write(clang.build(made.c("core"), made.plan.arch, store.directory()))
    else:
        sys.stdout.buffer.write(made.c(dialect).encode("utf-8", "surrogateescape"))
