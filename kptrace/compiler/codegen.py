# SPDX-License-Identifier: MIT
"""The whole C file and the plan, from the typed programs.

In: units with their typed bodies. Out: a `Generated`, from which each dialect's text is rendered.
The bodies are made once; only declarations differ between the dialects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kptrace.compiler import arch, pieces, prelude, programs
from kptrace.compiler.check import Checked
from kptrace.compiler.declarations import Declared
from kptrace.compiler.dialect import DIALECTS, Dialect
from kptrace.compiler.events import EventTable
from kptrace.compiler.expand import Unit
from kptrace.compiler.latency import task_maps
from kptrace.compiler.map_functions import PERCPU_HASHES, map_functions
from kptrace.compiler.sessions import call
from kptrace.compiler.storage import Storage
from kptrace.compiler.writer import Shared, in_comment
from kptrace.errors import HostError
from kptrace.plan import Config, Control, CounterKind, MapKind, Plan, Program, StackMap

MAX_SCRATCH = 32768
"""Largest value of a per-CPU array (PCPU_MIN_UNIT_SIZE, include/linux/percpu.h)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """Plan and C of one specification."""

    plan: Plan
    shared: Shared
    programs: tuple[programs.Emitted, ...]
    lost: int
    zero_bytes: int
    current_pid: str
    sessions: Mapping[str, str]
    session_kfunc: str

    def text(self, dialect: str) -> str:
        """The C file in a dialect: ``core`` or ``bcc``."""
        return _render(self, DIALECTS[dialect])


def generate(
    units: tuple[Unit, ...],
    checked: Checked,
    declared: Mapping[str, Declared],
    *,
    name: str,
    machine: str,
    config: Config,
    on_stack_limit: int,
    lazy_alloc: bool,
    task_storage: Callable[[], bool] = lambda: False,
    cpus: int,
    report_failures: bool = False,
    texts: tuple[str, ...] = (),
    current_pid: str = "",
    sessions: Mapping[int, int] | None = None,
    session_kfunc: str = "",
) -> Generated:
    """Make the C bodies and the plan.

    ``sessions``: return unit by entry unit, where one link serves both; ``session_kfunc`` declares
    what tells them apart. ``current_pid``: the C of the current process's id, if the run is about
    one process (``-p``). ``task_storage``: whether the latency idiom may use it (`latency`).
    """
    infos = {key: one for key, one in checked.maps.items() if one.value is not None}
    per_task = task_maps(units, checked.bodies, infos, declared)
    if per_task and not task_storage():
        per_task = frozenset()
    storage = Storage(infos, declared, config.max_map_keys, lazy_alloc, per_task)
    shared = Shared(
        machine=arch.of(machine),
        storage=storage,
        events=EventTable(),
        on_stack_limit=on_stack_limit,
        cpus=cpus,
        report_failures=report_failures,
    )
    lost = storage.counter(CounterKind.EVENTS)
    shared.needs.update(one for one in pieces.PIECES if f"{one}(" in current_pid)
    made = tuple(
        programs.emit(unit, body, captured, shared, pid_filter=bool(current_pid))
        for unit, body, captured in zip(units, checked.bodies, checked.captured, strict=True)
    )
    for one in storage.maps:
        storage.counter(CounterKind.MAP_FULL, one.name)
        shared.values.spelling(one.value)
        if one.key is not None:
            shared.values.spelling(one.key)
    if storage.stacks:
        storage.counter(CounterKind.STACKS)
    aggregates = [one.value_size for one in storage.maps if one.kind in PERCPU_HASHES]
    names = {one.unit.index: one.name for one in made}
    partners = {names[one]: names[other] for one, other in (sessions or {}).items()}
    both = partners | {other: one for one, other in partners.items()}
    plan = Plan(
        name=name,
        arch=machine,
        programs=tuple(
            Program(
                name=one.name,
                kind=one.unit.kind,
                label=one.unit.label,
                block=one.unit.block,
                targets=one.unit.targets,
                multi=one.unit.multi and not one.overrides,
                trusted=one.unit.trusted,
                line=one.unit.probe.span.line,
                session=both.get(one.name, ""),
                notes=one.unit.notes,
            )
            for one in made
        ),
        maps=tuple(storage.maps),
        stack_maps=tuple(storage.stacks.values()),
        events=tuple(shared.events.events),
        counters=tuple(storage.counters),
        config=config,
        scratch_size=_largest(made),
        texts=texts,
    )
    return Generated(
        plan=plan,
        shared=shared,
        programs=made,
        lost=lost,
        zero_bytes=max(aggregates, default=0),
        current_pid=current_pid,
        sessions=partners,
        session_kfunc=session_kfunc,
    )


def _largest(made: tuple[programs.Emitted, ...]) -> int:
    """Bytes of a scratch slot: what the neediest program takes."""
    size = max((one.scratch_size for one in made), default=0)
    if size > MAX_SCRATCH:
        raise HostError(
            f"one probe needs {size} bytes of scratch memory; the kernel allows {MAX_SCRATCH}",
            hint="use fewer or shorter strings: str(p, N), or a smaller max_strlen",
            code="scratch",
        )
    return size


