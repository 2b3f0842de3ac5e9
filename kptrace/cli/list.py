# SPDX-License-Identifier: MIT
"""``kptrace list``: what can be probed here, and the probe library."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from kptrace.cli import library, report
from kptrace.cli.catalog import Listed, arguments, probes
from kptrace.cli.compiling import nobody_knows
from kptrace.cli.other_kernel import kernel_option, open_any
from kptrace.cli.spec import Given, find, program_option
from kptrace.compiler import Options, resolve
from kptrace.errors import Diagnostic, Exit, HostError, Severity, UsageError
from kptrace.kernel import Kernel, listing
from kptrace.kernel.libbpf import Kind
from kptrace.runtime import bpf_programs, features

_MANY = 50
"""Probes; from here on it pays to know all names of functions at once."""


@click.command("list")
@click.argument("words", nargs=-1, metavar="[PATTERN|FILE] [ARG]...")
@click.option("-v", "--verbose", is_flag=True, help="With arguments and their types.")
@program_option("List the probes of this text.")
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
@kernel_option
def list_command(
    words: tuple[str, ...],
    verbose: bool,
    program: str | None,
    from_library: bool,
    probe_path: tuple[str, ...],
    form: str,
    directory: Path | None,
) -> int:
    """List probes that match a pattern, or those of a file, one per line.

    * is the wildcard, also for kinds. A pattern without a colon is searched for in every kind;
    kretprobe and fexit, which have the functions of kprobe and fentry, only when they are named.
    'struct NAME' (union, enum) shows a type of the kernel. Exit status 1 when nothing matches.

    \b
    Examples:
      kptrace list 'kprobe:vfs_*'
      kptrace list -v 'tracepoint:block:*'
      kptrace list 'struct request'
      kptrace list --library
    """
    if from_library:
        return _list_library(probe_path, form)
    found = show_list(program, words, form=form, verbose=verbose, directory=directory)
    return Exit.OK if found else Exit.FAILED


def show_list(
    program: str | None,
    words: tuple[str, ...],
    *,
    form: str,
    verbose: bool = False,
    functions: str | None = None,
    directory: Path | None = None,
) -> int:
    """Probes that match the first word, or those of a specification (a file, or ``program``).

    ``struct NAME``, ``union NAME`` and ``enum NAME`` list types instead. Gives how many there
    were; that there were none is told on standard error.
    """
    pattern = words[0] if words else "*"
    of_specification = program is not None or os.path.isfile(pattern)
    if len(words) > 1 and not of_specification:
        raise UsageError(
            f"one pattern at a time: '{words[1]}' is a second one",
            hint="* is the wildcard, also for kinds; quote it",
            code="usage",
        )
    keyword, blank, name = pattern.partition(" ")
    unknown: list[str] = []
    with open_any(directory, functions) as kernel:
        if program is None and blank and keyword in listing.KEYWORDS:
            return _show_types(kernel, keyword, name.strip(), form, verbose)
        if of_specification:
            given = find(program, words)
            found = _of_specification(kernel, given, elsewhere=directory is not None)
        else:
            found = list(probes(kernel, pattern, unknown))
        if verbose and len(found) > _MANY and kernel.btf is not None:
            kernel.btf.core.names(Kind.FUNC)  # one walk is cheaper than many searches
        details = [[*arguments(kernel, one)] for one in found] if verbose else []
    if form == "json":
        rows: list[Any] = [
            {"name": one.text, "arguments": lines} | ({"blocks": one.blocks} if one.blocks else {})
            for one, lines in zip(found, details, strict=True)
        ] if verbose else [one.text for one in found]  # fmt: skip
        click.echo(json.dumps({"probes": rows}))
    else:
        for at, probe in enumerate(found):
            text = f"{', '.join(probe.blocks)} ({probe.text})" if probe.blocks else probe.text
            lines = details[at] if verbose else ()
            click.echo("\n".join([text, *(f"    {one}" for one in lines)]))
    if not found:
        where = pattern if program is None else "the text"
        _tell_none("probes", where, tuple(unknown) or _wider(pattern))
    return len(found)


def _tell_none(what: str, pattern: str, hints: tuple[str, ...]) -> None:
    """An empty list is an answer that deserves a word: it may be a typing error."""
    message = f"No {what} match '{pattern}'"
    report((Diagnostic(code="no-match", message=message, severity=Severity.WARNING, hints=hints),))


def _wider(pattern: str) -> tuple[str, ...]:
    """A hint for those who are used to patterns that match inside a name."""
    head, colon, name = pattern.rpartition(":")
    if "*" in pattern or "/" in pattern:
        return ()
    return (f"'{head}{colon}*{name}*' finds it anywhere in a name",)


def _show_types(kernel: Kernel, keyword: str, pattern: str, form: str, verbose: bool) -> int:
    """Definitions of an exact name or with ``-v``, else names."""
    if kernel.btf is None:
        raise HostError(f"types are not known: {kernel.btf_problem}", code="no-btf")
    found = listing.types(kernel.btf, keyword, pattern)
    if verbose or "*" not in pattern:
        names = (one.partition(" ")[2] for one in found)
        found = [listing.type_text(kernel.btf, keyword, one) for one in names]
    if form == "json":
        click.echo(json.dumps({"types": found}))
    elif found:
        click.echo("\n".join(found))
    if not found:
        _tell_none("types", f"{keyword} {pattern}", ())
    return len(found)


def _of_specification(kernel: Kernel, given: Given, *, elsewhere: bool) -> list[Listed]:
    """What the attach points resolve to here, in order, each once."""
    options = Options(
        parameters=given.parameters,
        has=features.may_have,
        bpf_programs=nobody_knows if elsewhere else bpf_programs.loaded,
    )
    found: dict[str, Listed] = {}
    for unit in resolve(given.source, kernel, options):
        for one in unit.targets:
            listed = found.get(one.probe) or Listed(
                kind=unit.kind.value, text=one.probe, module=one.group, name=one.name
            )
            if unit.block and unit.block not in listed.blocks:
                listed = replace(listed, blocks=(*listed.blocks, unit.block))
            found[one.probe] = listed
    return list(found.values())


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
