# SPDX-License-Identifier: MIT
"""The typed tree: what the checker makes and the only thing that the C generator accepts.

Every name is resolved, every expression has its type, constants are folded, and a probe that is
compiled once per attach point has one tree per attach point.
"""

from __future__ import annotations

from dataclasses import field
from typing import TypeAlias

from kptrace import types
from kptrace.records import dataclass
from kptrace.source import Span
from kptrace.types import Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    span: Span = field(repr=False)
    type: Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad(Node):
    """Already reported; its type is ERROR."""

    type: Type = types.ERROR


@dataclass(frozen=True, slots=True, kw_only=True)
class Const(Node):
    """A literal after folding. ``flexible``: takes the other side's sign (language §3.2).

    ``address``: the number is where something is, so str() reads there instead of printing it, and
    what is computed from it is an address too: such arithmetic does not fold.
    """

    value: int | str
    flexible: bool = False
    address: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Var(Node):
    """A scratch variable; ``slot`` is its name in C, unique in its probe."""

    slot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MapRead(Node):
    """The value of a map entry, or zero of its type. Key types are those of the map."""

    map: str
    key: Expr | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateRead(Node):
    """The value of a castable aggregation over all CPUs, now (language §5.4)."""

    map: str
    key: Expr | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Builtin(Node):
    """A built-in value with a row in `builtins.BUILTINS`."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inline(Node):
    """A value whose C is a template: what most built-in values and functions are.

    Of a scalar ``c`` is an expression; of anything else a statement that fills ``{to}``, which
    is zero before. ``{0}``, ``{1}``, ... are the operands: a scalar as an expression of its own
    type, anything else as the lvalue that holds it. ``pieces`` are the helper functions that
    the C calls (`pieces.PIECES`). ``aside`` is the type of ``{aside}``, memory that the C needs
    on the way. ``effects``: it changes something, so it runs where it stands. ``shown``: as many
    bytes at most does it add to what reading an iterator gives.
    """

    c: str
    operands: tuple[Expr, ...] = ()
    pieces: tuple[str, ...] = ()
    aside: Type | None = None
    effects: bool = False
    shown: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned(Node):
    """A scalar whose use is told each time: a run-time warning with this text."""

    value: Expr
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Register(Node):
    """Argument register ``index`` of the probed function, as its C type; -1: return value."""

    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RawArgument(Node):
    """Argument ``index`` of a raw tracepoint."""

    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Context(Node):
    """The program's context: its fields are loaded from it, never read as memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextField(Node):
    """A field of a tracepoint's context.

    ``data_loc``: the value is the address of the data; it counts from the end of the field itself
    when ``relative``, else from the start of the context.
    """

    name: str
    offset: int
    size: int
    data_loc: bool
    relative: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Place(Node):
    """Kernel or user memory: the struct that ``base`` points to, and a path of fields in it.

    Used as a value it is a read of that memory. With an empty path it is ``*base``.
    ``steps`` name each field with the struct that contains it and its place there, for the
    struct declarations of the generated C. ``direct``: it is loaded without a helper, so that the
    kernel still vouches for what the pointer found there leads to.
    """

    base: Expr
    user: bool
    steps: tuple[Step, ...]
    direct: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One field access; ``offset`` in bytes within ``parent``."""

    parent: types.Struct
    name: str
    offset: int
    type: Type


@dataclass(frozen=True, slots=True, kw_only=True)
class Element(Node):
    """Address ``base`` + ``index`` * ``scale``: array elements and pointer arithmetic.

    ``bound``: an index of so many or more is told at run time, and element 0 is taken.
    """

    base: Expr
    index: Expr
    scale: int
    negative: bool = False
    bound: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextAddress(Node):
    """The address of a field of the tracepoint's record."""

    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueAddress(Node):
    """The address of a variable, or of a value that is kept aside for it."""

    operand: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class MapAddress(Node):
    """``&@m``."""

    map: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Node):
    """A member of a struct by value, or an element of an array; ``offset`` in bytes."""

    operand: Expr
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bits(Node):
    """A bit field: ``width`` bits, ``shift`` bits above the start of ``operand``.

    ``operand`` is a `Place` or `Part` of the bytes that hold it.
    """

    operand: Place | Part
    shift: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted(Node):
    """A pointer that the kernel has to recognise: the way to it is loaded, never read as memory.

    ``pointer`` is an argument of the probe, a variable, or a `Place` that is reached from one.
    """

    pointer: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressOf(Node):
    """The address of a place."""

    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Unary(Node):
    op: str
    operand: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic(Node):
    """Integer arithmetic in 64 bits; the type is int64 or uint64."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare(Node):
    """Comparison of scalars, signed or not."""

    op: str
    left: Expr
    right: Expr
    signed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StringEqual(Node):
    """Strings equal over the smaller size, up to NUL."""

    left: Expr
    right: Expr
    negated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Logical(Node):
    """``&&`` and ``||``; the right side runs only when it decides."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Ternary(Node):
    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockValue(Node):
    """``{ body; value }``: statements, then a value that may use what they declare."""

    body: tuple[Statement, ...]
    value: Expr | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast(Node):
    operand: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Increment(Node):
    """``++``/``--``: ``step`` is +1 or -1, scaled for pointers."""

    target: Var | MapRead
    step: int
    prefix: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TupleMake(Node):
    """A tuple, or a record by its type."""

    elements: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TupleGet(Node):
    operand: Expr
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadString(Node):
    """``str()``: a string from an address.

    At most ``read`` bytes are read, counted with the NUL that the kernel always writes last. When
    ``read`` is one more than the type's size, the content may fill the whole string and then
    has no NUL: it is read aside and copied. ``length`` lowers ``read`` at run time.
    """

    address: Expr
    user: bool
    read: int
    length: Expr | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBuffer(Node):
    """``buf()``: at most as many bytes as the type has room for."""

    address: Expr
    user: bool
    length: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Equal(Node):
    """Objects equal, part by part; ``common`` is the type that both are compared as."""

    left: Expr
    right: Expr
    common: Type
    negated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Network(Node):
    """``ntop()``: family and address bytes."""

    family: Expr
    address: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack(Node):
    """``kstack``: the key of the stored stack."""

    type: types.KStack


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete(Node):
    """``delete``: true if the key existed. ``warn``: tell at run time if it did not."""

    map: str
    key: Expr | None
    warn: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HasKey(Node):
    """``has_key``: whether a map has an entry."""

    map: str
    key: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Find(Node):
    """``find``: has_key, and the value goes to the variable ``slot`` of type ``value``."""

    map: str
    key: Expr
    slot: str
    value: Type


