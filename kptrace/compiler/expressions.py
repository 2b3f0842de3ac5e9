# SPDX-License-Identifier: MIT
"""Expressions: names resolved, types found, constants folded (language §3).

An expression that is wrong is reported once and becomes `tree.Bad`, whose error type silences
whatever is built on it. Functions and aggregations have their rules in `functions`.
"""

from __future__ import annotations

from dataclasses import replace

from kptrace import types
from kptrace.compiler import fold, tree
from kptrace.compiler.builtins import ARGUMENT, BUILTINS, LATER, NOT_YET
from kptrace.compiler.expand import Unit
from kptrace.compiler.functions import FUNCTIONS, is_unknown_function
from kptrace.compiler.probe_values import ProbeValues
from kptrace.compiler.rules import Use, as_int, combine, is_scalar, promote
from kptrace.compiler.scope import Facts, MapInfo, Scopes
from kptrace.errors import Context, Report, did_you_mean
from kptrace.lang import nodes as n
from kptrace.source import Span
from kptrace.types import BOOL, INT64, UINT64, Int, Type, type_name


class ExpressionChecker(ProbeValues):
    """Types the expressions of one program."""

    def __init__(
        self,
        unit: Unit,
        facts: Facts,
        report: Report,
        maps: dict[str, MapInfo],
        scopes: Scopes,
        guess: bool,
    ) -> None:
        super().__init__(unit, facts, report)
        self.maps = maps
        self.scopes = scopes
        self.guess = guess

    # --- findings ---

    def not_yet(self, span: Span, what: str) -> tree.Bad:
        self.report.error(span, f"{what} are not supported yet" if what.endswith("s")
                          else f"{what} is not supported yet", code="not-supported")  # fmt: skip
        return self.bad(span)

    # --- entry points ---

    def value(self, node: n.Expr) -> tree.Expr:
        """An expression as a value: places are read, structs by value refused."""
        made = self.expr(node)
        if isinstance(made, tree.Place) and isinstance(made.type, types.Struct):
            return self.not_yet(node.span, f"reading '{type_name(made.type)}' by value")
        if isinstance(made.type, types.Array):
            return self.not_yet(node.span, f"reading '{type_name(made.type)}' by value")
        if isinstance(made.type, types.Args):
            return self.not_yet(node.span, "'args' as a value")
        return made

    def condition(self, node: n.Expr) -> tree.Expr:
        made = self.value(node)
        scalar = as_int(made.type) is not None or isinstance(made.type, types.Pointer)
        if not scalar and not isinstance(made.type, types.Error):
            self.report.error(node.span, f"Invalid condition: {type_name(made.type)}", code="type")
            return self.bad(node.span)
        return self.castable(made)

    def castable(self, made: tree.Expr) -> tree.Expr:
        """An aggregation in a value position becomes its integer (language §5.4)."""
        if isinstance(made, tree.MapRead) and isinstance(made.type, types.AGGREGATES):
            if not isinstance(made.type, types.CASTABLE):
                message = f"Value of type '{type_name(made.type)}' cannot be used in an expression"
                self.report.error(made.span, message, code="type")
                return self.bad(made.span)
            return self.not_yet(made.span, f"the value of a '{type_name(made.type)}' map")
        return made

    def use_of(self, value: tree.Expr) -> Use:
        return Use(value.type, isinstance(value, tree.Const) and value.flexible)

    def integer(self, span: Span, value: int) -> tree.Const:
        return fold.integer(span, value)

    # --- dispatch ---

    def expr(self, node: n.Expr) -> tree.Expr:
        match node:
            case n.Integer():
                return self.integer(node.span, node.value)
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
                return self.not_yet(node.span, "records")
            case n.If():
                return self.not_yet(node.span, "'if' as an expression")
            case n.Block():
                return self.not_yet(node.span, "block expressions")
            case n.Sizeof():
                return self.not_yet(node.span, f"'{node.keyword}'")
            case n.Offsetof():
                return self.not_yet(node.span, "'offsetof'")
            case n.Comptime():
                return self.not_yet(node.span, "'comptime'")

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
            message = f"Undefined or undeclared variable: {node.name}"
            self.report.error(node.span, message, code="unknown-name", hints=hints)
            return self.bad(node.span)
        kind = self.scopes.type_of(variable)
        if isinstance(kind, types.Error):
            return self.bad(node.span)
        return tree.Var(span=node.span, type=kind, slot=variable.slot)

    def positional(self, node: n.Positional) -> tree.Expr:
        if node.number == 0:
            return self.integer(node.span, len(self.facts.parameters))
        text = self.positional_text(node)
        value = fold.parameter(text) if text else 0
        if isinstance(value, int):
            return self.integer(node.span, value)
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
            case "kstack":
                return self.stack(node.span, None, None)
        if name in NOT_YET:
            return self.not_yet(node.span, f"the built-in '{name}'")
        if name in LATER:
            message = f"{name} is not supported: {LATER[name]}"
            self.report.error(node.span, message, code="not-supported")
            return self.bad(node.span)
        btf = self.facts.kernel.btf
        found = btf.enumerator(name) if btf is not None else None
        if found is not None:
            enum, value = found
            return tree.Const(span=node.span, type=replace(enum, size=8, signed=False), value=value)
        known = [*BUILTINS, "args", "arg0", "retval", "probe", "kstack"]
        hints = did_you_mean(name, known)
        self.report.error(
            node.span, f"Unknown identifier: '{name}'", code="unknown-name", hints=hints
        )
        return self.bad(node.span)

    # --- maps ---

    def map_info(self, node: n.Map) -> MapInfo:
        keyed = node.keys is not None
        info = self.maps.get(node.name)
        if info is None:
            info = self.maps[node.name] = MapInfo(name=node.name, span=node.span, keyed=keyed)
        if info.keyed != keyed:
            way = ("with an explicit key (non-scalar map)", "without an explicit key (scalar map)")
            now, then = (way[0], way[1]) if keyed else (way[1], way[0])
            self.report.error(
                node.span, f"{node.name} used as a map {now}, previously used {then}", code="map"
            )
        return info

    def map_key(self, node: n.Map) -> tree.Expr | None:
        """The key of an access, several as one tuple; grows the map's key type."""
        info = self.map_info(node)
        if node.keys is None:
            return None
        made = [self.castable(self.value(one)) for one in node.keys]
        return self.grow_key(info, self.key_tuple(node.span, made), node.span)

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
        if isinstance(key.type, types.Void):
            message = f"{type_name(key.type)} cannot be part of a map key"
            self.report.error(span, message, code="map")
            return self.bad(span)
        use = self.use_of(key)
        if info.key is None:
            info.key = use
            return key
        wider = combine(info.key, use)
        if wider is None:
            message = (
                f"Argument mismatch for {info.name}: trying to access with arguments:"
                f" '{type_name(key.type)}' when map expects arguments:"
                f" '{type_name(info.key.type)}'"
            )
            self.report.error(span, message, code="map")
            return self.bad(span)
        info.key = Use(wider, info.key.flexible and use.flexible)
        return key

    def map_read(self, node: n.Map) -> tree.Expr:
        key = self.map_key(node)
        info = self.maps[node.name]
        if info.value is None:
            if not info.written:
                hints = did_you_mean(node.name, (k for k, v in self.maps.items() if v.written))
                message = f"Undefined map: {node.name}"
                self.report.error(node.span, message, code="unknown-name", hints=hints)
            elif self.guess and info.written:
                return tree.MapRead(span=node.span, type=INT64, map=node.name, key=key)
            return self.bad(node.span)
        return tree.MapRead(span=node.span, type=info.value.type, map=node.name, key=key)

    # --- calls ---

    def call(self, node: n.Call) -> tree.Expr:
        """A call in a value position."""
        row = FUNCTIONS.get(node.name)
        if row is not None and row.value is not None:
            return row.value(self, node) if self.counted(node) else self.bad(node.span)
        if not node.arguments and node.name in BUILTINS:
            return self.builtin(node.span, node.name)
        if not node.arguments and node.name in ("args", "retval", "probe"):
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
        return row.statement(self, node) if self.counted(node) else []

    def counted(self, node: n.Call) -> bool:
        """Whether the number of arguments is right; says so if not."""
        row = FUNCTIONS[node.name]
        least, most, given = row.least, row.most, len(node.arguments)
        if least <= given and (most is None or given <= most):
            for one in node.arguments:
                if isinstance(one, n.Typeof):
                    self.not_yet(one.span, "'typeof'")
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
        if not is_unknown_function(node.name):
            return self.not_yet(node.span, f"{node.name}()")
        hints = did_you_mean(node.name, FUNCTIONS)
        message = f"Unknown function: '{node.name}'"
        self.report.error(node.span, message, code="unknown-name", hints=hints)
        return self.bad(node.span)

    # --- tuples ---

    def tuple_literal(self, node: n.TupleLiteral) -> tree.Expr:
        made = [self.castable(self.value(one)) for one in node.elements]
        if any(isinstance(one.type, types.Error) for one in made):
            return self.bad(node.span)
        kind = types.Tuple(tuple(one.type for one in made))
        return tree.TupleMake(span=node.span, type=kind, elements=tuple(made))

    def tuple_index(self, node: n.TupleIndex) -> tree.Expr:
        operand = self.value(node.operand)
        if isinstance(operand.type, types.Error):
            return operand
        if not isinstance(operand.type, types.Tuple):
            found = type_name(operand.type)
            message = f"Can not access index '{node.index}' on expression of type '{found}'"
            self.report.error(node.span, message, code="type")
            return self.bad(node.span)
        elements = operand.type.elements
        if node.index >= len(elements):
            message = f"Invalid tuple index: {node.index}. Found {len(elements)} elements in tuple."
            self.report.error(node.span, message, code="type")
            return self.bad(node.span)
        if isinstance(operand, tree.TupleMake):
            return operand.elements[node.index]
        kind = elements[node.index]
        return tree.TupleGet(span=node.span, type=kind, operand=operand, index=node.index)

    # --- operators ---

    def unary(self, node: n.Unary) -> tree.Expr:
        if node.op == "&":
            return self.not_yet(node.span, "the address-of operator")
        if node.op == "*":
            return self.dereference(node)
        operand = self.castable(self.value(node.operand))
        if isinstance(operand.type, types.Error):
            return operand
        folded = fold.unary(self.report, node, operand)
        if folded is not None:
            return folded
        kind = as_int(operand.type)
        if kind is None or (node.op != "!" and isinstance(operand.type, types.Bool)):
            message = (
                f"The {node.op} operator can not be used on expressions of type"
                f" '{type_name(operand.type)}'"
            )
            self.report.error(node.span, message, code="type")
            return self.bad(node.span)
        result: Type = BOOL if node.op == "!" else INT64 if kind.signed else UINT64
        return tree.Unary(span=node.span, type=result, op=node.op, operand=operand)

    def dereference(self, node: n.Unary) -> tree.Expr:
        operand = self.value(node.operand)
        match operand.type:
            case types.Error():
                return operand
            case types.Pointer(target=target, user=user):
                place = tree.Place(span=node.span, type=target, base=operand, user=user, steps=())
                return self.read_type(place)
            case Int():
                # "*int" reads 8 bytes at that address (language §3.3)
                return tree.Place(span=node.span, type=UINT64, base=operand, user=False, steps=())
        message = f"Can not dereference type '{type_name(operand.type)}'. It is not a pointer."
        self.report.error(node.span, message, code="type")
        return self.bad(node.span)

    def binary(self, node: n.Binary) -> tree.Expr:
        left = self.castable(self.value(node.left))
        right = self.castable(self.value(node.right))
        if isinstance(left.type, types.Error) or isinstance(right.type, types.Error):
            return self.bad(node.span)
        folded = fold.binary(self.report, node, left, right)
        if folded is not None:
            return folded
        if node.op in ("&&", "||"):
            return self.logical(node, left, right)
        if isinstance(left.type, types.Pointer) or isinstance(right.type, types.Pointer):
            return self.pointer_operation(node, left, right)
        if isinstance(left.type, types.String) and isinstance(right.type, types.String):
            if node.op in ("==", "!="):
                return tree.StringEqual(
                    span=node.span, type=BOOL, left=left, right=right, negated=node.op == "!="
                )
            return self.no_operator(node, left, right)
        if node.op in ("==", "!=", "<", ">", "<=", ">="):
            return self.comparison(node, left, right)
        return self.arithmetic(node, left, right)

    def no_operator(self, node: n.Binary, left: tree.Expr, right: tree.Expr) -> tree.Expr:
        message = (
            f"The {node.op} operator can not be used on expressions of types"
            f" {type_name(left.type)}, {type_name(right.type)}"
        )
        self.report.error(node.span, message, code="type")
        return self.bad(node.span)

    def logical(self, node: n.Binary, left: tree.Expr, right: tree.Expr) -> tree.Expr:
        for one in (left, right):
            if as_int(one.type) is None and not isinstance(one.type, types.Pointer):
                return self.no_operator(node, left, right)
        return tree.Logical(span=node.span, type=BOOL, op=node.op, left=left, right=right)

    def comparison(self, node: n.Binary, left: tree.Expr, right: tree.Expr) -> tree.Expr:
        if as_int(left.type) is None or as_int(right.type) is None:
            if not (is_scalar(left.type) and left.type == right.type):
                names = f"{type_name(left.type)} with {type_name(right.type)}"
                self.report.error(
                    node.span,
                    f"Type mismatch for '{node.op}': comparing {names}",
                    code="type",
                    contexts=(
                        Context(span=left.span, message=f"left ({type_name(left.type)})"),
                        Context(span=right.span, message=f"right ({type_name(right.type)})"),
                    ),
                )
                return self.bad(node.span)
            signed = False
        else:
            signed = promote(self.use_of(left), self.use_of(right)).signed
        return tree.Compare(
            span=node.span, type=BOOL, op=node.op, left=left, right=right, signed=signed
        )

    def arithmetic(self, node: n.Binary, left: tree.Expr, right: tree.Expr) -> tree.Expr:
        a, b = as_int(left.type), as_int(right.type)
        if a is None or b is None:
            return self.no_operator(node, left, right)
        left_use, right_use = self.use_of(left), self.use_of(right)
        signed = a.signed or b.signed
        if left_use.flexible != right_use.flexible:
            signed = (b if left_use.flexible else a).signed
        if node.op in "/%" and a != b and signed and not right_use.flexible:
            self.report.warning(
                node.span,
                f"signed operands for '{node.op}' can lead to undefined behavior"
                " (cast to unsigned to silence warning)",
            )
        result = INT64 if signed or node.op == "-" else UINT64
        return tree.Arithmetic(span=node.span, type=result, op=node.op, left=left, right=right)

    def pointer_operation(self, node: n.Binary, left: tree.Expr, right: tree.Expr) -> tree.Expr:
        if node.op in ("==", "!=", "<", ">", "<=", ">="):
            other = right if isinstance(left.type, types.Pointer) else left
            if as_int(other.type) is None and not isinstance(other.type, types.Pointer):
                return self.no_operator(node, left, right)
            both = isinstance(left.type, types.Pointer) and isinstance(right.type, types.Pointer)
            if both and left.type != right.type:
                names = f"{type_name(left.type)}, {type_name(right.type)}"
                message = f"comparison of distinct pointer types: {names}"
                self.report.warning(node.span, message)
            return tree.Compare(
                span=node.span, type=BOOL, op=node.op, left=left, right=right, signed=False
            )
        pointer, number = (left, right) if isinstance(left.type, types.Pointer) else (right, left)
        allowed = node.op == "+" or (node.op == "-" and pointer is left)
        if not allowed or as_int(number.type) is None:
            return self.no_operator(node, left, right)
        assert isinstance(pointer.type, types.Pointer)
        return tree.Element(
            span=node.span,
            type=pointer.type,
            base=pointer,
            index=number,
            scale=max(types.size_of(pointer.type.target), 1),
            negative=node.op == "-",
        )

    def ternary(self, node: n.Ternary) -> tree.Expr:
        condition = self.condition(node.condition)
        then = condition if node.then is None else self.castable(self.value(node.then))
        otherwise = self.castable(self.value(node.otherwise))
        if any(isinstance(one.type, types.Error) for one in (condition, then, otherwise)):
            return self.bad(node.span)
        if all(isinstance(one, tree.Const) for one in (condition, then, otherwise)):
            assert isinstance(condition, tree.Const)
            return then if condition.value else otherwise
        void = isinstance(then.type, types.Void) and isinstance(otherwise.type, types.Void)
        kind = None if void else combine(self.use_of(then), self.use_of(otherwise))
        if kind is None:
            message = (
                "Branches must return the same type or compatible types: have"
                f" '{type_name(then.type)}' and '{type_name(otherwise.type)}'"
            )
            self.report.error(node.span, message, code="type")
            return self.bad(node.span)
        return tree.Ternary(
            span=node.span, type=kind, condition=condition, then=then, otherwise=otherwise
        )

    def increment(self, node: n.Increment) -> tree.Expr:
        target = node.target
        if isinstance(target, n.Variable) and self.scopes.find(target.name) is None:
            # a variable first used by ++ is an int64, declared here
            message = f"Undefined or undeclared variable: {target.name}"
            self.report.error(target.span, message, code="unknown-name")
            return self.bad(node.span)
        if isinstance(target, n.Map):
            info = self.map_info(target)
            info.written = True
            if info.value is None:
                info.value = Use(INT64)
        made = self.expr(target)
        if not isinstance(made, tree.Var | tree.MapRead):
            return self.bad(node.span)
        step = 1 if node.op == "++" else -1
        kind = made.type
        result: Type
        match kind:
            case Int(signed=signed):
                result = INT64 if signed or step < 0 else UINT64
            case types.Pointer(target=pointee):
                step *= max(types.size_of(pointee), 1)
                result = kind
            case _:
                message = (
                    f"The {node.op} operator can not be used on expressions of type"
                    f" '{type_name(kind)}'"
                )
                self.report.error(node.span, message, code="type")
                return self.bad(node.span)
        return tree.Increment(
            span=node.span, type=result, target=made, step=step, prefix=node.prefix
        )

    # --- fields and elements ---

    def member(self, node: n.Member) -> tree.Expr:
        operand = self.expr(node.operand)
        if isinstance(operand.type, types.Args):
            return self.args_field(node)
        while isinstance(operand.type, types.Pointer) and isinstance(
            operand.type.target, types.Pointer
        ):
            operand = self.read_type(self.pointee(node.span, operand))
        if isinstance(operand.type, types.Pointer):
            operand = self.pointee(node.span, operand)
        if isinstance(operand.type, types.Error):
            return self.bad(node.span)
        if not isinstance(operand, tree.Place) or not isinstance(operand.type, types.Struct):
            message = (
                f"Can not access field '{node.name}' on expression of type"
                f" '{type_name(operand.type)}'"
            )
            self.report.error(node.name_span, message, code="type")
            return self.bad(node.span)
        return self.struct_field(node, operand, operand.type)

    def pointee(self, span: Span, pointer: tree.Expr) -> tree.Place:
        assert isinstance(pointer.type, types.Pointer)
        kind = pointer.type
        return tree.Place(span=span, type=kind.target, base=pointer, user=kind.user, steps=())

    def struct_field(self, node: n.Member, operand: tree.Place, struct: types.Struct) -> tree.Expr:
        btf = self.facts.kernel.btf
        if btf is None:
            return self.no_btf(node.span, f"the fields of '{type_name(struct)}'")
        members = btf.members(struct)
        if not members:
            message = f"Unknown struct/union: '{type_name(struct)}'"
            self.report.error(node.span, message, code="unknown-name")
            return self.bad(node.span)
        found = btf.field(struct, node.name)
        if found is None:
            names = [one.name for one in members if one.name]
            message = (
                f"Struct/union of type '{type_name(struct)}' does not contain a field named"
                f" '{node.name}'"
            )
            hints = did_you_mean(node.name, names)
            self.report.error(node.name_span, message, code="unknown-name", hints=hints)
            return self.bad(node.span)
        if found.bit_size:
            return self.not_yet(node.span, f"the bitfield '{node.name}'")
        if isinstance(found.type, types.Pointer) and found.type.tag not in ("", "rcu", "user"):
            message = (
                f"Attempting to access pointer field '{node.name}' with unsupported tag"
                f" attribute: {found.type.tag}"
            )
            self.report.error(node.name_span, message, code="type")
            return self.bad(node.span)
        step = tree.Step(
            parent=struct, name=node.name, offset=found.bit_offset // 8, type=found.type
        )
        return self.read_type(
            replace(operand, span=node.span, type=found.type, steps=(*operand.steps, step))
        )

    def read_type(self, place: tree.Place) -> tree.Expr:
        """A pointer read from user memory points to user memory too."""
        if isinstance(place.type, types.Pointer) and place.user and not place.type.user:
            return replace(place, type=replace(place.type, user=True))
        if isinstance(place.type, types.Void | types.Function):
            message = f"Can not dereference a pointer to {type_name(place.type)}"
            self.report.error(place.span, message, code="type", hints=("cast the pointer first",))
            return self.bad(place.span)
        return place

    def index(self, node: n.Index) -> tree.Expr:
        operand = self.expr(node.operand)
        index = self.value(node.index)
        if isinstance(operand.type, types.Error) or isinstance(index.type, types.Error):
            return self.bad(node.span)
        if isinstance(operand.type, types.Tuple) and isinstance(index, tree.Const):
            position = n.TupleIndex(
                span=node.span, operand=node.operand, index=int(index.value or 0)
            )
            return self.tuple_index(position)
        literal = isinstance(index, tree.Const) and isinstance(index.value, int)
        kind = as_int(index.type)
        good = isinstance(index, tree.Const) and literal and int(index.value) >= 0
        if not good and (kind is None or kind.signed):
            message = (
                "The array index operator [] only accepts non-negative integer indices. Got:"
                f" {type_name(index.type)}"
            )
            self.report.error(node.index.span, message, code="type")
            return self.bad(node.span)
        if isinstance(operand, tree.Place) and isinstance(operand.type, types.Array):
            return self.array_element(node, operand, operand.type, index)
        if isinstance(operand, tree.ContextField) and isinstance(operand.type, types.Array):
            return self.context_element(node, operand, operand.type, index)
        if isinstance(operand.type, types.Pointer):
            base = tree.Element(
                span=node.span,
                type=operand.type,
                base=operand,
                index=index,
                scale=max(types.size_of(operand.type.target), 1),
            )
            return self.read_type(self.pointee(node.span, base))
        if isinstance(operand.type, types.String):
            return self.not_yet(node.span, "indexing a string")
        message = (
            "The array index operator [] can not be used on expressions of type"
            f" '{type_name(operand.type)}'"
        )
        self.report.error(node.span, message, code="type")
        return self.bad(node.span)

    def context_element(
        self, node: n.Index, operand: tree.ContextField, array: types.Array, index: tree.Expr
    ) -> tree.Expr:
        """An element of an array in a tracepoint's record; the verifier wants a fixed offset."""
        if not isinstance(index, tree.Const):
            return self.not_yet(node.index.span, "an array index known only at run time")
        if int(index.value) >= array.count:
            return self.out_of_bounds(node, index, array)
        size = types.size_of(array.element)
        return replace(
            operand,
            span=node.span,
            type=array.element,
            name=f"{operand.name}_{index.value}",
            offset=operand.offset + int(index.value) * size,
            size=size,
        )

    def out_of_bounds(self, node: n.Index, index: tree.Const, array: types.Array) -> tree.Expr:
        message = f"the index {index.value} is out of bounds for array of size {array.count}"
        self.report.error(node.index.span, message, code="type")
        return self.bad(node.span)

    def array_element(
        self, node: n.Index, operand: tree.Place, array: types.Array, index: tree.Expr
    ) -> tree.Expr:
        if isinstance(index, tree.Const) and array.count and int(index.value) >= array.count:
            return self.out_of_bounds(node, index, array)
        if not isinstance(index, tree.Const) and array.count:
            return self.not_yet(node.index.span, "an array index known only at run time")
        pointer = types.Pointer(array.element, user=operand.user)
        base = tree.Element(
            span=node.span,
            type=pointer,
            base=tree.AddressOf(span=operand.span, type=pointer, place=operand),
            index=index,
            scale=max(types.size_of(array.element), 1),
        )
        return self.read_type(self.pointee(node.span, base))

    # --- casts ---

    def cast(self, node: n.Cast) -> tree.Expr:
        target = self.written_type(node.type)
        operand = self.castable(self.value(node.operand))
        if isinstance(operand.type, types.Error) or isinstance(target, types.Error):
            return self.bad(node.span)
        if isinstance(target, types.Struct):
            message = f'Cannot cast from C type "{type_name(target)}"'
            hints = ("cast the pointer: the result of (struct x *) has fields",)
            self.report.error(node.span, message, code="type", hints=hints)
            return self.bad(node.span)
        if isinstance(operand, tree.Const) and isinstance(target, Int | types.Bool):
            folded = fold.cast(node.span, operand, target)
            if folded is not None:
                return folded
        source = as_int(operand.type) is not None or isinstance(operand.type, types.Pointer)
        wanted = isinstance(target, Int | types.Bool | types.Enum | types.Pointer)
        if source and wanted:
            return tree.Cast(span=node.span, type=target, operand=operand)
        if isinstance(operand.type, types.KSym) and isinstance(target, Int):
            return tree.Cast(span=node.span, type=target, operand=operand)
        names = f'"{type_name(operand.type)}" to "{type_name(target)}"'
        self.report.error(node.span, f"Cannot cast from {names}", code="type")
        return self.bad(node.span)

    def written_type(self, node: n.TypeName | n.Typeof) -> Type:
        """The type that the specification spells."""
        if isinstance(node, n.Typeof):
            self.not_yet(node.span, "'typeof'")
            return types.ERROR
        kind = self.named_type(node)
        for suffix in node.suffixes:
            if isinstance(kind, types.Error):
                return kind
            if suffix == "*":
                kind = types.Pointer(kind)
            else:
                self.not_yet(node.span, "array types")
                return types.ERROR
        return kind

    def named_type(self, node: n.TypeName) -> Type:
        if not node.keyword and node.name in LANGUAGE_TYPES:
            return LANGUAGE_TYPES[node.name]
        if node.name in ("string", "buffer", "inet", "record") and not node.keyword:
            self.not_yet(node.span, f"the type '{node.name}'")
            return types.ERROR
        btf = self.facts.kernel.btf
        if btf is None:
            if node.suffixes and node.keyword:
                return types.Struct(node.keyword, node.name, -1)
            self.no_btf(node.span, f"the type '{node.name}'")
            return types.ERROR
        found = btf.type_named(node.keyword, node.name)
        if found is None:
            spelled = f"{node.keyword} {node.name}".strip()
            message = f'Cannot resolve unknown type "{spelled}"'
            if node.keyword == "enum":
                message = f"Unknown enum: {node.name}"
            self.report.error(node.span, message, code="unknown-name")
            return types.ERROR
        return found


LANGUAGE_TYPES: dict[str, Type] = {
    "bool": BOOL,
    "void": types.VOID,
    **{
        type_name(kind): kind
        for size in (1, 2, 4, 8)
        for kind in (Int(size, True), Int(size, False))
    },
}
