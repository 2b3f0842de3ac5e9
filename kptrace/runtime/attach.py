# SPDX-License-Identifier: MIT
"""Programs -> attached programs: all or nothing, in the order that keeps source order.

Everything here hangs on file descriptors and vanishes with the process, except tracefs events
(see `tracefs_probes`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType

from kptrace.errors import AttachError, CandidateError, Diagnostic, RunError
from kptrace.kernel import Kernel
from kptrace.plan import TRACER_KINDS, TRAMPOLINE_KINDS, Plan, ProbeKind, Program, Target
from kptrace.records import dataclass
from kptrace.runtime import bpf, cpus, perf_event, refusals, tracefs_probes
from kptrace.runtime.loaded import Loaded
from kptrace.runtime.mechanism import FUNCTION_KINDS, TARGETED, Mechanism

_NO_RIGHT = (errno.EPERM, errno.EACCES)
_MANY = 32  # attachments that are worth a pass over all symbols, and threads for closing them
_CLOSERS = 7  # beside the main thread


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """One attachment. ``link`` tells misses; ``event`` is the perf event under the program."""

    program: str
    link: int | None = None
    event: int | None = None
    tracefs_event: str = ""


class Attachments:
    """Owns everything that is attached; detaches the newest first, where there are many at once.

    ``count``: attached places, every function of a multi link by itself. ``warnings``: probes
    that were left out under ``missing_probes = warn``. ``iterators``: links of iter programs
    and where they shall be pinned ("": nowhere), in source order.
    """

    def __init__(self, tracefs: Path) -> None:
        self.count = 0
        self.iterators: list[tuple[int, str]] = []
        self.warnings: list[Diagnostic] = []
        self._tracefs = tracefs
        self._held: list[_Held] = []

    def add(self, held: _Held, places: int = 1) -> None:
        self._held.append(held)
        self.count += places

    def missed(self, program: Program) -> int | None:
        """Hits that the kernel did not deliver to a program; None when it does not tell."""
        if program.kind not in FUNCTION_KINDS:
            return 0
        total = 0
        for held in self._held:
            if held.program != program.name:
                continue
            if held.tracefs_event:
                missed = tracefs_probes.missed(self._tracefs, held.tracefs_event)
            else:
                missed = None if held.link is None else bpf.link_missed(held.link)
            if missed is None:
                return None
            total += missed
        return total

    def close(self) -> None:
        if len(self._held) < _MANY:
            self._close()
            return
        # The kernel waits for each function's event, in part without a lock: 60 were gone in 1.5 s
        # instead of 2.4 s (5.10, emulated).
        import threading

        threads = [threading.Thread(target=self._close) for _ in range(_CLOSERS)]
        started = []
        with contextlib.suppress(RuntimeError):  # no thread to be had: fewer do it
            for one in threads:
                one.start()
                started.append(one)
        self._close()
        for one in started:
            one.join()

    def _close(self) -> None:
        """Until nothing is held; any number of threads may be at it."""
        while True:
            try:
                held = self._held.pop()
            except IndexError:
                return
            for fd in (held.link, held.event):
                if fd is not None:
                    os.close(fd)
            if held.tracefs_event:
                with contextlib.suppress(OSError):
                    tracefs_probes.remove(self._tracefs, held.tracefs_event)

    def __enter__(self) -> Attachments:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def attach_all(
    plan: Plan, loaded: Loaded, mechanisms: Mapping[str, Mechanism], kernel: Kernel, pid: int = 0
) -> Attachments:
    """Attach every program but those that the tracer runs itself.

    ``pid``: profile and software events are those of this process only.
    Raises AttachError (after detaching again) when a probe is refused and the plan's
    ``missing_probes`` is ``error``, or when nothing at all could be attached.
    """
    programs = _attach_order(plan)
    wanted = sum(len(program.targets) for program in programs)
    if wanted > plan.config.max_probes:
        raise AttachError(
            f"Can't attach to {wanted} probes because it exceeds the current limit of"
            f" {plan.config.max_probes} probes.",
            hint="raise it: config = { max_probes = ...; }",
            code="max-probes",
        )
    attachments = Attachments(kernel.tracefs.path)
    attacher = _Attacher(plan, loaded, kernel, pid, attachments)
    try:
        if Mechanism.TRACEFS in mechanisms.values():
            tracefs_probes.remove_stale(kernel.tracefs.path)
        for program in programs:
            attacher.attach(program, mechanisms[program.name])
        attacher.finish(wanted)
    except BaseException:
        attachments.close()
        raise
    return attachments


def _attach_order(plan: Plan) -> list[Program]:
    """The order of attaching after which blocks on one event run in source order.

    The kernel runs kprobes of one function newest first, and so what a trampoline calls.
    Everything else it runs oldest first: tracepoint programs stand in an array, and return
    instances are taken from the end of a list that the (newest first) entry side filled.
    Observed on 6.1 and 6.12 with every mechanism; from 6.14 on kretprobe.multi keeps its
    instances elsewhere (shadow stack) and is not yet checked.
    """
    newest_first = TRAMPOLINE_KINDS | {ProbeKind.KPROBE}
    backwards = [one for one in reversed(plan.programs) if one.kind in newest_first]
    apart = TRACER_KINDS | newest_first
    return backwards + [one for one in plan.programs if one.kind not in apart]


def run_block(plan: Plan, loaded: Loaded, program: Program) -> int:
    """Run a block of the tracer's once, in this process's context; gives what it returns."""
    try:
        return bpf.prog_test_run(loaded.programs[program.name])
    except OSError as error:
        raise RunError(
            f"{program.label} of {plan.name} cannot run: {os.strerror(error.errno)}",
            hint="begin and end blocks need Linux 5.10 or later",
            code="test-run",
        ) from error


class _Attacher:
    """Attaches one program after the other and collects what is refused."""

    def __init__(
        self, plan: Plan, loaded: Loaded, kernel: Kernel, pid: int, attachments: Attachments
    ) -> None:
        self._plan = plan
        self._loaded = loaded
        self._kernel = kernel
        self._pid = pid
        self._attachments = attachments
        self._refused: list[Diagnostic] = []
        self._skipped: list[Diagnostic] = []
        self._candidates: dict[tuple[str, str], str] = {}
        self._serial = 0

    def attach(self, program: Program, mechanism: Mechanism) -> None:
        if mechanism is Mechanism.SESSION and program.kind is ProbeKind.KRETPROBE:
            return  # in the program for the entry
        if mechanism in (Mechanism.MULTI, Mechanism.SESSION):
            # of several functions with one name the kernel would take any: these have addresses
            for placed in (False, True):
                some = [one for one in program.targets if bool(one.address) is placed]
                if some:
                    self._multi(program, some)
            return
        by_address = self._by_address(program, mechanism)
        for target in program.targets:
            with self._refusal(program, target):
                if program.kind in _EVERYWHERE:
                    self._everywhere(program, target, link=mechanism is Mechanism.LINK)
                    continue
                place = by_address.get(target, target)
                self._attachments.add(self._one(program, place, mechanism))

    def _by_address(self, program: Program, mechanism: Mechanism) -> dict[Target, Target]:
        """Many functions with their addresses: before 6.2 the kernel searches all its symbols for
        each name, which was four fifths of the time to attach (5.10)."""
        if program.kind not in FUNCTION_KINDS or mechanism is Mechanism.TRACEFS:
            return {}
        plain = [one for one in program.targets if not (one.address or one.offset or one.group)]
        if len(plain) < _MANY:
            return {}
        found = self._kernel.symbols.alone([one.name for one in plain])
        return {
            one: dataclasses.replace(one, address=found[one.name])
            for one in plain
            if one.name in found
        }

    def finish(self, wanted: int) -> None:
        if self._candidates:  # before anything counts: another candidate may do
            raise CandidateError(self._refused, self._candidates)
        mode = self._plan.config.missing_probes
        if self._refused and mode == "error":
            raise AttachError.of(self._refused)
        refused = [*self._refused, *self._skipped]
        if wanted and not self._attachments.count and refused and self._nothing_else():
            nothing = Diagnostic(code="attach", message="Attachment failed for all probes.")
            raise AttachError.of([nothing, *refused])
        if mode != "ignore":
            self._attachments.warnings += refused

    def _nothing_else(self) -> bool:
        """Whether the plan has no block that the tracer runs itself."""
        return not any(program.kind in TRACER_KINDS for program in self._plan.programs)

    @contextlib.contextmanager
    def _refusal(self, program: Program, target: Target) -> Iterator[None]:
        """Turn an OSError of the kernel into a finding about one probe."""
        try:
            yield
        except OSError as error:
            if error.errno in _NO_RIGHT:
                raise refusals.no_right(program, target) from error
            mode = "warn" if target.optional else self._plan.config.missing_probes
            refused = refusals.diagnostic(program, target, error.errno, missing_probes=mode)
            (self._skipped if target.optional else self._refused).append(refused)
            if target.hook:
                self._candidates[target.hook, target.candidate] = refused.hints[0]

    def _one(self, program: Program, target: Target, mechanism: Mechanism) -> _Held:
        if mechanism is Mechanism.RAW_TRACEPOINT:
            fd = bpf.raw_tracepoint_open(self._loaded.programs[program.name], target.name)
            return _Held(program=program.name, link=fd)
        if mechanism in TARGETED:
            loaded = self._loaded.programs.get(program.name)
            if loaded is None:  # what it is for is not in BTF
                raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
            if mechanism is not Mechanism.ITERATOR:
                return _Held(program=program.name, link=bpf.raw_tracepoint_open(loaded))
            link = bpf.link_iterator(loaded)
            self._attachments.iterators.append((link, target.pin))
            return _Held(program=program.name, link=link)
        if mechanism is Mechanism.TRACEFS and program.kind in FUNCTION_KINDS:
            return self._tracefs(program, target)
        event = _OPEN[program.kind](target, self._kernel)
        return self._hang(program, event, link=mechanism is Mechanism.LINK)

    def _everywhere(self, program: Program, target: Target, *, link: bool) -> None:
        """A timer or software event on every online CPU, or on every thread of one process."""
        events = _open_threads(target, self._pid) if self._pid else _open_cpus(target)
        if not events:  # the process has ended: nothing will fire, and the run ends
            self._attachments.count += 1
        try:
            for number in range(len(events)):
                held = self._hang(program, events.pop(), link=link)
                self._attachments.add(held, places=0 if number else 1)
        finally:
            for event in events:
                os.close(event)

    def _hang(self, program: Program, event: int, *, link: bool, tracefs_event: str = "") -> _Held:
        """Put a program on a perf event and let it run; owns the event from here on."""
        program_fd = self._loaded.programs[program.name]
        link_fd: int | None = None
        try:
            if link:
                link_fd = bpf.link_perf_event(program_fd, event)
            else:
                perf_event.set_program(event, program_fd)
            perf_event.enable(event)
        except OSError:
            if link_fd is not None:
                os.close(link_fd)
            os.close(event)
            raise
        return _Held(program=program.name, link=link_fd, event=event, tracefs_event=tracefs_event)

    def _tracefs(self, program: Program, target: Target) -> _Held:
        self._serial += 1
        tracefs = self._kernel.tracefs.path
        name = tracefs_probes.define(
            tracefs, self._serial, _place(target), at_return=_at_return(program)
        )
        try:
            event = perf_event.open_tracepoint(tracefs_probes.event_id(tracefs, name))
            return self._hang(program, event, link=False, tracefs_event=name)
        except BaseException:
            with contextlib.suppress(OSError):
                tracefs_probes.remove(tracefs, name)
            raise

    def _multi(self, program: Program, targets: list[Target]) -> None:
        """One link for all targets; refused as a whole, so halve until the bad ones stand alone.

        All of them, or none, have addresses.
        """
        addresses = [target.address for target in targets if target.address]
        try:
            link = bpf.link_kprobe_multi(
                self._loaded.programs[program.name],
                symbols=None if addresses else [target.name for target in targets],
                addresses=addresses or None,
                at_return=_at_return(program),
                attach_type=_multi_type(program),
            )
        except OSError as error:
            if error.errno in _NO_RIGHT:
                raise refusals.no_right(program, targets[0]) from error
            if len(targets) == 1:
                with self._refusal(program, targets[0]):
                    self._multi_by_address(program, targets[0], error)
                return
            middle = len(targets) // 2
            self._multi(program, targets[:middle])
            self._multi(program, targets[middle:])
            return
        self._attachments.add(_Held(program=program.name, link=link), len(targets))

    def _multi_by_address(self, program: Program, target: Target, refusal: OSError) -> None:
        """Module functions: the kernel takes their names only since 6.2, addresses always."""
        address = _first_address(target, self._kernel) if refusal.errno == errno.ESRCH else 0
        if not address or target.address:
            raise refusal
        link = bpf.link_kprobe_multi(
            self._loaded.programs[program.name],
            addresses=[address],
            at_return=_at_return(program),
            attach_type=_multi_type(program),
        )
        self._attachments.add(_Held(program=program.name, link=link))


def _multi_type(program: Program) -> bpf.AttachType:
    session = bpf.AttachType.TRACE_KPROBE_SESSION
    return session if program.session else bpf.AttachType.TRACE_KPROBE_MULTI


def _at_return(program: Program) -> bool:
    return program.kind is ProbeKind.KRETPROBE


def _place(target: Target) -> str:
    """A kprobe's place as tracefs writes it: ``[module:]symbol[+offset]``, or an address."""
    if target.address:
        return f"{target.address:#x}"
    name = _kernel_name(target)
    return f"{name}+{target.offset}" if target.offset else name


