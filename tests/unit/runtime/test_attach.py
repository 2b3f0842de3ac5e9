# SPDX-License-Identifier: MIT
"""Attaching on the running kernel, and what is said when it refuses."""

from __future__ import annotations

import dataclasses
import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kptrace.errors import AttachError, HostError
from kptrace.kernel import Kernel
from kptrace.plan import Config, Plan, ProbeKind, Program, Target
from kptrace.runtime import attach, maps, refusals, tracefs_probes
from kptrace.runtime.loaded import Loaded
from kptrace.runtime.mechanism import Mechanism, choose
from kptrace.session.state import set_active

Make, Load = Callable[..., Plan], Callable[..., Loaded]
ALL = ("begin", "end", "on_tracepoint", "on_raw", "on_tick")


def run(plan: Plan, loaded: Loaded, kernel: Kernel, mechanisms: dict[str, Mechanism]) -> list[int]:
    """Attach, call getppid a prime number of times, and return the hits per program."""
    with attach.attach_all(plan, loaded, mechanisms, kernel) as attachments:
        os.getppid()  # not active yet: does not count
        set_active(loaded, True)
        for _ in range(10007):
            os.getppid()
        set_active(loaded, False)
        os.getppid()
        assert attachments.count == 3
    return maps.read_counters(loaded.map("ledger"), 2)


@pytest.mark.parametrize("mechanism", [Mechanism.LINK, Mechanism.IOCTL])
def test_counts_are_exact(
    mechanism: Mechanism, make_plan: Make, load: Load, kernel: Kernel
) -> None:
    plan = make_plan(*ALL)
    mechanisms = {**choose(plan), "on_tracepoint": mechanism, "on_tick": mechanism}
    assert run(plan, load(plan), kernel, mechanisms) == [10007, 10007]


def test_interval_fires_at_its_period(make_plan: Make, load: Load, kernel: Kernel) -> None:
    plan = make_plan("on_tick")
    loaded = load(plan)
    with attach.attach_all(plan, loaded, choose(plan), kernel):
        set_active(loaded, True)
        start = time.monotonic()
        time.sleep(0.3)
        set_active(loaded, False)
        elapsed = time.monotonic() - start
    ticks = maps.read_counters(loaded.map("ledger"), 3)[2]
    assert ticks >= 20  # of 30: a busy machine may be late
    assert ticks <= elapsed / 0.010 + 1


@pytest.mark.usefixtures("_descriptors")
def test_closing_leaves_no_descriptor(make_plan: Make, load: Load, kernel: Kernel) -> None:
    plan = make_plan(*ALL)
    loaded = load(plan)
    attach.attach_all(plan, loaded, choose(plan), kernel).close()
    loaded.close()


@pytest.mark.usefixtures("_descriptors")
def test_many_are_closed_by_threads(make_plan: Make, load: Load, kernel: Kernel) -> None:
    plan = make_plan("on_tracepoint")
    (program,) = plan.programs
    targets = tuple(
        Target(probe=f"tracepoint:{place.parent.name}:{place.name}", group=group, name=place.name)
        for group in ("block", "writeback")
        for place in (kernel.tracefs.path / "events" / group).iterdir()
        if place.is_dir()
    )
    many = dataclasses.replace(program, targets=targets)
    plan = dataclasses.replace(plan, programs=(many,))
    loaded = load(plan)
    attachments = attach.attach_all(plan, loaded, choose(plan), kernel)
    assert attachments.count == len(targets) > 32
    attachments.close()
    attachments.close()
    loaded.close()


def missing(plan: Plan, mode: str) -> Plan:
    """The plan with one more tracepoint target that does not exist."""
    nonsense = Target(probe="tracepoint:sched:nonsense", group="sched", name="nonsense")
    programs = tuple(
        dataclasses.replace(one, targets=(*one.targets, nonsense))
        if one.kind is ProbeKind.TRACEPOINT
        else one
        for one in plan.programs
    )
    return dataclasses.replace(plan, programs=programs, config=Config(missing_probes=mode))


@pytest.mark.usefixtures("_descriptors")
def test_missing_probe_is_an_error_and_detaches_the_rest(
    make_plan: Make, load: Load, kernel: Kernel
) -> None:
    plan = missing(make_plan(*ALL), "error")
    loaded = load(plan)
    with pytest.raises(AttachError) as caught:
        attach.attach_all(plan, loaded, choose(plan), kernel)
    (found,) = caught.value.diagnostics
    assert found.message == (
        "Unable to attach probe: tracepoint:sched:nonsense. If this is expected, set the"
        " 'missing_probes' config variable to 'warn'."
    )
    assert "no such tracepoint" in found.hints[0]
    loaded.close()


@pytest.mark.parametrize(("mode", "warnings"), [("warn", 1), ("ignore", 0)])
def test_missing_probe_may_be_left_out(
    mode: str, warnings: int, make_plan: Make, load: Load, kernel: Kernel
) -> None:
    plan = missing(make_plan("on_tracepoint"), mode)
    with attach.attach_all(plan, load(plan), choose(plan), kernel) as attachments:
        assert attachments.count == 1
        assert len(attachments.warnings) == warnings


