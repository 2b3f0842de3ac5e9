# SPDX-License-Identifier: MIT
"""The hinge between compiler and runtime: what to load, where to attach, what comes back.

A plan is plain data: the same specification on the same kernel facts gives the same plan, and it
survives a round trip through JSON. Left of it nothing knows a file descriptor; right of it
nothing knows a token. Every field of an event or a map is declared here once; the C structs and
the Python decoder both derive from it.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import field
from enum import Enum, IntEnum
from typing import Any

from kptrace import types
from kptrace.errors import UsageError
from kptrace.records import dataclass
from kptrace.types import Type

VERSION = 1
"""Raised when a reader of an older plan would misread a newer one."""

EVENT_HEADER = 16
"""Bytes before an event's first field: u64 CLOCK_MONOTONIC ns, u32 event id, u32 unused."""


class ProbeKind(str, Enum):
    """What a program hangs on; decides its program type and its context."""

    KPROBE = "kprobe"
    KRETPROBE = "kretprobe"
    TRACEPOINT = "tracepoint"
    RAWTRACEPOINT = "rawtracepoint"
    FENTRY = "fentry"
    FEXIT = "fexit"
    ITER = "iter"
    INTERVAL = "interval"
    PROFILE = "profile"
    SOFTWARE = "software"
    BEGIN = "begin"
    END = "end"
    SELF = "self"
    TEST = "test"
    BENCH = "bench"


TIMER_KINDS = frozenset({ProbeKind.INTERVAL, ProbeKind.PROFILE, ProbeKind.SOFTWARE})
"""Programs on a perf event of a CPU or a process; their context is the interrupted code."""

TRACER_KINDS = frozenset(
    {ProbeKind.BEGIN, ProbeKind.END, ProbeKind.SELF, ProbeKind.TEST, ProbeKind.BENCH}
)
"""Programs that the tracer itself runs, in its own process."""

ALWAYS_KINDS = TRACER_KINDS - {ProbeKind.SELF}
"""Programs that run whether probes count or not."""


TRAMPOLINE_KINDS = frozenset({ProbeKind.FENTRY, ProbeKind.FEXIT})
"""Programs that the kernel calls from a function directly; each is loaded for its target."""

PID_FILTERED_KINDS = TRAMPOLINE_KINDS | {
    ProbeKind.KPROBE,
    ProbeKind.KRETPROBE,
    ProbeKind.TRACEPOINT,
    ProbeKind.RAWTRACEPOINT,
}
"""Programs that look at the process themselves when a run is about one (language §6.5)."""


class Control(IntEnum):
    """Slots of the ``control`` array, each a u32."""

    ACTIVE = 0  # 1 while probes count
    PID = 1  # the process that the run is about
    REPEAT = 2  # how often a bench runs its block
    EXIT = 3  # a program called exit(): EXIT_ASKED and its code; the programs write it


EXIT_ASKED = 1 << 8
"""Beside the exit code of 8 bits in `Control.EXIT`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One place to attach to.

    ``probe`` is its full name as users see it. ``name`` is the function, tracepoint event or raw
    tracepoint; ``group`` the kernel module of a function ("" when not asked for) or the
    category of a tracepoint. ``offset`` counts bytes from the function's entry. ``period_ns``
    is of a timer; ``count`` tells how many events of a software event make it fire. ``address``
    is that of a probe by address, and of one of several functions with one name. ``bpf_id``:
    ``name`` is the function of this BPF program.
    ``hook`` and ``candidate``: what this place was found for.
    ``pin``: the file through which others run an iterator, which then is not run here.
    ``optional``: it is told, and no error, if the kernel refuses this place.
    """

    probe: str
    name: str = ""
    group: str = ""
    offset: int = 0
    address: int = 0
    period_ns: int = 0
    count: int = 0
    bpf_id: int = 0
    hook: str = ""
    candidate: str = ""
    pin: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """One BPF program and everything it attaches to.

    ``name`` is the C function. ``label`` names the probe for people (the attach point as
    written; behind ``block``, the name from a ``// name:`` comment, if it has one). ``multi``: all
    targets may share one kprobe.multi link. ``trusted``: a raw tracepoint whose program is loaded
    for it, so that it may pass its arguments on to the kernel. ``line`` is the line of the block in
    the specification. ``session`` names the program on the other side of the same functions, where
    one kernel link serves both: the code of both is then in the program for the entry.
    ``notes``: what a user should know of a hook's resolution.
    """

    name: str
    kind: ProbeKind
    label: str
    targets: tuple[Target, ...]
    multi: bool = False
    trusted: bool = False
    line: int = 0
    session: str = ""
    block: str = ""
    notes: tuple[str, ...] = ()

    def named(self, target: Target) -> str:
        """One of the targets for people: beside the block's name (language §16.4)."""
        return f"{self.block} ({target.probe})" if self.block else target.probe


