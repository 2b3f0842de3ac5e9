# SPDX-License-Identifier: MIT
"""``kptrace fmt``: specifications in one layout."""

from __future__ import annotations

import contextlib
import difflib
import os
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import click

from kptrace.cli import report
from kptrace.cli.spec import read_source
from kptrace.errors import Exit, KptraceError, UsageError
from kptrace.lang import parse
from kptrace.lang.comments import Comments
from kptrace.lang.formatter import format_text
from kptrace.source import Source


@click.command("fmt")
@click.option("-w", "--write", is_flag=True, help="Rewrite the files in place.")
@click.option("--check", is_flag=True, help="Name the files that would change; status 1 if any.")
@click.option("--diff", is_flag=True, help="Show what would change.")
@click.argument("files", nargs=-1, metavar="[FILE|-]...")
def fmt_command(write: bool, check: bool, diff: bool, files: tuple[str, ...]) -> int:
    """Print specifications in the canonical layout; comments and spellings stay.

    Without a file, or for -, standard input is read.

    \b
    Examples:
      kptrace fmt myprobe.bt
      kptrace fmt -w probes/*.bt
      kptrace fmt --check --diff probes/*.bt
    """
    if write and (check or diff):
        raise UsageError("-w and --check or --diff exclude each other", code="usage")
    status = 0
    for name in files or ("-",):
        try:
            source = read_source(name)
            text = formatted(source)
        except KptraceError as error:  # the other files are looked at all the same
            report(error.diagnostics)
            status = error.exit
            continue
        changed = text != source.text
        if check and changed:
            click.echo(f"would reformat {source.name}", err=True)
            status = status or Exit.FAILED
        if diff:
            _show_difference(source, text)
        elif write and name != "-":
            if changed:
                _replace(Path(name), text)
                click.echo(f"reformatted {name}", err=True)
        elif not check:
            _print(text)
    return status


def formatted(source: Source) -> str:
    """The canonical layout, or the text as it is should anything be lost in it."""
    text = format_text(source)
    again = Source(name=source.name, text=text)
    if parse(again) == parse(source) and _comments(again) == _comments(source):
        return text
    return source.text


def _comments(source: Source) -> Counter[str]:
    found = Comments(parse(source)).before(len(source.text))
    return Counter(one.text.replace("\r\n", "\n") for one in found)


def _print(text: str) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()


def _show_difference(source: Source, text: str) -> None:
    lines = difflib.unified_diff(
        source.text.splitlines(keepends=True),
        text.splitlines(keepends=True),
        f"{source.name} (as it is)",
        f"{source.name} (formatted)",
    )
    _print("".join(one if one.endswith("\n") else f"{one}\n\\ No newline\n" for one in lines))


def _replace(path: Path, text: str) -> None:
    """Write beside the file, then rename: a full disk leaves the old text."""
    path = path.resolve()
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8", "surrogateescape"))
        shutil.copymode(path, temporary)
        with contextlib.suppress(PermissionError):  # of another owner: it becomes ours
            found = path.stat()
            os.chown(temporary, found.st_uid, found.st_gid)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
