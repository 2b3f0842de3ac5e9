# SPDX-License-Identifier: MIT
"""Statements: scopes, assignments, maps, and the whole-program types of variables and maps.

A variable, a map key and a map value have one type over the whole specification (language §3.2).
So all programs are visited until no type grows any more, silently; a last visit with the final
types builds the typed trees and tells every finding. Not here: expressions (`expressions`),
storage (`lower`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from kptrace import types
from kptrace.compiler import tree
from kptrace.compiler.expand import Unit
from kptrace.compiler.flow import acts
from kptrace.compiler.functions import AGGREGATIONS, tseries
from kptrace.compiler.loops import Loops
from kptrace.compiler.rules import Use, join
from kptrace.compiler.scope import Facts, MapInfo, Scopes
from kptrace.errors import Context, Report
from kptrace.lang import nodes as n
from kptrace.types import Type, type_name

Types = dict[tuple[int, int, str], Use]
MAX_ROUNDS = 20
"""Types only grow, and few steps lie between int8 and int64; more rounds mean a fault here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The typed programs, in the order of the units, and the types of the maps.

    ``captured`` are the variables of each that a loop's function shares.
    """

    bodies: tuple[tree.Body, ...]
    captured: tuple[frozenset[str], ...]
    maps: dict[str, MapInfo] = field(default_factory=dict)


def check(units: tuple[Unit, ...], facts: Facts, report: Report) -> Checked:
    """Type all programs; findings go to the report."""
    maps: dict[str, MapInfo] = {}
    known: Types = {}

    def visit(to: Report, guess: bool) -> tuple[Checked, Types]:
        variables: Types = {}
        for info in maps.values():
            info.forget()
        bodies, captured = [], []
        for unit in units:
            scopes = Scopes(unit.index, variables, known)
            bodies.append(_Checker(unit, facts, to, maps, scopes, guess).body())
            captured.append(frozenset(scopes.captured))
        return Checked(bodies=tuple(bodies), captured=tuple(captured), maps=maps), variables

    for guess in (False, True):
        for _ in range(MAX_ROUNDS):
            before = {name: (one.key, one.value) for name, one in maps.items()}, known
            _, known = visit(Report(), guess)
            if before == ({name: (one.key, one.value) for name, one in maps.items()}, known):
                break
    return visit(report, True)[0]


class _Checker(Loops):
    """One visit of one program."""

    def statement(self, node: n.Statement) -> list[tree.Statement]:
        match node:
            case n.Assign(target=n.Variable() as variable):
                return self.assign_variable(node, variable)
            case n.Assign(target=n.Map() as target):
                return self.assign_map(node, target)
            case n.Let():
                return self.let(node)
            case n.Discard() if acts(node.value, void=True):
                return self.expression_statement(node.value)
            case n.Discard():
                return [tree.Evaluate(span=node.span, value=self.castable(self.value(node.value)))]
            case n.ExpressionStatement():
                return self.expression_statement(node.value)
            case n.If():
                return [self.if_(node)]
            case n.Return():
                return [self.return_(node)]
            case n.While():
                return self.while_(node)
            case n.Unroll():
                return self.unroll(node)
            case n.For():
                return self.for_(node)
            case n.Jump():
                return self.jump(node)
            case n.Import():
                return []  # its header is part of the C definitions already
        return []

    # --- variables ---

    def let(self, node: n.Let) -> list[tree.Statement]:
        name = node.target.name
        known = self.scopes.find(name)
        if known is not None:
            message = f"Variable {name} was already declared. Variable shadowing is not allowed."
            other = Context(span=known.span, message="this is the other instance")
            self.report.error(node.target.span, message, code="scope", contexts=(other,))
            return []
        fixed = self.declared_type(node.type) if node.type is not None else None
        unsized = fixed if fixed in (types.String(0), types.Buffer(0)) else None
        value = self.assignable(self.value(node.value)) if node.value is not None else None
        variable = self.scopes.declare(name, node.target.span, fixed if unsized is None else None)
        if isinstance(unsized, types.String | types.Buffer):  # takes the size of its values
            self.scopes.set(variable, Use(replace(unsized, size=1)))
        if value is not None:
            self.grow_variable(node.target, value)
            variable.assigned = True
        kind = self.scopes.type_of(variable)
        if isinstance(kind, types.Error) and value is None and node.type is None:
            kind = types.INT64  # nothing tells its type
        return [
            tree.SetVar(span=node.span, slot=variable.slot, type=kind, value=value, declare=True)
        ]

    def assign_variable(self, node: n.Assign, target: n.Variable) -> list[tree.Statement]:
        value = self.assignable(self.compound(node, target))
        variable = self.scopes.find(target.name)
        declare = variable is None
        if variable is None:
            variable = self.scopes.declare(target.name, target.span, None)
            self.scopes.undeclared.add(target.name)
        self.grow_variable(target, value)
        variable.assigned = True
        kind = self.scopes.type_of(variable)
        slot = variable.slot
        return [tree.SetVar(span=node.span, slot=slot, type=kind, value=value, declare=declare)]

    def take(self, target: n.Variable, value: tree.Expr) -> tuple[str, Type]:
        """A variable that a call writes a value to; declared ahead of the statement if new."""
        variable = self.scopes.find(target.name)
        declare = variable is None
        if variable is None:
            variable = self.scopes.declare(target.name, target.span, None)
        self.grow_variable(target, value)
        variable.assigned = True
        kind = self.scopes.type_of(variable)
        if declare and not isinstance(kind, types.Error):
            self.ahead.append(
                tree.SetVar(
                    span=target.span, slot=variable.slot, type=kind, value=None, declare=True
                )
            )
        return variable.slot, kind

    def assignable(self, value: tree.Expr) -> tree.Expr:
        """What a variable may hold: of aggregations the castable ones, as integers."""
        if isinstance(value.type, types.CASTABLE):
            return self.castable(value)
        if not isinstance(value.type, (*types.AGGREGATES, types.Void)):
            return value
        message = f"Value '{type_name(value.type)}' cannot be assigned to a scratch variable."
        self.report.error(value.span, message, code="type")
        return self.bad(value.span)

    def grow_variable(self, target: n.Variable, value: tree.Expr) -> None:
        variable = self.scopes.find(target.name)
        assert variable is not None
        known = self.scopes.use(variable)
        use = self.use_of(value)
        if known is None:
            self.scopes.set(variable, use)
            self.converted(value, self.scopes.type_of(variable))
            return
        self.tell_mixed(value.span, known, use)
        wider = join(known, use)
        fits = wider is not None and variable.fixed in (None, wider.type)
        if not fits and not self.fits_literal(value, variable.fixed):
            message = (
                f"Type mismatch for {target.name}: trying to assign value of type"
                f" '{type_name(value.type)}' when variable already has a type"
                f" '{type_name(known.type)}'"
            )
            self.report.error(value.span, message, code="type")
            return
        if wider is not None and isinstance(variable.fixed, types.Pointer | None):
            self.scopes.set(variable, wider)
        self.converted(value, self.scopes.type_of(variable))

    def fits_literal(self, value: tree.Expr, fixed: Type | None) -> bool:
        """Whether a literal is in the range of a declared integer type."""
        if not isinstance(fixed, types.Int) or not isinstance(value, tree.Const):
            return False
        if not isinstance(value.value, int):
            return False
        bits = fixed.size * 8
        low, high = (-(1 << (bits - 1)), 1 << (bits - 1)) if fixed.signed else (0, 1 << bits)
        return low <= value.value < high

    # --- maps ---

    def compound(self, node: n.Assign, target: n.Variable | n.Map) -> tree.Expr:
        """The right side; ``x op= e`` is exactly ``x = x op e``."""
        if node.op == "=":
            return self.value(node.value)
        operation = n.Binary(span=node.span, op=node.op[:-1], left=target, right=node.value)
        return self.value(operation)

    def assign_map(self, node: n.Assign, target: n.Map) -> list[tree.Statement]:
        key = self.map_key(target)
        right = node.value
        if node.op == "=" and isinstance(right, n.Call) and right.name in AGGREGATIONS:
            return self.aggregate(node, target, key, right)
        value = self.compound(node, target)
        if isinstance(right, n.Map) and isinstance(value.type, types.AGGREGATES):
            if not isinstance(self.maps[target.name].type, types.Int):
                return self.aggregate_copy(target, right, value.type)
            value = self.castable(value)
        if isinstance(value.type, types.Void | types.Args):
            message = f"Value of type '{type_name(value.type)}' cannot be stored in a map"
            self.report.error(value.span, message, code="type")
            return []
        fits = self.grow_map(target, value, self.use_of(value))
        if fits and (known := self.maps[target.name].type) is not None:
            self.converted(value, known)
        return [tree.SetMap(span=node.span, map=target.name, key=key, value=value)]

    def aggregate(
        self, node: n.Assign, target: n.Map, key: tree.Expr | None, call: n.Call
    ) -> list[tree.Statement]:
        made = AGGREGATIONS[call.name](self, call)
        if made is None:
            return []
        kind, value = made
        flexible = value is not None and self.use_of(value).flexible
        self.grow_map(target, tree.Bad(span=call.span, type=kind), Use(kind, flexible))
        time = tseries.now(self, call.span) if isinstance(kind, types.TSeries) else None
        return [tree.Aggregate(span=node.span, map=target.name, key=key, value=value, time=time)]

    def aggregate_copy(self, target: n.Map, right: n.Map, kind: Type) -> list[tree.Statement]:
        """``@y = @x`` of an aggregation, where @y holds no integers."""
        call = type_name(kind).removesuffix("_t").removeprefix("u")
        arguments = "" if call == "count" else "retval"
        message = (
            f"Map value '{type_name(kind)}' cannot be assigned from one map to another. The"
            f" function that returns this type must be called directly e.g."
            f" `{target.name} = {call}({arguments});`."
        )
        hint = (
            "Add a cast to integer if you want the value of the aggregate, e.g."
            f" `{target.name} = (int64){right.name};`."
        )
        self.report.error(right.span, message, code="type", hints=(hint,))
        return []

    def grow_map(self, target: n.Map, value: tree.Expr, use: Use) -> bool:
        """Join a value's type to that of the map; whether it fits, else it is told."""
        info = self.maps[target.name]
        info.written = True
        if isinstance(use.type, types.Error):
            return True
        if info.value is None:
            info.value = use
            return True
        self.tell_mixed(value.span, info.value, use)
        wider = join(info.value, use)
        if wider is None:
            message = (
                f"Type mismatch for {target.name}: trying to assign value of type"
                f" '{type_name(use.type)}' when map already has a type"
                f" '{type_name(info.value.type)}'"
            )
            self.report.error(value.span, message, code="type")
            return False
        info.value = wider
        return True
