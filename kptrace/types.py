# SPDX-License-Identifier: MIT
"""The one type model: what a value is, how large it is, how messages name it.

The BTF reader produces these types, the checker computes with them, the C generator and the
decoder derive their layouts from them, and the plan carries them to the runtime.
Language §3.1 is the table behind this file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field, replace
from typing import TypeAlias

from kptrace.records import dataclass

MAX_STACK_DEPTH = 127
BUILD_ID_FRAME = 32
"""``struct bpf_stack_build_id``: s32 status, 20 bytes of build id, u64 offset or address."""

MAX_ROUNDS = 1 << 23
"""Rounds of one ``for`` over a range: BPF_MAX_LOOPS, include/linux/bpf.h."""
DEFINED = "#definitions"
"""The "module" of types that the specification's own C part defines; no kernel module's name."""


@dataclass(frozen=True, slots=True)
class Void:
    """No value."""


@dataclass(frozen=True, slots=True)
class Error:
    """The type of an expression that is already reported; silences follow-up complaints."""


@dataclass(frozen=True, slots=True)
class Bool:
    """One byte, 0 or 1."""


@dataclass(frozen=True, slots=True)
class Int:
    """Integer of ``size`` bytes (1, 2, 4, 8).

    ``clock`` is that of a time from ``nsecs(clock)`` (``boot``, ``tai``, ``monotonic``), which
    strftime() must know; "" is a number like any other. Only the compiler needs it.
    """

    size: int
    signed: bool
    clock: str = field(default="", compare=False, repr=False, metadata={"plan": False})


@dataclass(frozen=True, slots=True)
class Enum:
    """C enumeration; ``variants`` are (name, value) pairs, for printing names.

    ``cut``: of values of 64 bits only the lower 32 are known.
    """

    name: str
    size: int
    signed: bool
    variants: tuple[tuple[str, int], ...] = field(default=(), compare=False, repr=False)
    cut: bool = field(default=False, compare=False, repr=False, metadata={"plan": False})


@dataclass(frozen=True, slots=True)
class Pointer:
    """Pointer of 8 bytes. ``user``: it points to user memory. ``tag``: BTF type tag."""

    target: Type
    user: bool = field(default=False, compare=False)
    tag: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Array:
    """C array; ``count`` 0 is a flexible array. Byte arrays of BTF are ``String``."""

    element: Type
    count: int


@dataclass(frozen=True, slots=True)
class Struct:
    """Reference to a C struct or union; members are asked of the BTF when needed.

    ``kind`` is ``struct`` or ``union``; an anonymous one has no name, only its BTF id (ids are
    those of one BTF object: ``module`` names it, "" is vmlinux). ``size`` is in bytes; -1 for a
    forward declaration, whose members are unknown. ``members`` and ``align`` are filled in where
    the struct is a value, so that the decoder knows it. ``user``: it is, or was copied from, user
    memory, so that its pointers point there.
    """

    kind: str
    name: str
    size: int
    btf_id: int = field(default=0, compare=False)
    module: str = field(default="", compare=False)
    members: tuple[Member, ...] = field(default=(), compare=False, repr=False)
    align: int = field(default=8, compare=False, repr=False)
    user: bool = field(default=False, compare=False, repr=False, metadata={"plan": False})


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a struct by value, those of anonymous members included.

    ``offset`` in bytes from the struct's start; a bit field lies ``shift`` bits further. ``held``
    bytes are there where the type has more: a full string of the specification's own structs
    still ends in NUL (language §3.7).
    """

    name: str
    type: Type
    offset: int
    shift: int = 0
    bit_size: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True)
class Function:
    """Only as the target of a pointer."""


@dataclass(frozen=True, slots=True)
class Float:
    """Floating point of C: can be copied, neither counted with nor shown (language §10.1)."""

    size: int


@dataclass(frozen=True, slots=True)
class String:
    """Fixed ``size`` bytes; shorter content is zero-filled, a full one has no NUL (§3.6)."""

    size: int


@dataclass(frozen=True, slots=True)
class Buffer:
    """At most ``size`` bytes of any content: a u32 length, then the bytes."""

    size: int


@dataclass(frozen=True, slots=True)
class MacAddress:
    """Six bytes."""


@dataclass(frozen=True, slots=True)
class Inet:
    """Network address: u64 family (4 or 6 bytes follow), then 16 bytes. 24 bytes in all."""


@dataclass(frozen=True, slots=True)
class Tuple:
    elements: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """A tuple whose elements have names; stored as the tuple of its elements."""

    names: tuple[str, ...]
    elements: tuple[Type, ...]


def stack_prefix(*, user: bool, build_id: bool) -> str:
    """What the C names that belong to a stack map begin with."""
    return "build_id_" if build_id else "user_" if user else ""


