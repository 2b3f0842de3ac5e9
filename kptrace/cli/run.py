# SPDX-License-Identifier: MIT
"""``kptrace run``: compile a specification, run it, print what it collects."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kptrace.cli import kept_plans, report
from kptrace.cli.backend import BACKENDS, StaleError, loader, reloader, uses_libbpf
from kptrace.cli.color import check_color
from kptrace.cli.completion import specifications
from kptrace.cli.duration import DURATION
from kptrace.cli.once import once
from kptrace.cli.size import SIZE
from kptrace.cli.spec import Given, find, open_kernel, program_option, search_options
from kptrace.cli.stages import STAGES, stages
from kptrace.cli.writing import (
    DEFAULT_PERCENTILES,
    make_form,
    open_sink,
    percentile_levels,
    refuse_same_file,
    require_format,
)
from kptrace.errors import AttachError, CandidateError, Diagnostic, Exit, UsageError
from kptrace.kernel import Kernel
from kptrace.plan import Plan, ProbeKind
from kptrace.records import dataclass
from kptrace.runtime.loaded import raise_limits
from kptrace.runtime.mechanism import WANTED, choose
from kptrace.session.printing import Outlet
from kptrace.session.process import Process, open_process
from kptrace.session.run import Load, Options, Scene, run
from kptrace.session.sink import Sink

if TYPE_CHECKING:
    from kptrace.bundle.content import Bundle
    from kptrace.compiler import Compilation

# What is imported in functions below is only for some runs. The compiler is among it: a plan that
# is kept needs none.

_NEVER = (
    ("--aot", False, "kptrace compiles where it runs, and keeps what it compiled"),
    ("--fmt", True, "use kptrace fmt"),
    ("--emit-elf", False, "use kptrace emit --object"),
    ("--emit-llvm", False, "kptrace compiles to C: use kptrace emit"),
    ("--no-dwarf", True, "kptrace reads types from BTF only"),
    ("--usdt-file-activation", True, "kptrace traces the kernel only"),
)
"""Options of other implementations: whether they are flags, and what to do instead."""

Record = Callable[[tuple[float, ...], Scene], AbstractContextManager[Outlet]]
"""What takes the place of the output, from percentiles and what it must know of the loaded run."""

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The options that every running command shares."""

    duration: float | None
    format: str
    output: str | None
    buffering: str
    buffer: int | None
    quiet: bool
    percentiles: str | None
    backend: str
    attach: str
    strict: bool
    dry_run: bool
    ready_file: str
    warnings: bool
    verbose: bool
    dump: tuple[str, ...]
    probe_filter: str
    traceable_functions: str | None
    no_feature: str
    search: tuple[str, ...]
    include: tuple[str, ...]
    unsafe: bool
    report_failures: bool
    mode: str | None = None
    test: bool = False
    bench: bool = False
    pid: str | None = None
    cmd: str | None = None


def _option(*names: str, text: str, **settings: Any) -> Callable[[F], F]:
    return click.option(*names, help=text, **settings)


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    _option("--duration", type=DURATION, metavar="TIME", text="Stop after TIME (10, 500ms, 2m)."),
    _option("-f", "--format", default="text", metavar="FORMAT", text="text (default) or json."),
    _option("-o", "--output", metavar="FILE", text="Write the output to FILE.", **once),
    _option(
        "-B",
        "--buffering",
        type=click.Choice(["line", "full", "none"]),
        default="line",
        text="When output is written.",
    ),
    _option(
        "--buffer",
        type=SIZE,
        metavar="SIZE",
        text="Memory for events, of each CPU (512K, 4M), rounded up to a power of two.",
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
    _option("--warnings/--no-warnings", default=True, text="Show warnings (default)."),
    _option("-v", "--verbose", is_flag=True, text="Tell programs, maps and how they attach."),
    _option(
        "-d",
        "dump",
        multiple=True,
        metavar="STAGE",
        text=f"Show what the compiler made: {', '.join(STAGES)}, all.",
    ),
    _option(
        "--probe-filter",
        default="",
        metavar="RE",
        text="Only probes whose name matches; begin and end stay.",
    ),
    _option(
        "--traceable-functions",
        metavar="FILE",
        text="Functions that can be traced, instead of the kernel's list.",
    ),
    _option(
        "--no-feature",
        default="",
        metavar="LIST",
        text="As if the kernel did not have these (--info lists them).",
    ),
    click.option("--verify-llvm-ir", is_flag=True, hidden=True, expose_value=False),
    _option("-k", "report_failures", is_flag=True, text="Report failed helpers of the kernel."),
    _option("--unsafe", is_flag=True, text="Allow functions that act on the system."),
    _option(
        "-p",
        "--pid",
        metavar="PID",
        text="Only what happens in this process; ends with it.",
        **once,
    ),
    _option("-c", "--cmd", metavar="CMD", text="Run CMD meanwhile; ends with it.", **once),
    _option("--test", is_flag=True, text="Run the test probes instead of attaching."),
    _option("--bench", is_flag=True, text="Run the bench probes instead of attaching."),
    _option("--mode", type=click.Choice(["test", "bench"]), text="The same as --test, --bench."),
)


