# SPDX-License-Identifier: MIT
"""``kptrace run``: compile a specification, run it, print what it collects."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from kptrace import session
from kptrace.cli import report
from kptrace.cli.backend import BACKENDS, loader
from kptrace.cli.duration import DURATION
from kptrace.cli.spec import Given, compile_given, find, open_kernel
from kptrace.errors import KptraceError, UsageError
from kptrace.output import Format
from kptrace.output.json import JsonFormat
from kptrace.output.text import TextFormat
from kptrace.output.values import Style
from kptrace.runtime.mechanism import WANTED

DEFAULT_PERCENTILES = "50,90,99,99.9"
FORMATS: dict[str, type[TextFormat] | type[JsonFormat]] = {"text": TextFormat, "json": JsonFormat}
_NOT_YET = (
    (("-p", "--pid"), False),
    (("-c", "--cmd"), False),
    (("-I",), False),
    (("--include",), False),
    (("-d",), False),
    (("--probe-filter",), False),
    (("-k",), True),
    (("--unsafe",), True),
    (("--test",), True),
    (("--bench",), True),
)
"""Options of the language that are refused by name: their spellings, and whether they are flags."""

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The options that every running command shares."""

    duration: float | None
    format: str
    output: str | None
    buffering: str
    quiet: bool
    percentiles: str | None
    backend: str
    attach: str
    strict: bool
    dry_run: bool
    ready_file: str
    warnings: bool


def _option(*names: str, text: str, **settings: Any) -> Callable[[F], F]:
    return click.option(*names, help=text, **settings)


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    _option("--duration", type=DURATION, metavar="TIME", text="Stop after TIME (10, 500ms, 2m)."),
    _option("-f", "--format", default="text", metavar="FORMAT", text="text (default) or json."),
    _option("-o", "--output", metavar="FILE", text="Write the output to FILE."),
    _option(
        "-B",
        "--buffering",
        type=click.Choice(["line", "full", "none"]),
        default="line",
        text="When output is written.",
    ),
    _option("-q", "--quiet", is_flag=True, text="Only what the specification prints."),
    _option(
        "--percentiles",
        metavar="[=LIST]",
        text=f"Percentiles under each histogram ({DEFAULT_PERCENTILES}); 'none': no.",
    ),
    _option("--backend", type=click.Choice(BACKENDS), default="auto", text="Compiler and loader."),
    _option("--attach", type=click.Choice(WANTED), default="auto", text="Attach mechanism."),
    _option("--strict", is_flag=True, text="Exit status 6 if data was lost."),
    _option("--dry-run", is_flag=True, text="Attach, print nothing, end."),
    _option("--ready-file", default="", metavar="FILE", text="Create FILE when all probes count."),
    _option("--warnings/--no-warnings", default=True, text="Show warnings."),
)


def _refuse(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value:
        message = f"the option {param.opts[0]} is not supported yet"
        raise UsageError(message, hint="kptrace run --help lists what there is", code="usage")


def _refused_options(command: F) -> F:
    for names, flag in _NOT_YET:
        hidden = click.option(
            *names, is_flag=flag, hidden=True, expose_value=False, callback=_refuse
        )
        command = hidden(command)
    return command


def run_options(command: F) -> F:
    """Adds the options of `RunOptions` to a command."""
    for decorate in reversed(_OPTIONS):
        command = decorate(command)
    return command


@click.command("run")
@click.option("-e", "program", metavar="PROG", help="Program text.")
@click.option(
    "--probe-path", multiple=True, metavar="DIR", help="Look here for library probes first."
)
@click.argument("words", nargs=-1, metavar="[FILE|NAME|-] [ARG]...")
@run_options
@_refused_options
def run_command(
    program: str | None, probe_path: tuple[str, ...], words: tuple[str, ...], **options: Any
) -> int:
    """Run a specification: a file, a library probe by name, - for standard input, or -e text.

    Words behind it are the positional parameters $1, $2, ...; behind -- also --name=value,
    which getopt("name") reads.

    \b
    Examples:
      kptrace run biolatency --duration 10
      kptrace -e 'kprobe:vfs_read { @[comm] = count(); }'
      kptrace myprobe.bt 100 -f json -o result.json
    """
    given = find(program, words, probe_path)
    return run_given(given, RunOptions(**options))


def run_given(given: Given, options: RunOptions) -> int:
    """Compile and run; gives the exit status."""
    if options.format not in FORMATS:
        raise UsageError(
            f'Invalid output format "{options.format}"',
            hint="Valid formats: 'text', 'json'",
            code="usage",
        )
    levels = _percentiles(options.percentiles, given)
    with open_kernel() as kernel:
        made = compile_given(given, kernel, percentiles=bool(levels))
        report(made.warnings, warnings=options.warnings)
        if not made.plan.programs:
            if not options.quiet:
                click.echo("No probes to attach")
            return 1
        load = loader(made, options.backend)

        def form(style: Style) -> Format:
            return FORMATS[options.format](style=style, percentiles=levels)

        with _sink(options) as sink:
            result = session.run(
                made.plan,
                load,
                kernel,
                session.Options(
                    form=form,
                    duration_s=options.duration,
                    quiet=options.quiet,
                    dry_run=options.dry_run,
                    strict=options.strict,
                    attach=options.attach,
                    ready_file=options.ready_file,
                    warnings=options.warnings,
                ),
                sink,
            )
    return result.status


@contextlib.contextmanager
def _sink(options: RunOptions) -> Iterator[session.Sink]:
    buffering = session.Buffering(options.buffering)
    if options.output is None:
        yield from _flushed(session.Sink(buffering=buffering))
        return
    try:
        file = os.open(options.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UsageError(f"cannot write '{options.output}': {error.strerror}") from None
    try:
        yield from _flushed(session.Sink(output=file, buffering=buffering))
    finally:
        os.close(file)


def _flushed(sink: session.Sink) -> Iterator[session.Sink]:
    """A run that fails in the middle still writes what it had."""
    try:
        yield sink
    except KptraceError:
        with contextlib.suppress(OSError, KptraceError):
            sink.flush()
        raise


def _percentiles(text: str | None, given: Given) -> tuple[float, ...]:
    """The wanted percentiles; on by default for the library's probes."""
    if text is None:
        text = DEFAULT_PERCENTILES if given.from_library else "none"
    text = text or DEFAULT_PERCENTILES
    if text == "none":
        return ()
    try:
        levels = tuple(float(one) for one in text.split(","))
    except ValueError:
        levels = ()
    if not levels or not all(0 < level <= 100 for level in levels):
        raise UsageError(
            f"Invalid percentiles '{text}'",
            hint="a list of numbers between 0 and 100, for example --percentiles=50,99",
            code="usage",
        )
    return levels
