# SPDX-License-Identifier: MIT
"""Parts of values in our own memory: elements, members, bit fields; and addresses of values."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from kptrace import types
from kptrace.compiler import tree
from kptrace.compiler.map_access import MapAccess
from kptrace.compiler.rules import is_scalar

OUT_OF_BOUNDS = "Array access out of bounds. This can lead to unexpected results."


class PartEmitter(MapAccess):
    """Makes the C that reaches into objects."""

    @abstractmethod
    def expr(self, node: tree.Expr) -> str:
        """A scalar as a C expression without side effects of its own."""

    @abstractmethod
    def pair(self, left: tree.Expr, right: tree.Expr, kind: types.Type) -> tuple[str, str]:
        """Two operands, evaluated in this order."""

    @abstractmethod
    def address(self, node: tree.Expr) -> str:
        """An lvalue that holds a value that is no scalar."""

    @abstractmethod
    def place_address(self, node: tree.Place) -> str:
        """The address of kernel or user memory."""

    @abstractmethod
    def reader(self, user: bool, string: bool = False) -> str:
        """The helper that reads memory."""

    def inside(self, node: tree.Expr) -> tuple[tree.Expr, Callable[[str], str]]:
        """The value that a part is taken of, and the part's lvalue made from that one's."""
        match node:
            case tree.TupleGet(operand=operand, index=index):
                root, within = self.inside(operand)
                return root, lambda whole: f"{within(whole)}.f{index}"
            case tree.Part(operand=operand, offset=offset):
                root, within = self.inside(operand)
                if isinstance(operand.type, types.Array | types.String) and offset:
                    index = offset // max(types.size_of(node.type), 1)
                    return root, lambda whole: f"{within(whole)}.data[{index}]"
                pointer = f"{self.spelling(node.type)} *"
                place = f" + {offset}" if offset else ""
                return root, lambda whole: f"(*({pointer})((void *)&{within(whole)}{place}))"
            case _:
                return node, lambda whole: whole

    def part(self, node: tree.Part | tree.TupleGet) -> str:
        """A scalar inside an object; of a map's entry only this part is read."""
        root, within = self.inside(node)
        stored = isinstance(root, tree.MapRead) and (
            self.shared.storage.map(root.map).value == root.type
        )
        if isinstance(root, tree.MapRead) and stored and not _misaligned(node):
            found = self.lookup(root)
            name = self.fresh("value")
            part = within(f"(*{found})")
            self.line(f"{self.spelling(node.type)} {name} = {found} ? {part} : 0;")
            return name
        source = within(self.address(root))
        if not _misaligned(node):
            return source
        name = self.fresh("value")
        size = types.size_of(node.type)
        self.line(f"{self.spelling(node.type)} {name};")
        self.line(f"__builtin_memcpy(&{name}, &{source}, {size});")
        return name

    def bits(self, node: tree.Bits) -> str:
        """A bit field; its bytes are read into a word first."""
        word, size = self.fresh("bits"), types.size_of(node.operand.type)
        if isinstance(node.operand, tree.Place):
            source = self.place_address(node.operand)
            self.line(f"__u64 {word} = 0;")
            reader = self.reader(node.operand.user)
            self.call(reader, f"&{word}, {size}, {source}", node.span)
        else:
            source = self.address(node.operand)
            self.line(f"__u64 {word} = 0;")
            self.line(f"__builtin_memcpy(&{word}, &{source}, {size});")
        shifted = f"({word} >> {node.shift})" if node.shift else word
        return f"(({self.spelling(node.type)})({shifted} & {(1 << node.width) - 1:#x}ULL))"

    def element(self, node: tree.Element) -> str:
        base, index = self.pair(node.base, node.index, types.UINT64)
        if node.bound:
            index = self.checked(node, index)
        sign = "-" if node.negative else "+"
        scale = f" * {node.scale}" if node.scale != 1 else ""
        return f"({base} {sign} {index}{scale})"

    def checked(self, node: tree.Element, index: str) -> str:
        """An index that is inside the array: what is outside is told, and is 0."""
        event = self.shared.events.warning(node.span, OUT_OF_BOUNDS)
        self.shared.needs.add("warn")
        name = self.fresh("index")
        self.line(f"__u64 {name} = {index};")
        # else clang may leave out a check that it has proved and the verifier has not
        self.line(f'asm volatile("" : "+r"({name}));')
        with self.braces(f"if ({name} >= {node.bound})"):
            self.line(f"warn(ctx, {event.id});")
            self.line(f"{name} = 0;")
        return name

    def value_address(self, node: tree.ValueAddress) -> str:
        kind = node.operand.type
        source = self.expr(node.operand) if is_scalar(kind) else self.address(node.operand)
        name = self.fresh("address")
        self.line(f"void *{name} = &{source};")
        # else clang may add to an aligned address by "or", which the verifier refuses
        self.line(f'asm volatile("" : "+r"({name}));')
        return f"(__u64){name}"


def _misaligned(node: tree.Expr) -> bool:
    """Whether a scalar may lie across its natural boundary: in a packed struct."""
    align = types.align_of(node.type)
    while isinstance(node, tree.Part | tree.TupleGet):
        struct = node.operand.type
        if isinstance(struct, types.Struct) and struct.align < align:
            return True
        node = node.operand
    return False
