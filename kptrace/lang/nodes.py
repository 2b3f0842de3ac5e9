# SPDX-License-Identifier: MIT
"""The tree that the parser makes: exactly what was written, with its places.

Spans do not take part in comparison, so that a tree equals the tree of its own printed text.
"""

from __future__ import annotations

from dataclasses import field
from typing import TypeAlias

from kptrace.records import dataclass
from kptrace.source import Source, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    span: Span = field(compare=False, repr=False)


# --- expressions -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer(Node):
    """``text`` is the spelling; ``value`` what it means (durations in nanoseconds)."""

    value: int
    text: str = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class String(Node):
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Boolean(Node):
    value: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable(Node):
    """``$name``; the name includes the dollar sign."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Map(Node):
    """``@name`` or ``@name[keys]``; ``keys`` is None without brackets."""

    name: str
    keys: tuple[Expr, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Positional(Node):
    """``$1``; number 0 stands for ``$#``."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Name(Node):
    """A bare identifier: a built-in, an enumerator, a macro."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Node):
    name: str
    arguments: tuple[Expr | Typeof, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TupleLiteral(Node):
    elements: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordLiteral(Node):
    fields: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unary(Node):
    """``op`` is one of ``! ~ - * &``."""

    op: str
    operand: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary(Node):
    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Ternary(Node):
    """``then`` is None for ``a ?: b``."""

    condition: Expr
    then: Expr | None
    otherwise: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Increment(Node):
    """``op`` is ``++`` or ``--``."""

    op: str
    prefix: bool
    target: Variable | Map


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(Node):
    """``operand.name`` (or ``->``, which means the same)."""

    operand: Expr
    name: str
    name_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TupleIndex(Node):
    """``operand.0``."""

    operand: Expr
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Index(Node):
    operand: Expr
    index: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast(Node):
    type: TypeName | Typeof
    operand: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class If(Node):
    """``if`` as expression or statement; ``otherwise`` is a Block, another If, or None."""

    condition: Expr
    then: Block
    otherwise: Block | If | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(Node):
    """Statements; ``value`` is the trailing expression without a semicolon, if there is one."""

    statements: tuple[Statement, ...]
    value: Expr | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizeof(Node):
    """``sizeof`` and ``typeinfo`` (``keyword``) of a type or an expression."""

    keyword: str
    operand: TypeName | Typeof | Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Offsetof(Node):
    operand: TypeName | Typeof | Expr
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comptime(Node):
    operand: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeName(Node):
    """A written type. ``suffixes``: ``"*"`` or an array size, left to right (-1: ``[]``)."""

    keyword: str
    name: str
    suffixes: tuple[str | int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Typeof(Node):
    operand: TypeName | Typeof | Expr


# --- statements --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Let(Node):
    target: Variable
    type: TypeName | Typeof | None
    value: Expr | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign(Node):
    """``op`` is ``=`` or a compound operator such as ``+=``."""

    target: Variable | Map
    op: str
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class Discard(Node):
    """``_ = expression;``"""

    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpressionStatement(Node):
    value: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class While(Node):
    condition: Expr
    body: Block


@dataclass(frozen=True, slots=True, kw_only=True)
class Unroll(Node):
    count: Expr
    body: Block


@dataclass(frozen=True, slots=True, kw_only=True)
class For(Node):
    """``over`` is a map, or the two bounds of a range."""

    variable: Variable
    over: Map | tuple[Expr, Expr]
    body: Block


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump(Node):
    """``break`` or ``continue``."""

    keyword: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Return(Node):
    value: Expr | None


# --- root items --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachPoint(Node):
    """``text`` as written; ``parts`` between unquoted colons, unquoted; ``name`` of NAME=."""

    text: str
    parts: tuple[str, ...]
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe(Node):
    """An action block; ``name`` comes from a ``// name: IDENT`` comment above it."""

    attach: tuple[AttachPoint, ...]
    predicate: Expr | None
    body: Block
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(Node):
    """One ``key = value`` of the config block; identifiers come as strings."""

    key: str
    value: str | int | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Node):
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro(Node):
    """``parameters`` keep their sigil: ``$v``, ``@m`` or a plain name."""

    name: str
    parameters: tuple[str, ...]
    body: Block


@dataclass(frozen=True, slots=True, kw_only=True)
class MapDeclaration(Node):
    map: str
    kind: str
    size: int
    kind_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Import(Node):
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CDefinition(Node):
    """A preprocessor line or a C struct, union or enum, as text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subprogram(Node):
    """``fn name(...) : type { }``: recognised, not supported."""

    name: str


Expr: TypeAlias = (
    Integer
    | String
    | Boolean
    | Variable
    | Map
    | Positional
    | Name
    | Call
    | TupleLiteral
    | RecordLiteral
    | Unary
    | Binary
    | Ternary
    | Increment
    | Member
    | TupleIndex
    | Index
    | Cast
    | If
    | Block
    | Sizeof
    | Offsetof
    | Comptime
)
Statement: TypeAlias = (
    Let
    | Assign
    | Discard
    | ExpressionStatement
    | If
    | While
    | Unroll
    | For
    | Jump
    | Return
    | Import
)
RootItem: TypeAlias = Probe | Config | Macro | MapDeclaration | Import | CDefinition | Subprogram


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A whole specification; ``shebang`` is its first line if it has one."""

    source: Source = field(compare=False, repr=False)
    items: tuple[RootItem, ...]
    shebang: str = ""

    @property
    def probes(self) -> tuple[Probe, ...]:
        return tuple(item for item in self.items if isinstance(item, Probe))
