# SPDX-License-Identifier: MIT
"""The command line: the only code that prints diagnostics and picks exit codes.

One small file per command, imported when the command runs. ``kptrace -e PROG`` and
``kptrace FILE`` are ``kptrace run``.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from kptrace import __version__
from kptrace.cli.color import use_color
from kptrace.errors import Diagnostic, Exit, KptraceError, Severity, did_you_mean, render

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "run": ("run", "Run a specification: a file, a library probe, or -e text."),
    "record": ("record", "Run a specification, and keep what it collects in a file."),
    "report": ("reporting", "Print from such a file what its run would have printed."),
    "merge": ("merging", "Add up such files of many hosts."),
    "list": ("list", "List probes that match a pattern, or the probe library."),
    "check": ("check", "Check a specification and show how it would attach; run nothing."),
    "build": ("build", "Compile a specification for many kernels, into one file that runs."),
    "emit": ("emit", "Show what a specification compiles to: C, plan or object."),
    "fmt": ("fmt", "Print specifications in one layout, comments kept."),
    "doctor": ("doctor", "Say what this host can trace, and what to change where it can't."),
    "completion": ("completion", "Print what a shell needs to complete kptrace's words."),
    "latency": ("oneliners", "Latency histogram of a kernel function."),
    "count": ("oneliners", "Count calls of kernel functions."),
    "stack": ("oneliners", "Count the kernel stacks that lead to a function."),
    "trace": ("oneliners", "Print a line for every call of a function."),
}
"""Name -> module in this package (its attribute ``NAME_command``) and the help line."""

MOST_SHOWN = 100
"""Diagnostics that one command prints."""

MAX_RECURSION = 20_000
"""The parser bounds nesting and chains; within these bounds the passes may recurse."""


class _Commands(click.Group):
    """Loads a command's module only when it runs; what is no command is a `run`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"kptrace.cli.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands, and what `run` takes, because its name can be left out."""
        from click.shell_completion import CompletionItem

        run = self.get_command(ctx, "run")
        assert run is not None
        inner = click.Context(run, info_name="run", parent=ctx)
        if incomplete.startswith("-"):
            return run.shell_complete(inner, incomplete)
        words = next(one for one in run.params if one.name == "words")
        return [
            *(
                CompletionItem(name, help=text)
                for name, (_, text) in COMMANDS.items()
                if name.startswith(incomplete)
            ),
            *words.shell_complete(inner, incomplete),
        ]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        own_words = ("--percentiles=" if one == "--percentiles" else one for one in args[:end])
        args = [*own_words, *args[end:]]
        alone = len(args) == 1 and args[0] in ("--help", "-h")
        own = alone or args[:1] in (["--version"], ["-V"])
        if args and not own and args[0] not in COMMANDS:
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
    epilog="Example: kptrace -e 'kprobe:vfs_read { @[comm] = count(); }'",
)
@click.version_option(__version__, "-V", "--version", message="kptrace %(version)s")
@click.pass_context
def _root(ctx: click.Context) -> None:
    """Trace a live Linux kernel with specifications in the bpftrace language.

    kptrace -e PROG and kptrace FILE are kptrace run, whose --help has the options of
    a run; kptrace -l lists probes, kptrace --info what this kernel can do.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: runs a command and leaves with its exit status."""
    _open_standard_streams()
    sys.setrecursionlimit(MAX_RECURSION)
    sys.exit(execute(sys.argv[1:] if arguments is None else arguments))


def _open_standard_streams() -> None:
    """Put /dev/null where a standard stream is closed.

    Else the next descriptor, perhaps a BPF map, takes its number and gets what is printed. To
    standard output nothing can be written then, as before: what is lost so must not be silent.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            mode = os.O_RDONLY if number == 1 else os.O_RDWR
            os.open(os.devnull, mode)  # takes the lowest free number, which is this one
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def execute(arguments: Sequence[str]) -> int:
    """Run one command line; gives the exit status."""
    try:
        result: Any = _root.main([*arguments], prog_name="kptrace", standalone_mode=False)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.UsageError as error:
        report((_wrong_usage(error),))
        return Exit.USAGE
    except click.Abort:  # Ctrl-C before the run handles signals
        return 128 + signal.SIGINT
    except KptraceError as error:
        report(error.diagnostics)
        return error.exit
    except (BrokenPipeError, SystemExit):  # click turns the former into the latter
        _drop_output()
        return Exit.OK
    except OSError as error:
        _drop_output()
        place = f"'{error.filename}': " if error.filename else ""
        message = f"{place}{error.strerror or error}"
        if error.errno == errno.EBADF:
            message = "cannot write to standard output: it is closed"
        failure = Diagnostic(code="os", message=message)
        report((failure,))
        return Exit.FAILED
    except Exception as fault:
        if os.environ.get("KPTRACE_DEBUG"):
            raise
        bug = Diagnostic(
            code="bug",
            message=f"BUG: {type(fault).__name__}: {fault}",
            hints=("this is a fault of kptrace; KPTRACE_DEBUG=1 shows where",),
        )
        report((bug,))
        return Exit.FAILED
    return int(result) if isinstance(result, int) else Exit.OK


def _wrong_usage(error: click.UsageError) -> Diagnostic:
    where = error.ctx.command_path if error.ctx else "kptrace"
    message = error.format_message().removesuffix(".")
    hints: tuple[str, ...] = (f"{where} --help lists what there is",)
    if isinstance(error, click.NoSuchOption) and error.ctx is not None:
        message = f"No such option: {error.option_name}"
        shown = [one for one in error.ctx.command.params if not getattr(one, "hidden", False)]
        known = [name for one in shown for name in one.opts if name.startswith("--")]
        hints = did_you_mean(error.option_name, known) or hints
    return Diagnostic(code="usage", message=message, hints=hints)


def _drop_output() -> None:
    """Nothing more can be written, and Python at exit must not try it again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def report(diagnostics: Sequence[Diagnostic], *, warnings: bool = True) -> None:
    """Print diagnostics on standard error, in colour on a terminal."""
    color = use_color(sys.stderr.isatty())
    shown = [one for one in diagnostics if warnings or one.severity is Severity.ERROR]
    texts = [render(one, color=color) for one in shown[:MOST_SHOWN]]
    if len(shown) > MOST_SHOWN:
        texts.append(f"... and {len(shown) - MOST_SHOWN} more\n")
    data = "".join(texts).encode("utf-8", "surrogateescape")
    with contextlib.suppress(OSError):  # the exit status still tells
        while data:
            data = data[os.write(2, data) :]
