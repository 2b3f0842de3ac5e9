# SPDX-License-Identifier: MIT
"""A kernel's types: vmlinux BTF and the BTF of its modules.

In: names as a specification has them (``struct request``, ``size_t``, ``vfs_read``). Out:
`kptrace.types`, members and prototypes. vmlinux is asked first; a module's BTF is opened only
when it is named, or when vmlinux does not have the name and the module's file does.
It knows no C source types and no addresses.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from kptrace import types
from kptrace.kernel.base_types import base_type
from kptrace.kernel.btf_object import BtfObject, Member, Param, Prototype
from kptrace.kernel.files import read
from kptrace.kernel.libbpf import BtfFile, Kind, strings_in
from kptrace.kernel.questions import OF_A_MODULE
from kptrace.types import Type

__all__ = ["Btf", "Member", "Param", "Prototype"]

_KEYWORDS: dict[str, tuple[Kind, ...]] = {
    "struct": (Kind.STRUCT,),
    "union": (Kind.UNION,),
    "enum": (Kind.ENUM, Kind.ENUM64),
    "": (Kind.TYPEDEF, Kind.INT, Kind.FLOAT),
}
# Kernels before sysfs BTF, and distributions that ship it apart; libbpf's own list is longer.
_PLACES = (
    "sys/kernel/btf/vmlinux",
    "boot/vmlinux-{release}",
    "usr/lib/debug/boot/vmlinux-{release}",
    "usr/lib/debug/lib/modules/{release}/vmlinux",
)


def _named_behind(prefix: bytes, strings: bytes) -> Iterator[str]:
    """What stands behind a prefix in those strings of a section that begin with it.

    Searching bytes takes milliseconds where a regular expression takes a tenth of a second.
    """
    if strings.startswith(prefix):  # a module's first name has no NUL before it
        yield strings[len(prefix) : strings.index(b"\0")].decode()
    position = strings.find(b"\0" + prefix)
    while position != -1:
        start = position + 1 + len(prefix)
        end = strings.index(b"\0", start)
        yield strings[start:end].decode()
        position = strings.find(b"\0" + prefix, end)


class Btf:
    """Types of one kernel. Open with `Btf.open`, which raises OSError where there are none."""

    def __init__(self, core: BtfObject, modules: Path | None) -> None:
        self._core = core
        self._own: BtfObject | None = None
        self._directory = modules
        self._modules: dict[str, BtfObject | None] = {"": self._core}
        self._strings: dict[str, bytes] = {}
        self._named: dict[tuple[str, str], Type | None] = {}
        self._prototypes: dict[tuple[str, str], Prototype | None] = {}
        self._complete: dict[tuple[str, int], types.Struct] = {}
        self.asked: set[tuple[str, ...]] = set()
        """What of the kernel's types was used, as `questions` that other kernels can answer."""

    @classmethod
    def open(cls, root: Path, release: str = "", file: Path | None = None) -> Btf:
        """The BTF of the kernel under a root, or of one file (then without modules)."""
        if file is not None:
            return cls(BtfObject(BtfFile(file)), None)
        for place in _PLACES:
            path = root / place.format(release=release)
            if os.path.exists(path):
                return cls(BtfObject(BtfFile(path)), root / "sys/kernel/btf")
        raise FileNotFoundError(2, "this kernel has no BTF", str(root / _PLACES[0]))

    @classmethod
    def defining(cls, own: BtfFile, kernel: Btf | None) -> Btf:
        """A kernel's types with those that a specification defines, which hide the kernel's.

        Neither object is closed with it. Without a kernel's BTF there are only the own types.
        """
        defined = BtfObject(own, types.DEFINED)
        made = cls(kernel._core if kernel is not None else defined, None)
        made._own = defined
        if kernel is not None:
            made._directory, made._modules = kernel._directory, kernel._modules
            made.asked = kernel.asked
        return made

    def close(self) -> None:
        for module in reversed(self._modules.values()):
            if module is not None:
                module.file.close()
        self._modules.clear()

    # Types by name

    def type_named(self, keyword: str, name: str) -> Type | None:
        """The type ``KEYWORD NAME``; keyword "" is a typedef or a base type.

        A struct or union that is only declared has size -1.
        """
        key = (keyword, name)
        if key not in self._named:
            self._named[key] = self._type_named(keyword, name)
        return self._named[key]

    def _type_named(self, keyword: str, name: str) -> Type | None:
        if not keyword and (plain := base_type(name)) is not None:
            return plain
        for one in self._objects(name):
            type_id = one.file.find(name, *_KEYWORDS[keyword])
            if type_id is not None:
                return one.type(type_id)
        if keyword in ("struct", "union"):
            forward = self._core.file.find(name, Kind.FWD)
            if forward is not None:
                found = self._core.type(forward)
                return found if isinstance(found, types.Struct) and found.kind == keyword else None
        return None

    def enumerator(self, name: str) -> tuple[types.Enum, int] | None:
        """The enumeration that has this enumerator, and its value."""
        for one in self._objects(name):
            type_id = one.file.find_enumerator(name)
            if type_id is not None:
                enum = one.type(type_id)
                assert isinstance(enum, types.Enum)
                if one is not self._own:
                    self._ask(one, "enumerator", name)
                return enum, dict(enum.variants)[name]
        self._ask(self._core, "enumerator", name)
        return None

    def variable(self, name: str) -> Type | None:
        """The type of a per-CPU variable, the only ones that BTF describes."""
        for one in self._objects(name):
            type_id = one.file.find(name, Kind.VAR)
            if type_id is not None:
                return one.type(one.file.record(type_id).operand)
        return None

    # Members

    def members(self, struct: types.Struct) -> tuple[Member, ...]:
        """Members in order of declaration; none for a type that is only declared."""
        owner, type_id = self._definition(struct)
        return owner.members(type_id) if type_id else ()

    def field(self, struct: types.Struct, name: str) -> Member | None:
        """A member by name, looked up through anonymous structs and unions too.

        ``bit_offset`` counts from the start of the given struct.
        """
        owner, type_id = self._definition(struct)
        found = owner.field(type_id, name) if type_id else None
        if owner is not self._own and struct.name:
            self._ask(owner, "field", struct.kind, struct.name, name)
        return found

    def complete(self, struct: types.Struct) -> types.Struct:
        """The struct as a value: with its members, anonymous ones taken apart, and its alignment.

        Pointers lose what they point to: their value is all that a copy of the struct has.
        """
        self.uses_size(struct)
        owner, type_id = self._definition(struct)
        key = (owner.module, type_id)
        if type_id and key not in self._complete:
            self._complete[key] = owner.complete(type_id)
        return self._complete[key] if type_id else struct

    def uses_size(self, kind: Type) -> None:
        """The size of a type, or the places of its members, are going to be numbers in code."""
        while isinstance(kind, types.Array):
            kind = kind.element
        if isinstance(kind, types.Struct):
            owner, _ = self._definition(kind)
            if owner is not self._own:
                question = ("layout", kind.kind, kind.name) if kind.name else ("types",)
                self._ask(owner, *question)

    def _ask(self, owner: BtfObject, *question: str) -> None:
        """Note what was used, or was not there: a choice may hang on either."""
        self.asked.add((OF_A_MODULE, *question) if owner.module else question)

    def _definition(self, struct: types.Struct) -> tuple[BtfObject, int]:
        """Object and id where a struct's members are; id 0 where nobody defines it."""
        owner = self._module(struct.module)
        if owner is not None and struct.btf_id:
            return owner, struct.btf_id
        full = self.type_named(struct.kind, struct.name) if struct.name else None
        if isinstance(full, types.Struct) and full.btf_id:
            owner = self._module(full.module)
            if owner is not None:
                return owner, full.btf_id
        return self._core, 0

    def find(self, name: str, module: str, *kinds: Kind) -> tuple[BtfFile, int] | None:
        """File and id of the first definition of a name, for listings."""
        for one in self._objects(name, module):
            type_id = one.file.find(name, *kinds)
            if type_id is not None:
                return one.file, type_id
        return None

    @property
    def core(self) -> BtfFile:
        """The records of the core kernel."""
        return self._core.file

    # Functions

    def function(self, name: str, module: str = "") -> Prototype | None:
        """The prototype of a kernel function.

        ``module`` "vmlinux" asks the core kernel only, "" the core kernel and then all modules.
        """
        return self._prototype(name, module, Kind.FUNC)

    def raw_tracepoint(self, name: str, module: str = "") -> Prototype | None:
        """What a raw tracepoint passes, without the internal first parameter."""
        # The typedef decides what exists (its kind in BTF is the one that attaching checks), but
        # it has no parameter names. The functions that run the tracepoint have them; the first
        # exists since Linux 5.10 (d25e37d89dd2), the second is shared by a class of events.
        shape = self._prototype(f"btf_trace_{name}", module, Kind.TYPEDEF)
        if shape is None or not shape.params:
            return None
        names = [f"arg{index}" for index in range(len(shape.params) - 1)]
        for runner in (f"__traceiter_{name}", f"__bpf_trace_{name}"):
            named = self._prototype(runner, shape.module or "vmlinux", Kind.FUNC)
            if named is not None and len(named.params) == len(shape.params):
                names = [param.name or names[at] for at, param in enumerate(named.params[1:])]
                break
        return Prototype(
            params=tuple(
                Param(name=name, type=param.type)
                for name, param in zip(names, shape.params[1:], strict=True)
            ),
            result=shape.result,
            module=shape.module,
        )

    def raw_tracepoints(self) -> list[tuple[str, str]]:
        """All raw tracepoints: name and module ("" is vmlinux)."""
        found = [(name, "") for name in _named_behind(b"btf_trace_", self._core.file.strings())]
        for module, strings in self._module_strings():
            found += [(name, module) for name in _named_behind(b"btf_trace_", strings)]
        return found

    def _prototype(self, name: str, module: str, kind: Kind) -> Prototype | None:
        key = (name, module)
        if key not in self._prototypes:
            self._prototypes[key] = None
            for one in self._objects(name, module):
                type_id = one.file.find(name, kind)
                if type_id is not None:
                    self._prototypes[key] = one.prototype(type_id)
                    break
        return self._prototypes[key]

    # Modules

    def strings(self) -> bytes:
        """Every name in the core kernel's types, with a NUL before and after it."""
        return self._core.file.strings()

    def _objects(self, name: str, module: str = "") -> Iterator[BtfObject]:
        """The objects to search for a name, in order."""
        if module not in ("", "vmlinux"):
            named = self._module(module.replace("-", "_"))
            if named is not None:
                yield named
            return
        if self._own is not None and not module:
            yield self._own
        yield self._core
        if module:
            return
        # A module that uses a name of its own has it in its strings; most do not, and reading a
        # file is far cheaper than parsing it.
        for candidate, strings in self._module_strings():
            if name.encode() + b"\0" in strings and (one := self._module(candidate)) is not None:
                yield one

    def _module_strings(self) -> Iterator[tuple[str, bytes]]:
        if self._directory is None or not os.path.isdir(self._directory):
            return
        for name in sorted(os.listdir(self._directory)):
            if name == "vmlinux":
                continue
            if name not in self._strings:
                self._strings[name] = strings_in(read(self._directory / name).data or b"")
            yield name, self._strings[name]

    def _module(self, name: str) -> BtfObject | None:
        if name == types.DEFINED:
            return self._own
        if name not in self._modules:
            self._modules[name] = None
            if self._directory is not None:
                try:
                    file = BtfFile(self._directory / name, self._core.file)
                except OSError:
                    # Not loaded, built without BTF, or built against another vmlinux.
                    return None
                self._modules[name] = BtfObject(file, name)
        return self._modules[name]
