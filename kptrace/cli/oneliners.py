# SPDX-License-Identifier: MIT
"""The one-liners: commands that write a specification and run it.

``--show-spec`` prints it instead, as a start for one's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click

from kptrace.cli.run import RunOptions, run_given, run_options
from kptrace.cli.spec import Given
from kptrace.cli.writing import DEFAULT_PERCENTILES
from kptrace.source import Source

F = TypeVar("F", bound=Callable[..., Any])

_KEYS = ("comm", "pid", "tid", "cpu", "func", "cgroup")


def _shared(command: F) -> F:
    show = click.option("--show-spec", is_flag=True, help="Print the specification, run nothing.")
    return show(run_options(command))


def _run(text: str, show_spec: bool, options: dict[str, Any], percentiles: bool = False) -> int:
    if show_spec:
        click.echo(text, nl=False)
        return 0
    chosen = RunOptions(**options)
    if percentiles and chosen.percentiles is None:
        chosen = replace(chosen, percentiles=DEFAULT_PERCENTILES)
    source = Source(name="generated.bt", text=text)
    return run_given(Given(source=source, parameters=()), chosen)


def _key(by: str | None) -> str:
    return f"[{by}]" if by else ""


def _attach_point(pattern: str) -> str:
    """A bare name is a kernel function; with a colon it is an attach point as it stands."""
    return pattern if ":" in pattern else f"kprobe:{pattern}"


@click.command("latency")
@click.argument("function", metavar="FUNC")
@click.option("--by", type=click.Choice(_KEYS), help="One histogram for each value.")
@_shared
def latency_command(function: str, by: str | None, show_spec: bool, **options: Any) -> int:
    """How long a kernel function takes: a histogram in nanoseconds, with percentiles.

    \b
    Example:
      kptrace latency vfs_read --by comm --duration 10
    """
    # The task pointer tells tasks apart where tid cannot: every CPU's idle task has tid 0.
    text = f"""\
kprobe:{function} {{ @start[curtask] = nsecs; }}
kretprobe:{function} /@start[curtask]/ {{
    @ns{_key(by)} = hist(nsecs - @start[curtask]);
    delete(@start, curtask);
}}
end {{ clear(@start); }}
"""
    return _run(text, show_spec, options, percentiles=True)


@click.command("count")
@click.argument("pattern", metavar="PATTERN")
@click.option("--by", type=click.Choice(_KEYS), help="Count for each value instead.")
@_shared
def count_command(pattern: str, by: str | None, show_spec: bool, **options: Any) -> int:
    """Count calls, one line for each function that was called.

    PATTERN is a function name with * as wildcard, or an attach point such as
    'tracepoint:sched:*'.

    \b
    Example:
      kptrace count 'vfs_*' --duration 5
    """
    point = _attach_point(pattern)
    key = by or ("func" if point.startswith(("kprobe:", "kretprobe:", "k:", "kr:")) else "probe")
    return _run(f"{point} {{ @[{key}] = count(); }}\n", show_spec, options)


@click.command("stack")
@click.argument("function", metavar="FUNC")
@click.option("--depth", type=click.IntRange(1, 1024), default=127, help="Frames to keep.")
@_shared
def stack_command(function: str, depth: int, show_spec: bool, **options: Any) -> int:
    """Who calls a function: its kernel stacks, each with a count.

    \b
    Example:
      kptrace stack blk_mq_start_request --duration 5
    """
    call = "kstack" if depth == 127 else f"kstack({depth})"
    text = f"{_attach_point(function)} {{ @[{call}] = count(); }}\n"
    return _run(text, show_spec, options)


@click.command("trace")
@click.argument("function", metavar="FUNC")
@click.argument("expressions", nargs=-1, metavar="[EXPR]...")
@click.option("--filter", "predicate", metavar="EXPR", help="Only calls for which this is true.")
@_shared
def trace_command(
    function: str,
    expressions: tuple[str, ...],
    predicate: str | None,
    show_spec: bool,
    **options: Any,
) -> int:
    """Print a line for every call: command, pid, and the expressions that you name.

    \b
    Example:
      kptrace trace vfs_read 'str(args.file.f_path.dentry.d_name.name)' args.count
    """
    condition = f" /{predicate}/" if predicate else ""
    form = "%-16s %-7d" + " %s" * len(expressions) + "\\n"
    values = "".join(f", {one}" for one in ("comm", "pid", *expressions))
    head = ""
    if options["format"] == "text":
        names = " ".join(one.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
                         for one in expressions)  # fmt: skip
        title = f"{'COMMAND':<16} {'PID':<7} {names}".rstrip()
        head = f'begin {{ printf("{title}\\n"); }}\n'
    text = f"""\
{head}{_attach_point(function)}{condition} {{
    printf("{form}"{values});
}}
"""
    return _run(text, show_spec, options)
