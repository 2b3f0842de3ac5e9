# SPDX-License-Identifier: MIT
"""``kptrace list``: what can be probed here, and the probe library."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import click

from kptrace.cli import library
from kptrace.cli.spec import Given, find, open_kernel
from kptrace.compiler.expand import Policy, expand
from kptrace.errors import HostError, Report, UsageError, did_you_mean
from kptrace.kernel import Kernel
from kptrace.lang import parse

_LISTED = ("kprobe", "kretprobe", "rawtracepoint", "tracepoint")


@click.command("list")
@click.argument("pattern", default="*")
@click.option("--library", "from_library", is_flag=True, help="The ready-made probes.")
@click.option(
    "--probe-path", multiple=True, metavar="DIR", help="Look here for library probes first."
)
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="Output format.",
)
def list_command(pattern: str, from_library: bool, probe_path: tuple[str, ...], form: str) -> int:
    """List probes that match a pattern, one per line; * is the wildcard.

    A pattern without a colon is searched for in every provider.

    \b
    Examples:
      kptrace list 'kprobe:vfs_*'
      kptrace list 'tracepoint:block:*'
      kptrace list --library
    """
    if from_library:
        return _list_library(probe_path, form)
    return show_list(None, (pattern,), form=form)


def show_list(
    program: str | None, words: tuple[str, ...], *, form: str, functions: str | None = None
) -> int:
    """Probes that match the first word, or those of a specification (a file, or ``program``)."""
    pattern = words[0] if words else "*"
    with open_kernel(functions) as kernel:
        if program is not None or os.path.isfile(pattern):
            given = find(program, words)
            found = _of_specification(kernel, given)
        else:
            found = list(_matches(kernel, pattern))
    if form == "json":
        click.echo(json.dumps({"probes": found}))
    elif found:
        click.echo("\n".join(found))
    return 0


def _of_specification(kernel: Kernel, given: Given) -> list[str]:
    """The names of what the attach points resolve to here, in order."""
    findings = Report()
    policy = Policy(missing="ignore", parameters=given.parameters)
    units = expand(parse(given.source), kernel, policy, findings)
    findings.check()
    return list(dict.fromkeys(target.probe for unit in units for target in unit.targets))


def _list_library(probe_path: tuple[str, ...], form: str) -> int:
    found = list(library.probes(probe_path))
    if form == "json":
        rows = [
            {"name": one.name, "group": one.group, "title": one.title, "path": str(one.path)}
            for one in found
        ]
        click.echo(json.dumps({"library": rows}))
        return 0
    from tabulate import tabulate

    rows_text = [(f"{one.group}/{one.name}", one.title) for one in found]
    click.echo(tabulate(rows_text, tablefmt="plain"))
    return 0


def _matches(kernel: Kernel, pattern: str) -> Iterator[str]:
    """Full names of the probes that match, provider by provider."""
    provider, colon, rest = pattern.partition(":")
    if not colon:
        provider, rest = "*", pattern
    wanted = [name for name in _LISTED if provider in ("*", name)]
    if not wanted:
        hint = " ".join(did_you_mean(provider, _LISTED)) or f"one of {', '.join(_LISTED)}"
        raise UsageError(f"Invalid probe type: {provider}", hint=hint, code="usage")
    parts = rest.split(":")
    module, name = ("", parts[0]) if len(parts) == 1 else (parts[0], ":".join(parts[1:]))
    for one in wanted:
        if one == "tracepoint":
            category = module or "*"
            yield from (f"tracepoint:{c}:{e}" for c, e in kernel.tracefs.events(category, name))
        elif one == "rawtracepoint":
            if kernel.btf is None:
                if provider == "rawtracepoint":
                    raise HostError(f"raw tracepoints are not known: {kernel.btf_problem}")
                continue
            found = kernel.probeable.raw_tracepoints(name, module)
            yield from (f"rawtracepoint:{event}" for event, _ in found)
        elif one == "kprobe" or provider == "kretprobe":
            for function in kernel.probeable.functions(name, module):
                owner = f"{function.module}:" if function.module else ""
                yield f"{one}:{owner}{function.name}"