@dataclass(frozen=True, slots=True)
class KStack:
    """A stack, stored as the 64-bit key of the stack map of this depth; 0 is empty.

    ``user``: that of the process, not of the kernel; in the mode ``build_id`` it is stored as
    places in files instead of addresses.
    """

    mode: str = "bpftrace"
    limit: int = MAX_STACK_DEPTH
    user: bool = False

    @property
    def store(self) -> tuple[int, bool, bool]:
        """Which stack map has it: depth, ``user``, and whether frames are places in files."""
        return self.limit, self.user, self.mode == "build_id"

    @property
    def prefix(self) -> str:
        """What the C names of its stack map begin with."""
        return stack_prefix(user=self.user, build_id=self.mode == "build_id")

    @property
    def size(self) -> int:
        """Bytes of the frames."""
        return self.limit * (BUILD_ID_FRAME if self.mode == "build_id" else 8)


@dataclass(frozen=True, slots=True)
class KSym:
    """Kernel address, printed as its symbol."""


@dataclass(frozen=True, slots=True)
class Timestamp:
    """``strftime()``: u64 ns, u32 clock (index in CLOCKS), u32 format (index in `Plan.texts`)."""


@dataclass(frozen=True, slots=True)
class UserName:
    """User id, printed as the user's name."""


@dataclass(frozen=True, slots=True)
class CgroupPath:
    """``cgroup_path()``: u64 cgroup id, u64 filter (index in `Plan.texts`, plus 1; 0 is none)."""


@dataclass(frozen=True, slots=True)
class Args:
    """The probe's arguments as a whole; only its fields are values."""


# Aggregations: map values only. State per CPU is `aggregate_words` 64-bit words.


@dataclass(frozen=True, slots=True)
class Count:
    """State: n."""


@dataclass(frozen=True, slots=True)
class Sum:
    """State: value, n (number of updates)."""

    signed: bool


@dataclass(frozen=True, slots=True)
class Min:
    """State: value, n."""

    signed: bool


@dataclass(frozen=True, slots=True)
class Max:
    """State: value, n."""

    signed: bool


@dataclass(frozen=True, slots=True)
class Avg:
    """State: total, n."""

    signed: bool


@dataclass(frozen=True, slots=True)
class Stats:
    """State: total, n."""

    signed: bool


@dataclass(frozen=True, slots=True)
class Hist:
    """Log-linear histogram. State: n, sum, min, max (signed), then the buckets.

    Buckets are kept at ``bits`` bits of precision and shown at ``shown`` (≤ bits).
    """

    bits: int
    shown: int


@dataclass(frozen=True, slots=True)
class LHist:
    """Linear histogram. State as Hist."""

    min: int
    max: int
    step: int


@dataclass(frozen=True, slots=True)
class TSeries:
    """Time series: a ring of ``count`` slots, one for each ``interval`` of ns (see series.py).

    ``function`` combines the values of an interval: avg, max, min, sum; "" keeps the last one.
    """

    interval: int
    count: int
    function: str
    signed: bool


Aggregate: TypeAlias = Count | Sum | Min | Max | Avg | Stats | Hist | LHist | TSeries
Type: TypeAlias = (
    Void
    | Error
    | Bool
    | Int
    | Enum
    | Pointer
    | Array
    | Struct
    | Function
    | Float
    | String
    | Inet
    | Buffer
    | MacAddress
    | Tuple
    | Record
    | KStack
    | KSym
    | Timestamp
    | UserName
    | CgroupPath
    | Args
    | Aggregate
)

AGGREGATES = (Count, Sum, Min, Max, Avg, Stats, Hist, LHist, TSeries)
SPREAD = (Hist, LHist, TSeries)
"""Aggregations that print over several lines."""
CASTABLE = (Count, Sum, Min, Max, Avg)

INT8, INT16, INT32, INT64 = (Int(size, True) for size in (1, 2, 4, 8))
UINT8, UINT16, UINT32, UINT64 = (Int(size, False) for size in (1, 2, 4, 8))
VOID, BOOL, ERROR, KSYM, INET, MAC = Void(), Bool(), Error(), KSym(), Inet(), MacAddress()
TIMESTAMP, USERNAME, CGROUP_PATH = Timestamp(), UserName(), CgroupPath()
COMM = String(16)
CLOCKS = ("boot", "tai")
"""Clocks that a time of day can be made from."""

HIST_HEADER_WORDS = 4  # n, sum, min, max


def hist_buckets(bits: int) -> int:
    """Number of buckets of ``hist(n, bits)`` for every int64 n (the H(n) of language §5.4)."""
    highest_bit = 62  # of a positive int64
    return ((highest_bit - bits + 1) << bits) + ((1 << bits) - 1) + 1 + 1


def lhist_buckets(low: int, high: int, step: int) -> int:
    """Number of buckets of ``lhist`` with both open ends (the L(n) of language §5.4)."""
    return (high - low) // step + 2


