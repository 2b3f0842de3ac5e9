# SPDX-License-Identifier: MIT
"""From the command line to a specification and a kernel: shared by run, check, emit and list."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, TypeVar

import click

from kptrace.bundle.magic import MAGIC, SUFFIX
from kptrace.cli import COMMANDS, library, report
from kptrace.cli.once import once
from kptrace.errors import Diagnostic, Severity, UsageError, did_you_mean
from kptrace.kernel import Kernel
from kptrace.records import dataclass
from kptrace.source import Source

F = TypeVar("F", bound=Callable[..., Any])
OTHER_FILES = r"\\\n|\b(?:import|include|include_next|embed|__has_\w+)\b"
"""Matches a text that may ask for other files; a spliced line may hide a word that does."""
_LOOKED_AT = 8192
"""Bytes at the start of a file in which a NUL says that it is no text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A specification as given: its text, its parameters, and whether it is the library's.

    ``named`` are the parameters of getopt(): None for ``--name`` without a value. ``files`` are
    those that it was read from.
    """

    source: Source
    parameters: tuple[str, ...] = ()
    named: Mapping[str, str | None] = field(default_factory=dict)
    from_library: bool = False
    files: tuple[str, ...] = ()


def program_option(text: str) -> Callable[[F], F]:
    """Adds ``-e``."""
    return click.option("-e", "program", metavar="PROG", help=text, **once)


def find(program: str | None, words: tuple[str, ...], probe_path: tuple[str, ...] = ()) -> Given:
    """The specification of ``-e PROGRAM`` or of the first word, and the parameters behind it."""
    if program is not None:
        return with_parameters(Source(name="stdin", text=program), words)
    if not words:
        raise UsageError(
            "USAGE: filename or -e 'program' required.",
            hint="kptrace run --help shows examples; kptrace list --library the ready-made probes",
            code="usage",
        )
    name, *rest = words
    if not name:
        raise UsageError("the file name is empty", code="unreadable")
    if name == "-":
        return with_parameters(read_source(name), rest, file="/dev/stdin")
    # a bare name is one of the library: what lies in the current directory may be anybody's
    if "/" not in name and ("." not in name or not os.path.exists(name)):
        for probe in library.probes(probe_path):
            if probe.name == name.removesuffix(".bt"):
                if os.path.isfile(name):
                    _tell_hidden(name)
                source = _read(probe.path)
                return with_parameters(source, rest, from_library=True, file=str(probe.path))
    return with_parameters(_read(Path(name), probe_path), rest, file=name)


def _tell_hidden(name: str) -> None:
    message = f"'{name}' is the probe of the library, not the file here"
    report([Diagnostic(code="hidden", severity=Severity.WARNING, message=message,
                       hints=(f"./{name} is the file",))])  # fmt: skip


def with_parameters(
    source: Source, words: Sequence[str], *, from_library: bool = False, file: str = ""
) -> Given:
    """Words that start with ``--`` (they stood behind ``--``) are named parameters."""
    named: dict[str, str | None] = {}
    for word in words:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            named[name] = value if equals else None
    return Given(
        source=source,
        parameters=tuple(word for word in words if not word.startswith("--")),
        named=named,
        from_library=from_library,
        files=(file,) if file else (),
    )


def read_source(name: str) -> Source:
    """The text of a file, or of standard input for ``-``."""
    if name == "-":
        if sys.stdin is None:  # Python's way to say so
            raise UsageError("cannot read standard input: it is closed", code="unreadable")
        text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
        return Source(name="stdin", text=text)
    return _read(Path(name))


def _read(path: Path, probe_path: tuple[str, ...] = ()) -> Source:
    try:
        data = path.read_bytes()
    except OSError as error:
        hint = ""
        if isinstance(error, FileNotFoundError):
            known = [*COMMANDS, *(probe.name for probe in library.probes(probe_path))]
            hint = " ".join(did_you_mean(path.name, known))
            hint = hint or "kptrace list --library shows the library; -e takes program text"
        raise UsageError(
            f"cannot read '{path}': {error.strerror}", hint=hint, code="unreadable"
        ) from None
    if b"\0" in data[:_LOOKED_AT]:
        hint = f"a bundle is run by a name that ends in {SUFFIX} or has a /: ./{path}"
        raise UsageError(
            f"'{path}' is a binary file, no specification",
            hint=hint if data.startswith(MAGIC) else "",
            code="unreadable",
        )
    data = data.removeprefix(codecs.BOM_UTF8)
    return Source(name=str(path), text=data.decode("utf-8", "surrogateescape"))


def open_kernel(functions: str | None = None) -> Kernel:
    """The running kernel; ``BPFTRACE_BTF`` names another BTF file.

    ``functions``: a file that stands in for the kernel's list of functions that can be traced.
    """
    if functions is not None and not os.access(functions, os.R_OK):
        raise UsageError(f"cannot read '{functions}'", code="unreadable")
    btf = os.environ.get("BPFTRACE_BTF")
    return Kernel(
        btf_file=Path(btf) if btf else None,
        functions_file=Path(functions) if functions else None,
    )


def search_options(command: F) -> F:
    """Adds ``-I`` and ``--include``, which every command that compiles takes."""
    include = click.option(
        "--include", multiple=True, metavar="FILE", help="Include this C header first."
    )
    search = click.option(
        "-I", "search", multiple=True, metavar="DIR", help="Look here for headers of #include."
    )
    return search(include(command))
