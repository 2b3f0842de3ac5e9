# SPDX-License-Identifier: MIT
"""The captures of a fleet as one answer: CPU time and peak memory of ``kptrace merge``.

A generated host has eight CPUs and counted latencies as biolatency does: histograms with 32 buckets
for each power of two, by disk and operation, and calls by command.
"""

from __future__ import annotations

import random
import struct
import tempfile
from pathlib import Path

from measure import Budget, Row, row
from tools import Bench, run

from kptrace import types
from kptrace.aggregate import HistogramState, Ledger, ProbeLoss
from kptrace.capture import Clocks, Header, Host, Kind, Specification, Writer, content
from kptrace.capture.content import End, Purpose
from kptrace.capture.header import pack_header
from kptrace.entries import Entries
from kptrace.plan import Map, MapKind, Plan, ProbeKind, Program, Target

_HOSTS = 1000
_CPUS = 8
_KEYS = 20
_COMMANDS = 100
_DIFFERENT = 10
"""Hosts with numbers of their own; the others repeat them."""
_LATENCIES = types.Hist(5, 0)


def measure(bench: Bench) -> list[Row]:
    count = bench.size(_HOSTS)
    times, memory = [], []
    with tempfile.TemporaryDirectory() as directory:
        files = _write(Path(directory), count)
        megabytes = sum(one.stat().st_size for one in files) >> 20
        for _ in range(bench.rounds):
            used = run([*bench.kptrace.command, "merge", *map(str, files)])
            times.append(used.cpu_s)
            memory.append(used.peak_mib)
    name = f"merge {count:,} captures ({megabytes} MiB)"
    return [
        row(f"{name}: CPU time", "s", times, budget=Budget(limit=5)),
        row(f"{name}: peak memory", "MiB", memory),
    ]


def _write(directory: Path, count: int) -> list[Path]:
    chance = random.Random(1)
    plan = _plan()
    bodies = [_bodies(plan, chance) for _ in range(min(count, _DIFFERENT))]
    return [
        _capture(directory / f"{number}.kpt", plan, number, bodies[number % len(bodies)])
        for number in range(count)
    ]


def _plan() -> Plan:
    def map_(name: str, key: types.Type, value: types.Type) -> Map:
        return Map(
            name=name,
            symbol=name[1:],
            kind=MapKind.PERCPU_HASH,
            key=key,
            value=value,
            max_entries=4096,
        )

    programs = tuple(
        Program(
            name=f"program_{number}",
            kind=ProbeKind.RAWTRACEPOINT,
            label=f"rawtracepoint:block_rq_complete_{number}",
            targets=(Target(probe=f"rawtracepoint:block_rq_complete_{number}", name="x"),),
        )
        for number in range(20)
    )
    disk = types.Tuple((types.String(32), types.String(16)))
    return Plan(
        name="biolatency",
        arch="x86_64",
        programs=programs,
        maps=(
            map_("@device_us", disk, _LATENCIES),
            map_("@calls", types.COMM, types.Count()),
            map_("@us", types.COMM, types.Stats(True)),
        ),
    )


def _bodies(plan: Plan, chance: random.Random) -> list[bytes]:
    """Frames of all maps."""
    found: list[bytes] = []
    for index, entries in enumerate((_disks(chance), _counts(chance, 1), _counts(chance, 2))):
        map_ = plan.maps[index]
        found += content.pack_map(index, map_, entries, Purpose.FINAL, zeroed=False)
    return found


def _disks(chance: random.Random) -> Entries:
    keys = [f"nvme{n}n1".encode().ljust(32, b"\0") + b"read".ljust(16, b"\0") for n in range(_KEYS)]
    values = []
    for _ in range(_KEYS * _CPUS):
        state = HistogramState(_LATENCIES)
        for _ in range(200):
            state.add(int(chance.lognormvariate(5, 1.5)))
        values.append(state.pack())
    return Entries(count=_KEYS, keys=b"".join(keys), values=b"".join(values), copies=_CPUS)


def _counts(chance: random.Random, words: int) -> Entries:
    keys = [f"command{number}".encode().ljust(16, b"\0") for number in range(_COMMANDS)]
    numbers = [chance.randrange(1 << 20) for _ in range(_COMMANDS * _CPUS * words)]
    values = struct.pack(f"<{len(numbers)}Q", *numbers)
    return Entries(count=_COMMANDS, keys=b"".join(keys), values=values, copies=_CPUS)


def _capture(path: Path, plan: Plan, number: int, bodies: list[bytes]) -> Path:
    host = Host(
        name=f"host-{number}",
        release="6.12.0",
        version="#1 SMP",
        arch="x86_64",
        build_id="00" * 20,
        boot_id=f"{number}",
        cpus=_CPUS,
    )
    header = Header(
        plan=plan,
        run=f"{number:032x}",
        host=host,
        clocks=Clocks(monotonic=number, boot=number, tai=-37 * 10**9),
        specification=Specification(name="biolatency.bt", text="// biolatency\n" * 100),
        kptrace="0.1.0",
    )
    losses = tuple(
        ProbeLoss(label=one.label, hits=1000, missed=0, recursion=0) for one in plan.programs
    )
    with Writer(str(path)) as writer:
        writer.append(Kind.HEADER, pack_header(header))
        for body in bodies:
            writer.append(Kind.MAP, body)
        end = End(ledger=Ledger(probes=losses), status=0, reason="", wall_ns=number)
        writer.append(Kind.END, content.pack_end(end))
    return path