def aggregate_words(kind: Aggregate) -> int:
    """64-bit words of per-CPU state of one aggregation."""
    match kind:
        case Count():
            return 1
        case Hist(bits=bits):
            return HIST_HEADER_WORDS + hist_buckets(bits)
        case LHist(min=low, max=high, step=step):
            return HIST_HEADER_WORDS + lhist_buckets(low, high, step)
        case TSeries(count=count):
            return 3 * count
        case _:
            return 2


def size_of(kind: Type) -> int:
    """Bytes that a value takes where it is stored: an event, a map key, a map value."""
    match kind:
        case Void() | Function() | Error() | Args():
            return 0
        case Bool():
            return 1
        case Int(size=size) | Enum(size=size) | String(size=size) | Float(size=size):
            return size
        case Struct(size=size):
            return max(size, 0)
        case Pointer() | KSym() | KStack() | UserName():
            return 8
        case Timestamp() | CgroupPath():
            return 16
        case Array(element=element, count=count):
            return size_of(element) * max(count, 0)
        case Inet():
            return 24
        case Buffer(size=size):
            return size + 4
        case MacAddress():
            return 6
        case Tuple(elements=elements) | Record(elements=elements):
            return max(tuple_layout(elements)[1], 1)  # (): a map has no key or value of no bytes
        case _:
            return 8 * aggregate_words(kind)


def align_of(kind: Type) -> int:
    """Alignment of a value inside a tuple or an event (language §3.1)."""
    match kind:
        case String() | Inet() | Buffer() | MacAddress() | Timestamp() | CgroupPath() | Void():
            return 1
        case Struct(align=align):
            return align
        case Tuple(elements=elements) | Record(elements=elements):
            return max([align_of(element) for element in elements], default=1)
        case Array(element=element):
            return align_of(element)
        case _:
            size = size_of(kind)
            return 1 if size <= 1 else 2 if size == 2 else 4 if size <= 4 else 8


def tuple_layout(elements: tuple[Type, ...], start: int = 0) -> tuple[tuple[int, ...], int]:
    """Offsets of the elements and the padded size, by C's rules; ``start`` bytes come before."""
    offsets = []
    position = start
    largest = 1
    for element in elements:
        align = align_of(element)
        largest = max(largest, align)
        position = -(-position // align) * align
        offsets.append(position)
        position += size_of(element)
    return tuple(offsets), -(-position // largest) * largest


def element_places(have: Tuple | Record, want: Tuple | Record) -> tuple[int, ...]:
    """Where each element of ``have`` is in ``want``: records go by name."""
    if isinstance(have, Record) and isinstance(want, Record):
        return tuple(want.names.index(name) for name in have.names)
    return tuple(range(len(have.elements)))


def in_user_memory(kind: Type) -> Type:
    """A type as it is when its value comes from user memory: pointers point there, too."""
    match kind:
        case Pointer() | Struct():
            return replace(kind, user=True)
        case Array(element=element):
            return replace(kind, element=in_user_memory(element))
        case _:
            return kind


def braced(parts: Iterable[str]) -> str:
    """``{ .a = 1, .b = x }``: the form of records and structs."""
    inner = ", ".join(parts)
    return f"{{ {inner} }}" if inner else "{}"


def type_name(kind: Type) -> str:
    """The name of a type in messages (language §3.1)."""
    match kind:
        case Void():
            return "void"
        case Bool():
            return "bool"
        case Int(size=size, signed=signed):
            return f"{'' if signed else 'u'}int{size * 8}"
        case Enum(name=name):
            return f"enum {name}"
        case Pointer(target=target):
            inner = type_name(target)
            return inner + ("*" if inner.endswith("*") else " *")
        case Array(element=element, count=count):
            return f"{type_name(element)}[{'' if count < 0 else count}]"
        case Struct(kind=keyword, name=name):
            return f"{keyword} {name or '(anonymous)'}"
        case String(size=size):
            return f"string[{size}]"
        case Inet():
            return "inet"
        case Buffer(size=size):
            return f"buffer[{size}]"
        case MacAddress():
            return "macaddr_t"
        case Tuple(elements=elements):
            return "(" + ",".join(type_name(element) for element in elements) + ")"
        case Record(names=names, elements=elements):
            pairs = zip(names, elements, strict=True)
            return "record " + braced(f".{name} = {type_name(one)}" for name, one in pairs)
        case KStack(mode=mode, limit=limit, user=user):
            return f"{'u' if user else 'k'}stack_{mode}_{limit}"
        case KSym():
            return "ksym_t"
        case Timestamp():
            return "timestamp"
        case UserName():
            return "username_t"
        case CgroupPath():
            return "cgroup_path_t"
        case Sum() | Min() | Max() | Avg() | Stats():
            return f"{'' if kind.signed else 'u'}{type(kind).__name__.lower()}_t"
        case Count() | Hist() | LHist() | TSeries():
            return f"{type(kind).__name__.lower()}_t"
        case Args():
            return "args"
        case Float(size=size):
            return {4: "float", 8: "double"}.get(size, "long double")
        case Function():
            return "function"
        case Error():
            return "error"