def test_an_optional_target_may_be_refused(make_plan: Make, load: Load, kernel: Kernel) -> None:
    plan = missing(make_plan("on_tracepoint"), "error")
    (program,) = plan.programs
    there, nonsense = program.targets
    optional = dataclasses.replace(nonsense, optional=True)
    some = dataclasses.replace(program, targets=(there, optional))
    plan = dataclasses.replace(plan, programs=(some,))
    with attach.attach_all(plan, load(plan), choose(plan), kernel) as attachments:
        assert attachments.count == 1
        (told,) = attachments.warnings
        assert told.message == "Unable to attach probe: tracepoint:sched:nonsense. Skipping."
    nothing = dataclasses.replace(program, targets=(optional,))
    plan = dataclasses.replace(plan, programs=(nothing,))
    with pytest.raises(AttachError, match="Attachment failed for all probes"):
        attach.attach_all(plan, load(plan), choose(plan), kernel)


def test_nothing_attached_is_an_error_in_every_mode(
    make_plan: Make, load: Load, kernel: Kernel
) -> None:
    plan = missing(make_plan("on_tracepoint"), "warn")
    (program,) = plan.programs
    alone = dataclasses.replace(program, targets=program.targets[1:])
    plan = dataclasses.replace(plan, programs=(alone,))
    with pytest.raises(AttachError, match="Attachment failed for all probes"):
        attach.attach_all(plan, load(plan), choose(plan), kernel)


def test_too_many_probes(make_plan: Make, load: Load, kernel: Kernel) -> None:
    plan = dataclasses.replace(make_plan(*ALL), config=Config(max_probes=2))
    with pytest.raises(AttachError, match="Can't attach to 3 probes because it exceeds"):
        attach.attach_all(plan, load(plan), choose(plan), kernel)


def test_unmounted_tracefs(make_plan: Make, load: Load, tmp_path: Path) -> None:
    plan = make_plan("on_tracepoint")
    with Kernel(tmp_path) as nowhere, pytest.raises(HostError, match="tracefs is not mounted"):
        attach.attach_all(plan, load(plan), choose(plan), nowhere)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOENT, "no such function"),
        (errno.EINVAL, "inlined, notrace, blacklisted"),
        (errno.EADDRNOTAVAIL, "several functions have this name"),
        (errno.EILSEQ, "not the start of an instruction"),
        (errno.EIO, "the kernel refused it (EIO: Input/output error)"),
    ],
)
def test_refusals_say_why(code: int, words: str) -> None:
    target = Target(probe="kprobe:f", name="f")
    program = Program(name="f", kind=ProbeKind.KPROBE, label="kprobe:f", targets=(target,))
    found = refusals.diagnostic(program, target, code, missing_probes="warn")
    assert found.message == "Unable to attach probe: kprobe:f. Skipping."
    assert words in found.hints[0]
    named = dataclasses.replace(program, label="reads (kprobe:*)", block="reads")
    found = refusals.diagnostic(named, target, code, missing_probes="warn")
    assert found.message == "Unable to attach probe: reads (kprobe:f). Skipping."


# tracefs events, on a directory that looks like tracefs


def test_tracefs_definitions_are_appended_with_the_owners_name(tmp_path: Path) -> None:
    (tmp_path / "kprobe_events").write_text("p:others/mine vfs_open\n")
    name = tracefs_probes.define(tmp_path, 1, "ext4:ext4_file_open+4", at_return=False)
    second = tracefs_probes.define(tmp_path, 2, "vfs_read", at_return=True)
    assert name.startswith(f"kptrace_{os.getpid()}_")
    assert (tmp_path / "kprobe_events").read_text() == (
        "p:others/mine vfs_open\n"
        f"p:kptrace/{name} ext4:ext4_file_open+4\n"
        f"r:kptrace/{second} vfs_read\n"
    )


def test_only_events_of_dead_owners_are_stale(tmp_path: Path) -> None:
    events = tmp_path / "kprobe_events"
    events.write_text("")
    tracefs_probes.define(tmp_path, 1, "vfs_read", at_return=False)
    alive = events.read_text()
    reused = f"r10:kptrace/kptrace_{os.getpid()}_1_7 vfs_read\n"
    dead = "p:kptrace/kptrace_4194304_5_1 vfs_read\n"
    foreign = "p:kprobes/p_vfs_read_0 vfs_read\n"
    events.write_text(alive + reused + dead + foreign)
    assert tracefs_probes.remove_stale(tmp_path) == 2
    written = events.read_text().removeprefix(alive + reused + dead + foreign)
    assert written == (f"-:kptrace/kptrace_{os.getpid()}_1_7\n-:kptrace/kptrace_4194304_5_1\n")


def test_no_kprobe_events_means_nothing_to_clean(tmp_path: Path) -> None:
    assert tracefs_probes.remove_stale(tmp_path) == 0


def test_tracefs_misses_are_the_third_column(tmp_path: Path) -> None:
    (tmp_path / "kprobe_profile").write_text("  kptrace_1_2_3    12    5\n  other   1    1\n")
    assert tracefs_probes.missed(tmp_path, "kptrace_1_2_3") == 5
    assert tracefs_probes.missed(tmp_path, "kptrace_1_2_4") is None
