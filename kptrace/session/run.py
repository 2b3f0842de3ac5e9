# SPDX-License-Identifier: MIT
"""The phases of a run, in the order of language §14.3."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import chain

from kptrace.aggregate import Ledger, Snapshot
from kptrace.decoding import BLOCK
from kptrace.errors import Exit
from kptrace.kernel import Kernel
from kptrace.output import Format
from kptrace.output.values import Style
from kptrace.perf_records import Received, pieces
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
from kptrace.session.printing import Outlet, Printer
from kptrace.session.process import Process
from kptrace.session.ready import announce_ready
from kptrace.session.signals import Signals, StopNow
from kptrace.session.sink import Sink
from kptrace.session.state import (
    KernelMaps,
    KernelResolver,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What of a loaded run whoever records it must know."""

    plan: Plan
    kernel: Kernel
    maps: KernelMaps
    resolver: KernelResolver
    sink: Sink


Load = Callable[[Mapping[str, Mechanism]], Loaded]
"""Loads the specification for the mechanisms that its programs will attach by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to run.

    ``form`` makes the output format when the style is known, which needs the loaded maps.
    ``attach`` is one of `mechanism.WANTED`. ``mode``: test or bench instead of attaching.
    ``buffer_bytes``: of the ring of each CPU; 0: what ``perf_rb_pages`` says.
    ``record`` makes what takes the place of the output.
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
    record: Callable[[Scene], AbstractContextManager[Outlet]] | None = None
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
                scene = Scene(
                    plan=plan,
                    kernel=kernel,
                    maps=KernelMaps(plan, loaded),
                    resolver=KernelResolver(plan, loaded, kernel),
                    sink=sink,
                )
                if options.record is None:
                    return _Run(loaded, scene, options, _printer(scene, options), signals).run(
                        mechanisms
                    )
                with options.record(scene) as outlet:
                    return _Run(loaded, scene, options, outlet, signals).run(mechanisms)
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


def _printer(scene: Scene, options: Options) -> Printer:
    plan = scene.plan
    style = Style(
        resolver=scene.resolver,
        trailer=plan.config.str_trunc_trailer.encode(),
        texts=plan.texts,
        color=scene.sink.color,
    )
    return Printer(
        plan,
        options.form,
        style,
        scene.sink,
        scene.maps,
        quiet=options.quiet,
        warnings=options.warnings,
    )


class _Run:
    """One loaded run; its methods are the phases."""

    def __init__(
        self,
        loaded: Loaded,
        scene: Scene,
        options: Options,
        outlet: Outlet,
        signals: Signals,
    ) -> None:
        self._plan = scene.plan
        self._loaded = loaded
        self._kernel = scene.kernel
        self._options = options
        self._sink = scene.sink
        self._outlet = outlet
        self._raw = False
        self._signals = signals
        self._process = options.process
        self._exits = any(one.kind is EventKind.EXIT for one in self._plan.events)
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
            self._raw = self._outlet.raw and reader.counts_lost()
            set_clocks(self._loaded)
            self._run_blocks(ProbeKind.BEGIN)
            begin_events = self._drained(reader)  # they wait until the probes are attached
            if self._options.mode:
                self._handle(begin_events)
                return self._trials(reader)
            with attach.attach_all(
                self._plan, self._loaded, mechanisms, self._kernel, self._options.pid
            ) as attachments:
                self._outlet.warn(attachments.warnings)
                if self._options.dry_run:
                    return Result(status=Exit.OK)
                set_control(self._loaded, Control.PID, self._options.pid)
                if not self._exits or exit_asked(self._loaded) is None:
                    set_active(self._loaded, True)
                if self._process is not None:
                    self._process.start()
                self._announce(attachments, mechanisms)
                self._handle(begin_events)
                self._look_for_exit(reader)
                if attachments.iterators and self._outlet.exit_status is None:
                    self._iterate(attachments.iterators, reader)
                else:
                    self._poll(reader)
                set_active(self._loaded, False)
                misses = ledger.read_misses(self._plan, self._loaded.programs, attachments.missed)
            return self._finish(reader, misses)

    def _trials(self, reader: Reader) -> Result:
        """Run the tests or benches between begin and end; no map is printed (language §14.4)."""
        printer = self._outlet
        assert isinstance(printer, Printer)
        run_all = trials.run_tests if self._options.mode == "test" else trials.run_benches
        good = run_all(
            self._plan, self._loaded, reader, printer.form, self._sink, printer.capturing
        )
        self._run_blocks(ProbeKind.END)
        self._handle(reader.drain())
        self._sink.flush()
        return Result(status=Exit.OK if good else Exit.FAILED)

    def _drained(self, reader: Reader) -> Received:
        """Everything that was submitted so far."""
        return reader.drain_rings() if self._raw else reader.drain()

    def _polled(self, reader: Reader, timeout: float) -> Received:
        """Waits; gives what there is to handle then."""
        return reader.poll_rings(timeout) if self._raw else reader.poll(timeout)

    def _handle(self, received: Received) -> None:
        for piece in pieces(received, BLOCK):
            self._outlet.handle(piece)

    def _run_blocks(self, kind: ProbeKind) -> None:
        for program in self._plan.programs:
            if program.kind is kind:
                attach.run_block(self._plan, self._loaded, program)

    def _announce(self, attachments: Attachments, mechanisms: Mapping[str, Mechanism]) -> None:
        blocks = sum(program.kind in TRACER_KINDS for program in self._plan.programs)
        names = {program: mechanism.value for program, mechanism in mechanisms.items()}
        self._outlet.attached(attachments.count + blocks, names)
        announce_ready(self._sink, self._options.ready_file)

    def _poll(self, reader: Reader) -> None:
        """Handle events until something ends the run; whatever was submitted then is handled."""
        if all(program.kind in _BLOCKS for program in self._plan.programs):
            return
        longest = _poll_s(self._plan)
        duration = self._options.duration_s
        deadline = None if duration is None else time.monotonic() + duration
        held = self._outlet.tick()
        while self._goes_on():
            if self._process is not None and self._process.ended():
                break
            timeout = _HELD_S if held else longest
            if deadline is not None:
                timeout = min(timeout, deadline - time.monotonic())
                if timeout <= 0:
                    break
            received = self._polled(reader, timeout)
            relieve_at = time.monotonic() + _RELIEVE_S
            for piece in pieces(received, BLOCK):
                self._outlet.handle(piece)
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
            held = self._outlet.tick()
            self._look_for_exit(reader)

    def _goes_on(self) -> bool:
        outlet = self._outlet
        return outlet.exit_status is None and not (self._signals.stop or outlet.full)

    def _look_for_exit(self, reader: Reader) -> None:
        """End a run whose `exit()` event was refused by a full buffer, or is not looked at."""
        if not self._exits or self._outlet.exit_status is not None:
            return
        asked = exit_asked(self._loaded)
        if asked is None:
            return
        set_active(self._loaded, False)
        self._handle(self._drained(reader))  # the event may only be late
        if self._outlet.exit_status is None:
            self._outlet.exit_status = asked

    def _iterate(self, links: Sequence[tuple[int, str]], reader: Reader) -> None:
        """Run every iterator once, or pin it; the run ends with the last one."""
        self._outlet.tick()
        with contextlib.ExitStack() as pins:  # a run that fails leaves no pin
            for link, pin in links:
                if pin:
                    iterators.pin(link, pin)
                    pins.callback(os.unlink, pin)
                    self._outlet.pinned(pin)
                elif not self._run_iterator(link, reader):
                    break
            pins.pop_all()

    def _run_iterator(self, link: int, reader: Reader) -> bool:
        """Whether the run goes on behind it."""
        for records in chain(iterators.read(link), ([],)):  # it may send nothing, others do
            self._handle(records)
            self._handle(self._drained(reader))
            self._outlet.tick()
            self._look_for_exit(reader)
            if not self._goes_on():
                return False
        return True

    def _user_signal(self) -> None:
        """SIGUSR1 runs the self probes of the specification; where it has none, a snapshot."""
        if any(program.kind is ProbeKind.SELF for program in self._plan.programs):
            self._run_blocks(ProbeKind.SELF)
        else:
            self._outlet.look()

    def _tell_lost(self, reader: Reader) -> None:
        """At most once a second: under pressure every batch loses something."""
        now = time.monotonic()
        if now < self._next_tell:
            return
        self._next_tell = now + 1.0
        lost = reader.lost()
        if lost > self._told_lost:
            self._outlet.lost(lost - self._told_lost)
            self._told_lost = lost

    def _finish(self, reader: Reader, misses: Mapping[str, Misses]) -> Result:
        """Everything after detaching: the rest of the events, end blocks, maps, the ledger."""
        self._handle(self._drained(reader))
        self._look_for_exit(reader)
        asked = self._outlet.reopen()
        self._run_blocks(ProbeKind.END)
        self._handle(self._drained(reader))
        self._look_for_exit(reader)
        if asked is None:
            asked = self._outlet.exit_status
        losses = ledger.build(
            self._plan,
            maps.read_counters(self._loaded.map("ledger"), len(self._plan.counters)),
            reader.lost(),
            misses,
        )
        status = self._status(asked, losses)
        found = self._outlet.finish(losses, status)
        return Result(status=status, snapshot=Snapshot(maps=found, ledger=losses))

    def _status(self, asked: int | None, losses: Ledger) -> int:
        """``exit(n)`` of the specification wins, unless a strict run lost data."""
        if self._options.strict and losses.lost:
            return Exit.LOST
        return asked or Exit.OK
