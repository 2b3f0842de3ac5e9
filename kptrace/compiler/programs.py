# SPDX-License-Identifier: MIT
"""One program: what stands around the user's block, and the function that the kernel calls.

Everything that a block can rely on is here: it runs only while probes count, only for the wanted
process, and with scratch memory of its own. The block itself comes from `emitter`.
"""

from __future__ import annotations

from dataclasses import dataclass

from kptrace import types
from kptrace.compiler import tree
from kptrace.compiler.dialect import Dialect
from kptrace.compiler.emitter import Emitter
from kptrace.compiler.expand import Unit
from kptrace.compiler.writer import Shared, in_comment
from kptrace.plan import (
    ALWAYS_KINDS,
    PID_FILTERED_KINDS,
    TIMER_KINDS,
    TRACER_KINDS,
    CounterKind,
    EventKind,
    ProbeKind,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Emitted:
    """C text of one program: its structs, the functions of its loops, its own function.

    ``default`` is what it returns unless the block says otherwise; ``filtered``: it looks at the
    process first; ``hits`` and ``nesting`` are counters of the ledger. ``overrides``: it replaces
    the probed function, which no program on many functions may do. ``warnings`` are what it may
    tell while it runs.
    """

    unit: Unit
    name: str
    scratch: str
    context: str
    loops: str
    body: str
    default: int
    filtered: bool
    overrides: bool
    hits: int
    nesting: int
    scratch_size: int
    warnings: tuple[str, ...] = ()


def emit(
    unit: Unit, body: tree.Body, captured: frozenset[str], shared: Shared, *, pid_filter: bool
) -> Emitted:
    """The C of one unit.

    ``captured``: slots of variables that loops share with it; ``pid_filter``: the run is about one
    process (``-p``).
    """
    name = f"probe_{unit.index}"
    default = 1 if unit.kind is ProbeKind.TRACEPOINT else 0
    emitter = Emitter(shared, default, name, captured)
    if unit.kind is ProbeKind.ITER:
        emitter.sender, emitter.slots = "send_iter", _objects(unit)
        if not unit.targets[0].pin:
            shared.needs.add("send_iter")
    known = len(shared.events.events)
    emitter.body(body)
    warnings = (one.text for one in shared.events.events[known:] if one.kind is EventKind.WARNING)
    hits = shared.storage.counter(CounterKind.HITS, name)
    first = _frame(name, emitter)
    if unit.kind is ProbeKind.ITER:
        if emitter.sent:
            shared.needs.add("no_room")
        first += _first_of_iterator(emitter, hits)
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
    filtered = pid_filter and unit.kind in PID_FILTERED_KINDS
    if filtered:
        shared.needs.add("wanted_process")
    if unit.kind is ProbeKind.BENCH:
        shared.needs.add("bench_repeat")
    loops = _loops(name, emitter)
    text = "\n".join([*first, *emitter.lines])
    return Emitted(
        unit=unit,
        name=name,
        scratch=scratch,
        context=context,
        loops=loops,
        body=text,
        default=default,
        filtered=filtered,
        overrides=any("bpf_override_return(" in one for one in (loops, text)),
        hits=hits,
        nesting=nesting,
        scratch_size=_scratch_size([size for _, _, size in emitter.scratch]),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _objects(unit: Unit) -> frozenset[int]:
    """The slots of an iterator's context with what it runs over; slot 0 is about the run itself."""
    assert unit.prototype is not None
    params = enumerate(unit.prototype.params)
    return frozenset(
        index for index, one in params if index and isinstance(one.type, types.Pointer)
    )


def _first_of_iterator(emitter: Emitter, hits: int) -> list[str]:
    """Loads the objects, which are null after the last one; and asks for an object once more where
    what it prints would not fit, before it has changed anything."""
    lines = []
    for index in sorted(emitter.slots):
        lines.append(f"\t__u64 iterated_{index} = ctx[{index}];")
    for index in sorted(emitter.slots):
        lines += [f"\tif (!iterated_{index})", "\t\treturn 0;"]
    if emitter.sent:
        lines += [f"\tif (no_room(ctx, {emitter.sent}))", "\t\treturn 1;"]
    return [*lines, f"\tledger_add({hits});"]


def function(one: Emitted, dialect: Dialect) -> str:
    """The program in a dialect, with everything that it needs before it."""
    head = f"/* {in_comment(one.unit.label)} */\n"
    context = _context_type(one)
    entry = f"{head}{dialect.program(one.unit.kind, one.name, context, one.unit.trusted)}\n"
    if one.unit.kind is ProbeKind.BENCH:
        once = f"static __always_inline int {one.name}_once(void *ctx)\n"
        return _around(one, context, once) + "\n" + _bench(one, entry, dialect)
    return _around(one, context, entry)


def session(one: Emitted, other: Emitted, is_return: str, dialect: Dialect) -> str:
    """Entry and return in one program; what a block returns would keep the other from running."""
    sides = [
        _around(side, "__u64 *", f"static __always_inline int {side.name}_side(__u64 *ctx)\n")
        for side in (one, other)
    ]
    labels = " and ".join(in_comment(side.unit.label) for side in (one, other))
    head = f"/* {labels} */\n{dialect.program(one.unit.kind, one.name, '__u64 *')}\n"
    return "\n".join(
        [
            *sides,
            f"{head}{{\n\tif ({is_return})\n\t\t{other.name}_side(ctx);\n\telse\n"
            f"\t\t{one.name}_side(ctx);\n\treturn 0;\n}}\n",
        ]
    )


def _context_type(one: Emitted) -> str:
    """The type of ``ctx``, ready to be followed by the name."""
    if one.unit.kind is ProbeKind.TRACEPOINT:
        return f"struct {one.name}_record *"
    return "void *" if one.unit.kind in TIMER_KINDS | TRACER_KINDS else "__u64 *"


def _around(one: Emitted, context: str, entry: str) -> str:
    """Guards, hits and scratch memory around the block, under the given head of a function."""
    leave = f"\t\treturn {one.default};\n"
    before = ""
    if one.unit.kind not in ALWAYS_KINDS and not one.unit.targets[0].pin:
        before += f"\tif (!active())\n{leave}"
    if one.filtered:
        before += f"\tif (!wanted_process())\n{leave}"
    hits = f"\tledger_add({one.hits});\n"
    if one.unit.kind is not ProbeKind.ITER:
        before += hits
    if not one.scratch:
        return (
            f"{one.context}{one.loops}{entry}{{\n{before}{one.body}\n\treturn {one.default};\n}}\n"
        )
    scratch = f"struct {one.name}_scratch *scratch"
    return (
        f"{one.context}{one.scratch}\n{one.loops}"
        f"static __always_inline int {one.name}_body({context}ctx, {scratch})\n{{\n"
        f"{one.body}\n\treturn {one.default};\n}}\n\n"
        f"{entry}{{\n"
        f"\tstruct scratch_slot *slot;\n\tint result;\n\n{before}"
        f"\tslot = scratch_enter({one.nesting});\n\tif (!slot)\n{leave}"
        f"\tresult = {one.name}_body(ctx, (void *)slot);\n"
        f"\t__sync_fetch_and_add(&slot->busy, -1);\n"
        f"\treturn result;\n}}\n"
    )


def _bench(one: Emitted, entry: str, dialect: Dialect) -> str:
    """The block over and over inside the kernel: a call of the kernel would cost more than it."""
    loop = dialect.repeat("*repeat", f"{one.name}_again", "&run")
    return (
        f"static long {one.name}_again(__u32 index, struct bench_run *run)\n{{\n"
        f"\trun->result = {one.name}_once(run->ctx);\n\treturn 0;\n}}\n\n"
        f"{entry}{{\n\tstruct bench_run run = {{ .ctx = ctx }};\n"
        f"\t__u32 *repeat = bench_repeat();\n\n"
        f"\tif (repeat)\n\t\t{loop};\n\treturn run.result;\n}}\n"
    )


def _loops(name: str, emitter: Emitter) -> str:
    """The functions of a program's loops, with the struct that they share."""
    if not (emitter.functions or emitter.frame):
        return ""
    fields = "".join(f"\t{one};\n" for one in emitter.frame.values())
    return "\n".join([f"struct {name}_frame {{\n{fields}}};\n", *emitter.functions, ""])


def _frame(name: str, emitter: Emitter) -> list[str]:
    """The lines that set up what a program shares with its loops."""
    if not (emitter.functions or emitter.frame):
        return []
    kind = f"struct {name}_frame"
    lines = [f"\t{kind} shared;", f"\t{kind} *frame = &shared;", ""]
    lines += [f"\tframe->{one} = {one};" for one in ("ctx", "scratch") if one in emitter.frame]
    if "unknown" in emitter.frame:
        lines.append("\tframe->unknown = bpf_ktime_get_ns();")
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
