# SPDX-License-Identifier: MIT
"""The C text of one program while it grows: lines, names, and where its objects live."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from kptrace import types
from kptrace.compiler import arch
from kptrace.compiler.available import Available
from kptrace.compiler.ctypes import KernelTypes, ValueTypes
from kptrace.compiler.events import EventTable
from kptrace.compiler.storage import Storage
from kptrace.source import Span
from kptrace.types import Type

INLINE_COPY = 64
"""Up to this many bytes are copied or cleared in line; more by one helper call."""
WHOLE_BUFFER = 1 << 31
"""More bytes than the buffer has that an iterator writes to."""
STACK_BUDGET = 256
"""Bytes of objects that one program keeps on its 512-byte stack; the rest goes to scratch."""


@dataclass(slots=True, kw_only=True)
class Shared:
    """What all programs of a specification share while their C is made.

    ``report_failures`` (``-k``): every failed helper is told.
    """

    machine: arch.Arch
    storage: Storage
    events: EventTable
    values: ValueTypes = field(default_factory=ValueTypes)
    kernel: KernelTypes = field(default_factory=KernelTypes)
    needs: set[str] = field(default_factory=set)
    on_stack_limit: int = 32
    cpus: int = 1
    report_failures: bool = False


class Writer:
    """Lines of C. ``scratch`` collects the objects that are too big for the stack.

    Bodies of ``for`` loops are C functions of their own: ``functions`` collects them; ``frame``
    has the declarations of what they share with the program, by name, among them the variables
    ``captured``; ``objects`` tells where those are that do not fit a register. ``loops`` has a
    word for each loop around the current line, ``c`` or ``function``; ``leaves``: the last one
    may return from the probe. ``sent``: the bytes of all events at most.
    """

    def __init__(
        self, shared: Shared, default_return: int, name: str, captured: frozenset[str]
    ) -> None:
        self.shared = shared
        self.default_return = default_return
        self.name = name
        self.captured = captured
        self.functions: list[str] = []
        self.frame: dict[str, str] = {}
        self.objects: dict[str, str] = {}
        self.loops: list[str] = []
        self.leaves = False
        self.sender = "send"
        self.sent = 0
        self.slots: frozenset[int] = frozenset()
        self.lines: list[str] = []
        self.indent = 1
        self.scratch: list[tuple[str, str, int]] = []
        self.stack_bytes = 0
        self.effects = 0
        self.joined = ""
        self.numbers: dict[str, int] = {}
        self.context: list[tuple[str, int, int]] = []
        self.available = Available()

    def line(self, text: str) -> None:
        self.lines.append("\t" * self.indent + text)

    def will_send(self, size: int) -> None:
        """Count the bytes of an event; in a loop nobody knows how often it is sent."""
        if size:
            self.sent = WHOLE_BUFFER if self.loops else min(self.sent + size, WHOLE_BUFFER)

    @contextmanager
    def braces(self, head: str = "") -> Iterator[None]:
        self.line(f"{head} {{".lstrip())
        with self.indented():
            yield
        self.line("}")

    @contextmanager
    def otherwise(self) -> Iterator[None]:
        """The ``else`` of the braces that were just closed."""
        self.lines[-1] += " else {"
        with self.indented():
            yield
        self.line("}")

    @contextmanager
    def indented(self, *, again: bool = False) -> Iterator[None]:
        """The inside of a block; ``again``: of a loop, or of a function."""
        self.indent += 1
        with self.available.scope(again=again):
            yield
        self.indent -= 1

    def fresh(self, stem: str) -> str:
        """A C name that this program does not use yet."""
        number = self.numbers.get(stem, 0)
        self.numbers[stem] = number + 1
        return f"{stem}_{number}"

    def variable(self, slot: str) -> str:
        """The lvalue of a scalar scratch variable."""
        return f"frame->{slot}" if slot in self.captured else slot

    def forgotten(self, slot: str, kind: Type, value: str) -> str:
        """What a variable is given: where rounds of a loop's function share it, a number of which
        the verifier knows nothing. Else it tells the values of all rounds apart once one of them
        decides about a branch, and refuses a loop of some hundred rounds as too large.
        """
        shared = slot in self.captured and "function" in self.loops
        if not shared or not isinstance(kind, types.Int) or value.isdecimal():
            return value
        self.shared.needs.add("forget")
        self.frame.setdefault("unknown", "__u64 unknown")
        return f"forget({value}, frame->unknown)"

    def variable_object(self, slot: str) -> str:
        """The lvalue of a scratch variable that does not fit a register."""
        return self.objects.get(slot, f"(*{slot})")

    def spelling(self, kind: Type) -> str:
        return self.shared.values.spelling(kind)

    def call(self, helper: str, arguments: str, span: Span) -> None:
        """Call a helper that may fail, which ``-k`` tells."""
        if not self.shared.report_failures:
            self.line(f"{helper}({arguments});")
            return
        result = self.fresh("result")
        self.line(f"int {result} = {helper}({arguments});")
        self.line(f"if ({result} < 0)")
        self.line(f"\t{self.failed(helper, result, span)}")

    def failed(self, helper: str, result: str, span: Span, text: str = "") -> str:
        """The statement that tells that a helper failed; without a text, by its error number."""
        event = self.shared.events.warning(span, text, helper.removeprefix("bpf_"))
        self.shared.needs.add("warn_failed")
        return f"warn_failed(ctx, {event.id}, {result});"

    def object(self, kind: Type, stem: str) -> str:
        """A new object of a type; the C lvalue. Big ones live in scratch memory."""
        return self.place(self.spelling(kind), types.size_of(kind), stem)

    def place(self, spelling: str, size: int, stem: str, limit: int = 0) -> str:
        if not self.fits_stack(size, limit):
            return self.scratch_place(spelling, size, stem)
        name = self.fresh(stem)
        self.stack_bytes += -(-size // 8) * 8
        self.line(f"{spelling} {name};")
        return name

    def scalar_place(self, kind: Type, stem: str) -> str:
        """A new scalar in memory, zero."""
        spelling, size = self.spelling(kind), types.size_of(kind)
        if not self.fits_stack(size, size):
            name = self.scratch_place(spelling, size, stem)
            self.line(f"{name} = 0;")
            return name
        name = self.fresh(stem)
        self.stack_bytes += -(-size // 8) * 8
        self.line(f"{spelling} {name} = 0;")
        return name

    def fits_stack(self, size: int, limit: int = 0) -> bool:
        """Whether one more object may live on the stack."""
        limit = limit or self.shared.on_stack_limit
        return size <= limit and self.stack_bytes + size <= STACK_BUDGET

    def scratch_place(self, spelling: str, size: int, stem: str) -> str:
        name = self.fresh(stem)
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


def in_comment(text: str) -> str:
    """Any text on one line, such that it does not end a comment of C."""
    return " ".join(text.split()).replace("/*", "/ *").replace("*/", "* /")


def c_file_name(name: str) -> str:
    """A file name as ``#line`` takes it, in quotation marks; line breaks would end it."""
    text = re.sub(r"[\x00-\x1f\x7f]", "?", name)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def c_integer(value: int, *, wide: bool = False) -> str:
    """A C literal; of 64 bits where 32 are not enough, or where ``wide`` asks for it."""
    if -(1 << 31) < value < 1 << 31 and not wide:
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
