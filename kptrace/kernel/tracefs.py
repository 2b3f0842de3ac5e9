# SPDX-License-Identifier: MIT
"""Tracepoints as tracefs shows them: which events there are and how their records look.

In: the ``events`` directory of the running kernel's tracefs. Out: names and typed fields.
Offsets move between kernels even where names stay, so only this kernel's format file counts.
Nothing is ever written to tracefs here.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from kptrace import types
from kptrace.errors import HostError
from kptrace.kernel.base_types import base_type
from kptrace.kernel.files import read, read_text, wildcard
from kptrace.records import dataclass
from kptrace.types import Type

_PLACES = ("sys/kernel/tracing", "sys/kernel/debug/tracing")
_FIELD = re.compile(
    r"^\tfield:(?P<declaration>[^;]+);\toffset:(?P<offset>\d+);\tsize:(?P<size>\d+);"
    r"(?:\tsigned:(?P<signed>\d+);)?",
    re.M,
)
_DECLARATION = re.compile(r"^(?P<type>.*?)\s*\b(?P<name>\w+)\s*(?P<array>(?:\[[^\]]*\])*)$")
_QUALIFIERS = re.compile(r"\b(?:const|volatile|__user|__kernel|__data_loc|__rel_loc)\b")

TypeLookup = Callable[[str, str], Type | None]
"""``(keyword, name)`` to a type, for structs and enumerations that a format only names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TracepointField:
    """One field of a record; ``offset`` and ``size`` are bytes in the record.

    ``data_loc``: the record holds a u32 ``length << 16 | offset`` of the data, and the field's
    value is the u64 address of the data (its ``type``). The offset counts from the start of the
    record, or, when ``relative``, from the end of the field itself.
    ``common``: one of the fields that BPF programs may not read.
    """

    name: str
    type: Type
    offset: int
    size: int
    data_loc: bool = False
    relative: bool = False
    common: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TracepointFormat:
    """A parsed format file. ``id`` is what perf_event_open takes."""

    id: int
    fields: tuple[TracepointField, ...]

    def field(self, name: str) -> TracepointField | None:
        for one in self.fields:
            if one.name == name:
                return one
        return None


class Tracefs:
    """The tracefs of the kernel under a root directory."""

    def __init__(self, root: Path = Path("/"), types_named: TypeLookup | None = None) -> None:
        self._root = root
        self._types_named = types_named
        self._formats: dict[tuple[str, str], TracepointFormat | None] = {}

    @cached_property
    def path(self) -> Path:
        """The mount point; the usual one if there is none."""
        for place in _PLACES:
            # Path.is_dir() would raise where this user may not look
            if os.path.isdir(self._root / place / "events"):
                return self._root / place
        return self._root / _PLACES[0]

    @cached_property
    def problem(self) -> str:
        """Why tracepoints are unknown, or ""."""
        try:
            os.listdir(self.path / "events")
        except FileNotFoundError:
            return f"tracefs is not mounted on {self.path}"
        except OSError as error:
            return f"cannot read {self.path / 'events'}: {error.strerror}"
        return ""

    @property
    def available(self) -> bool:
        return not self.problem

    def require(self) -> None:
        """Raises HostError, with the way out, where tracepoints are unknown."""
        if not self.problem:
            return
        hint = "tracepoints need a readable tracefs"
        if "not mounted" in self.problem:
            hint = f"mount it: mount -t tracefs tracefs {self.path}"
        raise HostError(self.problem, hint=hint, code="no-tracefs")

    def events(self, category: str, event: str) -> list[tuple[str, str]]:
        """Category and name of all matching events, sorted. Raises HostError if unknown."""
        self.require()
        names = self._names
        if "*" not in category + event:
            exact = f"{category}:{event}\n".encode()
            found = names.startswith(exact) or b"\n" + exact in names
            return [(category, event)] if found else []
        expression = rb"^(%b):(%b)$" % (wildcard(category), wildcard(event))
        matches = re.findall(expression, names, re.M)
        return sorted((one.decode(), name.decode()) for one, name in matches)

    @cached_property
    def _names(self) -> bytes:
        listing = read(self.path / "available_events").data
        if listing is not None:
            return listing
        lines = [
            f"{format_file.parent.parent.name}:{format_file.parent.name}"
            for format_file in (self.path / "events").glob("*/*/format")
        ]
        return "".join(f"{line}\n" for line in lines).encode()

    def format_text(self, category: str, event: str) -> str | None:
        """The event's format file as it is, or None when it cannot be read."""
        return read_text(self.path / "events" / category / event / "format")

    def declarations(self, category: str, event: str) -> list[str]:
        """The fields of an event as its format file has them, without the common ones."""
        self.require()
        text = self.format_text(category, event) or ""
        found = [one["declaration"] for one in _FIELD.finditer(text)]
        return [one for one in found if not one.split("[")[0].split()[-1].startswith("common_")]

    def format(self, category: str, event: str) -> TracepointFormat | None:
        """The event's record, or None when there is no such event. HostError if unknown."""
        key = (category, event)
        if key not in self._formats:
            self._formats[key] = self._format(category, event)
        return self._formats[key]

    def _format(self, category: str, event: str) -> TracepointFormat | None:
        self.require()
        path = self.path / "events" / category / event / "format"
        if not path.exists():
            return None
        reading = read(path)
        if reading.data is None:
            raise HostError(reading.problem, code="no-tracefs")
        return parse_format(reading.data.decode(), category, self._types_named)


