# SPDX-License-Identifier: MIT
"""The whole C file and the plan, from the typed programs.

In: units with their typed bodies. Out: a `Generated`, from which each dialect's text is rendered.
The bodies are made once; only declarations differ between the dialects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kptrace.compiler import arch, pieces, prelude, tree
from kptrace.compiler.check import Checked
from kptrace.compiler.declarations import Declared
from kptrace.compiler.dialect import DIALECTS, Dialect
from kptrace.compiler.emitter import Emitter
from kptrace.compiler.events import EventTable
from kptrace.compiler.expand import Unit
from kptrace.compiler.map_functions import PERCPU_HASHES, map_functions
from kptrace.compiler.storage import Storage
from kptrace.compiler.writer import Shared
from kptrace.errors import HostError
from kptrace.plan import (
    ALWAYS_KINDS,
    TIMER_KINDS,
    TRACER_KINDS,
    Config,
    CounterKind,
    Plan,
    ProbeKind,
    Program,
)

MAX_SCRATCH = 32768
"""Largest value of a per-CPU array (PCPU_MIN_UNIT_SIZE, include/linux/percpu.h)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Program:
    """C text of one program: its structs, the functions of its loops, its own function."""

    unit: Unit
    name: str
    scratch: str
    context: str
    loops: str
    body: str
    hits: int
    nesting: int
    scratch_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """Plan and C of one specification."""

    plan: Plan
    shared: Shared
    programs: tuple[_Program, ...]
    lost: int
    zero_bytes: int

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
    cpus: int,
    texts: tuple[str, ...] = (),
) -> Generated:
    """Make the C bodies and the plan."""
    infos = {key: one for key, one in checked.maps.items() if one.value is not None}
    storage = Storage(infos, declared, config.max_map_keys, lazy_alloc)
    shared = Shared(
        machine=arch.of(machine),
        storage=storage,
        events=EventTable(),
        on_stack_limit=on_stack_limit,
        cpus=cpus,
    )
    lost = storage.counter(CounterKind.EVENTS)
    programs = tuple(
        _program(unit, body, captured, shared)
        for unit, body, captured in zip(units, checked.bodies, checked.captured, strict=True)
    )
    for one in storage.maps:
        storage.counter(CounterKind.MAP_FULL, one.name)
        storage.full_warning(shared.events, one)
        shared.values.spelling(one.value)
        if one.key is not None:
            shared.values.spelling(one.key)
    if storage.stacks:
        storage.counter(CounterKind.STACKS)
    aggregates = [one.value_size for one in storage.maps if one.kind in PERCPU_HASHES]
    plan = Plan(
        name=name,
        arch=machine,
        programs=tuple(
            Program(
                name=one.name,
                kind=one.unit.kind,
                label=one.unit.label,
                targets=one.unit.targets,
                multi=one.unit.multi,
                line=one.unit.probe.span.line,
            )
            for one in programs
        ),
        maps=tuple(storage.maps),
        stack_maps=tuple(storage.stacks.values()),
        events=tuple(shared.events.events),
        counters=tuple(storage.counters),
        config=config,
        scratch_size=_largest(programs),
        texts=texts,
    )
    return Generated(
        plan=plan,
        shared=shared,
        programs=programs,
        lost=lost,
        zero_bytes=max(aggregates, default=0),
    )


def _largest(programs: tuple[_Program, ...]) -> int:
    """Bytes of a scratch slot: what the neediest program takes."""
    size = max((one.scratch_size for one in programs), default=0)
    if size > MAX_SCRATCH:
        raise HostError(
            f"one probe needs {size} bytes of scratch memory; the kernel allows {MAX_SCRATCH}",
            hint="use fewer or shorter strings: str(p, N), or a smaller max_strlen",
            code="scratch",
        )
    return size


def _render(made: Generated, dialect: Dialect) -> str:
    """All parts of the file, in the order in which C needs them."""
    plan, shared = made.plan, made.shared
    values = list(shared.values.declarations.values())
    programs = [_function(one, dialect) for one in made.programs]
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
        *programs,
    ]
    body = "\n".join(part for part in parts if part)
    license_ = plan.config.license
    head = f"/* {plan.name}: made by kptrace; SPDX-License-Identifier: {license_} */\n"
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
        ("array", "control", "__u32", 1),
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
    if "warn" in needs or made.plan.maps:
        parts.append(prelude.WARN)
    if any(need.startswith("hist_") for need in needs):
        parts.append(prelude.LOG2)
    for need in sorted(needs):
        kind, _, number = need.rpartition("_")
        if kind == "hist":
            parts.append(prelude.hist_add(int(number)))
        elif kind == "lhist":
            parts.append(prelude.lhist_add(int(number)))
    if "repeat" in needs:
        parts.append(prelude.repeat(dialect.repeat("count", "callback", "frame")))
    if made.plan.stack_maps:
        lost = made.shared.storage.counter(CounterKind.STACKS)
        parts += [_stack(one.depth, one.symbol, one.max_entries, lost, dialect)
                  for one in made.plan.stack_maps]  # fmt: skip
    return parts


