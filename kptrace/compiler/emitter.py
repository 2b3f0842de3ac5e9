# SPDX-License-Identifier: MIT
"""C statements and expressions of one program, from its typed tree.

The text is the same in both dialects: maps are reached through small functions that the prelude
defines. Scalars become C expressions; strings, tuples and addresses are written straight to
where they are wanted (`store`). What must run before an expression (lookups, reads of kernel
memory) is emitted as statements ahead of it, inside the branch that needs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from kptrace import types
from kptrace.compiler import arch, tree
from kptrace.compiler.builtins import BUILTINS
from kptrace.compiler.ctypes import KernelTypes, ValueTypes
from kptrace.compiler.events import EventTable
from kptrace.compiler.rules import as_int, is_scalar
from kptrace.compiler.storage import Storage
from kptrace.plan import EventKind
from kptrace.types import Type

DIVISION = (
    "Divide or modulo by 0 detected. This can lead to unexpected results. 1 is being used as the"
    " result."
)
NO_KEY = "Can't delete map element because it does not exist."
INLINE_COPY = 64
"""Up to this many bytes are copied or cleared in line; more by one helper call."""
EVENT_ON_STACK = 128
"""An event up to this size is built on the stack: cheaper than a scratch slot."""
STACK_BUDGET = 256
"""Bytes of objects that one program keeps on its 512-byte stack; the rest goes to scratch."""


@dataclass(slots=True, kw_only=True)
class Shared:
    """What all programs of a specification share while their C is made."""

    machine: arch.Arch
    storage: Storage
    events: EventTable
    values: ValueTypes = field(default_factory=ValueTypes)
    kernel: KernelTypes = field(default_factory=KernelTypes)
    needs: set[str] = field(default_factory=set)
    on_stack_limit: int = 32


class Emitter:
    """Makes the C of one program. ``scratch`` collects its big objects."""

    def __init__(self, shared: Shared, name: str, default_return: int) -> None:
        self.shared = shared
        self.name = name
        self.default_return = default_return
        self.lines: list[str] = []
        self.indent = 1
        self.scratch: list[tuple[str, str, int]] = []
        self.stack_bytes = 0
        self.effects = 0
        self.numbers: dict[str, int] = {}
        self.context: list[tuple[str, int, int]] = []

    # --- text ---

    def line(self, text: str) -> None:
        self.lines.append("\t" * self.indent + text)

    @contextmanager
    def braces(self, head: str) -> Iterator[None]:
        self.line(f"{head} {{")
        self.indent += 1
        yield
        self.indent -= 1
        self.line("}")

    def fresh(self, stem: str) -> str:
        """A C name that this program does not use yet."""
        number = self.numbers.get(stem, 0)
        self.numbers[stem] = number + 1
        return f"{stem}{number}"

    def spelling(self, kind: Type) -> str:
        return self.shared.values.spelling(kind)

    # --- storage of objects ---

    def object(self, kind: Type, stem: str) -> str:
        """A new object of a type; the C lvalue. Big ones live in scratch memory."""
        return self.place(self.spelling(kind), types.size_of(kind), stem)

    def place(self, spelling: str, size: int, stem: str, limit: int = 0) -> str:
        name = self.fresh(stem)
        limit = limit or self.shared.on_stack_limit
        if size <= limit and self.stack_bytes + size <= STACK_BUDGET:
            self.stack_bytes += -(-size // 8) * 8
            self.line(f"{spelling} {name};")
            return name
        self.scratch.append((spelling, name, size))
        return f"scratch->{name}"

    def clear(self, target: str, size: int) -> None:
        """Zero an lvalue, padding included."""
        if size <= INLINE_COPY:
            self.line(f"__builtin_memset(&{target}, 0, sizeof({target}));")
        else:
            self.shared.needs.add("clear_bytes")
            self.line(f"clear_bytes(&{target}, sizeof({target}));")

    def copy(self, target: str, source: str, size: int) -> None:
        """Copy ``size`` bytes between two addresses of our own memory."""
        if size <= INLINE_COPY:
            self.line(f"__builtin_memcpy({target}, {source}, {size});")
        else:
            self.line(f"bpf_probe_read_kernel({target}, {size}, {source});")

    # --- statements ---

    def body(self, statements: tree.Body) -> None:
        for one in statements:
            self.statement(one)

    def statement(self, node: tree.Statement) -> None:
        self.comment(node)
        match node:
            case tree.SetVar():
                self.set_variable(node)
            case tree.SetMap():
                self.set_map(node)
            case tree.Aggregate():
                self.aggregate(node)
            case tree.Evaluate():
                self.evaluate(node.value)
            case tree.If():
                self.if_(node)
            case tree.Block():
                with self.braces("do"):
                    self.body(node.body)
                self.lines[-1] += " while (0);"
            case tree.Return():
                value = "0" if node.value is None else self.expr(node.value)
                if node.value is None:
                    value = str(self.default_return)
                self.line(f"return {value};")
            case tree.Send():
                self.send(node)
            case _:
                raise AssertionError(f"BUG: no C for {type(node).__name__}")

    def comment(self, node: tree.Statement) -> None:
        """The user's statement above its C, and where it stands."""
        span = node.span
        name = span.source.name.replace("\\", "\\\\").replace('"', '\\"')
        text = " ".join(span.text.split()).replace("/*", "/ *").replace("*/", "* /")
        if isinstance(node, tree.If):
            text = " ".join(node.condition.span.text.split())
            text = "if " + text.replace("/*", "/ *").replace("*/", "* /")
        self.line(f"/* {text} */")
        self.lines.append(f'#line {span.line} "{name}"')

    def if_(self, node: tree.If) -> None:
        condition = self.expr(node.condition)
        with self.braces(f"if ({condition})"):
            self.body(node.then)
        if node.otherwise:
            self.lines[-1] += " else {"
            self.indent += 1
            self.body(node.otherwise)
            self.indent -= 1
            self.line("}")

    def set_variable(self, node: tree.SetVar) -> None:
        kind = node.type
        if is_scalar(kind):
            value = "0" if node.value is None else self.scalar(node.value, kind)
            head = f"{self.spelling(kind)} " if node.declare else ""
            self.line(f"{head}{node.slot} = {value};")
            return
        target = node.slot
        if node.declare:
            target = self.place(self.spelling(kind), types.size_of(kind), f"{node.slot}_")
            self.line(f"{self.spelling(kind)} *{node.slot} = &{target};")
        target = f"(*{node.slot})"
        if node.value is None:
            self.clear(target, types.size_of(kind))
        elif isinstance(node.value, tree.Var | tree.TupleMake | tree.TupleGet):
            # the value may read the variable itself: build it aside first
            aside = self.object(kind, "value")
            self.store(node.value, aside, kind)
            self.copy(f"&{target}", f"&{aside}", types.size_of(kind))
        else:
            self.store(node.value, target, kind)

    def set_map(self, node: tree.SetMap) -> None:
        plan_map = self.shared.storage.map(node.map)
        value = self.object(plan_map.value, "value")
        self.fill(node.value, value, plan_map.value)
        arguments = self.key_arguments(node.map, node.key)
        self.line(f"{plan_map.symbol}_update(ctx, {arguments}&{value});")
        self.effects += 1

    def fill(self, node: tree.Expr, target: str, kind: Type) -> None:
        """Store into fresh memory, padding zeroed."""
        if isinstance(kind, types.Tuple):
            self.clear(target, types.size_of(kind))
        self.store(node, target, kind)

    def key_arguments(self, name: str, key: tree.Expr | None) -> str:
        """The key as leading arguments of a map function, with a comma behind."""
        if key is None:
            return ""
        kind = self.shared.storage.map(name).key
        assert kind is not None
        target = self.object(kind, "key")
        self.fill(key, target, kind)
        return f"&{target}, "

    def aggregate(self, node: tree.Aggregate) -> None:
        plan_map = self.shared.storage.map(node.map)
        kind = plan_map.value
        value = "" if node.value is None else self.scalar(node.value, types.INT64)
        if node.value is not None and not isinstance(node.value, tree.Const):
            number = self.fresh("number")
            self.line(f"__s64 {number} = {value};")
            value = number
        arguments = self.key_arguments(node.map, node.key)
        slot = self.fresh("slot")
        self.line(
            f"{self.spelling(kind)} *{slot} = {plan_map.symbol}_slot(ctx{arguments and ', '}"
            f"{arguments.removesuffix(', ')});"
        )
        with self.braces(f"if ({slot})"):
            for text in self.shared.storage.update(kind, slot, value, self.shared.needs):
                self.line(text)
        self.effects += 1

    def evaluate(self, node: tree.Expr) -> None:
        if isinstance(node, tree.Delete):
            result = self.expr(node)
            if node.warn:
                event = self.shared.events.warning(node.span, NO_KEY)
                self.shared.needs.add("warn")
                with self.braces(f"if (!{result})"):
                    self.line(f"warn(ctx, {event.id});")
        elif is_scalar(node.type):
            text = self.expr(node)
            self.line(f"(void){text};")
        else:
            self.address(node)

    def send(self, node: tree.Send) -> None:
        kind = EventKind(node.kind)
        event = self.shared.events.add(
            kind,
            tuple(one.type for one in node.fields),
            text=node.text,
            map=node.map,
            top=node.top,
            div=node.div,
        )
        fields = "".join(f"\t{self.spelling(one.type)} {one.name};\n" for one in event.fields)
        spelling = f"struct event_{event.id}"
        self.shared.values.declarations[f"event_{event.id}"] = (
            f"{spelling} {{\n\tstruct event_header header;\n{fields}}};\n"
        )
        target = self.place(spelling, event.size, "event", EVENT_ON_STACK)
        for one, value in zip(event.fields, node.fields, strict=True):
            self.fill(value, f"{target}.{one.name}", one.type)
        self.line(f"{target}.header.time = bpf_ktime_get_ns();")
        self.line(f"{target}.header.id = {event.id};")
        self.line(f"{target}.header.unused = 0;")
        self.line(f"send(ctx, &{target}, sizeof({target}));")
        self.effects += 1
        if node.leave:
            self.line(f"return {self.default_return};")

    # --- storing values ---

    def store(self, node: tree.Expr, target: str, kind: Type) -> None:
        """Write a value as ``kind`` to a C lvalue of that type."""
        match kind:
            case types.String(size=size):
                self.store_string(node, f"{target}.data", size)
            case types.Tuple():
                self.store_tuple(node, target, kind)
            case types.Inet():
                self.store_inet(node, target)
            case _:
                self.line(f"{target} = {self.scalar(node, kind)};")

    def store_tuple(self, node: tree.Expr, target: str, kind: types.Tuple) -> None:
        if isinstance(node, tree.TupleMake):
            for index, (element, wanted) in enumerate(
                zip(node.elements, kind.elements, strict=True)
            ):
                self.store(element, f"{target}.f{index}", wanted)
            return
        if isinstance(node, tree.Ternary):
            self.store_ternary(node, target, kind)
            return
        assert isinstance(node.type, types.Tuple)
        self.convert(self.address(node), node.type, target, kind)

    def convert(self, source: str, have: Type, target: str, want: Type) -> None:
        """Copy an lvalue of one type to an lvalue of a wider one."""
        if have == want:
            self.copy(f"&{target}", f"&{source}", types.size_of(want))
        elif isinstance(have, types.Tuple) and isinstance(want, types.Tuple):
            for index, (one, other) in enumerate(zip(have.elements, want.elements, strict=True)):
                self.convert(f"{source}.f{index}", one, f"{target}.f{index}", other)
        elif isinstance(have, types.String) and isinstance(want, types.String):
            self.clear(target, want.size)
            self.copy(f"{target}.data", f"{source}.data", have.size)
        else:
            self.line(f"{target} = ({self.spelling(want)}){source};")

    def store_inet(self, node: tree.Expr, target: str) -> None:
        if not isinstance(node, tree.Network):
            self.copy(f"&{target}", f"&{self.address(node)}", 24)
            return
        self.clear(target, 24)
        family = self.expr(node.family)
        self.line(f"{target}.family = {family};")
        kind = node.address.type
        if isinstance(kind, types.Int):
            number = self.fresh("address")
            self.line(f"__u32 {number} = {self.scalar(node.address, types.UINT32)};")
            self.line(f"__builtin_memcpy({target}.address, &{number}, 4);")
            return
        size = 16
        if isinstance(node.address, tree.Place):
            source, user = self.place_address(node.address), node.address.user
            size = types.size_of(kind)
        elif isinstance(node.address, tree.ContextField):
            source, user = f"(void *)ctx + {node.address.offset}", False
            size = types.size_of(kind)
        elif isinstance(kind, types.Pointer):
            source, user = f"(void *)({self.expr(node.address)})", kind.user
            if isinstance(node.family, tree.Const):
                size = 4 if node.family.value == 2 else 16
        else:
            self.copy(f"{target}.address", f"&{self.address(node.address)}", types.size_of(kind))
            return
        self.line(f"{self.reader(user)}({target}.address, {size}, {source});")

    def store_string(self, node: tree.Expr, target: str, size: int) -> None:
        """Write a string to a char array of ``size`` bytes; the rest is zero."""
        match node:
            case tree.Const():
                raw = str(node.value).encode("utf-8", "surrogateescape")
                self.zero_array(target, size)
                if raw:
                    self.line(f"__builtin_memcpy({target}, {c_string(raw)}, {len(raw)});")
            case tree.Builtin():
                # bpf_get_current_comm leaves what is behind the NUL as it was (seen on 6.1)
                self.zero_array(target, size)
                self.line(BUILTINS[node.name].c.format(to=target))
            case tree.ReadString():
                self.read_string(node, target, size)
            case tree.Place():
                address = self.place_address(node)
                self.read_full(address, node.user, target, size, types.size_of(node.type))
            case tree.ContextField():
                address = f"(void *)ctx + {node.offset}"
                self.read_full(address, False, target, size, types.size_of(node.type))
            case tree.Ternary():
                self.store_ternary(node, target.removesuffix(".data"), types.String(size))
            case _:
                source = self.address(node)
                have = types.size_of(node.type)
                if size > have:
                    self.zero_array(target, size)
                self.copy(target, f"{source}.data", have)

    def zero_array(self, target: str, size: int) -> None:
        if size <= INLINE_COPY:
            self.line(f"__builtin_memset({target}, 0, {size});")
        else:
            self.shared.needs.add("clear_bytes")
            self.line(f"clear_bytes({target}, {size});")

    def reader(self, user: bool, string: bool = False) -> str:
        return f"bpf_probe_read_{'user' if user else 'kernel'}{'_str' if string else ''}"

    def read_string(self, node: tree.ReadString, target: str, size: int) -> None:
        address = f"(void *)({self.expr(node.address)})"
        have = types.size_of(node.type)
        if node.length is None and node.read > have:
            self.read_full(address, node.user, target, size, have)
            return
        limit = str(node.read)
        if node.length is not None:
            limit = self.fresh("length")
            self.line(f"__u64 {limit} = {self.scalar(node.length, types.UINT64)};")
            self.line(f"if ({limit} > {min(node.read, have)})")
            self.line(f"\t{limit} = {min(node.read, have)};")
        self.zero_array(target, size)
        self.line(f"{self.reader(node.user, True)}({target}, {limit}, {address});")

    def read_full(self, address: str, user: bool, target: str, size: int, have: int) -> None:
        """A string that may fill its bytes without a NUL: read one byte more, aside."""
        aside = self.object(types.String(have + 1), "text")
        self.zero_array(f"{aside}.data", have + 1)
        self.line(f"{self.reader(user, True)}({aside}.data, {have + 1}, {address});")
        if size > have:
            self.zero_array(target, size)
        self.copy(target, f"{aside}.data", have)

    def store_ternary(self, node: tree.Ternary, target: str, kind: Type) -> None:
        condition = self.expr(node.condition)
        with self.braces(f"if ({condition})"):
            self.store(node.then, target, kind)
        self.lines[-1] += " else {"
        self.indent += 1
        self.store(node.otherwise, target, kind)
        self.indent -= 1
        self.line("}")

    def address(self, node: tree.Expr) -> str:
        """An lvalue that holds a string, tuple or network address."""
        match node:
            case tree.Var():
                return f"(*{node.slot})"
            case tree.TupleGet():
                return f"{self.address(node.operand)}.f{node.index}"
            case tree.MapRead():
                return self.map_copy(node)
            case _:
                target = self.object(node.type, "value")
                self.fill(node, target, node.type)
                return target

    def map_copy(self, node: tree.MapRead) -> str:
        """A copy of a map value: the entry may change while we use it."""
        found = self.lookup(node)
        target = self.object(node.type, "value")
        size = types.size_of(node.type)
        plan_map = self.shared.storage.map(node.map)
        self.clear(target, size)
        with self.braces(f"if ({found})"):
            self.convert(f"(*{found})", plan_map.value, target, node.type)
        return target

    def lookup(self, node: tree.MapRead) -> str:
        plan_map = self.shared.storage.map(node.map)
        arguments = self.key_arguments(node.map, node.key).removesuffix(", ")
        found = self.fresh("found")
        spelling = self.spelling(plan_map.value)
        self.line(f"{spelling} *{found} = {plan_map.symbol}_lookup({arguments});")
        return found

    # --- scalar expressions ---

    def scalar(self, node: tree.Expr, kind: Type) -> str:
        """A scalar expression converted to the C type of ``kind``."""
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
                return c_integer(int(node.value))
            case tree.Var():
                return node.slot
            case tree.Builtin():
                return self.builtin(node)
            case tree.Register():
                return self.register(node)
            case tree.RawArgument():
                return f"({self.spelling(node.type)})ctx[{node.index}]"
            case tree.ContextField():
                return self.context_field(node)
            case tree.Place():
                return self.read(node)
            case tree.AddressOf():
                return f"(__u64){self.place_address(node.place)}"
            case tree.Element():
                base, index = self.pair(node.base, node.index, types.UINT64)
                sign = "-" if node.negative else "+"
                scale = f" * {node.scale}" if node.scale != 1 else ""
                return f"({base} {sign} {index}{scale})"
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
            case tree.Logical():
                return self.logical(node)
            case tree.Ternary():
                return self.ternary(node)
            case tree.Cast():
                return f"({self.scalar(node.operand, node.type)})"
            case tree.Increment():
                return self.increment(node)
            case tree.TupleGet():
                return f"{self.address(node.operand)}.f{node.index}"
            case tree.MapRead():
                found = self.lookup(node)
                name = self.fresh("value")
                plan_map = self.shared.storage.map(node.map)
                self.line(f"{self.spelling(plan_map.value)} {name} = {found} ? *{found} : 0;")
                return name
            case tree.Stack():
                self.shared.needs.add("stack")
                frames = self.place(
                    f"struct frames_{node.type.limit}", node.type.limit * 8, "frames"
                )
                self.shared.storage.stack_map(node.type.limit)
                name = self.fresh("stack")
                self.line(f"__u64 {name} = stack_{node.type.limit}(ctx, &{frames});")
                return name
            case tree.Delete():
                plan_map = self.shared.storage.map(node.map)
                arguments = self.key_arguments(node.map, node.key).removesuffix(", ")
                name = self.fresh("deleted")
                self.line(f"_Bool {name} = !{plan_map.symbol}_delete({arguments});")
                self.effects += 1
                return name
            case _:
                raise AssertionError(f"BUG: no C for {type(node).__name__}")

    def builtin(self, node: tree.Builtin) -> str:
        if node.name == "elapsed":
            self.shared.needs.add("start_time")
        return BUILTINS[node.name].c

    def register(self, node: tree.Register) -> str:
        machine = self.shared.machine
        index = machine.result if node.index < 0 else machine.arguments[node.index]
        if self.spelling(node.type) == "__u64":
            return f"ctx[{index}]"
        return f"({self.spelling(node.type)})ctx[{index}]"

    def context_field(self, node: tree.ContextField) -> str:
        spelling = self.spelling(node.type)
        if node.data_loc:
            # u32: length << 16 | offset of the data in the record
            self.context.append((node.name, node.offset, 4))
            return f"((__u64)ctx + (ctx->{node.name} & 0xffff))"
        self.context.append((node.name, node.offset, node.size))
        return f"({spelling})ctx->{node.name}"

    def place_address(self, node: tree.Place) -> str:
        base = self.expr(node.base)
        if not node.steps:
            return f"(void *)({base})"
        if not node.steps[0].parent.name:
            # nothing names this struct, so only its offsets are known
            offset = sum(step.offset for step in node.steps)
            return f"(void *)({base} + {offset})"
        root, path = self.shared.kernel.path(node.steps)
        return f"&(({root} *)({base}))->{path}"

    def read(self, node: tree.Place) -> str:
        address = self.place_address(node)
        name = self.fresh(node.steps[-1].name if node.steps else "target")
        self.line(f"{self.spelling(node.type)} {name} = 0;")
        self.line(f"{self.reader(node.user)}(&{name}, sizeof({name}), {address});")
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
        self.lines[-1] += " else {"
        self.line(f"\twarn(ctx, {event.id});")
        self.line("}")
        return f"(({spelling}){quotient})"

    def string_equal(self, node: tree.StringEqual) -> str:
        left, right = self.address(node.left), self.address(node.right)
        size = min(types.size_of(node.left.type), types.size_of(node.right.type))
        self.shared.needs.add("string_equal")
        sign = "!" if node.negated else ""
        return f"({sign}string_equal({left}.data, {right}.data, {size}))"

    def logical(self, node: tree.Logical) -> str:
        left = self.expr(node.left)
        mark = len(self.lines)
        self.indent += 1
        right = self.expr(node.right)
        self.indent -= 1
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
        self.indent += 1
        then = self.scalar(node.then, node.type)
        middle = len(self.lines)
        otherwise = self.scalar(node.otherwise, node.type)
        self.indent -= 1
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

    def increment(self, node: tree.Increment) -> str:
        step = f"+ {node.step}" if node.step > 0 else f"- {-node.step}"
        kind = as_int(node.target.type) or types.UINT64
        spelling = self.spelling(node.target.type)
        self.effects += 1
        old, new = self.fresh("old"), self.fresh("new")
        if isinstance(node.target, tree.Var):
            self.line(f"{spelling} {old} = {node.target.slot};")
            self.line(f"{spelling} {new} = {old} {step};")
            self.line(f"{node.target.slot} = {new};")
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
            self.line(f"\t{plan_map.symbol}_update(ctx, {arguments}&{new});")
        assert kind.size <= 8
        return new if node.prefix else old


def c_integer(value: int) -> str:
    """A C literal of at least 64 bits where 32 are not enough."""
    if -(1 << 31) < value < 1 << 31:
        return str(value)
    if value == -(1 << 63):
        return "(-9223372036854775807LL - 1)"
    return f"{value}LL" if value < 1 << 63 else f"{value}ULL"


def c_string(raw: bytes) -> str:
    """A C string literal of these bytes; octal escapes, which cannot swallow what follows."""
    out = []
    for byte in raw:
        if byte in b'"\\':
            out.append("\\" + chr(byte))
        elif 32 <= byte < 127 and byte != ord("?"):
            out.append(chr(byte))
        else:
            out.append(f"\\{byte:03o}")
    return '"' + "".join(out) + '"'
