# SPDX-License-Identifier: MIT
"""C statements and expressions of one program, from its typed tree.

The text is the same in both dialects: maps are reached through small functions that the prelude
defines. Scalars become C expressions; strings, tuples and addresses are written straight to
where they are wanted (`store`). What must run before an expression (lookups, reads of kernel
memory) is emitted as statements ahead of it, inside the branch that needs it.
"""

from __future__ import annotations

from kptrace import types
from kptrace.compiler import tree
from kptrace.compiler.loop_emitter import LoopEmitter
from kptrace.compiler.rules import is_scalar
from kptrace.compiler.writer import c_file_name, in_comment
from kptrace.errors import Severity, expanded_from
from kptrace.plan import EVENT_HEADER, Event, EventKind, Map, MapKind
from kptrace.source import Span

NO_KEY = "Can't delete map element because it does not exist."
_LOCATED = {EventKind.ERRORF: Severity.ERROR, EventKind.WARNF: Severity.WARNING}
JOINED = 16 * 1024
"""Bytes of the strings of one join(): 16 of 1024."""
EVENT_ON_STACK = 128
"""An event up to this size is built on the stack: cheaper than a scratch slot."""


class Emitter(LoopEmitter):
    """Makes the C of one program's statements."""

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
                with self.braces():
                    self.body(node.body)
            case tree.Return():
                self.return_(node)
            case tree.While():
                self.while_(node)
            case tree.Unroll():
                self.unroll(node)
            case tree.ForRange():
                self.for_range(node)
            case tree.ForMap():
                self.for_map(node)
            case tree.Jump():
                self.jump(node)
            case tree.Signal():
                self.signal(node)
            case tree.Send():
                self.send(node)
            case tree.Join():
                self.join(node)
            case _:
                raise AssertionError(f"BUG: no C for {type(node).__name__}")

    def comment(self, node: tree.Statement) -> None:
        """The user's statement above its C, and where it stands."""
        span = node.span
        text = in_comment(span.text)
        if isinstance(node, tree.If):
            text = f"if {in_comment(node.condition.span.text)}"
        elif isinstance(node, tree.While | tree.Unroll | tree.ForRange | tree.ForMap):
            text = self.loop_head(node)
        self.line(f"/* {text} */")
        self.lines.append(f"#line {span.line} {c_file_name(span.source.name)}")

    def if_(self, node: tree.If) -> None:
        condition = self.expr(node.condition)
        with self.braces(f"if ({condition})"):
            self.body(node.then)
        if node.otherwise:
            with self.otherwise():
                self.body(node.otherwise)

    def set_variable(self, node: tree.SetVar) -> None:
        self.assign(node)
        self.available.slot_changed(node.slot)  # behind the value, which may read the variable

    def assign(self, node: tree.SetVar) -> None:
        kind = node.type
        if is_scalar(kind):
            value = "0" if node.value is None else self.scalar(node.value, kind)
            head = self.declaration(node.slot, kind) if node.declare else ""
            self.line(
                f"{head}{self.variable(node.slot)} = {self.forgotten(node.slot, kind, value)};"
            )
            return
        if node.declare:
            self.declare_object(node.slot, kind)
        target = self.variable_object(node.slot)
        if node.value is None:
            self.clear(target, types.size_of(kind))
        elif not node.declare and isinstance(
            node.value,
            tree.Var
            | tree.MapRead
            | tree.TupleMake
            | tree.TupleGet
            | tree.Ternary
            | tree.BlockValue,
        ):
            # the value may read the variable itself: build it aside first
            aside = self.object(kind, "value")
            self.fill(node.value, aside, kind)
            self.copy(f"&{target}", f"&{aside}", types.size_of(kind))
        else:
            self.fill(node.value, target, kind)

    def set_map(self, node: tree.SetMap) -> None:
        plan_map = self.shared.storage.map(node.map)
        value = self.object(plan_map.value, "value")
        self.fill(node.value, value, plan_map.value)
        arguments = self.key_arguments(node.map, node.key)
        warning = self.full_warning(plan_map, node.span)
        self.line(f"{plan_map.symbol}_update(ctx, {arguments}&{value}, {warning});")
        self.available.map_changed(node.map)
        self.effects += 1

    def aggregate(self, node: tree.Aggregate) -> None:
        plan_map = self.shared.storage.map(node.map)
        kind = plan_map.value
        value = "" if node.value is None else self.scalar(node.value, types.INT64)
        if node.value is not None and not isinstance(node.value, tree.Const):
            number = self.fresh("number")
            self.line(f"__s64 {number} = {value};")
            value = number
        now = ""
        if node.time is not None:
            now = self.fresh("now")
            self.line(f"__u64 {now} = {self.expr(node.time)};")
        arguments = self.key_arguments(node.map, node.key)
        slot = self.fresh("slot")
        given = f"ctx, {arguments}".removesuffix(", ")
        if plan_map.kind is not MapKind.PERCPU_ARRAY:
            given = f"{given}, {self.full_warning(plan_map, node.span)}"
        if plan_map.spills:
            later = self.fresh("later")
            self.line(f"_Bool {later} = 0;")
            given = f"{given}, &{later}"
        self.line(f"{self.spelling(kind)} *{slot} = {plan_map.symbol}_slot({given});")
        with self.braces(f"if ({slot})"):
            for text in self.shared.storage.update(kind, slot, value, self.shared.needs, now):
                self.line(text)
        if plan_map.spills:
            with self.braces(f"if ({later})"):
                key = arguments.removeprefix("&").removesuffix(", ")
                self.spill(plan_map, key, value, now)
        self.effects += 1

    def spill(self, plan_map: Map, key: str, value: str, now: str) -> None:
        """Send an update to the tracer that the kernel has no memory for just now."""
        assert plan_map.key is not None
        kinds = (plan_map.key, types.INT64, *((types.UINT64,) if now else ()))
        event = self.shared.events.add(EventKind.SPILL, kinds, map=plan_map.name)
        target = self.open_event(event)
        self.convert(key, plan_map.key, f"{target}.arg0", plan_map.key)
        self.line(f"{target}.arg1 = {value};")
        if now:
            self.line(f"{target}.arg2 = {now};")
        self.close_event(event, target)

    def evaluate(self, node: tree.Expr) -> None:
        if isinstance(node, tree.Delete):
            result = self.delete_entry(node)
            if node.warn:
                event = self.shared.events.warning(node.span, NO_KEY, "map_delete_elem")
                self.shared.needs.add("warn_failed")
                with self.braces(f"if ({result})"):
                    self.line(f"warn_failed(ctx, {event.id}, {result});")
        elif is_scalar(node.type):
            text = self.expr(node)
            self.line(f"(void){text};")
        else:
            self.address(node)

    def signal(self, node: tree.Signal) -> None:
        """Send a signal; a number that is none and a refusal by the kernel are events."""
        number, result = self.fresh("signal"), self.fresh("result")
        helper = "bpf_send_signal_thread" if node.thread else "bpf_send_signal"
        value = self.scalar(node.number, types.INT64)
        if isinstance(node.number, tree.Const):
            number = value
            self.give_signal(node.span, helper, number, result)
        else:
            self.line(f"__s64 {number} = {value};")
            with self.braces(f"if ({number} < 1 || {number} > 64)"):
                self.tell(node.span, EventKind.ERRORF, "Invalid signal number: %lld", number)
            with self.otherwise():
                self.give_signal(node.span, helper, number, result)
        self.effects += 1

    def give_signal(self, span: Span, helper: str, number: str, result: str) -> None:
        self.line(f"int {result} = {helper}({number});")
        with self.braces(f"if ({result})"):
            text = "signal call failed with error %lld"
            self.tell(span, EventKind.WARNF, text, result)

    def tell(self, span: Span, kind: EventKind, text: str, number: str) -> None:
        """An errorf or warnf of the language's own, with one number."""
        event = self.located(span, kind, (types.INT64,), text=text)
        self.shared.needs.add("warn_failed")
        self.line(f"warn_failed(ctx, {event.id}, {number});")

    def send(self, node: tree.Send) -> None:
        kind = EventKind(node.kind)
        values = tuple(one.type for one in node.fields)
        if kind in _LOCATED:
            event = self.located(node.span, kind, values, text=node.text, shown=node.excerpt)
        else:
            event = self.shared.events.add(
                kind, values, text=node.text, map=node.map, top=node.top, div=node.div
            )
        target = self.open_event(event)
        for one, value in zip(event.fields, node.fields, strict=True):
            self.fill(value, f"{target}.{one.name}", one.type)
        if kind is EventKind.EXIT:
            self.shared.needs.add("ask_exit")
            self.line(f"ask_exit({target}.{event.fields[0].name});")
        self.close_event(event, target)
        self.effects += 1
        if node.leave:
            self.line(f"return {self.default_return};")

    def located(
        self,
        span: Span,
        kind: EventKind,
        values: tuple[types.Type, ...],
        *,
        text: str,
        shown: bool = False,
    ) -> Event:
        """An event that tells its place; ``shown``: with the source there."""
        calls = expanded_from(span, _LOCATED[kind])
        excerpt = "\n".join(filter(None, (span.excerpt(), calls))) if shown else calls
        return self.shared.events.add(kind, values, text=text, place=str(span), excerpt=excerpt)

    def join(self, node: tree.Join) -> None:
        """The strings behind each other in one event, of which only the used part is sent."""
        event = self.shared.events.add(EventKind.JOIN, (types.Buffer(JOINED),), text=node.text)
        reader = "join_user" if node.user else "join_kernel"
        self.shared.needs.add(reader)
        argv = self.scalar(node.argv, types.UINT64)
        if not self.joined:  # big: all calls of a program share it
            self.shared.values.declarations["joined"] = (
                "struct joined {\n\tstruct event_header header;\n\t__u32 length;\n"
                f"\tchar data[{JOINED + 8}];\n}};\n"  # the size that is sent is rounded up
            )
            self.joined = self.place("struct joined", event.size + 8, "joined")
        length = self.fresh("length")
        self.line(f"__u32 {length} = {reader}({self.joined}.data, {argv});")
        self.line(f"{self.joined}.length = {length};")
        self.line(f"{self.joined}.header.time = bpf_ktime_get_ns();")
        self.line(f"{self.joined}.header.id = {event.id};")
        self.line(f"{self.joined}.header.unused = 0;")
        size = f"(sizeof({self.joined}.header) + 4 + {length} + 7) & ~7U"
        self.line(f"{self.sender}(ctx, &{self.joined}, {size});")
        self.will_send(event.size)
        self.effects += 1

    def open_event(self, event: Event) -> str:
        """Declare an event and a place to build it; gives the lvalue."""
        fields = "".join(f"\t{self.spelling(one.type)} {one.name};\n" for one in event.fields)
        spelling = f"struct event_{event.id}"
        self.shared.values.declarations[f"event_{event.id}"] = (
            f"{spelling} {{\n\tstruct event_header header;\n{fields}}};\n"
        )
        target = self.place(spelling, event.size, "event", EVENT_ON_STACK)
        written = EVENT_HEADER + sum(types.size_of(one.type) for one in event.fields)
        if written != event.size:
            # kernels before 6.3 (commit 6715df8d5d24) send no stack bytes that nobody wrote
            self.clear(target, event.size)
        return target

    def close_event(self, event: Event, target: str) -> None:
        """Fill the header and submit."""
        self.line(f"{target}.header.time = bpf_ktime_get_ns();")
        self.line(f"{target}.header.id = {event.id};")
        self.line(f"{target}.header.unused = 0;")
        self.line(f"{self.sender}(ctx, &{target}, sizeof({target}));")
        self.will_send(event.size)