def _stack(depth: int, symbol: str, entries: int, lost: int, dialect: Dialect) -> str:
    frames = f"struct frames_{depth}"
    declared, functions = prelude.stack(depth, lost).split("\n\n", 1)
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


def _function(one: _Program, dialect: Dialect) -> str:
    """The program: hits are counted, then the body runs, in a scratch slot if it needs one."""
    kind = one.unit.kind
    context = "__u64 *"
    if kind is ProbeKind.TRACEPOINT:
        context = f"struct {one.name}_record *"
    elif kind in TIMER_KINDS | TRACER_KINDS:
        context = "void *"
    default = 1 if kind is ProbeKind.TRACEPOINT else 0
    guard = "" if kind in ALWAYS_KINDS else f"\tif (!active())\n\t\treturn {default};\n"
    label = one.unit.label.replace("*/", "* /").replace("/*", "/ *")
    head = f"/* {label} */\n"
    hits = f"\tledger_add({one.hits});\n"
    if not one.scratch:
        return (
            f"{one.context}{one.loops}{head}"
            f"{dialect.program(kind, one.name, context)}\n{{\n{guard}{hits}"
            f"{one.body}\n\treturn {default};\n}}\n"
        )
    scratch = f"struct {one.name}_scratch *scratch"
    return (
        f"{one.context}{one.scratch}\n{one.loops}"
        f"static __always_inline int {one.name}_body({context}ctx, {scratch})\n{{\n"
        f"{one.body}\n\treturn {default};\n}}\n\n"
        f"{head}{dialect.program(kind, one.name, context)}\n{{\n"
        f"\tstruct scratch_slot *slot;\n\tint result;\n\n{guard}{hits}"
        f"\tslot = scratch_enter({one.nesting});\n\tif (!slot)\n\t\treturn {default};\n"
        f"\tresult = {one.name}_body(ctx, (void *)slot);\n"
        f"\t__sync_fetch_and_add(&slot->busy, -1);\n"
        f"\treturn result;\n}}\n"
    )


def _program(unit: Unit, body: tree.Body, captured: frozenset[str], shared: Shared) -> _Program:
    name = f"probe_{unit.index}"
    default = 1 if unit.kind is ProbeKind.TRACEPOINT else 0
    emitter = Emitter(shared, default, name, captured)
    emitter.body(body)
    hits = shared.storage.counter(CounterKind.HITS, name)
    scratch = ""
    nesting = -1
    if emitter.scratch:
        nesting = shared.storage.counter(CounterKind.NESTING, name)
        fields = "".join(
            f"\t{spelling} {field} __attribute__((aligned(8)));\n"
            for spelling, field, _ in emitter.scratch
        )
        scratch = f"struct {name}_scratch {{\n\t__u64 busy;\n{fields}}};\n"
    context = ""
    if unit.kind is ProbeKind.TRACEPOINT:
        context = _context(name, emitter.context)
    return _Program(
        unit=unit,
        name=name,
        scratch=scratch,
        context=context,
        loops=_loops(name, emitter),
        body="\n".join([*_frame(name, emitter), *emitter.lines]),
        hits=hits,
        nesting=nesting,
        scratch_size=_scratch_size([size for _, _, size in emitter.scratch]),
    )


def _loops(name: str, emitter: Emitter) -> str:
    """The functions of a program's loops, with the struct that they share."""
    if not emitter.functions:
        return ""
    fields = "".join(f"\t{one};\n" for one in emitter.frame.values())
    return "\n".join([f"struct {name}_frame {{\n{fields}}};\n", *emitter.functions, ""])


def _frame(name: str, emitter: Emitter) -> list[str]:
    """The lines that set up what a program shares with its loops."""
    if not emitter.functions:
        return []
    kind = f"struct {name}_frame"
    lines = [f"\t{kind} shared;", f"\t{kind} *frame = &shared;", ""]
    lines += [f"\tframe->{one} = {one};" for one in ("ctx", "scratch") if one in emitter.frame]
    if "left" in emitter.frame:
        lines.append("\tframe->left = 0;")
    return lines


def _scratch_size(sizes: list[int]) -> int:
    """Bytes of a program's scratch struct: the busy word and objects aligned to 8; 0 for none."""
    return 8 + sum(-(-size // 8) * 8 for size in sizes) if sizes else 0


def _context(name: str, fields: list[tuple[str, int, int]]) -> str:
    """The tracepoint's record with the fields that the program reads, at their offsets."""
    members = []
    position = 0
    for index, (field, offset, size) in enumerate(sorted(set(fields), key=lambda one: one[1])):
        if offset > position:
            members.append(f"\t__u8 before_{index}[{offset - position}];\n")
        members.append(f"\t__u{size * 8} {field};\n")
        position = offset + size
    body = "".join(members) or "\t__u64 common;\n"
    packed = any(offset % size for _, offset, size in fields)
    return f"struct {name}_record {{\n{body}}}{' __attribute__((packed))' if packed else ''};\n"
