# SPDX-License-Identifier: MIT
"""The phases of a run, in the order of language §14.3."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence

from kptrace.aggregate import Ledger, Snapshot
from kptrace.decoding import BLOCK
from kptrace.errors import Exit, render
from kptrace.kernel import Kernel
from kptrace.output import Format, Stream
from kptrace.output.values import Style
from kptrace.plan import TRACER_KINDS, Control, EventKind, Plan, ProbeKind
from kptrace.records import dataclass
from kptrace.runtime import attach, iterators, ledger, maps
from kptrace.runtime.attach import Attachments
from kptrace.runtime.ledger import Misses
from kptrace.runtime.loaded import Loaded
from kptrace.runtime.mechanism import Mechanism, choose
from kptrace.runtime.perf import Reader
from kptrace.runtime.preflight import require_probes
from kptrace.session import trials
from kptrace.session.events import Handlers
from kptrace.session.process import Process
from kptrace.session.ready import announce_ready
from kptrace.session.signals import Signals, StopNow
from kptrace.session.sink import Sink
from kptrace.session.state import (
    KernelResolver,
    Maps,
    exit_asked,
    set_active,
    set_clocks,
    set_control,
)

_POLL_S = 0.1
_RELIEVE_S = 0.005
"""How long rings may fill while records are handled; to look at a hundred rings takes a while."""
_HELD_S = 0.005
"""Longest wait while lines are held back."""
_BLOCKS = (ProbeKind.BEGIN, ProbeKind.END)
"""A specification of nothing else ends at once."""

Load = Callable[[Mapping[str, Mechanism]], Loaded]
"""Loads the specification for the mechanisms that its programs will attach by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to run.

    ``form`` makes the output format when the style is known, which needs the loaded maps.
    ``attach`` is one of `mechanism.WANTED`. ``mode``: test or bench instead of attaching.
    ``buffer_bytes``: of the ring of each CPU; 0: what ``perf_rb_pages`` says.
    ``process`` is the one that the run is about; the run ends when it ends. ``pid``: only what
    happens in this process counts.
    """

    form: Callable[[Style], Format]
    duration_s: float | None = None
    buffer_bytes: int = 0
    quiet: bool = False
    dry_run: bool = False
    strict: bool = False
    attach: str = "auto"
    ready_file: str = ""
    mode: str = ""
    process: Process | None = None
    pid: int = 0
    warnings: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a run ended: the exit status and what it collected (None: it was cut short)."""

    status: int
    snapshot: Snapshot | None = None


def run(plan: Plan, load: Load, kernel: Kernel, options: Options, sink: Sink) -> Result:
    """Run a plan to its end and write everything to the sink.

    Raises HostError, AttachError or RunError; nothing stays attached then.
    """
    with Signals() as signals:
        try:
            require_probes(plan, kernel)
            mechanisms = choose(plan, wanted=options.attach)
            with load(mechanisms) as loaded:
                return _Run(plan, loaded, kernel, options, sink, signals).run(mechanisms)
        except BrokenPipeError:  # nobody reads any more, as with `kptrace ... | head`
            return Result(status=Exit.OK)
        except StopNow as stop:
            return Result(status=stop.status)


def _poll_s(plan: Plan) -> float:
    """Longest wait for events: a map is read when its event is handled, and late is wrong."""
    about_maps = (EventKind.PRINT_MAP, EventKind.CLEAR, EventKind.ZERO)
    if not any(one.kind in about_maps for one in plan.events):
        return _POLL_S
    periods = [
        target.period_ns for one in plan.programs for target in one.targets if target.period_ns
    ]
    return min([_POLL_S, *(max(period / 1e10, 0.001) for period in periods)])


