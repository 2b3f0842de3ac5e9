# SPDX-License-Identifier: MIT
"""``-d STAGE`` and ``-v``: what the compiler made, and how it will attach."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping

import click

from kptrace import plan as plans
from kptrace.compiler import Compilation
from kptrace.lang import parse, to_text
from kptrace.runtime.mechanism import Mechanism
from kptrace.source import Source


def dump_tree(wanted: tuple[str, ...], source: Source) -> None:
    """What there is before compiling: the specification as it was understood."""
    if "ast" in wanted:
        _section("ast", to_text(parse(source)))


def dump_compiled(
    wanted: tuple[str, ...], made: Compilation, dialect: str, refused: Iterable[str] = ()
) -> None:
    """The plan and the C text.

    ``refused``: candidates of hooks that were tried before; what was shown then does not run.
    """
    instead = ", ".join(refused)
    behind = f", not by {instead}" if instead else ""
    if "plan" in wanted:
        _section(f"plan{behind}", json.dumps(json.loads(plans.to_json(made.plan)), indent=2))
    if "codegen" in wanted:
        _section(f"codegen{behind}", made.c(dialect))


def _section(title: str, text: str) -> None:
    data = f"{title}\n{'-' * 19}\n{text.rstrip()}\n\n"
    sys.stdout.flush()
    sys.stdout.buffer.write(data.encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()


def tell_programs(made: Compilation, chosen: Mapping[str, Mechanism]) -> None:
    """A line for each program, what is to be known of its place, and maps, on standard error."""
    for program in made.plan.programs:
        count = len(program.targets)
        targets = "1 target" if count == 1 else f"{count} targets"
        how = chosen[program.name].value
        click.echo(f"program {program.name}: {program.label}, {how}, {targets}", err=True)
        for note in program.notes:
            click.echo(f"    {note}", err=True)
    for one in made.plan.maps:
        click.echo(f"map {one.name}: at most {one.max_entries} entries", err=True)