def _refuse_for_good(reason: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def refuse(ctx: click.Context, param: click.Parameter, value: Any) -> None:
        if value:
            message = f"the option {param.opts[0]} is not supported: {reason}"
            raise UsageError(message, code="not-supported")

    return refuse


def _refused_options(command: F) -> F:
    for name, flag, reason in _NEVER:
        hidden = click.option(
            name,
            is_flag=flag,
            hidden=True,
            expose_value=False,
            callback=_refuse_for_good(reason),
        )
        command = hidden(command)
    return command


def run_options(command: F, without: Sequence[str] = ()) -> F:
    """Adds the options of `RunOptions` to a command, but for some."""
    command = search_options(command)
    for decorate in reversed(_OPTIONS):
        command = decorate(command)
    made: list[click.Parameter] = getattr(command, "__click_params__", [])
    made[:] = [one for one in made if one.name not in without]
    return command


@click.command("run", add_help_option=False)
@program_option("Program text.")
@click.option(
    "-l", "--list", "listing", is_flag=True, help="List probes: kptrace list, with -v its -v."
)
@click.option(
    "--probe-path", multiple=True, metavar="DIR", help="Look here for library probes first."
)
@click.argument("words", nargs=-1, metavar="[FILE|NAME|-] [ARG]...", shell_complete=specifications)
@run_options
@_refused_options
@click.option("--info", is_flag=True, help="What this kernel can do, one feature a line.")
@click.option(
    "-h", "--help", "wants_help", is_flag=True, help="This; behind FILE or NAME: its own."
)
@click.pass_context
def run_command(
    context: click.Context,
    /,
    program: str | None,
    listing: bool,
    info: bool,
    wants_help: bool,
    probe_path: tuple[str, ...],
    words: tuple[str, ...],
    **options: Any,
) -> int:
    """Run a specification: a file, a library probe by name, - for standard input, or -e text.

    Words behind it are the positional parameters $1, $2, ...; behind -- also --name=value,
    which getopt("name") reads. A file may be a bundle of kptrace build, too: it is not compiled.

    \b
    Examples:
      kptrace run biolatency --duration 10
      kptrace -e 'kprobe:vfs_read { @[comm] = count(); }'
      kptrace myprobe.bt 100 -f json -o result.json
    """
    chosen = RunOptions(**options)
    require_format(chosen.format)
    if wants_help:
        if program is None and not words:
            click.echo(context.get_help())
        else:
            from kptrace.cli.script_help import show_help

            name = "-e PROG" if program is not None else words[0]
            show_help(find_any(program, words, probe_path)[0].source, name)
        return Exit.OK
    _pretend_missing(chosen)
    if info:
        from kptrace.cli.info import show_features

        return show_features(chosen.format)
    if listing:
        from kptrace.cli.list import show_list

        functions = chosen.traceable_functions
        show_list(program, words, form=chosen.format, verbose=chosen.verbose, functions=functions)
        return Exit.OK
    given, bundle = find_any(program, words, probe_path)
    return run_given(given, chosen, bundle=bundle)


def find_any(
    program: str | None, words: tuple[str, ...], probe_path: tuple[str, ...]
) -> tuple[Given, Bundle | None]:
    """What is to run: a specification, or the one of a bundle."""
    if program is None and words:
        from kptrace.bundle.magic import names_bundle

        if names_bundle(words[0]):
            from kptrace.cli.bundles import read_bundle

            return read_bundle(words)
    return find(program, words, probe_path), None


def run_given(
    given: Given,
    options: RunOptions,
    record: Record | None = None,
    bundle: Bundle | None = None,
) -> int:
    """Compile and run, or record what a run collects; gives the exit status.

    ``bundle``: what the specification is compiled to already.
    """
    require_format(options.format)
    check_color()
    refuse_same_file(options.output, (*given.files, *options.include))
    if options.report_failures and not options.warnings:
        raise UsageError("-k reports failures as warnings: --no-warnings excludes it", code="usage")
    levels = _percentiles(options.percentiles, given, bundle)
    if bundle is not None:
        from kptrace.cli.bundles import check_options

        check_options(bundle, options, percentiles=bool(levels))
    stages(options.dump)  # a wrong one is told before anything is done
    _pretend_missing(options)
    with (
        open_process(options.pid, options.cmd) as process,
        open_kernel(options.traceable_functions) as kernel,
        contextlib.ExitStack() as held,
    ):
        # opened when something is about to run, and once: a pipe's reader sees one end
        sink = functools.cache(
            lambda: held.enter_context(open_sink(options.output, options.buffering))
        )
        attempt = functools.partial(
            _attempt,
            options=options,
            kernel=kernel,
            process=process,
            levels=levels,
            sink=sink,
            record=record,
        )
        if bundle is not None:
            from kptrace.cli.bundles import run_bundle

            return run_bundle(bundle, options, kernel, attempt)
        settings = _settings(options, process, percentiles=bool(levels))
        wanted = _request(given, options, settings)
        known = None if wanted is None else kept_plans.find(wanted)
        if wanted is not None and known is not None:
            raise_limits()
            try:
                return attempt(known[0], reloader(*known))
            except (AttachError, StaleError):  # nothing was printed: what is new now may do
                kept_plans.forget(wanted)
        return _compile_and_run(given, options, settings, kernel, wanted, attempt)


def _settings(options: RunOptions, process: Process | None, *, percentiles: bool) -> dict[str, Any]:
    """All that `compile_given` has to know of the command line."""
    libbpf = uses_libbpf(options.backend)
    return {
        "percentiles": percentiles,
        "only": options.probe_filter,
        "search": options.search,
        "include": options.include,
        "unsafe": options.unsafe,
        "report_failures": options.report_failures,
        "mode": _mode(options),
        "pid_filter": options.pid is not None,
        "session": options.attach == "auto" and libbpf,
        "task_storage": libbpf,
        "cpid": process.pid if process is not None and options.cmd is not None else None,
    }


def _request(
    given: Given, options: RunOptions, settings: Mapping[str, Any]
) -> kept_plans.Request | None:
    """None where what is compiled is shown, not only run, or is not for libbpf."""
    shows = options.verbose or options.dump or options.dry_run or _mode(options)
    if shows or options.traceable_functions is not None or not uses_libbpf(options.backend):
        return None
    others = (options.attach, options.backend, options.no_feature)
    return kept_plans.request(given, settings, others)


def _compile_and_run(
    given: Given,
    options: RunOptions,
    settings: Mapping[str, Any],
    kernel: Kernel,
    wanted: kept_plans.Request | None,
    attempt: Callable[[Plan, Load], int],
) -> int:
    """Until the kernel takes it: with the candidates of hooks that are left."""
    from kptrace.cli.compiling import compile_given
    from kptrace.cli.dump import dump_compiled, dump_tree
    from kptrace.cli.telling import tell_programs

    dumped = stages(options.dump)
    dump_tree(dumped, given.source)
    told: set[Diagnostic] = set()
    refused: dict[tuple[str, str], str] = {}
    while True:
        made = compile_given(given, kernel, **settings, refused=refused)
        report([one for one in made.warnings if one not in told], warnings=options.warnings)
        told.update(made.warnings)
        dialect = "bcc" if options.backend == "bcc" else "core"
        dump_compiled(dumped, made, dialect, [candidate for _, candidate in refused])
        if not made.plan.programs:
            _refuse_trials(made)
            if not options.quiet:
                click.echo("No probes to attach")
            return 1
        if options.verbose:
            tell_programs(made.plan, choose(made.plan, wanted=options.attach))

        taken: Callable[[bytes], None] | None = None
        if wanted is not None and not refused:
            taken = functools.partial(kept_plans.keep, wanted, made, kernel)
        try:
            return attempt(made.plan, loader(made, options.backend, taken))
        except CandidateError as error:  # the next candidates of the hooks may do
            refused |= error.candidates


def _attempt(
    plan: Plan,
    load: Load,
    *,
    options: RunOptions,
    kernel: Kernel,
    process: Process | None,
    levels: tuple[float, ...],
    sink: Callable[[], Sink],
    record: Record | None,
) -> int:
    """Run a plan; gives the exit status."""
    result = run(
        plan,
        load,
        kernel,
        Options(
            form=functools.partial(make_form, options.format, levels),
            duration_s=options.duration,
            buffer_bytes=options.buffer or 0,
            quiet=options.quiet,
            dry_run=options.dry_run,
            strict=options.strict,
            attach=options.attach,
            ready_file=options.ready_file,
            mode=_mode(options),
            process=process,
            pid=process.pid if process is not None and options.pid is not None else 0,
            warnings=options.warnings,
            record=None if record is None else functools.partial(record, levels),
        ),
        sink(),
    )
    return result.status


def _pretend_missing(options: RunOptions) -> None:
    if options.no_feature:
        from kptrace.cli.info import pretend_missing

        pretend_missing(options.no_feature)


def _mode(options: RunOptions) -> str:
    """test, bench, or "" to attach."""
    wanted = {options.mode, "test" if options.test else None, "bench" if options.bench else None}
    wanted.discard(None)
    if len(wanted) > 1:
        raise UsageError("--test and --bench exclude each other", code="usage")
    return wanted.pop() or "" if wanted else ""


def _refuse_trials(made: Compilation) -> None:
    """A specification of nothing but tests or benches needs its mode."""
    for kind, what in ((ProbeKind.TEST, "test"), (ProbeKind.BENCH, "benchmark")):
        if kind in made.left_out:
            message = f"No probes attached; use --{kind.value} to run {what} probes."
            raise UsageError(message, code="usage")


def _percentiles(text: str | None, given: Given, bundle: Bundle | None) -> tuple[float, ...]:
    """The wanted percentiles; on by default for the library's probes, in a bundle as built."""
    if text is None and bundle is not None:
        return bundle.percentiles
    if text is None:
        text = DEFAULT_PERCENTILES if given.from_library else "none"
    return percentile_levels(text)