@dataclass(frozen=True, slots=True, kw_only=True)
class MapLength(Node):
    """``len`` of a map: the number of its entries now."""

    map: str


Expr: TypeAlias = (
    Bad
    | Const
    | Var
    | MapRead
    | AggregateRead
    | Builtin
    | Inline
    | Warned
    | Register
    | RawArgument
    | Context
    | ContextField
    | Place
    | Element
    | ContextAddress
    | ValueAddress
    | MapAddress
    | Part
    | Bits
    | Trusted
    | AddressOf
    | Unary
    | Arithmetic
    | Compare
    | StringEqual
    | Logical
    | Ternary
    | BlockValue
    | Cast
    | Increment
    | TupleMake
    | TupleGet
    | ReadString
    | ReadBuffer
    | Equal
    | Network
    | Stack
    | Delete
    | HasKey
    | Find
    | MapLength
)


# --- statements --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    span: Span = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetVar(Statement):
    """Assignment; ``declare`` at the first one, in the scope of the variable."""

    slot: str
    type: Type
    value: Expr | None
    declare: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMap(Statement):
    map: str
    key: Expr | None
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate(Statement):
    """``@m[k] = count()`` and its kin; ``value`` is None for count.

    ``time``: the clock that a time series is ordered by.
    """

    map: str
    key: Expr | None
    value: Expr | None
    time: Expr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluate(Statement):
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class If(Statement):
    condition: Expr
    then: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(Statement):
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class While(Statement):
    condition: Expr
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unroll(Statement):
    count: int
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForRange(Statement):
    """``for $i : start..end``; ``slot`` is the variable, a fresh copy each time."""

    slot: str
    type: types.Int
    start: Expr
    end: Expr
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForMap(Statement):
    """``for $kv : @map``; ``slot`` is the variable, a copy of the entry.

    ``parts`` are the elements of the pair that the body uses.
    """

    slot: str
    type: types.Tuple
    map: str
    body: tuple[Statement, ...]
    parts: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump(Statement):
    """``break`` or ``continue``."""

    keyword: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Return(Statement):
    value: Expr | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal(Statement):
    """``signal()``: to the process, or to the thread only; failures are told."""

    number: Expr
    thread: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Send(Statement):
    """An asynchronous call: an event with the values of ``fields``.

    ``kind`` is the plan's event kind; ``leave``: the probe returns after it (``exit``).
    ``excerpt``: the message shows the source, as run-time warnings do (language §15.3).
    """

    kind: str
    fields: tuple[Expr, ...] = ()
    text: str = ""
    map: str = ""
    top: int | None = None
    div: int | None = None
    leave: bool = False
    excerpt: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Join(Statement):
    """``join()``: the strings that an array of pointers names; ``text`` is the separator."""

    argv: Expr
    user: bool
    text: str


Body: TypeAlias = tuple[Statement, ...]
