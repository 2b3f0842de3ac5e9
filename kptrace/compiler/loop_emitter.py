# SPDX-License-Identifier: MIT
"""The C of loops.

``while`` and ``unroll`` are C loops. The body of a ``for`` is a function of its own that the kernel
calls for each round. What it shares with the program that starts the loop lies in one struct on
that program's stack, the frame: captured variables, the context, the scratch memory. All loops
of a program, also nested ones, share the one frame.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from kptrace import types
from kptrace.compiler import tree
from kptrace.compiler.values import ValueEmitter
from kptrace.compiler.writer import c_integer, in_comment
from kptrace.plan import Map
from kptrace.types import Type


class LoopEmitter(ValueEmitter):
    """The part of the emitter for loops and what leaves them."""

    def while_(self, node: tree.While) -> None:
        mark = len(self.lines)
        tabs = "\t" * self.indent
        with self.indented(again=True):
            condition = self.expr(node.condition)
            if len(self.lines) == mark:
                self.lines.append(f"{tabs}while ({condition}) {{")
            else:
                # the condition needs statements, in every round
                self.lines.insert(mark, f"{tabs}while (1) {{")
                self.line(f"if (!{condition})")
                self.line("\tbreak;")
            self.c_body(node.body)
        self.line("}")

    def unroll(self, node: tree.Unroll) -> None:
        name = self.fresh("round")
        self.line(f"for (__u64 {name} = 0; {name} < {node.count}; {name}++) {{")
        with self.indented(again=True):
            self.c_body(node.body)
        self.line("}")

    def c_body(self, body: tree.Body) -> None:
        self.loops.append("c")
        self.body(body)
        self.loops.pop()

    def jump(self, node: tree.Jump) -> None:
        if self.loops[-1] == "c":
            self.line(f"{node.keyword};")
        else:
            self.line(f"return {self.end_loop() if node.keyword == 'break' else '0'};")

    def return_(self, node: tree.Return) -> None:
        value = str(self.default_return) if node.value is None else self.expr(node.value)
        if self.slots:  # an iterator may return 0 only; 1 asks for the same object again
            self.line(f"(void){value};")
            value = "0"
        if "function" not in self.loops:
            self.line(f"return {value};")
            return
        self.frame.setdefault("left", "_Bool left")
        self.frame.setdefault("result", "int result")
        self.leaves = True
        self.line(f"frame->result = {value};")
        self.line("frame->left = 1;")
        self.line(f"return {self.end_loop()};")

    def end_loop(self) -> str:
        """What the function of a loop returns to have no more rounds."""
        self.shared.needs.add("end_loop")
        return "end_loop()"

    # --- for ---

    def for_range(self, node: tree.ForRange) -> None:
        start, end = self.pair(node.start, node.end, types.INT64)
        if isinstance(node.start, tree.Const):
            value = int(node.start.value)
            first = f"{c_integer(value, wide=True)} + " if value else ""
        else:
            field = self.fresh("from")
            self.share(field, types.INT64)
            self.line(f"frame->{field} = {start};")
            start = f"frame->{field}"
            first = f"{start} + "
        if isinstance(node.start, tree.Const) and isinstance(node.end, tree.Const):
            rounds = _signed_32(int(node.end.value) - int(node.start.value))
            if rounds <= 0:
                return
            count, condition = str(rounds), ""
        else:
            count = self.fresh("count")
            difference = end if start == "0" else f"({end} - {start})"
            self.line(f"__s32 {count} = (__s32){difference};")
            condition = f"if ({count} > 0)"
        self.shared.needs.add("repeat")
        with self.function("__u32 index", node) as name:
            head = self.declaration(node.slot, node.type)
            self.line(f"{head}{self.variable(node.slot)} = {first}index;")
            self.body(node.body)
        if condition:
            self.line(condition)
        self.line(f"{chr(9) if condition else ''}repeat({count}, {name}, frame);")
        self.after_loop()

    def for_map(self, node: tree.ForMap) -> None:
        plan_map = self.shared.storage.map(node.map)
        assert plan_map.key is not None
        key, value = self.spelling(plan_map.key), self.spelling(plan_map.value)
        self.shared.needs.add(f"each {plan_map.symbol}")
        with self.function(f"void *map, {key} *key, {value} *value", node) as name:
            self.copy_entry(node, plan_map)
            self.body(node.body)
        self.line(f"{plan_map.symbol}_each({name}, frame);")
        self.after_loop()

    def copy_entry(self, node: tree.ForMap, plan_map: Map) -> None:
        """Give the loop's variable what the body uses of the entry."""
        if not node.parts:
            return
        self.declare_object(node.slot, node.type)
        target = self.variable_object(node.slot)
        size = types.size_of(node.type)
        if len(node.parts) == 2 and sum(map(types.size_of, node.type.elements)) != size:
            self.clear(target, size)  # the padding
        if 0 in node.parts:
            kind = node.type.elements[0]
            self.load("key", kind, f"{target}.f0", kind)
        if 1 in node.parts and isinstance(plan_map.value, types.AGGREGATES):
            self.line(f"{target}.f1 = {self.merged(node.map, 'key')};")
        elif 1 in node.parts:
            kind = node.type.elements[1]
            self.load("value", plan_map.value, f"{target}.f1", kind)

    def after_loop(self) -> None:
        """Pass on a return out of the loop's body."""
        self.effects += 1
        if not self.leaves:
            return
        self.line("if (frame->left)")
        inside = "function" in self.loops
        self.line(f"\treturn {self.end_loop() if inside else 'frame->result'};")
        self.leaves = inside

    @contextmanager
    def function(self, parameters: str, node: tree.ForRange | tree.ForMap) -> Iterator[str]:
        """A function for a loop's body: what is emitted meanwhile goes there."""
        name = self.fresh(f"{self.name}_loop")
        outer = self.lines, self.indent
        self.lines, self.indent = [], 0
        self.loops.append("function")
        with self.indented(again=True):
            yield name
        self.loops.pop()
        body = self.lines
        self.lines, self.indent = outer
        text = "\n".join(body)
        if not body or not body[-1].startswith("\treturn"):
            body.append("\treturn 0;")
            text = "\n".join(body)
        opening = []
        if re.search(r"\bctx\b", text):
            self.frame.setdefault("ctx", "void *ctx")
            opening.append("\tvoid *ctx = frame->ctx;\n")
        if "scratch->" in text:
            pointer = f"struct {self.name}_scratch *scratch"
            self.frame.setdefault("scratch", pointer)
            opening.append(f"\t{pointer} = frame->scratch;\n")
        self.functions.append(
            f"/* {self.loop_head(node)} */\n"
            f"static long {name}({parameters}, struct {self.name}_frame *frame)\n{{\n"
            f"{''.join(opening)}{text}\n}}\n"
        )

    def loop_head(self, node: tree.Statement) -> str:
        """A loop without its body, for a comment."""
        match node:
            case tree.While():
                text = f"while {node.condition.span.text}"
            case tree.Unroll():
                text = f"unroll {node.count}"
            case tree.ForRange():
                text = f"for {node.start.span.text}..{node.end.span.text}"
            case _:
                text = node.span.text.partition("{")[0]
        return in_comment(text)

    # --- variables ---

    def declaration(self, slot: str, kind: Type) -> str:
        """What stands before a scalar's first assignment: its type, unless the frame has it."""
        if slot not in self.captured:
            return f"{self.spelling(kind)} "
        self.share(slot, kind)
        return ""

    def declare_object(self, slot: str, kind: Type) -> None:
        """A place for a variable that does not fit a register.

        In scratch memory it is always named in full: through a pointer of its type clang would
        not know that it is aligned, and copy it byte by byte.
        """
        spelling, size = self.spelling(kind), types.size_of(kind)
        if not self.fits_stack(size):
            self.objects[slot] = self.scratch_place(spelling, size, f"in_{slot}_")
        elif slot in self.captured:
            self.share(slot, kind)
            self.objects[slot] = f"frame->{slot}"
        else:
            target = self.place(spelling, size, f"in_{slot}_")
            self.line(f"{spelling} *{slot} = &{target};")

    def share(self, name: str, kind: Type) -> None:
        """A field of the frame."""
        self.frame[name] = f"{self.spelling(kind)} {name}"
        self.stack_bytes += -(-types.size_of(kind) // 8) * 8


def _signed_32(value: int) -> int:
    """The number of rounds: bounds may lie further apart than an int holds (language §4)."""
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value
