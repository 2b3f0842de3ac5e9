# SPDX-License-Identifier: MIT
"""What a specification says of itself and its named parameters: its ``--help`` (language §14.1)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import click

from kptrace.cli.library import header
from kptrace.lang import nodes as n
from kptrace.lang import parse
from kptrace.lang.printer import expression
from kptrace.source import Source

_SWITCH = ("", "false")
"""Defaults of parameters that need no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """What one ``getopt()`` reads. ``default`` as the specification writes it; "" is none."""

    name: str
    default: str = ""
    description: str = ""

    @property
    def example(self) -> str:
        """How it is given on the command line."""
        text = self.default.strip('"')
        return f"--{self.name}" if self.default in _SWITCH else f"--{self.name}={text or 'TEXT'}"


def show_help(source: Source, name: str) -> None:
    """Print what a specification says of itself, and its named parameters."""
    known = parameters(source)
    about = header(source.text)
    if about:
        click.echo("\n".join(about) + "\n")
    if known:
        click.echo(f"Options, behind --, as in: kptrace run {name} -- {known[0].example}")
        formatter = click.HelpFormatter(max_width=80)
        with formatter.indentation():
            formatter.write_dl([(f"--{one.name}", _described(one)) for one in known])
        click.echo(formatter.getvalue())
    else:
        click.echo(f"{name} has no options of its own.\n")
    click.echo("Those that every run has (--duration, -f, -o, -p ...): kptrace run --help")


def parameters(source: Source) -> list[Parameter]:
    """The named parameters, as they first occur, each with its longest description."""
    found: dict[str, Parameter] = {}
    for call in _getopts(parse(source)):
        name, *rest = call.arguments
        if not isinstance(name, n.String):
            continue
        one = Parameter(
            name=name.value,
            default=expression(rest[0]) if rest and not isinstance(rest[0], n.Typeof) else "",
            description=rest[1].value if len(rest) > 1 and isinstance(rest[1], n.String) else "",
        )
        known = found.setdefault(one.name, one)
        if len(one.description) > len(known.description):
            found[one.name] = one
    return [*found.values()]


def _described(one: Parameter) -> str:
    default = f"(default: {one.default})" if one.default else ""
    return f"{one.description} {default}".strip()


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
