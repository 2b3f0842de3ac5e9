# SPDX-License-Identifier: MIT
"""``kptrace report``: print from a capture what its run would have printed."""

from __future__ import annotations

import functools
import time

import click

from kptrace.capture import Capture
from kptrace.cli import report
from kptrace.cli.color import check_color
from kptrace.cli.completion import files
from kptrace.cli.once import once
from kptrace.cli.writing import (
    DEFAULT_PERCENTILES,
    make_form,
    open_sink,
    percentile_levels,
    refuse_same_file,
    require_format,
)
from kptrace.errors import Diagnostic, Exit, Severity
from kptrace.session.replay import Options, Replay
from kptrace.session.signals import Signals, StopNow

_PATIENCE_S = 0.2
"""How often a file is looked at that may grow."""

_REASONS = {
    "rotated": "is not the last file of its run: the next one has what came after it",
    "unwritable": "could not be written any further: its last events are missing",
    "max-size": "has the size of --max-size: the run ended with it",
}
"""Why a capture may end before all was seen."""


@click.command("report")
@click.argument("file", metavar="FILE", shell_complete=files)
@click.option("-f", "--format", "form", default="text", metavar="FORMAT", help="text or json.")
@click.option("--json", "as_json", is_flag=True, help="The same as -f json.")
@click.option("--by-interval", is_flag=True, help="Also the maps as they were at each --interval.")
@click.option(
    "--follow",
    is_flag=True,
    help="Wait for more while the file is being written, until it is full (--rotate).",
)
@click.option("-o", "--output", metavar="FILE", help="Write the output to FILE.", **once)
@click.option(
    "-B",
    "--buffering",
    type=click.Choice(["line", "full", "none"]),
    default="line",
    help="When output is written.",
)
@click.option("-q", "--quiet", is_flag=True, help="Only what the specification prints.")
@click.option(
    "--percentiles",
    metavar="[=LIST]",
    help=f"Percentiles under each histogram ({DEFAULT_PERCENTILES}); 'none': no.",
)
@click.option("--strict", is_flag=True, help="Exit status 6 if data was lost, or is missing.")
@click.option("--warnings/--no-warnings", default=True, help="Show warnings (default).")
def report_command(
    file: str,
    form: str,
    as_json: bool,
    by_interval: bool,
    follow: bool,
    output: str | None,
    buffering: str,
    quiet: bool,
    percentiles: str | None,
    strict: bool,
    warnings: bool,
) -> int:
    """Print what the run of a capture would have printed, on any machine.

    Needs no privileges, no kernel and no compiler. Times are in the time zone of the reader.
    Of a capture that was cut off, everything up to its last whole part is printed, and a
    warning tells what is missing.

    \b
    Examples:
      kptrace report disks.kpt
      kptrace report disks.kpt --by-interval --json
      kptrace report --follow disks.kpt
    """
    form = "json" if as_json else form
    require_format(form)
    check_color()
    refuse_same_file(output, [file])
    with Capture(file) as capture:
        levels = capture.header.percentiles
        if percentiles is not None:
            levels = percentile_levels(percentiles)
        with open_sink(output, buffering) as sink:
            options = Options(
                form=functools.partial(make_form, form, levels),
                quiet=quiet,
                warnings=warnings,
                intervals=by_interval,
            )
            replay = Replay(capture, options, sink)
            status = _print(replay, capture, follow=follow)
            if status is not None:
                return status
    found = list(capture.warnings)
    if replay.end is None and replay.maps_ns is not None:
        found.append(_told(f"its maps are those of {capture.when(replay.maps_ns)}"))
    if capture.header.part:
        found.append(
            _told(f"'{file}' is not the first file of its run: events before it are not here")
        )
    if replay.end is not None and replay.end.reason in _REASONS:
        found.append(_told(f"'{file}' {_REASONS[replay.end.reason]}"))
    report(found, warnings=warnings)
    lost = replay.end is None or replay.end.ledger.lost
    return Exit.LOST if strict and lost else Exit.OK


def _print(replay: Replay, capture: Capture, *, follow: bool) -> int | None:
    """The exit status of a report that was ended before its end; None for a whole one.

    The first signal ends the waiting for more; where nothing is waited for it ends the command,
    as that of any other program.
    """
    try:
        if follow:
            with Signals() as signals:
                replay.run(_Waiting(capture, signals))
        else:
            replay.run()
    except BrokenPipeError:  # nobody reads any more, as with `kptrace report F | head`
        return Exit.OK
    except StopNow as stop:
        return stop.status
    return None


class _Waiting:
    """Whether to look for more: as long as the writer is there, and once more behind that."""

    def __init__(self, capture: Capture, signals: Signals) -> None:
        self._capture = capture
        self._signals = signals
        self._alive = True

    def __call__(self) -> bool:
        if not self._alive or self._signals.stop:
            return False
        self._alive = self._capture.live()
        if self._alive:
            time.sleep(_PATIENCE_S)
        return True


def _told(text: str) -> Diagnostic:
    return Diagnostic(code="incomplete-capture", message=text, severity=Severity.WARNING)
