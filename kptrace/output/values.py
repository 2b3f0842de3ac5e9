# SPDX-License-Identifier: MIT
"""One value -> its text (language §10.1, §10.4), and the text of a map key (§10.2).

A renderer is built once per type and used for every value of that type. Text is bytes: strings of
the kernel are printed as they are, whatever their encoding.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

from kptrace import types
from kptrace.aggregate import Value
from kptrace.output import Resolver, UserFrame
from kptrace.output.times import time_renderer
from kptrace.records import dataclass
from kptrace.types import Type

Renderer: TypeAlias = Callable[[Any], bytes]

_TIMESTAMP = struct.Struct("<QII")  # see types.Timestamp
_CGROUP = struct.Struct("<QQ")  # see types.CgroupPath
_AF_INET, _AF_INET6 = 2, 10  # Linux's numbers: a capture may be read on another system


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What text depends on besides the value."""

    resolver: Resolver
    trailer: bytes = b".."
    """Follows a truncated string (``str_trunc_trailer``)."""
    texts: tuple[str, ...] = ()
    """Formats and filters of the plan, which values name by their index."""
    color: bool = False
    """Whether ERROR and WARNING on standard error are coloured."""

    def tai(self, ns: int) -> int:
        """The time of day of a reading of TAI."""
        return self.resolver.wall_ns("tai", ns)


def text_value(kind: Type, value: Value, style: Style) -> bytes:
    """The text of one value; aggregations are the formats' business."""
    return renderer(kind, style)(value)


def renderer(kind: Type, style: Style) -> Renderer:
    """The function from a value of this type to its text."""
    match kind:
        case types.Int():
            return b"%d".__mod__
        case types.Bool():
            return _bool_text
        case types.Enum(variants=variants):
            names = {number: name.encode() for name, number in reversed(variants)}
            return lambda value: names.get(value) or b"%d" % value
        case types.Pointer():
            return b"0x%x".__mod__
        case types.String(size=size):
            trailer = style.trailer
            return lambda value: value if len(value) < size else value + trailer
        case types.Array(element=element):
            part = renderer(element, style)
            return lambda value: b"[%b]" % b",".join(map(part, value))
        case types.Tuple(elements=elements):
            parts = [renderer(element, style) for element in elements]
            return lambda value: (
                b"(%b)" % b", ".join(part(one) for part, one in zip(parts, value, strict=True))
            )
        case types.Record(names=names, elements=elements):
            return _braced(names, [renderer(element, style) for element in elements])
        case types.Struct(members=members):
            fields = [renderer(one.type, style) for one in members]
            return _braced([one.name for one in members], fields)
        case types.Void() | types.Function() | types.Float():
            return lambda _: b"null"
        case types.Inet():
            return _inet_text
        case types.Buffer():
            return BUFFER_FORMS["r"]
        case types.MacAddress():
            return lambda value: b":".join([b"%02X" % byte for byte in value])
        case types.KSym():
            return lambda value: _symbol(style.resolver.ksym(value), value)
        case types.UserName():
            return lambda value: (style.resolver.user(value) or "").encode("utf-8", "replace")
        case types.Timestamp():
            return _timestamps(style)
        case types.CgroupPath():
            return lambda value: _cgroup_text(value, style)
        case types.KStack():
            return lambda value: _stack_text(kind, value, style.resolver)
        case _:
            raise TypeError(f"BUG: a value of type {types.type_name(kind)} has no text")


Columns: TypeAlias = Callable[[Sequence[Any]], list[Iterable[Any]]]


def column_renderer(kind: Type, style: Style) -> tuple[bytes, Columns]:
    """A template, and the function from many values to the columns of its arguments.

    Each text is ``template % arguments``, which is cheaper than a renderer for each.
    """
    match kind:
        case types.Int():
            return b"%d", _alone
        case types.Pointer():
            return b"0x%x", _alone
        case types.Tuple(elements=elements) if elements:
            found = [column_renderer(element, style) for element in elements]
            makers = [columns for _, columns in found]

            def columns_of(values: Sequence[Any]) -> list[Iterable[Any]]:
                parts = zip(makers, zip(*values, strict=True), strict=True)
                return [column for make, part in parts for column in make(part)]

            return b"(%b)" % b", ".join([template for template, _ in found]), columns_of
        case _:
            text_of = renderer(kind, style)
            return b"%b", lambda values: [map(text_of, values)]


def _alone(values: Sequence[Any]) -> list[Iterable[Any]]:
    return [values]


