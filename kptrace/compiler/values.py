# SPDX-License-Identifier: MIT
"""Strings, tuples and network addresses: written straight to where they are wanted."""

from __future__ import annotations

from kptrace import types
from kptrace.compiler import tree
from kptrace.compiler.builtins import BUILTINS
from kptrace.compiler.rules import as_int, is_scalar
from kptrace.compiler.scalars import ScalarEmitter
from kptrace.compiler.writer import INLINE_COPY, c_string
from kptrace.source import Span
from kptrace.types import Type


class ValueEmitter(ScalarEmitter):
    """Stores values of every type to C lvalues."""

    def store(self, node: tree.Expr, target: str, kind: Type) -> None:
        """Write a value as ``kind`` to a C lvalue of that type."""
        if isinstance(node, tree.BlockValue):
            with self.block_value(node) as value:
                self.store(value, target, kind)
            return
        if isinstance(node, tree.Ternary) and not is_scalar(kind):
            self.store_ternary(node, target, kind)
            return
        if isinstance(node, tree.MapRead) and not is_scalar(kind):
            self.store_map_value(node, target, kind)
            return
        match kind:
            case types.String(size=size):
                self.store_string(node, f"{target}.data", size)
            case _ if isinstance(node, tree.Place) and not is_scalar(kind) and node.type == kind:
                self.store_object(node, target, kind)
            case types.Tuple() | types.Record():
                self.store_tuple(node, target, kind)
            case types.Inet():
                self.store_inet(node, target)
            case types.Buffer():
                self.store_buffer(node, target, kind)
            case (
                types.Array()
                | types.Struct()
                | types.Float()
                | types.MacAddress()
                | types.Timestamp()
                | types.CgroupPath()
            ):
                self.store_object(node, target, kind)
            case _:
                self.line(f"{target} = {self.scalar(node, kind)};")

    def store_tuple(self, node: tree.Expr, target: str, kind: types.Tuple | types.Record) -> None:
        assert isinstance(node.type, types.Tuple | types.Record)
        if isinstance(node, tree.TupleMake):
            places = types.element_places(node.type, kind)
            for element, place in zip(node.elements, places, strict=True):
                self.store(element, f"{target}.f{place}", kind.elements[place])
            return
        self.convert(self.address(node), node.type, target, kind)

    def convert(self, source: str, have: Type, target: str, want: Type) -> None:
        """Copy an lvalue of one type to an lvalue of a wider one."""
        if have == want:
            self.copy(f"&{target}", f"&{source}", types.size_of(want))
        elif isinstance(have, types.Tuple | types.Record) and isinstance(
            want, types.Tuple | types.Record
        ):
            for index, place in enumerate(types.element_places(have, want)):
                one, other = have.elements[index], want.elements[place]
                self.convert(f"{source}.f{index}", one, f"{target}.f{place}", other)
        elif isinstance(have, types.String) and isinstance(want, types.String):
            self.clear(target, want.size)
            self.copy(f"{target}.data", f"{source}.data", have.size)
        elif isinstance(have, types.Buffer) and isinstance(want, types.Buffer):
            self.clear(target, types.size_of(want))
            self.copy(f"&{target}", f"&{source}", types.size_of(have))
        else:
            self.line(f"{target} = ({self.spelling(want)}){source};")

    def store_object(self, node: tree.Expr, target: str, kind: Type) -> None:
        """Copy an object, fill it by a template, or make an array of a number."""
        size = types.size_of(kind)
        match node:
            case tree.Place():
                source = self.place_address(node)
                self.call(self.reader(node.user), f"&{target}, {size}, {source}", node.span)
            case tree.ContextField():
                self.line(f"bpf_probe_read_kernel(&{target}, {size}, (void *)ctx + {node.offset});")
            case tree.Inline():
                self.clear(target, size)
                self.line(self.inline(node, target))
            case tree.Cast(operand=operand) if is_scalar(operand.type):
                number = self.fresh("number")
                integer = as_int(operand.type)
                wide = types.INT64 if integer is not None and integer.signed else types.UINT64
                self.line(f"{self.spelling(wide)} {number} = {self.scalar(operand, wide)};")
                self.line(f"__builtin_memcpy(&{target}, &{number}, {size});")
            case tree.Cast(operand=operand):
                self.copy(f"&{target}", f"&{self.address(operand)}", size)
            case _:
                self.copy(f"&{target}", f"&{self.address(node)}", size)

    def store_buffer(self, node: tree.Expr, target: str, kind: types.Buffer) -> None:
        if not isinstance(node, tree.ReadBuffer):
            self.convert(self.address(node), node.type, target, kind)
            return
        room = min(kind.size, types.size_of(node.type) - 4)
        address = f"(void *)({self.expr(node.address)})"
        if isinstance(node.length, tree.Const):
            length = str(min(int(node.length.value), room))
        else:
            length = self.fresh("length")
            self.line(f"__u64 {length} = {self.scalar(node.length, types.UINT64)};")
            self.line(f"if ({length} > {room})")
            self.line(f"\t{length} = {room};")
        if length != str(kind.size):
            self.clear(target, types.size_of(kind))
        self.line(f"{target}.length = {length};")
        arguments = f"{target}.data, {length}, {address}"
        self.call(self.reader(node.user), arguments, node.span)

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
        self.call(self.reader(user), f"{target}.address, {size}, {source}", node.span)

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
            case tree.Inline():
                self.zero_array(target, size)
                self.line(self.inline(node, target))
            case tree.ReadString():
                self.read_string(node, target, size)
            case tree.Place():
                address = self.place_address(node)
                have = types.size_of(node.type)
                if node.steps and types.size_of(node.steps[-1].type) < have:
                    # of C definitions: the last byte is not in memory, it is the NUL (§3.7)
                    self.zero_array(target, size)
                    reader = self.reader(node.user, True)
                    self.call(reader, f"{target}, {have}, {address}", node.span)
                else:
                    self.read_full(node.span, address, node.user, target, size, have)
            case tree.ContextField():
                address = f"(void *)ctx + {node.offset}"
                self.read_full(node.span, address, False, target, size, types.size_of(node.type))
            case tree.Cast(operand=operand):
                self.store_string(operand, target, size)
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

    def read_string(self, node: tree.ReadString, target: str, size: int) -> None:
        address = f"(void *)({self.expr(node.address)})"
        have = types.size_of(node.type)
        if node.length is None and node.read > have:
            self.read_full(node.span, address, node.user, target, size, have)
            return
        limit = str(node.read)
        if node.length is not None:
            limit = self.fresh("length")
            self.line(f"__u64 {limit} = {self.scalar(node.length, types.UINT64)};")
            self.line(f"if ({limit} > {min(node.read, have)})")
            self.line(f"\t{limit} = {min(node.read, have)};")
        self.zero_array(target, size)
        self.call(self.reader(node.user, True), f"{target}, {limit}, {address}", node.span)

    def read_full(
        self, span: Span, address: str, user: bool, target: str, size: int, have: int
    ) -> None:
        """A string that may fill its bytes without a NUL: read one byte more, aside."""
        aside = self.object(types.String(have + 1), "text")
        self.zero_array(f"{aside}.data", have + 1)
        self.call(self.reader(user, True), f"{aside}.data, {have + 1}, {address}", span)
        if size > have:
            self.zero_array(target, size)
        self.copy(target, f"{aside}.data", have)

    def store_ternary(self, node: tree.Ternary, target: str, kind: Type) -> None:
        condition = self.expr(node.condition)
        with self.braces(f"if ({condition})"):
            self.store(node.then, target, kind)
        with self.otherwise():
            self.store(node.otherwise, target, kind)

    def address(self, node: tree.Expr) -> str:
        """An lvalue that holds a string, tuple or network address."""
        match node:
            case tree.Var():
                return self.variable_object(node.slot)
            case tree.TupleGet() | tree.Part():
                root, within = self.inside(node)
                return within(self.address(root))
            case _:
                target = self.object(node.type, "value")
                self.fill(node, target, node.type)
                return target

    def store_map_value(self, node: tree.MapRead, target: str, kind: Type) -> None:
        """Copy a map's value, zero where there is none: the entry may change while we use it."""
        plan_map = self.shared.storage.map(node.map)
        found = self.lookup(node)
        if not isinstance(kind, types.Tuple | types.Record):  # those are clear already (`fill`)
            self.clear(target, types.size_of(kind))
        with self.braces(f"if ({found})"):
            self.load(found, plan_map.value, target, kind)

    def load(self, pointer: str, have: Type, target: str, want: Type) -> None:
        """Copy what a pointer into a map points to.

        The kernel aligns keys and values to 8 bytes; the types of strings and the like do not say
        so, and clang would copy them byte by byte.
        """
        size = types.size_of(have)
        if is_scalar(have) and have == want:
            self.line(f"{target} = *{pointer};")
        elif have == want and size <= INLINE_COPY and types.align_of(have) < 8:
            aligned = f"__builtin_assume_aligned({pointer}, 8)"
            self.line(f"__builtin_memcpy(&{target}, {aligned}, {size});")
        else:
            self.convert(f"(*{pointer})", have, target, want)

    def fill(self, node: tree.Expr, target: str, kind: Type) -> None:
        """Store into fresh memory, padding zeroed."""
        if isinstance(kind, types.Tuple | types.Record):
            self.clear(target, types.size_of(kind))
        self.store(node, target, kind)
