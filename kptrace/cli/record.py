# SPDX-License-Identifier: MIT
"""``kptrace record``: run a specification, and keep what it collects in a file."""

from __future__ import annotations

import functools
import os
import time
from dataclasses import replace
from typing import Any

import click

import kptrace
from kptrace.capture import Clocks, Header, Host, Packing, Specification
from kptrace.cli.completion import specifications
from kptrace.cli.duration import DURATION
from kptrace.cli.once import once
from kptrace.cli.run import RunOptions, find_any, run_given, run_options
from kptrace.cli.size import SIZE
from kptrace.cli.spec import Given, program_option
from kptrace.cli.writing import refuse_same_file
from kptrace.errors import UsageError
from kptrace.formats import Conversion, parse_format
from kptrace.kernel import host
from kptrace.plan import EventKind, Plan
from kptrace.runtime import cpus
from kptrace.session.recording import Recorder, Settings
from kptrace.session.run import Scene

_FORMATTED = (EventKind.PRINTF, EventKind.ERRORF, EventKind.WARNF)
_NOT_HERE = ("format", "output", "buffering", "dry_run", "mode", "test", "bench")
"""Options of a run about its output, and about probes that are not attached."""


@click.command("record")
@program_option("Program text.")
@click.option("-o", "--output", metavar="FILE", required=True, help="The file to write.", **once)
@click.option(
    "--interval", type=DURATION, metavar="TIME", help="Read the maps every TIME, too (10s, 1m)."
)
@click.option(
    "--max-size", type=SIZE, metavar="SIZE", help="End when FILE has this size (64M, 2G)."
)
@click.option(
    "--rotate",
    type=click.IntRange(min=2),
    metavar="N",
    help="At --max-size begin anew; keep N files: FILE, FILE.1 (older), ...",
)
@click.option(
    "--compress", type=click.Choice(["zlib"]), help="Make the file smaller; takes CPU time."
)
@click.option(
    "--probe-path", multiple=True, metavar="DIR", help="Look here for library probes first."
)
@click.argument("words", nargs=-1, metavar="[FILE|NAME|-] [ARG]...", shell_complete=specifications)
@functools.partial(run_options, without=_NOT_HERE)
def record_command(
    program: str | None,
    output: str,
    interval: float | None,
    max_size: int | None,
    rotate: int | None,
    compress: str | None,
    probe_path: tuple[str, ...],
    words: tuple[str, ...],
    **options: Any,
) -> int:
    """Run a specification as kptrace run does, and keep what it collects in a file.

    kptrace report prints from it what the run would have printed: on any machine, without
    privileges. What depends on the moment (maps that are printed, commands, files that are
    read, names of users, symbols, stacks) is taken when the event arrives. A full disk ends
    the run, its maps are kept. After a crash the file can be read up to its last whole part.

    \b
    Examples:
      kptrace record biolatency -o disks.kpt --duration 60 --interval 10
      kptrace record -e 'rawtracepoint:sched_switch { @[comm] = count(); }' -o switches.kpt
      kptrace report switches.kpt
    """
    if rotate is not None and max_size is None:
        raise UsageError("--rotate needs --max-size: how large each file may become", code="usage")
    given, bundle = find_any(program, words, probe_path)
    for path in (output, *(f"{output}.{number}" for number in range(1, rotate or 1))):
        refuse_same_file(path, (*given.files, *options["include"]))
    settings = Settings(
        path=output,
        packing=Packing.ZLIB if compress else Packing.PLAIN,
        interval_ns=round((interval or 0) * 1e9),
        size=max_size,
        files=rotate or 1,
        quiet=options["quiet"],
        warnings=options["warnings"],
    )
    chosen = RunOptions(format="text", output=None, buffering="line", dry_run=False, **options)
    run = os.urandom(16).hex()

    def record(levels: tuple[float, ...], scene: Scene) -> Recorder:
        header = replace(
            _header(run, given, scene, levels, settings.interval_ns),
            probe_filter=chosen.probe_filter if bundle is None else bundle.probe_filter,
            pid=int(chosen.pid or 0),
        )
        return Recorder(header, settings, scene)

    return run_given(given, chosen, record, bundle)


def _header(
    run: str, given: Given, scene: Scene, levels: tuple[float, ...], interval_ns: int
) -> Header:
    system = os.uname()
    monotonic = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    wall = time.clock_gettime_ns(time.CLOCK_REALTIME) - monotonic
    return Header(
        plan=scene.plan,
        run=run,
        host=Host(
            name=system.nodename,
            release=host.release(),
            version=system.version,
            arch=host.arch(),
            build_id=host.build_id(),
            boot_id=host.boot_id(),
            cpus=cpus.possible(),
        ),
        clocks=Clocks(
            monotonic=wall,
            boot=scene.resolver.wall_ns("boot", 0),
            tai=scene.resolver.wall_ns("tai", 0),
        ),
        specification=Specification(
            name=given.source.name,
            text=given.source.text,
            parameters=given.parameters,
            named=tuple(given.named.items()),
        ),
        kptrace=kptrace.__version__,
        interval_ns=interval_ns,
        percentiles=levels,
        gfp_flags=scene.kernel.gfp_flags if _names_gfp_flags(scene.plan) else (),
    )


def _names_gfp_flags(plan: Plan) -> bool:
    return any(
        isinstance(item, Conversion) and item.spec == "gr"
        for event in plan.events
        if event.kind in _FORMATTED
        for item in parse_format(event.text)
    )