class MapKind(str, Enum):
    """BPF map types, named as in a map declaration where the language has a name for it."""

    HASH = "hash"
    LRU_HASH = "lruhash"
    PERCPU_HASH = "percpuhash"
    PERCPU_LRU_HASH = "percpulruhash"
    PERCPU_ARRAY = "percpuarray"
    TASK_STORAGE = "taskstorage"

    @property
    def per_cpu(self) -> bool:
        """Whether every CPU has a value of its own."""
        return self.value.startswith("percpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """One map of the specification.

    ``name`` is the user's (``@start``), ``symbol`` the name of the C map. ``key`` is None for a
    scalar map: then the BPF key is a u32 0. An aggregation's value is `types.aggregate_words`
    64-bit words per CPU; any other value is the type's own bytes. Task storage is keyed by the
    current thread and cannot be listed: ``shown`` is false, and its ``max_entries`` is 0.
    """

    name: str
    symbol: str
    kind: MapKind
    key: Type | None
    value: Type
    max_entries: int
    prealloc: bool = True

    @property
    def spills(self) -> bool:
        """Whether updates that the kernel has no memory for just now go to the tracer."""
        return not self.prealloc and isinstance(self.value, types.SPREAD)

    @property
    def shown(self) -> bool:
        """Whether its entries can be read from outside."""
        return self.kind is not MapKind.TASK_STORAGE

    @property
    def key_size(self) -> int:
        return 4 if self.key is None else types.size_of(self.key)

    @property
    def value_size(self) -> int:
        return types.size_of(self.value)


class EventKind(str, Enum):
    """What the tracer does when the event arrives."""

    PRINTF = "printf"
    ERRORF = "errorf"  # a located message on standard error
    WARNF = "warnf"
    PRINT = "print"  # one value
    PRINT_MAP = "print_map"
    CLEAR = "clear"
    ZERO = "zero"
    TIME = "time"
    CAT = "cat"
    JOIN = "join"  # one field: a buffer of NUL-terminated strings, only as long as it is filled
    SYSTEM = "system"
    EXIT = "exit"  # an optional field: the exit code
    WARNING = "warning"  # run-time warning, no fields
    SPILL = (
        "spill"  # an update that had no memory in its context: key, number, for a tseries the time
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A value inside an event; ``offset`` counts from the event's first byte."""

    name: str
    type: Type
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One kind of record that programs send.

    ``size`` is the whole payload in bytes, header included. ``text`` is the printf or time
    format, or a warning's message; ``place`` and ``excerpt`` are the location and the source
    lines of a warning, rendered, with the calls that led into a macro (errorf and warnf have only
    these);
    ``map`` the user's name of the map that the event is about.
    """

    id: int
    kind: EventKind
    size: int
    fields: tuple[Field, ...] = ()
    text: str = ""
    map: str = ""
    top: int | None = None
    div: int | None = None
    place: str = ""
    excerpt: str = ""


class CounterKind(str, Enum):
    """What a slot of the per-CPU ``ledger`` array counts."""

    HITS = "hits"  # runs of one program, before its predicate
    EVENTS = "events"  # refused by the event buffer
    NESTING = "nesting"  # no free scratch slot: the run was refused
    MAP_FULL = "map_full"  # updates refused by one map
    STACKS = "stacks"  # stacks not captured or not stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """One slot of the ledger; its index is its position in `Plan.counters`.

    ``subject`` is the program's name for HITS and NESTING, the map's name for MAP_FULL.
    """

    kind: CounterKind
    subject: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackMap:
    """Hash map from the 64-bit stack key to ``depth`` u64 addresses, zero-terminated.

    Before those of a ``user`` stack stands the process id. ``build_id``: instead of addresses there
    are `types.BUILD_ID_FRAME` bytes for each frame.
    """

    symbol: str
    depth: int
    max_entries: int
    user: bool = False
    build_id: bool = False

    @property
    def prefix(self) -> str:
        """What the C names that belong to it begin with."""
        return types.stack_prefix(user=self.user, build_id=self.build_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The part of the ``config`` block that the runtime and the output need (language §13)."""

    perf_rb_pages: int = 0
    print_maps_on_exit: bool = True
    str_trunc_trailer: str = ".."
    max_probes: int = 1024
    max_map_keys: int = 4096
    missing_probes: str = "error"
    license: str = "GPL"
    max_cat_bytes: int = 10240


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that the runtime must know about one compiled specification.

    Besides `maps` and `stack_maps` every object has three fixed maps: ``events`` (perf event
    array, one entry per possible CPU), ``ledger`` (per-CPU array of u64, one per counter) and
    ``control`` (array of u32, see `Control`); ``scratch`` exists when ``scratch_size`` is not 0.
    Programs other than `ALWAYS_KINDS` do nothing while ``control`` says that probes do not
    count. ``texts`` are the formats and filters that values carry by their index.
    """

    version: int = VERSION
    name: str
    arch: str
    programs: tuple[Program, ...]
    maps: tuple[Map, ...] = ()
    stack_maps: tuple[StackMap, ...] = ()
    events: tuple[Event, ...] = ()
    counters: tuple[Counter, ...] = ()
    config: Config = field(default_factory=Config)
    scratch_size: int = 0
    texts: tuple[str, ...] = ()

    def map(self, name: str) -> Map:
        """The map with this user name; KeyError if the specification has none."""
        for one in self.maps:
            if one.name == name:
                return one
        raise KeyError(name)


_CLASSES = {
    cls.__name__: cls
    for cls in (Target, Program, Map, Field, Event, Counter, StackMap, Config, Plan)
} | {
    f"type.{name}": cls
    for name, cls in vars(types).items()
    if isinstance(cls, type) and dataclasses.is_dataclass(cls)
}
_NAMES = {cls: name for name, cls in _CLASSES.items()}
_KINDS: dict[type, type[Enum]] = {
    Program: ProbeKind,
    Map: MapKind,
    Event: EventKind,
    Counter: CounterKind,
}


def to_json(plan: Plan) -> str:
    """The plan as one JSON document; what has its default value is left out."""
    return json.dumps(_encode(plan), separators=(",", ":"))


def from_json(text: str) -> Plan:
    """The plan back from `to_json`; refuses a plan of another version."""
    document = json.loads(text)
    if not isinstance(document, dict) or document.get("class") != "Plan":
        raise UsageError("this is not a kptrace plan", code="bad-plan")
    if document.get("version") != VERSION:
        raise UsageError(
            f"plan version {document.get('version')} is not the version {VERSION} that this"
            " kptrace reads",
            hint="compile the specification again with this kptrace",
            code="bad-plan",
        )
    plan = _decode(document)
    assert isinstance(plan, Plan)
    return plan


def _encode(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_encode(one) for one in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {
            one.name: _encode(getattr(value, one.name))
            for one in dataclasses.fields(value)
            if one.metadata.get("plan", True)
            and (one.name == "version" or getattr(value, one.name) != one.default)
        }
        return {"class": _NAMES[type(value)], **fields}
    return value


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_decode(one) for one in value)
    if isinstance(value, dict):
        cls = _CLASSES[value["class"]]
        fields = {key: _decode(one) for key, one in value.items() if key != "class"}
        enum = _KINDS.get(cls)
        if enum is not None:
            fields["kind"] = enum(fields["kind"])
        return cls(**fields)
    return value
