# SPDX-License-Identifier: MIT
"""One run that is printed and recorded at the same time: side_by_side.py SPEC FORMAT FILE CMD."""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from kptrace.aggregate import Ledger, MapSnapshot
from kptrace.capture import Clocks, Header, Host, Specification
from kptrace.cli.run import RunOptions, run_given
from kptrace.cli.spec import find
from kptrace.cli.writing import make_form
from kptrace.errors import Diagnostic
from kptrace.output.values import Style
from kptrace.perf_records import Received
from kptrace.session.printing import Printer
from kptrace.session.recording import Recorder, Settings
from kptrace.session.run import Scene


class Both:
    """Tells both the same. Implements `Outlet`."""

    full = raw = False

    def __init__(self, printer: Printer, recorder: Recorder) -> None:
        self._both = printer, recorder

    @property
    def exit_status(self) -> int | None:
        return self._both[0].exit_status

    @exit_status.setter
    def exit_status(self, status: int | None) -> None:
        for one in self._both:
            one.exit_status = status

    def warn(self, warnings: Sequence[Diagnostic]) -> None:
        for one in self._both:
            one.warn(warnings)

    def attached(self, count: int, mechanisms: Mapping[str, str]) -> None:
        for one in self._both:
            one.attached(count, mechanisms)

    def handle(self, received: Received) -> None:
        for one in self._both:
            one.handle(received)

    def pinned(self, path: str) -> None:
        for one in self._both:
            one.pinned(path)

    def lost(self, count: int) -> None:
        for one in self._both:
            one.lost(count)

    def look(self) -> None:
        for one in self._both:
            one.look()

    def tick(self) -> bool:
        printer, recorder = self._both
        recorder.tick()
        return printer.tick()

    def reopen(self) -> int | None:
        printer, recorder = self._both
        recorder.reopen()
        return printer.reopen()

    def finish(self, ledger: Ledger, status: int) -> tuple[MapSnapshot, ...]:
        printer, recorder = self._both
        found = printer.finish(ledger, status)
        recorder.finish(ledger, status)
        return found

    def __enter__(self) -> Both:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._both[1].__exit__(kind, error, trace)


def main(spec: str, form: str, path: str, command: str) -> int:
    given = find(spec, ())
    settings: dict[str, Any] = dict.fromkeys(
        ("duration", "percentiles", "traceable_functions", "buffer")
    )
    options = RunOptions(
        **settings,
        format=form,
        output=None,
        buffering="line",
        quiet=False,
        backend="auto",
        attach="auto",
        strict=False,
        dry_run=False,
        ready_file="",
        warnings=True,
        verbose=False,
        dump=(),
        probe_filter="",
        no_feature="",
        search=(),
        include=(),
        unsafe=True,
        report_failures=False,
        cmd=command,
    )

    def record(levels: tuple[float, ...], scene: Scene) -> Both:
        style = Style(
            resolver=scene.resolver,
            trailer=scene.plan.config.str_trunc_trailer.encode(),
            texts=scene.plan.texts,
        )
        make = functools.partial(make_form, form, levels)
        printer = Printer(scene.plan, make, style, scene.sink, scene.maps)
        header = Header(
            plan=scene.plan,
            run="0",
            host=Host(name="", release="", version="", arch="", build_id="", boot_id="", cpus=1),
            clocks=Clocks(
                monotonic=0,
                boot=scene.resolver.wall_ns("boot", 0),
                tai=scene.resolver.wall_ns("tai", 0),
            ),
            specification=Specification(name="stdin", text=spec),
            kptrace="0",
        )
        return Both(printer, Recorder(header, Settings(path=path, quiet=True), scene))

    return run_given(given, options, record)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
