# SPDX-License-Identifier: MIT
"""Where output goes and how it looks: shared by every command that prints what a run collects.

Nothing here asks for a kernel: reports are printed anywhere.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterable, Iterator

from kptrace.cli.color import use_color
from kptrace.errors import KptraceError, UsageError
from kptrace.output import Format
from kptrace.output.text import TextFormat
from kptrace.output.values import Style
from kptrace.session.sink import Buffering, Sink

DEFAULT_PERCENTILES = "50,90,99,99.9"
FORMATS = ("text", "json")


def make_form(name: str, levels: tuple[float, ...], style: Style) -> Format:
    """The output format of this name; ``levels`` are percentiles."""
    if name == "text":
        return TextFormat(style=style, percentiles=levels)
    from kptrace.output.json import JsonFormat

    return JsonFormat(style=style, percentiles=levels)


def require_format(name: str) -> None:
    """Raises UsageError for what is no output format."""
    if name not in FORMATS:
        raise UsageError(
            f'Invalid output format "{name}"',
            hint="Valid formats: 'text', 'json'",
            code="usage",
        )


def refuse_same_file(output: str | None, inputs: Iterable[str]) -> None:
    """Raises UsageError where writing to ``output`` would overwrite one of the files that are read.

    Only regular files are lost by that: a terminal or a pipe may be both.
    """
    for one in inputs:
        if output is not None and _same_file(output, one):
            raise UsageError(
                f"'{output}' is read, and would be overwritten",
                hint="-o takes another file",
                code="usage",
            )


def _same_file(left: str, right: str) -> bool:
    try:
        found = os.stat(left)
        return stat.S_ISREG(found.st_mode) and os.path.samestat(found, os.stat(right))
    except (OSError, ValueError):  # what is not there is told by who reads it or writes it
        return False


@contextlib.contextmanager
def open_sink(output: str | None, buffering: str) -> Iterator[Sink]:
    """The file of ``-o``, or standard output."""
    how = Buffering(buffering)
    color = use_color(os.isatty(2))
    if output is None:
        if fcntl.fcntl(1, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise UsageError(
                "standard output is closed", hint="-o FILE writes to a file; >/dev/null to nowhere"
            )
        yield from _flushed(Sink(buffering=how, color=color))
        return
    try:
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UsageError(f"cannot write '{output}': {error.strerror}") from None
    try:
        yield from _flushed(Sink(output=file, buffering=how, color=color))
    finally:
        os.close(file)


def _flushed(sink: Sink) -> Iterator[Sink]:
    """A run that fails in the middle still writes what it had."""
    try:
        yield sink
    except Exception:  # of whatever kind; a second signal, which is none, prints nothing more
        with contextlib.suppress(OSError, KptraceError):
            sink.flush()
        raise


def percentile_levels(text: str) -> tuple[float, ...]:
    """The percentiles of a list, or of ``none``; those that are usual for an empty one."""
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
