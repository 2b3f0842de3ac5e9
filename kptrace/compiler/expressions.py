# SPDX-License-Identifier: MIT
"""Expressions: names resolved, types found, constants folded (language §3).

An expression that is wrong is reported once and becomes `tree.Bad`, whose error type silences
whatever is built on it. Functions and aggregations have their rules in `functions`.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace

from kptrace import types
from kptrace.compiler import fold, functions, kheaders, tree
from kptrace.compiler.builtins import ARGUMENT, BUILTINS, LATER
from kptrace.compiler.functions import FUNCTIONS
from kptrace.compiler.functions.compile_time import is_literal
from kptrace.compiler.functions.pinned import only_printf
from kptrace.compiler.operators import Operators
from kptrace.compiler.rules import join
from kptrace.compiler.scope import MapInfo
from kptrace.errors import did_you_mean
from kptrace.lang import nodes as n
from kptrace.source import Span
from kptrace.types import BOOL, INT64, Type, type_name

_STACK_ARGUMENT = re.compile(r"sarg[0-9]+")

_NOT_IN_FOR = ("args", "retval", "ctx")
"""What reads the probe's context, which is out of reach in a loop's function."""

_NO_KEY = (types.Void, *(one for one in types.AGGREGATES if one not in types.CASTABLE))
"""Types that a map key cannot have, nor a part of it."""


def _is_plain(name: str) -> bool:
    """Whether it names a built-in value that depends on the probe."""
    return name in ("args", "ctx", "retval", "probe") or ARGUMENT.fullmatch(name) is not None


def _elements(made: tree.Expr) -> Iterator[tree.Expr]:
    """An expression, or all elements of a tuple as written."""
    if isinstance(made, tree.TupleMake):
        for one in made.elements:
            yield from _elements(one)
    else:
        yield made


class ExpressionChecker(Operators):
    """Types the expressions of one program."""

    @abstractmethod
    def result(self, node: n.Expr) -> tree.Expr:
        """A value, or what runs where an expression has none: then its type is void."""

    @abstractmethod
    def block_value(self, node: n.Block) -> tree.Expr:
        """A block as an expression."""

    @abstractmethod
    def ternary(self, node: n.Ternary) -> tree.Expr:
        """``c ? a : b``."""

    @abstractmethod
    def if_value(self, node: n.If) -> tree.Expr:
        """``if`` as an expression."""

    @abstractmethod
    def take(self, target: n.Variable, value: tree.Expr) -> tuple[str, Type]:
        """A variable that a call writes a value to: its slot and its type."""

    # --- dispatch ---

    def expr(self, node: n.Expr) -> tree.Expr:
        match node:
            case n.Integer():
                return fold.integer(node.span, node.value)
            case n.String():
                return self.string(node.span, node.value)
            case n.Boolean():
                return tree.Const(span=node.span, type=BOOL, value=int(node.value))
            case n.Variable():
                return self.variable(node)
            case n.Map():
                return self.map_read(node)
            case n.Positional():
                return self.positional(node)
            case n.Name():
                return self.name(node)
            case n.Call():
                return self.call(node)
            case n.TupleLiteral():
                return self.tuple_literal(node)
            case n.Unary():
                return self.unary(node)
            case n.Binary():
                return self.binary(node)
            case n.Ternary():
                return self.ternary(node)
            case n.Increment():
                return self.increment(node)
            case n.Member():
                return self.member(node)
            case n.TupleIndex():
                return self.tuple_index(node)
            case n.Index():
                return self.index(node)
            case n.Cast():
                return self.cast(node)
            case n.RecordLiteral():
                return self.record_literal(node)
            case n.If():
                return self.if_value(node)
            case n.Block():
                return self.block_value(node)
            case n.Sizeof():
                return self.sizeof(node)
            case n.Offsetof():
                return self.offsetof(node)
            case n.Comptime():
                return self.comptime(node)

    def comptime(self, node: n.Comptime) -> tree.Expr:
        """An expression that must be known now."""
        made = self.value(node.operand)
        if isinstance(made, tree.Bad) or is_literal(made):
            return made
        message = "Unable to resolve comptime expression"
        self.report.error(node.span, message, code="comptime")
        return self.bad(node.span)

    # --- leaves ---

    def string(self, span: Span, value: str) -> tree.Expr:
        size = len(value.encode("utf-8", "surrogateescape")) + 1
        if size > self.facts.max_strlen:
            message = f"String is too long (over {self.facts.max_strlen - 1} bytes): {value}"
            self.report.error(span, message, code="string")
            return self.bad(span)
        return tree.Const(span=span, type=types.String(size), value=value)

    def variable(self, node: n.Variable) -> tree.Expr:
        variable = self.scopes.find(node.name)
        if variable is None:
            hints = did_you_mean(node.name, (name for one in self.scopes.stack for name in one))
            if self.scopes.ended(node.name):
                hints = (
                    f"{node.name} ends with the block in which it was first assigned: declare it"
                    f" before that block, with `let {node.name};`",
                )
            message = f"Undefined or undeclared variable: {node.name}"
            self.report.error(node.span, message, code="unknown-name", hints=hints)
            return self.bad(node.span)
        if not variable.assigned:
            message = f"Variable used before it was assigned: {node.name}"
            self.report.warning(node.span, message)
        kind = self.scopes.type_of(variable)
        if isinstance(kind, types.Error):
            if not self.guess or self.report.errors:
                return self.bad(node.span)
            kind = types.INT64  # only declared, never assigned
        return tree.Var(span=node.span, type=kind, slot=variable.slot)

    def positional(self, node: n.Positional) -> tree.Expr:
        if node.number == 0:
            return fold.integer(node.span, len(self.facts.parameters))
        text = self.positional_text(node)
        value = fold.parameter(text) if text else 0
        if isinstance(value, int):
            return fold.integer(node.span, value)
        return self.string(node.span, value)

    def positional_text(self, node: n.Positional) -> str:
        """The text of ``$N``; empty, with a warning, where it is not given."""
        if node.number <= len(self.facts.parameters):
            return self.facts.parameters[node.number - 1]
        message = f"Positional parameter ${node.number} is empty or not provided. "
        self.report.warning(node.span, message)
        return ""

    def name(self, node: n.Name) -> tree.Expr:
        name = node.name
        if "for" in self.loops and (name in _NOT_IN_FOR or ARGUMENT.fullmatch(name)):
            message = f"'{name}' builtin is not allowed in a for-loop"
            hint = "save it in a variable before the loop"
            self.report.error(node.span, message, code="loop", hints=(hint,))
            return self.bad(node.span)
        row = FUNCTIONS.get(name)
        if row is not None and row.bare:
            return self.call(n.Call(span=node.span, name=name, arguments=()))
        if name in BUILTINS:
            return self.builtin(node.span, name)
        if match := ARGUMENT.fullmatch(name):
            return self.argument(node.span, int(match[1]))
        match name:
            case "args":
                return self.args(node.span)
            case "retval":
                return self.retval(node.span)
            case "probe":
                return self.probe_name(node.span)
        if name in LATER:
            message = f"{name} is not supported: {LATER[name]}"
            self.report.error(node.span, message, code="not-supported")
            return self.bad(node.span)
        if _STACK_ARGUMENT.fullmatch(name):
            message = (
                "sarg* is deleted. This was deprecated in v0.21 and was last available in v0.24."
            )
            self.report.error(node.span, message, code="not-supported")
            return self.bad(node.span)
        btf = self.facts.kernel.btf
        found = btf.enumerator(name) if btf is not None else None
        if found is not None:
            enum, value = found
            self.tell_cut(node, enum)
            return tree.Const(span=node.span, type=replace(enum, size=8, signed=False), value=value)
        bare = [key for key, row in FUNCTIONS.items() if row.bare]
        known = dict.fromkeys([*BUILTINS, "args", "arg0", "retval", "probe", *bare])
        hints = did_you_mean(name, known)
        if (constant := kheaders.constants((name,)).get(name)) is not None:
            hints = (f"include the C header that defines it, or `#define {name} {constant}`",)
        self.report.error(
            node.span, f"Unknown identifier: '{name}'", code="unknown-name", hints=hints
        )
        return self.bad(node.span)

    def tell_cut(self, node: n.Name, enum: types.Enum) -> None:
        """Warn of an enumerator whose upper half may be missing."""
        if enum.cut:
            message = f"this kernel's BTF has only the lower 32 bits of '{node.name}'"
            hints = ("it was made before BTF knew enumerators of 64 bits; a #define gives them",)
            self.report.warning(node.span, message, hints=hints)

    # --- maps ---

    def map_key(self, node: n.Map) -> tree.Expr | None:
        """The key of an access, several as one tuple; grows the map's key type."""
        info = self.map_info(node)
        if node.keys is None:
            return None
        made = [self.key_part(one) for one in node.keys]
        return self.grow_key(info, self.key_tuple(node.span, made), node.span)

    def key_part(self, node: n.Expr) -> tree.Expr:
        made = self.value(node)
        for one in _elements(made):
            fault = type_name(one.type)
            if isinstance(one, tree.Context):
                fault = "context"
            elif not isinstance(one.type, _NO_KEY):
                continue
            self.report.error(one.span, f"{fault} cannot be part of a map key", code="map")
            return self.bad(node.span)
        self.tell_address(made)
        return self.castable(made)

    def key_tuple(self, span: Span, made: list[tree.Expr]) -> tree.Expr:
        if len(made) == 1:
            return made[0]
        if any(isinstance(one.type, types.Error) for one in made):
            return self.bad(span)
        kind = types.Tuple(tuple(one.type for one in made))
        return tree.TupleMake(span=span, type=kind, elements=tuple(made))

    def grow_key(self, info: MapInfo, key: tree.Expr, span: Span) -> tree.Expr:
        if isinstance(key.type, types.Error):
            return key
        use = self.use_of(key)
        if info.key is None:
            info.key = use
            self.converted(key, info.key_type or use.type)
            return key
        wider = join(info.key, use)
        if wider is None:
            message = (
                f"Argument mismatch for {info.name}: trying to access with arguments:"
                f" '{type_name(key.type)}' when map expects arguments:"
                f" '{type_name(info.key.type)}'"
            )
            self.report.error(span, message, code="map")
            return self.bad(span)
        info.key = wider
        self.converted(key, info.key_type or wider.type)
        return key

    def map_read(self, node: n.Map) -> tree.Expr:
        key = self.map_key(node)
        info = self.maps[node.name]
        if info.type is None:
            if not info.written:
                self.undefined_map(node)
            elif self.guess and info.written:
                return tree.MapRead(span=node.span, type=INT64, map=node.name, key=key)
            return self.bad(node.span)
        return tree.MapRead(span=node.span, type=info.type, map=node.name, key=key)

    # --- calls ---

    def call(self, node: n.Call) -> tree.Expr:
        """A call in a value position."""
        row = FUNCTIONS.get(node.name)
        if row is not None and row.value is not None:
            return row.value(self, node) if self.counted(node) else self.bad(node.span)
        if not node.arguments and node.name in BUILTINS:
            return self.builtin(node.span, node.name)
        if not node.arguments and _is_plain(node.name):
            return self.name(n.Name(span=node.span, name=node.name))
        if row is not None:
            message = f"{node.name}() has no value"
            if row.statement is None:
                message = f"{node.name}() must be assigned directly to a map"
            self.report.error(node.span, message, code="call")
            return self.bad(node.span)
        return self.unknown_call(node)

    def call_statement(self, node: n.Call) -> list[tree.Statement] | None:
        """A call as a statement; None when it is only a value."""
        row = FUNCTIONS.get(node.name)
        if row is None or row.statement is None:
            return None
        return only_printf(row.statement)(self, node) if self.counted(node) else []

    def counted(self, node: n.Call) -> bool:
        """Whether the number of arguments is right; says so if not."""
        row = FUNCTIONS[node.name]
        least, most, given = row.least, row.most, len(node.arguments)
        if least <= given and (most is None or given <= most):
            for one in node.arguments:
                if isinstance(one, n.Typeof) and not row.types:
                    message = f"{node.name}() takes values, and typeof() is a type"
                    self.report.error(one.span, message, code="call")
                    return False
            return True
        words = {0: "no arguments", 1: "one argument"}
        if least == most:
            what = f"requires {words.get(least, f'{least} arguments')} ({given} provided)"
        elif given < least:
            some = "one argument" if least == 1 else f"{least} arguments"
            what = f"requires at least {some} ({given} provided)"
        else:
            what = f"takes up to {most} argument{'' if most == 1 else 's'} ({given} provided)"
        self.report.error(node.span, f"{node.name}() {what}", code="call")
        return False

    def unknown_call(self, node: n.Call) -> tree.Expr:
        if node.name in functions.LATER:
            message = f"{node.name}() is not supported: {functions.LATER[node.name]}"
            self.report.error(node.span, message, code="not-supported")
            return self.bad(node.span)
        if node.name in BUILTINS or _is_plain(node.name):
            message = f"{node.name}() requires no arguments ({len(node.arguments)} provided)"
            self.report.error(node.span, message, code="call")
            return self.bad(node.span)
        hints = did_you_mean(node.name, FUNCTIONS)
        message = f"Unknown function: '{node.name}'"
        self.report.error(node.span, message, code="unknown-name", hints=hints)
        return self.bad(node.span)
