# SPDX-License-Identifier: MIT
"""Where what a run collects goes, and the first such place: the output.

The phases of a run (`run.py`) say what happens to an `Outlet`; a capture is what they said, and a
report says it again to a `Printer`. So there is one way of printing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from kptrace.aggregate import Ledger, MapSnapshot
from kptrace.errors import Diagnostic, render
from kptrace.output import Format, Stream
from kptrace.output.values import Style
from kptrace.perf_records import Received, Rings
from kptrace.plan import Plan
from kptrace.session.actions import LIVE, Actions
from kptrace.session.events import Handlers, Maps
from kptrace.session.sink import Sink


class Outlet(Protocol):
    """What is told of a run, in order.

    ``exit_status``: that of an `exit()` among the events, after which events are dropped.
    ``full``: it takes no more, and the run is to end. ``raw``: it wants rings as they are.
    """

    exit_status: int | None
    full: bool
    raw: bool

    def warn(self, warnings: Sequence[Diagnostic]) -> None:
        """What a user should know of how probes attach."""

    def attached(self, count: int, mechanisms: Mapping[str, str]) -> None:
        """So many probes count from now on; ``mechanisms``: how each program is attached."""

    def handle(self, received: Received) -> None:
        """Events, in order."""

    def pinned(self, path: str) -> None:
        """An iterator is pinned there."""

    def lost(self, count: int) -> None:
        """So many events were lost just now."""

    def look(self) -> None:
        """Somebody wants to see the maps (SIGUSR1)."""

    def tick(self) -> bool:
        """Called at least every 100 ms; true: to be called again soon."""

    def reopen(self) -> int | None:
        """Events of end blocks follow; returns the status of an earlier `exit()`."""

    def finish(self, ledger: Ledger, status: int) -> tuple[MapSnapshot, ...]:
        """The run has ended: maps and ledger. Returns the maps, if they were decoded."""


class Printer:
    """Prints what it is told. Implements `Outlet`."""

    full = False
    raw = False

    def __init__(
        self,
        plan: Plan,
        form: Callable[[Style], Format],
        style: Style,
        sink: Sink,
        maps: Maps,
        *,
        quiet: bool = False,
        warnings: bool = True,
        actions: Actions = LIVE,
    ) -> None:
        self._plan = plan
        self._quiet = quiet
        self.sink = sink
        self.form = form(style)
        self._style = style
        self._maps = maps
        self._warnings = warnings
        self._actions = actions
        self._handlers = self.capturing(sink)

    def capturing(self, sink: Sink) -> Handlers:
        """Handlers that write somewhere else."""
        return Handlers(
            self._plan,
            self.form,
            self._style,
            sink,
            self._maps,
            warnings=self._warnings,
            actions=self._actions,
        )

    @property
    def exit_status(self) -> int | None:
        return self._handlers.exit_status

    @exit_status.setter
    def exit_status(self, status: int | None) -> None:
        self._handlers.exit_status = status

    def warn(self, warnings: Sequence[Diagnostic]) -> None:
        for warning in warnings:
            self.sink.write(Stream.ERROR, render(warning, color=self.sink.color).encode())

    def attached(self, count: int, mechanisms: Mapping[str, str]) -> None:
        if not self._quiet:
            self.tell(self.form.attached(count))

    def handle(self, received: Received) -> None:
        assert not isinstance(received, Rings)
        self._handlers.handle(received)

    def pinned(self, path: str) -> None:
        self.sink.write(Stream.OUTPUT, self.form.pinned(path))

    def lost(self, count: int) -> None:
        self.tell(self.form.lost_events(count))

    def look(self) -> None:
        self.sink.write(Stream.OUTPUT, self.form.final_maps(self._maps.all()))
        self.sink.flush()

    def interval(self, number: int, when: str) -> None:
        """Maps as they were then."""
        self.sink.write(Stream.OUTPUT, self.form.interval(number, when))
        self.look()

    def tick(self) -> bool:
        return self.sink.tick()

    def reopen(self) -> int | None:
        return self._handlers.reopen()

    def finish(self, ledger: Ledger, status: int) -> tuple[MapSnapshot, ...]:
        if ledger.events:
            text = f"WARNING: Total lost event count: {ledger.events}\n"
            self.sink.write(Stream.ERROR, text.encode())
        maps = self._maps.all()
        shown = maps if self._plan.config.print_maps_on_exit else ()
        self.sink.write(Stream.OUTPUT, self.form.final_maps(shown))
        self.tell(self.form.ledger(ledger, terminal=self.sink.error_is_terminal, quiet=self._quiet))
        self.sink.flush()
        return maps

    def tell(self, data: bytes) -> None:
        """What is about the run: standard error, or an object of its own in the output."""
        self.sink.write(self.form.diagnostics, data)
