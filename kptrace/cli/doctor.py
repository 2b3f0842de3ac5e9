# SPDX-License-Identifier: MIT
"""``kptrace doctor``: what this host can trace, and what to change where it can't."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from kptrace import __version__
from kptrace.cli.host_facts import Facts, gather
from kptrace.cli.other_kernel import write_kernel
from kptrace.cli.spec import open_kernel
from kptrace.cli.verdicts import Ability, Check, abilities, checks, usable_backends
from kptrace.errors import Exit

_WIDEST = 100
_NARROWEST_TEXT = 20
"""Where the columns left of the text leave less than this, a line too wide is the lesser evil."""


@click.command("doctor")
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="Output format.",
)
@click.option(
    "--export",
    "directory",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Write the facts of this kernel to DIR, for check --kernel DIR elsewhere.",
)
def doctor_command(form: str, directory: Path | None) -> int:
    """Say what this host can trace, and what to install or change where it can't.

    Exit status 3 when no specification could run here, to this user.

    \b
    Examples:
      sudo kptrace doctor
      sudo kptrace doctor --export db7-kernel
    """
    if directory is not None:
        for problem in write_kernel(directory):
            click.echo(f"WARNING: left out: {problem}", err=True)
        click.echo(f"{directory}: it has kernel addresses, so only you may read it")
        return Exit.OK
    with open_kernel() as kernel:
        facts = gather(kernel)
    found, able = checks(facts), abilities(facts)
    if form == "json":
        click.echo(json.dumps(_document(facts, found, able), indent=2))
    else:
        width = min(shutil.get_terminal_size((_WIDEST, 0)).columns, _WIDEST)
        click.echo("\n".join(_text(found, able, width)))
    return Exit.OK if any(one.can for one in able) else Exit.HOST


def _document(facts: Facts, found: Iterable[Check], able: tuple[Ability, ...]) -> dict[str, Any]:
    return {
        "kptrace": __version__,
        "can_run": any(one.can for one in able),
        "backends": usable_backends(facts),
        "probes": [
            {
                "kind": kind,
                "can_run": one.can,
                "backends": one.backends,
                "lacks": one.lacks,
                "how": one.how or None,
            }
            for one in able
            for kind in one.kinds
        ],
        "checks": [
            {
                "name": one.name,
                "status": one.status.value,
                "found": one.found,
                "remedy": one.remedy or None,
                "command": one.command or None,
            }
            for one in found
        ],
        "facts": facts.as_dict(),
    }


def _text(found: tuple[Check, ...], able: tuple[Ability, ...], width: int) -> Iterator[str]:
    yield _table([(one.name, one.status.value, one.found) for one in found], width)
    yield ""
    yield _table([(", ".join(one.kinds), _CAN[one.can], _why(one)) for one in able], width)
    needed = [one for one in found if one.remedy and _waiting(one, able)]
    for one in sorted(needed, key=lambda one: -len(_waiting(one, able))):
        waiting = _waiting(one, able)
        whom = "anything" if len(waiting) == len(able) else ", ".join(_kinds(waiting))
        yield ""
        yield from _advice(f"To run {whom}: {one.remedy}", one.command, width)
    others = [one for one in found if one.remedy and one not in needed]
    if others:
        yield ""
        yield "Optional:"
    for one in others:
        yield from _advice(f"  {one.name}: {one.remedy}", one.command, width)


def _waiting(check: Check, able: Iterable[Ability]) -> list[Ability]:
    """What cannot run for want of one thing."""
    return [one for one in able if check.name in one.lacks]


def _kinds(able: Iterable[Ability]) -> list[str]:
    return [kind for one in able for kind in one.kinds]


_CAN = {True: "can run", False: "cannot run", None: "unknown"}


def _why(ability: Ability) -> str:
    if not ability.can:
        return "see " + ", ".join(ability.lacks)
    by = " or ".join(f"--backend {one}" for one in ability.backends)
    return f"{by}, {ability.how}" if ability.how else by


def _table(rows: list[tuple[str, str, str]], width: int) -> str:
    from tabulate import tabulate

    gaps = 4
    left = sum(max(len(row[column]) for row in rows) for column in (0, 1)) + gaps
    room = max(width - left, _NARROWEST_TEXT)
    return tabulate(rows, tablefmt="plain", maxcolwidths=[None, None, room], disable_numparse=True)


def _advice(text: str, command: str, width: int) -> Iterator[str]:
    """A sentence, wrapped, and below it the command: unbroken, for it will be copied."""
    indent = "    " if text.startswith(" ") else "  "
    yield from textwrap.wrap(text, width, subsequent_indent=indent, drop_whitespace=True)
    if command:
        yield f"{indent}  {command}"
