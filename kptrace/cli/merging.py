# SPDX-License-Identifier: MIT
"""``kptrace merge``: the captures of many hosts as one answer."""

from __future__ import annotations

from collections.abc import Iterator

import click

from kptrace.capture import Capture, Writer
from kptrace.cli import report
from kptrace.cli.color import check_color
from kptrace.cli.completion import files as completed
from kptrace.cli.once import once
from kptrace.cli.writing import (
    DEFAULT_PERCENTILES,
    make_form,
    open_sink,
    percentile_levels,
    refuse_same_file,
    require_format,
)
from kptrace.errors import Diagnostic, Exit, Severity, UsageError
from kptrace.output import Stream
from kptrace.output.hosts import json_hosts, text_hosts
from kptrace.session.hosts import Hosts, own_maps
from kptrace.session.merging import Part, Total
from kptrace.session.sink import Sink


@click.command("merge")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", shell_complete=completed)
@click.option("-o", "--output", metavar="FILE", help="Keep the sum in a capture.", **once)
@click.option("--by", type=click.Choice(["host"]), help="What each host counted, side by side.")
@click.option("-f", "--format", "form", default="text", metavar="FORMAT", help="text or json.")
@click.option("--json", "as_json", is_flag=True, help="The same as -f json.")
@click.option(
    "--percentiles",
    metavar="[=LIST]",
    help=f"Percentiles of histograms ({DEFAULT_PERCENTILES}); 'none': no.",
)
@click.option("--strict", is_flag=True, help="Exit status 6 if data was lost, or is missing.")
@click.option("--warnings/--no-warnings", default=True, help="Show warnings (default).")
def merge_command(
    files: tuple[str, ...],
    output: str | None,
    by: str | None,
    form: str,
    as_json: bool,
    percentiles: str | None,
    strict: bool,
    warnings: bool,
) -> int:
    """Add up captures of one specification: counts, sums and buckets exactly, in any order.

    Percentiles are those of the merged histogram, averages those of all values. Captures of
    other specifications, keys or buckets are refused. Values that a host has set are no sums:
    they are shown by --by host only, where a star marks numbers far from the median of all.

    \b
    Examples:
      kptrace merge captures/*.kpt
      kptrace merge --by host captures/*.kpt
      kptrace merge captures/*.kpt -o all.kpt
    """
    form = "json" if as_json else form
    require_format(form)
    check_color()
    if output is not None:
        if by is not None:
            raise UsageError("--by host prints, -o FILE does not: one of them", code="usage")
        refuse_same_file(output, files)
    levels = None if percentiles is None else percentile_levels(percentiles)
    total, told = Total(), list[Diagnostic]()
    with open_sink(None, "full") as sink:
        if by is not None:
            _print_hosts(_parts(files, told), form, levels, total, sink)
        else:
            for part in _parts(files, told):
                total.add(part)
            if output is not None:
                with Writer(output) as writer:
                    total.write(writer)
            else:
                _print_total(total, form, levels, sink)
            names = ", ".join(one.name for one in total.left_out())
            if names:
                text = f"{names}: values that a host has set are no sums; --by host shows them"
                told.append(_told(text))
    report(told, warnings=warnings)
    return Exit.LOST if strict and (total.ledger.lost or total.incomplete) else Exit.OK


def _parts(files: tuple[str, ...], told: list[Diagnostic]) -> Iterator[Part]:
    """What each file adds, one at a time; what is to be known of it is told."""
    for file in files:
        with Capture(file) as capture:
            part = Part(capture)
            told += capture.warnings
            if part.maps_ns is not None:
                told.append(_told(f"its maps are those of {capture.when(part.maps_ns)}"))
            elif not part.complete:
                told.append(_told(f"'{file}' is not the last file of its run"))
            yield part


def _told(text: str) -> Diagnostic:
    return Diagnostic(code="merge", message=text, severity=Severity.WARNING)


def _print_total(total: Total, form: str, levels: tuple[float, ...] | None, sink: Sink) -> None:
    made = make_form(form, total.levels if levels is None else levels, total.style)
    sink.write(Stream.OUTPUT, made.final_maps(total.maps()))
    ledger = made.ledger(total.ledger, terminal=sink.error_is_terminal, quiet=False)
    sink.write(made.diagnostics, ledger)
    sink.flush()


def _print_hosts(
    parts: Iterator[Part],
    form: str,
    levels: tuple[float, ...] | None,
    total: Total,
    sink: Sink,
) -> None:
    """Numbers that hosts have set as they come, then the tables, then what all have lost."""
    default = percentile_levels("")
    hosts = Hosts(default if levels is None else levels)
    for part in parts:
        name = hosts.add(part)
        total.add(part)
        made = make_form(form, (), part.style)
        own = b"".join(made.map(one, final=True) for one in own_maps(part))
        if own:
            sink.write(Stream.OUTPUT, made.host(name) + own)
    as_bytes = json_hosts if form == "json" else text_hosts
    for table in hosts.tables():
        sink.write(Stream.OUTPUT, as_bytes(table))
    made = make_form(form, (), total.style)
    ledger = made.ledger(total.ledger, terminal=sink.error_is_terminal, quiet=False)
    sink.write(made.diagnostics, ledger)
    sink.flush()
