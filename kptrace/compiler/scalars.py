# SPDX-License-Identifier: MIT
"""Scalar expressions as C expressions.

What must run before an expression (lookups, reads of kernel memory) is emitted as statements ahead
of it, inside the branch that needs it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from kptrace import types
from kptrace.compiler import tree
from kptrace.compiler.available import ONCE
from kptrace.compiler.builtins import BUILTINS
from kptrace.compiler.parts import PartEmitter
from kptrace.compiler.rules import is_scalar
from kptrace.compiler.writer import c_integer
from kptrace.types import Type

DIVISION = (
    "Divide or modulo by 0 detected. This can lead to unexpected results. 1 is being used as the"
    " result."
)


class ScalarEmitter(PartEmitter):
    """Makes the C of scalars; `ValueEmitter` makes what does not fit a register."""

    @abstractmethod
    def body(self, statements: tree.Body) -> None:
        """Statements in order."""

    def scalar(self, node: tree.Expr, kind: Type) -> str:
        """A scalar expression converted to the C type of ``kind``."""
        if isinstance(node, tree.Const) and kind == types.INT64 and int(node.value) >= 1 << 63:
            return c_integer(int(node.value) - (1 << 64), wide=True)
        text = self.expr(node)
        if isinstance(node, tree.Const) or self.spelling(node.type) == self.spelling(kind):
            return text
        if isinstance(kind, types.Bool):
            return f"({text} != 0)"
        return f"({self.spelling(kind)}){text}"

    def pair(self, left: tree.Expr, right: tree.Expr, kind: Type) -> tuple[str, str]:
        """Two operands; the left one is kept aside if the right one has side effects."""
        first = self.scalar(left, kind)
        mark, effects = len(self.lines), self.effects
        second = self.scalar(right, kind)
        if self.effects > effects and not isinstance(left, tree.Const):
            name = self.fresh("left")
            self.lines.insert(mark, "\t" * self.indent + f"{self.spelling(kind)} {name} = {first};")
            first = name
        return first, second

    def expr(self, node: tree.Expr) -> str:
        """A scalar as a C expression without side effects of its own."""
        match node:
            case tree.Const():
                return c_integer(int(node.value), wide=types.size_of(node.type) == 8)
            case tree.Var():
                return self.variable(node.slot)
            case tree.Builtin():
                return self.builtin(node)
            case tree.Inline(effects=False):
                return self.inline(node)
            case tree.Inline():
                name = self.fresh("result")
                self.line(f"{self.spelling(node.type)} {name} = {self.inline(node)};")
                self.effects += 1
                return name
            case tree.Warned():
                event = self.shared.events.warning(node.span, node.text)
                self.shared.needs.add("warn")
                self.line(f"warn(ctx, {event.id});")
                return self.expr(node.value)
            case tree.Register():
                return self.register(node)
            case tree.RawArgument():
                narrow = "(__u8)" if isinstance(node.type, types.Bool) else ""
                return f"({self.spelling(node.type)}){narrow}ctx[{node.index}]"
            case tree.Context():
                return "(__u64)ctx"
            case tree.ContextField():
                return self.context_field(node)
            case tree.Place(base=tree.Context()):
                return self.context_load(node)
            case tree.Place():
                return self.read(node)
            case tree.Trusted():
                return f"((__u64)({self.trusted(node.pointer)}))"
            case tree.AddressOf():
                return f"(__u64){self.place_address(node.place)}"
            case tree.Element():
                return self.element(node)
            case tree.ContextAddress():
                return f"((__u64)ctx + {node.offset})"
            case tree.ValueAddress():
                return self.value_address(node)
            case tree.MapAddress():
                symbol = self.shared.storage.map(node.map).symbol
                self.shared.needs.add(f"address {symbol}")
                return f"{symbol}_address()"
            case tree.Bits():
                return self.bits(node)
            case tree.Unary():
                return self.unary(node)
            case tree.Arithmetic():
                return self.arithmetic(node)
            case tree.Compare():
                wide = types.INT64 if node.signed else types.UINT64
                left, right = self.pair(node.left, node.right, wide)
                return f"({left} {node.op} {right})"
            case tree.StringEqual():
                return self.string_equal(node)
            case tree.Equal():
                left, right = self.compared(node.left, node), self.compared(node.right, node)
                equal = self.equal(node.common, left, right)
                return f"(!({equal}))" if node.negated else f"({equal})"
            case tree.Logical():
                return self.logical(node)
            case tree.Ternary():
                return self.ternary(node)
            case tree.BlockValue():
                name = self.fresh("block")
                self.line(f"{self.spelling(node.type)} {name};")
                with self.block_value(node) as value:
                    self.line(f"{name} = {self.expr(value)};")
                return name
            case tree.Cast() if not is_scalar(node.operand.type):
                return self.cast_object(node)
            case tree.Cast(operand=tree.Const()):
                return f"(({self.spelling(node.type)}){self.expr(node.operand)})"
            case tree.Cast():
                return f"({self.scalar(node.operand, node.type)})"
            case tree.Increment():
                return self.increment(node)
            case tree.TupleGet() | tree.Part():
                return self.part(node)
            case tree.MapRead():
                return self.map_value(node)
            case tree.AggregateRead():
                return self.aggregate_value(node)
            case tree.HasKey():
                return self.has_key(node)
            case tree.Find():
                return self.find(node)
            case tree.MapLength():
                return self.map_length(node)
            case tree.Stack():
                return self.stack(node)
            case tree.Delete():
                return self.delete(node)
            case _:
                raise AssertionError(f"BUG: no C for {type(node).__name__}")

    def cast_object(self, node: tree.Cast) -> str:
        """A string as bool: is there a first byte? An array as the integer of its bytes."""
        source = self.address(node.operand)
        if isinstance(node.type, types.Bool):
            return f"({source}.data[0] != 0)"
        name = self.fresh("value")
        size = types.size_of(node.type)
        self.line(f"{self.spelling(node.type)} {name};")
        self.line(f"__builtin_memcpy(&{name}, &{source}, {size});")
        return name

    def stack(self, node: tree.Stack) -> str:
        kind = node.type
        text = f"Error reading {'ustack' if kind.user else 'kstack'}."
        warning = self.shared.events.warning(node.span, text).id
        self.shared.needs.add("warn")
        prefix = kind.prefix
        self.shared.storage.stack_map(kind)
        size = kind.size + kind.user * 8
        frames = self.place(f"struct {prefix}frames_{kind.limit}", size, "frames")
        name = self.fresh("stack_key")
        self.line(f"__u64 {name} = {prefix}stack_{kind.limit}(ctx, &{frames}, {warning});")
        return name

    def builtin(self, node: tree.Builtin) -> str:
        if node.name == "elapsed":
            self.shared.needs.add("start_time")
        text = BUILTINS[node.name].c
        helper = next((one for one in ONCE if one in text), "")
        return text.replace(helper, self.once(helper)) if helper else text

    def once(self, helper: str) -> str:
        """The variable with what a helper gives in this program."""
        known = self.available.get(helper)
        if known is None:
            known = self.fresh(ONCE[helper])
            self.line(f"__u64 {known} = {helper};")
            self.available.put(helper, known)
        return known

    def inline(self, node: tree.Inline, to: str = "") -> str:
        """The C of a template, after the statements that its operands need."""
        operands = self.operands(node.operands)
        self.shared.needs.update(node.pieces)
        self.will_send(node.shown)
        aside = "" if node.aside is None else self.object(node.aside, "aside")
        return node.c.format(*operands, to=to, aside=aside)

    def operands(self, nodes: tuple[tree.Expr, ...]) -> list[str]:
        """Operands from left to right; a scalar is kept aside if a later one has side effects."""
        made: list[str] = []
        for node in nodes:
            mark, before = len(self.lines), self.effects
            text = self.expr(node) if is_scalar(node.type) else self.address(node)
            if self.effects > before:
                aside = []
                for index, earlier in enumerate(nodes[: len(made)]):
                    if is_scalar(earlier.type) and not isinstance(earlier, tree.Const):
                        name = self.fresh("operand")
                        line = f"{self.spelling(earlier.type)} {name} = {made[index]};"
                        aside.append("\t" * self.indent + line)
                        made[index] = name
                self.lines[mark:mark] = aside
            made.append(text)
        return made

    def register(self, node: tree.Register) -> str:
        machine = self.shared.machine
        index = machine.result if node.index < 0 else machine.arguments[node.index]
        if self.spelling(node.type) == "__u64":
            return f"ctx[{index}]"
        if isinstance(node.type, types.Bool):
            return f"(_Bool)(__u8)ctx[{index}]"  # the ABI defines the low byte only
        return f"({self.spelling(node.type)})ctx[{index}]"

    def context_field(self, node: tree.ContextField) -> str:
        spelling = self.spelling(node.type)
        if node.data_loc:
            # u32: length << 16 | offset of the data
            self.context.append((node.name, node.offset, 4))
            start = f"(__u64)ctx + {node.offset + 4}" if node.relative else "(__u64)ctx"
            return f"({start} + (ctx->{node.name} & 0xffff))"
        self.context.append((node.name, node.offset, node.size))
        return f"({spelling})ctx->{node.name}"

    def context_load(self, node: tree.Place) -> str:
        """A field of a context struct; the kernel rewrites loads of whole words only."""
        offset = sum(step.offset for step in node.steps)
        index = offset // 8
        word = f"iterated_{index}" if index in self.slots else f"((__u64 *)ctx)[{index}]"
        shift = f"({word} >> {offset % 8 * 8})" if offset % 8 else word
        return f"(({self.spelling(node.type)}){shift})"

    def trusted(self, node: tree.Expr) -> str:
        """A pointer by loads that the verifier follows from type to type."""
        match node:
            case tree.Cast(operand=operand):
                return self.trusted(operand)
            case tree.Place(base=base, steps=steps) if not isinstance(base, tree.Context):
                root, path = self.shared.kernel.path(steps)
                return f"(({root} *)({self.trusted(base)}))->{path}"
            case _:
                return self.expr(node)

    def place_address(self, node: tree.Place) -> str:
        base = self.expr(node.base)
        if not node.steps:
            return f"(void *)({base})"
        root_type = node.steps[0].parent
        if not root_type.name or root_type.module == types.DEFINED:
            # nothing names this struct, or the kernel has none of that name to relocate to
            offset = sum(step.offset for step in node.steps)
            return f"(void *)({base} + {offset})"
        root, path = self.shared.kernel.path(node.steps)
        return f"&(({root} *)({base}))->{path}"

    def read(self, node: tree.Place) -> str:
        if node.direct:
            return self.load_direct(node)
        address = self.place_address(node)
        name = self.scalar_place(node.type, node.steps[-1].name if node.steps else "target")
        self.call(self.reader(node.user), f"&{name}, sizeof({name}), {address}", node.span)
        return name

    def load_direct(self, node: tree.Place) -> str:
        """A pointer behind a pointer of the kernel; null where either is."""
        name = self.fresh(node.steps[-1].name if node.steps else "target")
        self.line(f"__u64 {name} = {self.expr(node.base)};")
        root, path = self.shared.kernel.path(node.steps)
        self.shared.needs.add("KEEP")
        with self.braces(f"if ({name})"):
            self.line(f"KEEP({name});")
            self.line(f"{name} = (__u64)(({root} *){name})->{path};")
        return name

    def unary(self, node: tree.Unary) -> str:
        if node.op == "!":
            return f"(!{self.expr(node.operand)})"
        return f"({node.op}{self.scalar(node.operand, node.type)})"

    def arithmetic(self, node: tree.Arithmetic) -> str:
        if node.op in "/%":
            return self.divide(node)
        left, right = self.pair(node.left, node.right, node.type)
        if node.op == ">>":
            # logical, also for signed values (language §3.3)
            return f"(({self.spelling(node.type)})((__u64){left} >> ({right} & 63)))"
        if node.op == "<<":
            if isinstance(node.left, tree.Const):
                left = f"({self.spelling(node.type)}){left}"  # C shifts in the left one's type
            return f"({left} << ({right} & 63))"
        return f"({left} {node.op} {right})"

    def divide(self, node: tree.Arithmetic) -> str:
        """Unsigned 64-bit division; by zero gives 1 and a warning (language §3.3)."""
        left, right = self.pair(node.left, node.right, types.UINT64)
        spelling = self.spelling(node.type)
        if isinstance(node.right, tree.Const) and node.right.value:
            return f"(({spelling})((__u64){left} {node.op} {right}))"
        name = self.fresh("divisor")
        event = self.shared.events.warning(node.span, DIVISION)
        self.shared.needs.add("warn")
        self.line(f"__u64 {name} = {right};")
        quotient = self.fresh("quotient")
        self.line(f"__u64 {quotient} = 1;")
        with self.braces(f"if ({name})"):
            self.line(f"{quotient} = (__u64){left} {node.op} {name};")
        with self.otherwise():
            self.line(f"warn(ctx, {event.id});")
        return f"(({spelling}){quotient})"

    def compared(self, node: tree.Expr, comparison: tree.Equal) -> str:
        """An lvalue with one side of a comparison, as the type that both sides have."""
        if node.type == comparison.common:
            return self.address(node)
        target = self.object(comparison.common, "side")
        self.fill(node, target, comparison.common)
        return target

    def equal(self, kind: Type, left: str, right: str) -> str:
        match kind:
            case types.Tuple(elements=elements) | types.Record(elements=elements):
                parts = [
                    self.equal(one, f"{left}.f{index}", f"{right}.f{index}")
                    for index, one in enumerate(elements)
                ]
                return " && ".join(parts) or "1"
            case types.String(size=size):
                self.shared.needs.add("string_equal")
                return f"string_equal({left}.data, {right}.data, {size})"
            case _ if is_scalar(kind):
                return f"{left} == {right}"
            case _:
                self.shared.needs.add("bytes_equal")
                return f"bytes_equal(&{left}, &{right}, {types.size_of(kind)})"

    def string_equal(self, node: tree.StringEqual) -> str:
        left, right = self.address(node.left), self.address(node.right)
        size = min(types.size_of(node.left.type), types.size_of(node.right.type))
        self.shared.needs.add("string_equal")
        sign = "!" if node.negated else ""
        return f"({sign}string_equal({left}.data, {right}.data, {size}))"

    def logical(self, node: tree.Logical) -> str:
        left = self.expr(node.left)
        mark = len(self.lines)
        with self.indented():
            right = self.expr(node.right)
        if len(self.lines) == mark:
            return f"({left} {node.op} {right})"
        # the right side needs statements: run them only where it decides
        name = self.fresh("condition")
        negate = "" if node.op == "&&" else "!"
        tabs = "\t" * self.indent
        self.lines[mark:mark] = [f"{tabs}_Bool {name} = {left};", f"{tabs}if ({negate}{name}) {{"]
        self.line(f"\t{name} = {right};")
        self.line("}")
        return name

    def ternary(self, node: tree.Ternary) -> str:
        condition = self.expr(node.condition)
        mark = len(self.lines)
        with self.indented():
            then = self.scalar(node.then, node.type)
        middle = len(self.lines)
        with self.indented():
            otherwise = self.scalar(node.otherwise, node.type)
        if len(self.lines) == mark:
            return f"({condition} ? {then} : {otherwise})"
        name = self.fresh("chosen")
        tabs = "\t" * self.indent
        self.line(f"\t{name} = {otherwise};")
        self.line("}")
        self.lines[middle:middle] = [f"{tabs}\t{name} = {then};", f"{tabs}}} else {{"]
        spelling = self.spelling(node.type)
        self.lines[mark:mark] = [f"{tabs}{spelling} {name};", f"{tabs}if ({condition}) {{"]
        return name

    @contextmanager
    def block_value(self, node: tree.BlockValue) -> Iterator[tree.Expr]:
        """The statements of a block in braces; its value is stored before they close."""
        assert node.value is not None
        self.effects += 1  # what its statements assign is not looked into
        with self.braces():
            self.body(node.body)
            yield node.value

    def increment(self, node: tree.Increment) -> str:
        step = f"+ {node.step}" if node.step > 0 else f"- {-node.step}"
        spelling = self.spelling(node.target.type)
        self.effects += 1
        old, new = self.fresh("old"), self.fresh("new")
        if isinstance(node.target, tree.Var):
            self.line(f"{spelling} {old} = {self.variable(node.target.slot)};")
            self.line(f"{spelling} {new} = {old} {step};")
            forgotten = self.forgotten(node.target.slot, node.target.type, new)
            self.line(f"{self.variable(node.target.slot)} = {forgotten};")
            self.available.slot_changed(node.target.slot)
        else:
            plan_map = self.shared.storage.map(node.target.map)
            arguments = self.key_arguments(node.target.map, node.target.key)
            found = self.fresh("found")
            lookup = f"{plan_map.symbol}_lookup({arguments.removesuffix(', ')})"
            self.line(f"{spelling} *{found} = {lookup};")
            self.line(f"{spelling} {old} = {found} ? *{found} : 0;")
            self.line(f"{spelling} {new} = {old} {step};")
            self.line(f"if ({found})")
            self.line(f"\t*{found} = {new};")
            self.line("else")
            warning = self.full_warning(plan_map, node.span)
            self.line(f"\t{plan_map.symbol}_update(ctx, {arguments}&{new}, {warning});")
            self.available.map_changed(node.target.map)
        result = new if node.prefix else old
        if self.spelling(node.type) == spelling:
            return result
        return f"(({self.spelling(node.type)}){result})"

    def reader(self, user: bool, string: bool = False) -> str:
        return f"bpf_probe_read_{'user' if user else 'kernel'}{'_str' if string else ''}"
