# SPDX-License-Identifier: MIT
"""The named parameters of a specification, for its ``-h`` (language §14.1)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import click

from kptrace.lang import nodes as n
from kptrace.lang import parse
from kptrace.lang.printer import expression
from kptrace.source import Source


def show_parameters(source: Source) -> None:
    """Print what ``getopt()`` reads, one a line; nothing where there are none."""
    rows: dict[str, str] = {}
    for call in _getopts(parse(source)):
        name, *rest = call.arguments
        if not isinstance(name, n.String):
            continue
        text = ""
        if len(rest) > 1 and isinstance(rest[1], n.String):
            text = rest[1].value
        if rest and not isinstance(rest[0], n.Typeof):
            text = f"{text} (default: {expression(rest[0])})".strip()
        if len(text) > len(rows.get(name.value, "")) or name.value not in rows:
            rows[name.value] = text
    if not rows:
        return
    formatter = click.HelpFormatter(max_width=80)
    with formatter.section(f"Parameters of {source.name} (behind --)"):
        formatter.write_dl([(f"--{name}", text) for name, text in rows.items()])
    click.echo("\n" + formatter.getvalue(), nl=False)


def _getopts(node: object) -> Iterator[n.Call]:
    if isinstance(node, n.Call) and node.name == "getopt" and node.arguments:
        yield node
    if isinstance(node, tuple):
        for one in node:
            yield from _getopts(one)
    elif isinstance(node, n.Node):
        for field in dataclasses.fields(node):
            if field.name != "span":
                yield from _getopts(getattr(node, field.name))
    elif isinstance(node, n.Program):
        yield from _getopts(node.items)
