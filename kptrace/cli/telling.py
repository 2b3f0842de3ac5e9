# SPDX-License-Identifier: MIT
"""``-v``: what is about to run."""

from __future__ import annotations

from collections.abc import Mapping

import click

from kptrace.plan import Plan
from kptrace.runtime.mechanism import Mechanism


def tell_programs(plan: Plan, chosen: Mapping[str, Mechanism]) -> None:
    """A line for each program, what is to be known of its place, and maps, on standard error."""
    for program in plan.programs:
        count = len(program.targets)
        targets = "1 target" if count == 1 else f"{count} targets"
        how = chosen[program.name].value
        click.echo(f"program {program.name}: {program.label}, {how}, {targets}", err=True)
        for note in program.notes:
            click.echo(f"    {note}", err=True)
    for one in plan.maps:
        click.echo(f"map {one.name}: at most {one.max_entries} entries", err=True)
