# SPDX-License-Identifier: MIT
"""Operators: result types, promotion, and which operands each one takes (language §3.3)."""

from __future__ import annotations

from kptrace import types
from kptrace.compiler import fold, tree
from kptrace.compiler.casts import Casts
from kptrace.compiler.rules import Use, as_int, combine, promote
from kptrace.errors import Context
from kptrace.lang import nodes as n
from kptrace.source import Span
from kptrace.types import BOOL, INT64, UINT64, Int, Type, type_name

OBJECTS = (types.Tuple, types.Record, types.Buffer, types.Array)
"""What compares with its like by content; strings have rules of their own."""


class Operators(Casts):
    """The part of the checker for operators."""

    def unary(self, node: n.Unary) -> tree.Expr:
        if node.op == "&":
            return self.address_of(node)
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

    def address_of(self, node: n.Unary) -> tree.Expr:
        """``&$v`` is where the variable is kept, ``&@m`` the map."""
        if isinstance(node.operand, n.Map):
            if node.operand.name not in self.maps:
                self.undefined_map(node.operand, node.span)
                return self.bad(node.span)
            pointer = types.Pointer(types.VOID)
            return tree.MapAddress(span=node.span, type=pointer, map=node.operand.name)
        operand = self.expr(node.operand)
        if isinstance(operand.type, types.Error):
            return operand
        pointer = types.Pointer(operand.type)
        return tree.ValueAddress(span=node.span, type=pointer, operand=operand)

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

    def no_operator(
        self, node: n.Binary, left: tree.Expr, right: tree.Expr, hints: tuple[str, ...] = ()
    ) -> tree.Expr:
        message = (
            f"The {node.op} operator can not be used on expressions of types"
            f" {type_name(left.type)}, {type_name(right.type)}"
        )
        self.report.error(node.span, message, code="type", hints=hints)
        return self.bad(node.span)

    def logical(self, node: n.Binary, left: tree.Expr, right: tree.Expr) -> tree.Expr:
        pointers = [isinstance(one.type, types.Pointer) for one in (left, right)]
        numbers = [as_int(one.type) is not None for one in (left, right)]
        if not all(pointers) and not all(numbers):
            hints = ("compare the pointer with 0",) if any(pointers) and any(numbers) else ()
            return self.no_operator(node, left, right, hints)
        return tree.Logical(span=node.span, type=BOOL, op=node.op, left=left, right=right)

    def comparison(self, node: n.Binary, left: tree.Expr, right: tree.Expr) -> tree.Expr:
        if isinstance(left.type, OBJECTS) and type(left.type) is type(right.type):
            return self.object_comparison(node, left, right)
        if as_int(left.type) is None or as_int(right.type) is None:
            same = type(left.type) is type(right.type)
            return (self.no_operator if same else self.mismatch)(node, left, right)
        wide = promote(self.use_of(left), self.use_of(right))
        for side in (left, right):
            self.converted(side, wide)
        return tree.Compare(
            span=node.span, type=BOOL, op=node.op, left=left, right=right, signed=wide.signed
        )

    def mismatch(self, node: n.Binary, left: tree.Expr, right: tree.Expr) -> tree.Expr:
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

    def object_comparison(self, node: n.Binary, left: tree.Expr, right: tree.Expr) -> tree.Expr:
        """Tuples, records, buffers and arrays of integers: equal or not."""
        if node.op not in ("==", "!="):
            return self.no_operator(node, left, right)
        common = combine(self.use_of(left), self.use_of(right))
        if common is None or (
            isinstance(common, types.Array) and not isinstance(common.element, Int)
        ):
            return self.mismatch(node, left, right)
        folded = fold.equality(node, left, right)
        if folded is not None:
            return folded
        return tree.Equal(
            span=node.span,
            type=BOOL,
            left=left,
            right=right,
            common=common,
            negated=node.op == "!=",
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
        made = tree.Arithmetic(span=node.span, type=result, op=node.op, left=left, right=right)
        if isinstance(left.type, types.Bool) and isinstance(right.type, types.Bool):
            return tree.Cast(span=node.span, type=BOOL, operand=made)
        return made

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
            scale=max(self.size_in_code(pointer.type.target), 1),
            negative=node.op == "-",
        )

    def choose(
        self, span: Span, condition: tree.Expr, then: tree.Expr, otherwise: tree.Expr
    ) -> tree.Expr:
        """One of two values, of their common type."""
        if not self.guess and isinstance(then.type, types.Error) != isinstance(
            otherwise.type, types.Error
        ):  # "@max = $n > @max ? $n : @max": the branch that is known tells the type
            return otherwise if isinstance(then.type, types.Error) else then
        if any(isinstance(one.type, types.Error) for one in (condition, then, otherwise)):
            return self.bad(span)
        if all(isinstance(one, tree.Const) for one in (condition, then, otherwise)):
            assert isinstance(condition, tree.Const)
            return then if condition.value else otherwise
        uses = self.use_of(then), self.use_of(otherwise)
        self.tell_mixed(otherwise.span, *uses)
        kind = combine(*uses)
        if kind is None:
            message = (
                "Branches must return the same type or compatible types: have"
                f" '{type_name(then.type)}' and '{type_name(otherwise.type)}'"
            )
            self.report.error(span, message, code="type")
            return self.bad(span)
        self.converted(then, kind)
        self.converted(otherwise, kind)
        return tree.Ternary(
            span=span, type=kind, condition=condition, then=then, otherwise=otherwise
        )

    def grow_integer(self, target: n.Variable | n.Map, kind: Int) -> None:
        """``x++`` assigns its result: what it counts in takes 64 bits, unless a let fixed it."""
        if isinstance(target, n.Map):
            info = self.maps[target.name]
            wider = combine(info.value or Use(kind), Use(kind))
            info.value = info.value if wider is None else Use(wider)
            return
        variable = self.scopes.find(target.name)
        if variable is not None and variable.fixed is None:
            wider = combine(self.scopes.use(variable) or Use(kind), Use(kind))
            if wider is not None:
                self.scopes.set(variable, Use(wider))

    def increment(self, node: n.Increment) -> tree.Expr:
        target = node.target
        if isinstance(target, n.Variable) and self.scopes.find(target.name) is None:
            message = f"Undefined or undeclared variable: {target.name}"
            self.report.error(target.span, message, code="unknown-name")
            return self.bad(node.span)
        if isinstance(target, n.Map):
            info = self.map_info(target)
            info.written = True
            if info.value is None:
                info.value = Use(INT64)
        elif variable := self.scopes.find(target.name):
            variable.assigned = True
            if self.scopes.use(variable) is None:
                self.scopes.set(variable, Use(INT64))
        made = self.expr(target)
        if not isinstance(made, tree.Var | tree.MapRead):
            return self.bad(node.span)
        step = 1 if node.op == "++" else -1
        kind = made.type
        result: Type
        match kind:
            case Int(signed=signed):
                result = INT64 if signed or step < 0 else UINT64
                self.grow_integer(target, result)
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
