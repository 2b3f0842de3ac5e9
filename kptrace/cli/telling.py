# SPDX-License-Identifier: MIT
"""``-v``: what is about to run."""

from __future__ import annotations

from collections.abc import Mapping

import click

from kptrace.errors import printable
from kptrace.plan import Plan
from kptrace.runtime.mechanism import Mechanism


def tell_programs(plan: Plan, chosen: Mapping[str, Mechanism]) -> None:
    """A line for each program, what is to be known of its place, and maps, on standard error."""
    for program in plan.programs:
        count = len(program.targets)
        targets = "1 target" if count == 1 else f"{count} targets"
        how = chosen[program.name].value
        _tell(f"program {program.name}: {program.label}, {how}, {targets}")
        for note in program.notes:
            _tell(f"    {note}")
    for one in plan.maps:
        _tell(f"map {one.name}: at most {one.max_entries} entries")


def _tell(line: str) -> None:
    click.echo(printable(line), err=True)