def _kernel_name(target: Target) -> str:
    # The core kernel is no module to the kernel.
    core = target.group in ("", "vmlinux")
    return target.name if core else f"{target.group}:{target.name}"


def _first_address(target: Target, kernel: Kernel) -> int:
    """Where the kernel finds a function first; 0 when it is unknown or hidden."""
    symbols = kernel.symbols.lookup(target.name, target.group or None)
    return symbols[0].address if symbols else 0


def _open_kprobe(target: Target, kernel: Kernel, *, at_return: bool = False) -> int:
    name = _kernel_name(target)
    try:
        return perf_event.open_kprobe(
            name, offset=target.offset, address=target.address, at_return=at_return
        )
    except OSError as error:
        # EADDRNOTAVAIL: several functions have the name, take the first as older kernels do.
        # ENOENT: stable kernels of 2024 could not find "module:symbol".
        if error.errno not in (errno.EADDRNOTAVAIL, errno.ENOENT):
            raise
        address = _first_address(target, kernel)
        if not address:
            raise
    return perf_event.open_kprobe("", address=address + target.offset, at_return=at_return)


_EVERYWHERE = (ProbeKind.PROFILE, ProbeKind.SOFTWARE)


def _open_cpus(target: Target) -> list[int]:
    """The events of one target on all online CPUs."""
    if target.period_ns:
        return _open_all(cpus.online(), lambda cpu: perf_event.open_timer(target.period_ns, cpu))
    return _open_all(
        cpus.online(), lambda cpu: perf_event.open_software(target.name, target.count, cpu)
    )


