# SPDX-License-Identifier: MIT
"""C spellings of value types, and the struct declarations that the generated C needs.

Kernel structs are declared with the fields that the specification touches and nothing else. Their
tags end in ``___k``: for CO-RE that is a flavour of the kernel's own type, and beside kernel
headers it is a name of ours.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kptrace import types
from kptrace.compiler import tree
from kptrace.types import Type


@dataclass(slots=True)
class ValueTypes:
    """Declarations of strings, tuples and aggregation states, in order of first use."""

    declarations: dict[str, str] = field(default_factory=dict)
    tuples: dict[tuple[str, ...], str] = field(default_factory=dict)
    arrays: dict[tuple[str, int], str] = field(default_factory=dict)

    def spelling(self, kind: Type) -> str:
        """The C type of a stored value; declares it when it is a struct."""
        match kind:
            case types.Int(size=size, signed=signed):
                return f"__{'s' if signed else 'u'}{size * 8}"
            case types.Bool():
                return "_Bool"
            case types.Enum(size=size, signed=signed):
                return f"__{'s' if signed else 'u'}{size * 8}"
            case types.Pointer() | types.KSym() | types.KStack() | types.UserName():
                return "__u64"
            case types.Timestamp():
                body = "\t__u64 ns;\n\t__u32 clock;\n\t__u32 format;\n"
                return self._declare("timestamp", body, " __attribute__((packed))")
            case types.CgroupPath():
                body = "\t__u64 id;\n\t__u64 filter;\n"
                return self._declare("cgroup_path", body, " __attribute__((packed))")
            case types.String(size=size):
                return self._declare(f"string_{size}", f"\tchar data[{size}];\n")
            case types.Inet():
                return self._declare(
                    "inet", "\t__u64 family;\n\t__u8 address[16];\n", " __attribute__((packed))"
                )
            case types.Buffer(size=size):
                body = f"\t__u32 length;\n\tchar data[{size}];\n"
                return self._declare(f"buffer_{size}", body, " __attribute__((packed))")
            case types.Float(size=size):
                tail = f" __attribute__((aligned({types.align_of(kind)})))"
                return self._declare(f"float_{size}", f"\t__u8 data[{size}];\n", tail)
            case types.MacAddress():
                return self._declare("macaddr", "\t__u8 data[6];\n")
            case types.Tuple(elements=elements) | types.Record(elements=elements):
                return self._tuple(elements)
            case types.Array(element=element, count=count):
                return self._array(self.spelling(element), count)
            case types.Struct(size=size, align=align):
                tail = f" __attribute__((aligned({align})))"
                return self._declare(f"bytes_{size}_{align}", f"\t__u8 data[{size}];\n", tail)
            case types.Count():
                return self._declare("count", "\t__u64 n;\n")
            case types.Hist(bits=bits):
                return self._histogram(types.hist_buckets(bits))
            case types.TSeries(count=count):
                slot = "\t__s64 value;\n\t__u64 meta;\n\t__u64 epoch; /* plus 1; 0: no data */\n"
                self._declare("tseries_slot", slot)
                body = f"\tstruct tseries_slot slots[{count}];\n"
                return self._declare(f"tseries_{count}", body)
            case types.LHist(min=low, max=high, step=step):
                return self._histogram(types.lhist_buckets(low, high, step))
            case types.Sum() | types.Min() | types.Max() | types.Avg() | types.Stats():
                return self._declare("number", "\t__s64 value;\n\t__u64 n;\n")
            case _:
                raise AssertionError(f"BUG: {types.type_name(kind)} is not stored")

    def _declare(self, name: str, body: str, tail: str = "") -> str:
        self.declarations.setdefault(name, f"struct {name} {{\n{body}}}{tail};\n")
        return f"struct {name}"

    def _histogram(self, buckets: int) -> str:
        header = "\t__u64 n;\n\t__s64 sum;\n\t__s64 min;\n\t__s64 max;\n"
        return self._declare(f"hist_{buckets}", f"{header}\t__u64 buckets[{buckets}];\n")

    def _tuple(self, elements: tuple[Type, ...]) -> str:
        # elements first: a nested tuple must be declared before this one
        spellings = tuple(map(self.spelling, elements))
        if spellings not in self.tuples:
            self.tuples[spellings] = name = f"tuple_{len(self.tuples)}"
            fields = [f"\t{one} f{index};\n" for index, one in enumerate(spellings)]
            self._declare(name, "".join(fields) or "\t__u8 empty;\n")
        return f"struct {self.tuples[spellings]}"

    def _array(self, element: str, count: int) -> str:
        if (element, count) not in self.arrays:
            self.arrays[element, count] = name = f"array_{len(self.arrays)}"
            self._declare(name, f"\t{element} data[{count}];\n")
        return f"struct {self.arrays[element, count]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelField:
    """One declared field; ``spelling`` has ``{}`` where the name goes."""

    name: str
    spelling: str
    offset: int


@dataclass(slots=True, kw_only=True)
class KernelStruct:
    """One declared kernel struct or union; ``anonymous`` ones exist only inside another."""

    keyword: str
    tag: str
    fields: dict[str, KernelField] = field(default_factory=dict)


@dataclass(slots=True)
class KernelTypes:
    """The kernel structs that a specification touches."""

    structs: dict[str, KernelStruct] = field(default_factory=dict)
    enums: dict[str, str] = field(default_factory=dict)

    def path(self, steps: tuple[tree.Step, ...]) -> tuple[str, str]:
        """Declares a path of fields; gives the root's spelling and the path (``a.b``)."""
        for step, following in zip(steps, (*steps[1:], None), strict=True):
            struct = self._struct(step.parent)
            if following is not None:
                inner = self._struct(following.parent)
                spelling = f"{inner.keyword} {inner.tag} {{}}"
            else:
                spelling = self._spelling(step.type)
            known = struct.fields.get(step.name)
            # An intermediate step knows the struct; a last one may only know "some bytes".
            if known is None or following is not None:
                struct.fields[step.name] = KernelField(
                    name=step.name, spelling=spelling, offset=step.offset
                )
        root = self._struct(steps[0].parent)
        return f"{root.keyword} {root.tag}", ".".join(step.name for step in steps)

    def _struct(self, kind: types.Struct) -> KernelStruct:
        tag = f"{kind.name or f'anonymous_{kind.btf_id}'}___k"
        key = f"{kind.kind} {tag}"
        if key not in self.structs:
            self.structs[key] = KernelStruct(keyword=kind.kind, tag=tag)
        return self.structs[key]

    def _spelling(self, kind: Type) -> str:
        """The C declaration of a field; CO-RE wants the same kind of type, not the same type."""
        match kind:
            case types.Int(size=size, signed=signed):
                return f"__{'s' if signed else 'u'}{size * 8} {{}}"
            case types.Bool():
                return "_Bool {}"
            case types.Enum(name=name):
                return self._enum(name)
            case types.String(size=size):
                return f"char {{}}[{size}]"
            case types.Array(element=element, count=count):
                return self._spelling(element).format(f"{{}}[{count}]")
            case types.Struct():
                struct = self._struct(kind)
                return f"{struct.keyword} {struct.tag} {{}}"
            case _:
                return "void *{}"

    def _enum(self, name: str) -> str:
        if not name:
            return "__u32 {}"
        self.enums.setdefault(name, f"enum {name}___k {{\n\t{name}___k_0,\n}};\n")
        return f"enum {name}___k {{}}"

    def ordered(self) -> list[KernelStruct]:
        """Every struct after those that it contains by value."""
        done: dict[str, KernelStruct] = {}

        def visit(key: str) -> None:
            if key in done:
                return
            for one in self.structs[key].fields.values():
                inner = one.spelling.split(" {}")[0]
                if inner in self.structs and inner != key:
                    visit(inner)
            done[key] = self.structs[key]

        for key in self.structs:
            visit(key)
        return list(done.values())