def column_key_renderer(kind: Type, style: Style) -> tuple[bytes, Columns]:
    """`column_renderer` of map keys, without parentheses as `key_renderer`."""
    match kind:
        case types.Int() | types.Pointer():
            return column_renderer(kind, style)
        case types.Tuple(elements=elements) if elements:
            template, columns_of = column_renderer(kind, style)
            return template[1:-1], columns_of
        case _:
            text_of = key_renderer(kind, style)
            return b"%b", lambda keys: [map(text_of, keys)]


def key_renderer(kind: Type, style: Style) -> Renderer:
    """The function from a map key to what stands between ``[`` and ``]``.

    Any text in one pair of parentheses loses it, as it does in the standard: a string that looks
    like a tuple is treated as one.
    """
    text_of = renderer(kind, style)

    def key_text(key: Any) -> bytes:
        text = text_of(key)
        return text[1:-1] if text.startswith(b"(") and text.endswith(b")") else text

    return key_text


def _braced(names: Sequence[str], parts: Sequence[Renderer]) -> Renderer:
    """``{ .a = 1, .b = x }``."""
    heads = [b".%b = " % name.encode() for name in names]

    def text_of(values: Any) -> bytes:
        fields = zip(heads, parts, values, strict=True)
        return b"{ %b }" % b", ".join(head + part(value) for head, part, value in fields)

    return text_of if names else lambda _: b"{}"


_READABLE = [b"%c" % code if 32 <= code < 127 else b"\\x%02x" % code for code in range(256)]
BUFFER_FORMS: dict[str, Renderer] = {
    "r": lambda value: b"".join([_READABLE[byte] for byte in value]),
    "rx": lambda value: b"".join([b"\\x%02x" % byte for byte in value]),
    "rh": lambda value: b" ".join([b"%02x" % byte for byte in value]),
}
"""The forms of a buffer (language §9); the first is also its text elsewhere."""


def _bool_text(value: bool) -> bytes:
    return b"true" if value else b"false"


def _inet_text(value: bytes) -> bytes:
    import socket  # slow

    family = int.from_bytes(value[:8], "little")
    if family == _AF_INET:
        return socket.inet_ntop(socket.AF_INET, value[8:12]).encode()
    if family == _AF_INET6:
        return socket.inet_ntop(socket.AF_INET6, value[8:24]).encode()
    return b""


def _timestamps(style: Style) -> Renderer:
    """Readings of a clock as ``strftime()`` asks for; time 0 is no time."""
    forms: dict[int, Callable[[int], bytes]] = {}

    def text_of(value: bytes) -> bytes:
        ns, clock, index = _TIMESTAMP.unpack(value)
        if not ns:
            return b"(?)"
        form = forms.get(index)
        if form is None:
            form = forms[index] = time_renderer(style.texts[index])
        return form(style.resolver.wall_ns(types.CLOCKS[clock], ns))

    return text_of


def _cgroup_text(value: bytes, style: Style) -> bytes:
    """``unified:/a``; several hierarchies can have a group of this id."""
    number, index = _CGROUP.unpack(value)
    wanted = style.texts[index - 1] if index else "*"
    found = [
        f"{hierarchy}:{path}"
        for hierarchy, path in style.resolver.cgroup(number)
        if fnmatchcase(hierarchy, wanted)
    ]
    return ",".join(found).encode("utf-8", "surrogateescape")


def _symbol(name: str | None, address: int) -> bytes:
    return b"0x%x" % address if name is None else name.encode("utf-8", "surrogateescape")


def _stack_text(kind: types.KStack, key: int, resolver: Resolver) -> bytes:
    if kind.user:
        found = resolver.user_stack(key, kind) if key else ()
        return b"\n" + b"".join(_user_frame(kind.mode, one) for one in found)
    frames = resolver.stack(key, kind) if key else ()
    lines = [_frame(kind.mode, address, resolver) for address in frames]
    return b"\n" + b"".join(lines)


def _frame(mode: str, address: int, resolver: Resolver) -> bytes:
    if mode == "raw":
        return b"%x\n" % address
    symbol = _symbol(resolver.ksym_offset(address), address)
    if mode == "perf":
        return b"\t%x %b\n" % (address, symbol)
    return b"        %b\n" % symbol


def _user_frame(mode: str, frame: UserFrame) -> bytes:
    if frame.build_id:
        return b"%b 0x%x\n" % (frame.build_id.encode(), frame.address)
    if mode in ("raw", "build_id"):
        return b"%x\n" % frame.address
    symbol = _symbol(frame.symbol, frame.address)
    if mode == "perf":
        path = (frame.path or "[unknown]").encode("utf-8", "surrogateescape")
        return b"\t%x %b (%b)\n" % (frame.address, symbol, path)
    return b"        %b\n" % symbol