def _functions(made: Generated, dialect: Dialect) -> list[str]:
    """Every program; the return side of a session is in the program for the entry."""
    returns = set(made.sessions.values())
    by_name = {one.name: one for one in made.programs}
    found = []
    for one in made.programs:
        if one.name in made.sessions:
            other = by_name[made.sessions[one.name]]
            is_return = call(made.session_kfunc)
            found.append(programs.session(one, other, is_return, dialect))
        elif one.name not in returns:
            found.append(programs.function(one, dialect))
    return [dialect.core_only(made.session_kfunc), *found] if returns else found


def _render(made: Generated, dialect: Dialect) -> str:
    """All parts of the file, in the order in which C needs them."""
    plan, shared = made.plan, made.shared
    values = list(shared.values.declarations.values())
    functions = _functions(made, dialect)
    maps = [map_functions(one, shared, dialect) for one in plan.maps]
    parts = [
        prelude.EVENT_HEADER,
        *values,
        dialect.kernel_types(shared.kernel),
        dialect.output(),
        *_fixed_maps(made, dialect),
        prelude.LEDGER_ADD,
        prelude.send(made.lost),
        prelude.ACTIVE,
        *_helpers(made, dialect),
        *maps,
        *functions,
    ]
    body = "\n".join(part for part in parts if part)
    license_ = plan.config.license
    head = f"/* {in_comment(plan.name)}: made by kptrace; SPDX-License-Identifier: {license_} */\n"
    return "\n".join(
        part for part in (head + dialect.head(body, license_), body, dialect.tail(license_)) if part
    )


def _accessor(dialect: Dialect, symbol: str, value: str) -> str:
    lookup = dialect.lookup(symbol, "index")
    return (
        f"static __always_inline {value} *{symbol}_at(__u32 *index)\n{{\n\treturn {lookup};\n}}\n"
    )


def _fixed_maps(made: Generated, dialect: Dialect) -> list[str]:
    """The maps that every object has, and those that helpers need."""
    plan = made.plan
    wanted = [
        ("percpu_array", "ledger", "__u64", len(plan.counters)),
        ("array", "control", "__u32", len(Control)),
    ]
    for need, symbol in (("start_time", "start_time"), ("tai_offset_get", "tai_offset")):
        if need in made.shared.needs:
            wanted.append(("array", symbol, "__u64", 1))
    parts = []
    if plan.scratch_size:
        words = plan.scratch_size // 8 - 1
        parts.append(f"struct scratch_slot {{\n\t__u64 busy;\n\t__u64 words[{words}];\n}};\n")
        wanted.append(("percpu_array", "scratch", "struct scratch_slot", prelude.SLOTS))
    if made.zero_bytes:
        parts.append(f"struct zeros {{\n\t__u64 words[{made.zero_bytes // 8}];\n}};\n")
        wanted.append(("array", "zeros", "struct zeros", 1))
    for kind, symbol, value, entries in wanted:
        parts.append(dialect.map(kind, symbol, "__u32", value, entries, False))
        parts.append(_accessor(dialect, symbol, value))
    return parts


def _helpers(made: Generated, dialect: Dialect) -> list[str]:
    """Helper functions that the programs call."""
    needs = made.shared.needs
    parts = []
    if made.plan.scratch_size:
        parts.append(prelude.scratch())
    parts += pieces.needed(needs)
    parts += [dialect.core_only(text) for text in pieces.core_only(needs)]
    if "wanted_process" in needs:
        parts.append(prelude.wanted_process(made.current_pid))
    if "warn" in needs:
        parts.append(prelude.WARN)
    if "warn_failed" in needs or any(
        one.kind is not MapKind.PERCPU_ARRAY for one in made.plan.maps
    ):
        parts.append(prelude.WARN_FAILED)
    if any(need.startswith("hist_") for need in needs):
        parts.append(prelude.LOG2)
    for need in sorted(needs):
        kind, _, number = need.rpartition("_")
        if kind == "hist":
            parts.append(prelude.hist_add(int(number)))
        elif kind == "lhist":
            parts.append(prelude.lhist_add(int(number)))
        elif kind.startswith("tseries_"):
            parts.append(prelude.tseries_add(need))
    if "repeat" in needs:
        parts.append(prelude.repeat(dialect.repeat("count", "callback", "frame")))
    if made.plan.stack_maps:
        lost = made.shared.storage.counter(CounterKind.STACKS)
        parts += [_stack(one, lost, dialect) for one in made.plan.stack_maps]
        parts += [
            prelude.stack_length(one)
            for one in made.plan.stack_maps
            if f"{one.prefix}stack_{one.depth}_length" in needs
        ]
    return parts


def _stack(one: StackMap, lost: int, dialect: Dialect) -> str:
    symbol, entries = one.symbol, one.max_entries
    frames = f"struct {one.prefix}frames_{one.depth}"
    declared, functions = prelude.stack(one, lost).split("\n\n", 1)
    return "\n".join(
        [
            declared + "\n",
            dialect.map("hash", symbol, "__u64", frames, entries, False),
            f"static __always_inline {frames} *{symbol}_at(__u64 *key)\n{{\n"
            f"\treturn {dialect.lookup(symbol, 'key')};\n}}\n",
            f"static __always_inline long {symbol}_put(__u64 *key, {frames} *frames)\n{{\n"
            f"\treturn {dialect.update(symbol, 'key', 'frames', False)};\n}}\n",
            functions,
        ]
    )