def _open_threads(target: Target, pid: int) -> list[int]:
    """The events of one target on all threads of a process; none if it has ended."""
    try:
        threads = [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except FileNotFoundError:
        return []
    name, period = (
        ("cpu-clock", target.period_ns)
        if target.period_ns
        else (
            target.name,
            target.count,
        )
    )
    return _open_all(threads, lambda one: perf_event.open_for_thread(name, period, one))


def _open_all(places: Iterable[int], opener: Callable[[int], int]) -> list[int]:
    """An event at each place; one that vanished meanwhile (CPU, thread) is left out."""
    events: list[int] = []
    for place in places:
        try:
            events.append(opener(place))
        except OSError as error:
            if error.errno not in (errno.ENODEV, errno.ESRCH):
                for event in events:
                    os.close(event)
                raise
    return events


def _open_tracepoint(target: Target, kernel: Kernel) -> int:
    kernel.tracefs.require()
    path = kernel.tracefs.path / "events" / target.group / target.name / "id"
    return perf_event.open_tracepoint(int(path.read_text()))


_OPEN: dict[ProbeKind, Callable[[Target, Kernel], int]] = {
    ProbeKind.KPROBE: _open_kprobe,
    ProbeKind.KRETPROBE: lambda target, kernel: _open_kprobe(target, kernel, at_return=True),
    ProbeKind.TRACEPOINT: _open_tracepoint,
    ProbeKind.INTERVAL: lambda target, _: perf_event.open_timer(target.period_ns),
}
