# SPDX-License-Identifier: MIT
"""Objects in the core form, compiled from C, and plans for them.

These tests load and attach for real, on whatever kernel they run on: they need root and clang,
no kprobes. Without root they fail, they do not skip.
"""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kptrace import types
from kptrace.kernel import Kernel
from kptrace.plan import (
    Counter,
    CounterKind,
    Event,
    EventKind,
    Field,
    Map,
    MapKind,
    Plan,
    ProbeKind,
    Program,
    Target,
)
from kptrace.runtime import bpf, libbpf_loader, mechanism
from kptrace.runtime.loaded import Loaded

OBJECTS = Path(__file__).parent / "objects"
GETPPID = {"x86_64": 110, "aarch64": 173, "ppc64le": 64}[platform.machine()]


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    """A function from the name of a C file to its object's bytes."""
    folder = tmp_path_factory.mktemp("objects")

    def compiled(name: str) -> bytes:
        target = folder / f"{name}.o"
        if not target.exists():
            flags = ["-O2", "-g", "-target", "bpf", "-Wall", "-Werror", f"-DGETPPID={GETPPID}"]
            source = OBJECTS / f"{name}.c"
            subprocess.run(["clang", *flags, "-c", str(source), "-o", str(target)], check=True)
        return target.read_bytes()

    return compiled


@pytest.fixture(scope="session")
def kernel() -> Iterator[Kernel]:
    """The running kernel, with tracefs mounted."""
    assert os.geteuid() == 0, "these tests load BPF programs: run them as root"
    with Kernel() as one:
        if one.tracefs.problem:
            mount = ["mount", "-t", "tracefs", "tracefs", "/sys/kernel/tracing"]
            subprocess.run(mount, check=True)
    with Kernel() as one:
        yield one


def program(function: str, kind: ProbeKind, **place: Any) -> Program:
    label = kind.value
    target = Target(probe=label, **place)
    return Program(name=function, kind=kind, label=label, targets=(target,))


BEGIN = program("begin", ProbeKind.BEGIN)
END = program("end", ProbeKind.END)
TRACEPOINT = program("on_tracepoint", ProbeKind.TRACEPOINT, group="raw_syscalls", name="sys_enter")
RAW = program("on_raw", ProbeKind.RAWTRACEPOINT, name="sys_enter")
TICK = program("on_tick", ProbeKind.INTERVAL, period_ns=10_000_000)

SIZES = {0: 16, 1: 28, 2: 16, 3: 16}


def event(number: int, kind: EventKind, **more: Any) -> Event:
    return Event(id=number, kind=kind, size=SIZES[number], **more)


CALL_FIELDS = (
    Field(name="number", type=types.UINT64, offset=16),
    Field(name="tid", type=types.UINT32, offset=24),
)
EVENTS = (
    event(0, EventKind.PRINTF, text="begin\n"),
    event(1, EventKind.PRINTF, text="call %d\n", fields=CALL_FIELDS[:1]),
    event(2, EventKind.PRINTF, text="tick\n"),
    event(3, EventKind.PRINTF, text="end\n"),
)
COUNTERS = (
    Counter(kind=CounterKind.HITS, subject="on_tracepoint"),
    Counter(kind=CounterKind.HITS, subject="on_raw"),
    Counter(kind=CounterKind.HITS, subject="on_tick"),
    Counter(kind=CounterKind.EVENTS),
    Counter(kind=CounterKind.MAP_FULL, subject="@calls"),
)
CALLS = Map(
    name="@calls",
    symbol="calls",
    kind=MapKind.PERCPU_HASH,
    key=types.UINT64,
    value=types.Sum(False),
    max_entries=4,
)


@pytest.fixture(scope="session")
def make_plan() -> Callable[..., Plan]:
    """A plan for probes.c with some of its programs and, where given, other events."""
    known = {one.name: one for one in (BEGIN, END, TRACEPOINT, RAW, TICK)}

    def make(*names: str, events: tuple[Event, ...] = (), **more: Any) -> Plan:
        changed = {one.id: one for one in events}
        return Plan(
            name="test",
            arch=platform.machine(),
            programs=tuple(known[name] for name in names),
            maps=(CALLS,),
            events=tuple(changed.get(one.id, one) for one in EVENTS),
            counters=COUNTERS,
            **more,
        )

    return make


@pytest.fixture
def load(build: Callable[[str], bytes], kernel: Kernel) -> Iterator[Callable[..., Loaded]]:
    """Loads probes.c for a plan; the programs see this process as their target."""
    opened: list[Loaded] = []

    def loaded(plan: Plan, target: int | None = None) -> Loaded:
        one = libbpf_loader.load(build("probes"), plan, mechanism.choose(plan))
        opened.append(one)
        pid = os.getpid() if target is None else target
        bpf.map_update(one.map("target"), bytes(4), pid.to_bytes(4, "little"))
        return one

    yield loaded
    for one in opened:
        one.close()


@pytest.fixture
def _descriptors() -> Iterator[None]:
    """The test must not leak file descriptors."""
    before = set(os.listdir("/proc/self/fd"))
    yield
    assert set(os.listdir("/proc/self/fd")) <= before