class _Run:
    """One loaded run; its methods are the phases."""

    def __init__(
        self,
        plan: Plan,
        loaded: Loaded,
        kernel: Kernel,
        options: Options,
        sink: Sink,
        signals: Signals,
    ) -> None:
        self._plan = plan
        self._loaded = loaded
        self._kernel = kernel
        self._options = options
        self._sink = sink
        self._signals = signals
        self._maps = Maps(plan, loaded)
        self._style = style = Style(
            resolver=KernelResolver(plan, loaded, kernel),
            trailer=plan.config.str_trunc_trailer.encode(),
            texts=plan.texts,
            color=sink.color,
        )
        self._form = options.form(style)
        self._handlers = Handlers(
            plan, self._form, style, sink, self._maps, warnings=options.warnings
        )
        self._process = options.process
        self._exits = any(one.kind is EventKind.EXIT for one in plan.events)
        self._told_lost = 0
        self._next_tell = 0.0

    def run(self, mechanisms: Mapping[str, Mechanism]) -> Result:
        sizes = {
            event.id: event.size
            for event in self._plan.events
            if event.kind is not EventKind.JOIN  # as long as its strings
        }
        pages = self._plan.config.perf_rb_pages
        each = self._options.buffer_bytes
        with Reader(self._loaded.map("events"), sizes, pages=pages, each=each) as reader:
            set_clocks(self._loaded)
            self._run_blocks(ProbeKind.BEGIN)
            begin_records = reader.drain()  # they wait until the probes are attached
            if self._options.mode:
                self._handlers.handle(begin_records)
                return self._trials(reader)
            with attach.attach_all(
                self._plan, self._loaded, mechanisms, self._kernel, self._options.pid
            ) as attachments:
                self._warn(attachments)
                if self._options.dry_run:
                    return Result(status=Exit.OK)
                set_control(self._loaded, Control.PID, self._options.pid)
                set_active(self._loaded, True)
                if self._process is not None:
                    self._process.start()
                self._announce(attachments)
                self._handlers.handle(begin_records)
                self._sink.tick()
                if attachments.iterators and self._handlers.exit_status is None:
                    self._iterate(attachments.iterators, reader)
                else:
                    self._poll(reader)
                set_active(self._loaded, False)
                misses = ledger.read_misses(self._plan, self._loaded.programs, attachments.missed)
            return self._finish(reader, misses)

    def _trials(self, reader: Reader) -> Result:
        """Run the tests or benches between begin and end; no map is printed (language §14.4)."""
        run_all = trials.run_tests if self._options.mode == "test" else trials.run_benches
        good = run_all(self._plan, self._loaded, reader, self._form, self._sink, self._capturing)
        self._run_blocks(ProbeKind.END)
        self._handlers.handle(reader.drain())
        self._sink.flush()
        return Result(status=Exit.OK if good else Exit.FAILED)

    def _capturing(self, sink: Sink) -> Handlers:
        """Handlers that write somewhere else."""
        return Handlers(
            self._plan, self._form, self._style, sink, self._maps, warnings=self._options.warnings
        )

    def _run_blocks(self, kind: ProbeKind) -> None:
        for program in self._plan.programs:
            if program.kind is kind:
                attach.run_block(self._plan, self._loaded, program)

    def _warn(self, attachments: Attachments) -> None:
        for warning in attachments.warnings:
            text = render(warning, color=self._sink.color)
            self._sink.write(Stream.ERROR, text.encode())

    def _announce(self, attachments: Attachments) -> None:
        if not self._options.quiet:
            blocks = sum(program.kind in TRACER_KINDS for program in self._plan.programs)
            attached = self._form.attached(attachments.count + blocks)
            self._sink.write(self._form.diagnostics, attached)
        announce_ready(self._sink, self._options.ready_file)

    def _poll(self, reader: Reader) -> None:
        """Handle events until something ends the run; whatever was submitted then is handled."""
        if all(program.kind in _BLOCKS for program in self._plan.programs):
            return
        longest = _poll_s(self._plan)
        duration = self._options.duration_s
        deadline = None if duration is None else time.monotonic() + duration
        held = False
        while self._handlers.exit_status is None and not self._signals.stop:
            if self._process is not None and self._process.ended():
                break
            timeout = _HELD_S if held else longest
            if deadline is not None:
                timeout = min(timeout, deadline - time.monotonic())
                if timeout <= 0:
                    break
            records = reader.poll(timeout)
            relieve_at = time.monotonic() + _RELIEVE_S
            for start in range(0, len(records), BLOCK):
                self._handlers.handle(records[start : start + BLOCK])
                now = time.monotonic()
                if now > relieve_at:
                    reader.relieve()
                    relieve_at = now + _RELIEVE_S
                if self._signals.stop or (deadline is not None and now > deadline):
                    # nothing more counts from now on, however long the rest takes to handle
                    set_active(self._loaded, False)
            if self._signals.take_user_signal():
                self._user_signal()
            self._tell_lost(reader)
            held = self._sink.tick()
            if self._exits and self._handlers.exit_status is None:
                self._look_for_exit(reader)

    def _look_for_exit(self, reader: Reader) -> None:
        """End a run whose `exit()` event was refused by a full buffer."""
        asked = exit_asked(self._loaded)
        if asked is None:
            return
        set_active(self._loaded, False)
        self._handlers.handle(reader.drain())  # the event may only be late
        if self._handlers.exit_status is None:
            self._handlers.exit_status = asked

    def _iterate(self, links: Sequence[tuple[int, str]], reader: Reader) -> None:
        """Run every iterator once, or pin it; the run ends with the last one."""
        with contextlib.ExitStack() as pins:  # a run that fails leaves no pin
            for link, pin in links:
                if pin:
                    iterators.pin(link, pin)
                    pins.callback(os.unlink, pin)
                    self._sink.write(Stream.OUTPUT, self._form.pinned(pin))
                elif not self._run_iterator(link, reader):
                    break
            pins.pop_all()

    def _run_iterator(self, link: int, reader: Reader) -> bool:
        """Whether the run goes on behind it."""
        for records in iterators.read(link):
            self._handlers.handle(records)
            self._handlers.handle(reader.drain())
            self._sink.tick()
            if self._handlers.exit_status is not None or self._signals.stop:
                return False
        return True

    def _user_signal(self) -> None:
        """SIGUSR1 runs the self probes of the specification; where it has none, a snapshot."""
        if any(program.kind is ProbeKind.SELF for program in self._plan.programs):
            self._run_blocks(ProbeKind.SELF)
            return
        self._sink.write(Stream.OUTPUT, self._form.final_maps(self._maps.all()))
        self._sink.flush()

    def _tell_lost(self, reader: Reader) -> None:
        """At most once a second: under pressure every batch loses something."""
        now = time.monotonic()
        if now < self._next_tell:
            return
        self._next_tell = now + 1.0
        lost = reader.lost()
        if lost > self._told_lost:
            text = self._form.lost_events(lost - self._told_lost)
            self._sink.write(self._form.diagnostics, text)
            self._told_lost = lost

    def _finish(self, reader: Reader, misses: Mapping[str, Misses]) -> Result:
        """Everything after detaching: the rest of the events, end blocks, maps, the ledger."""
        self._handlers.handle(reader.drain())
        status = self._handlers.reopen()
        self._run_blocks(ProbeKind.END)
        self._handlers.handle(reader.drain())
        if status is None:
            status = self._handlers.exit_status
        losses = ledger.build(
            self._plan,
            maps.read_counters(self._loaded.map("ledger"), len(self._plan.counters)),
            reader.lost(),
            misses,
        )
        if losses.events:
            text = f"WARNING: Total lost event count: {losses.events}\n"
            self._sink.write(Stream.ERROR, text.encode())
        snapshot = Snapshot(maps=self._maps.all(), ledger=losses)
        shown = snapshot.maps if self._plan.config.print_maps_on_exit else ()
        self._sink.write(Stream.OUTPUT, self._form.final_maps(shown))
        text_ledger = self._form.ledger(
            losses, terminal=self._sink.error_is_terminal, quiet=self._options.quiet
        )
        self._sink.write(self._form.diagnostics, text_ledger)
        self._sink.flush()
        return Result(status=self._status(status, losses), snapshot=snapshot)

    def _status(self, asked: int | None, losses: Ledger) -> int:
        """``exit(n)`` of the specification wins, unless a strict run lost data."""
        if self._options.strict and losses.lost:
            return Exit.LOST
        return asked or Exit.OK