def parse_format(
    text: str, category: str, types_named: TypeLookup | None = None
) -> TracepointFormat:
    """A format file's text. The category decides whether pointers are user-space (§3.7)."""
    number = re.search(r"^ID: (\d+)$", text, re.M)
    fields = []
    for match in _FIELD.finditer(text):
        declaration = _DECLARATION.match(match["declaration"])
        if declaration is None:
            continue
        offset, size = int(match["offset"]), int(match["size"])
        described = declaration["type"]
        data_loc = "__data_loc" in described or "__rel_loc" in described
        fields.append(
            TracepointField(
                name=declaration["name"],
                type=types.UINT64
                if data_loc
                else _field_type(
                    described,
                    declaration["array"],
                    size,
                    match["signed"] == "1",
                    category == "syscalls",
                    types_named,
                ),
                offset=offset,
                size=size,
                data_loc=data_loc,
                relative="__rel_loc" in described,
                common=declaration["name"].startswith("common_"),
            )
        )
    return TracepointFormat(id=int(number[1]) if number else 0, fields=tuple(fields))


def _field_type(
    described: str,
    array: str,
    size: int,
    signed: bool,
    user: bool,
    types_named: TypeLookup | None,
) -> Type:
    # Some events put the dimension with the type: "u8 [6] addr" or "char[16] comm".
    bracket = described.find("[")
    if bracket != -1:
        described, array = described[:bracket], described[bracket:] + array
    base = " ".join(_QUALIFIERS.sub(" ", described).split())
    if not array:
        return _scalar(base, size, signed, user, types_named)
    counts = [int(number) for number in re.findall(r"\[(\d+)\]", array)]
    if len(counts) == array.count("["):
        count = math.prod(counts)
        element_size = size // count if count else _element_size(base, types_named)
    else:  # a constant that the kernel left as a name, or no length at all
        element_size = _element_size(base, types_named)
        count = size // element_size
    if base == "char" and count:
        return types.String(count)
    return types.Array(_scalar(base, element_size, signed, user, types_named), count)


def _element_size(base: str, types_named: TypeLookup | None) -> int:
    found = base_type(base) or (types_named("", base) if types_named else None)
    return max(types.size_of(found), 1) if found is not None else 1


def _scalar(base: str, size: int, signed: bool, user: bool, types_named: TypeLookup | None) -> Type:
    if base.endswith("*"):
        target = _pointed(base[:-1].strip(), types_named)
        return types.Pointer(target, user=user)
    keyword, _, name = base.partition(" ")
    if keyword in ("struct", "union", "enum"):
        found = types_named(keyword, name) if types_named else None
        if found is not None and types.size_of(found) == size:
            return found
        if keyword != "enum":
            return types.Struct(kind=keyword, name=name, size=size)
    if base in ("bool", "_Bool") and size == 1:
        return types.BOOL
    if size not in (1, 2, 4, 8):
        found = types_named("", base) if types_named else None
        if found is not None and types.size_of(found) == size:
            return found
        return types.Array(types.UINT8, size)
    # System calls store every argument as 8 bytes and call all of them unsigned, so the declared
    # C type says more than the flag; the flag decides for typedefs and for plain char.
    plain = base_type(base)
    return types.Int(size, plain.signed if isinstance(plain, types.Int) else signed)


def _pointed(base: str, types_named: TypeLookup | None) -> Type:
    """What a pointer points to, as far as it is known by name alone."""
    if base.endswith("*"):
        return types.Pointer(_pointed(base[:-1].strip(), types_named))
    keyword, _, name = base.partition(" ")
    if keyword not in ("struct", "union", "enum"):
        keyword, name = "", base
    if base in ("", "void"):
        return types.VOID
    if base == "char":
        return types.INT8
    found = base_type(base) or (types_named(keyword, name) if types_named else None)
    if found is not None:
        return found
    if keyword in ("struct", "union"):
        return types.Struct(kind=keyword, name=name, size=-1)
    return types.VOID
