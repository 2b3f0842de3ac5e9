# SPDX-License-Identifier: MIT
"""What a kernel's BTF has, as texts for listings: names by wildcard, and C declarations.

In: an open `Btf`. Out: names and lines of C. Compiling asks `Btf` for types instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kptrace.kernel.btf import Btf
from kptrace.kernel.declarations import declaration, definition, members, parameters
from kptrace.kernel.files import wildcard
from kptrace.kernel.libbpf import BtfFile, Kind

KEYWORDS = {
    "struct": (Kind.STRUCT,),
    "union": (Kind.UNION,),
    "enum": (Kind.ENUM, Kind.ENUM64),
}
_ITERATOR = "bpf_iter__"
_MARK = "__safe_trusted"  # a struct beside the context that tells the verifier what to trust


def functions(btf: Btf) -> set[str]:
    """Names of the core kernel's functions that have a prototype."""
    return {*btf.core.names(Kind.FUNC)}


def iterators(btf: Btf) -> list[str]:
    """What an iter probe can go over: the kernel has a context struct for each."""
    names = btf.core.names(Kind.STRUCT)
    found = (one.removeprefix(_ITERATOR) for one in names if one.startswith(_ITERATOR))
    return sorted(one for one in found if not one.endswith(_MARK))


def types(btf: Btf, keyword: str, pattern: str) -> list[str]:
    """``struct NAME`` of all that match; a wildcard looks into the core kernel only."""
    if "*" not in pattern:
        return [f"{keyword} {pattern}"] if btf.find(pattern, "", *KEYWORDS[keyword]) else []
    matches = re.compile(wildcard(pattern).decode()).fullmatch
    found = {name for kind in KEYWORDS[keyword] for name in btf.core.names(kind) if matches(name)}
    return [f"{keyword} {name}" for name in sorted(found)]


def type_text(btf: Btf, keyword: str, name: str) -> str:
    """The definition of a type that `types` has found, as C."""
    found = btf.find(name, "", *KEYWORDS[keyword])
    return f"{definition(*found)};" if found is not None else ""


def function_arguments(btf: Btf, name: str, module: str) -> Iterator[str]:
    """The parameters of a function, as far as it has a prototype."""
    found = btf.find(name, module, Kind.FUNC)
    if found is not None:
        file, type_id = found
        yield from parameters(file, file.record(type_id).operand)


def function_result(btf: Btf, name: str, module: str) -> Iterator[str]:
    """``ssize_t retval``; nothing for a function that returns nothing."""
    found = btf.find(name, module, Kind.FUNC)
    if found is not None:
        file, type_id = found
        result = file.record(file.record(type_id).operand).operand
        if result:
            yield declaration(file, result, "retval")


def raw_tracepoint_arguments(btf: Btf, name: str, module: str) -> Iterator[str]:
    """What the event passes, without the internal first parameter."""
    found = btf.find(f"__traceiter_{name}", module, Kind.FUNC)
    if found is not None:
        file, type_id = found
        _internal, *rest = parameters(file, file.record(type_id).operand)
        yield from rest
        return
    found = btf.find(f"btf_trace_{name}", module, Kind.TYPEDEF)
    if found is not None:
        _internal, *rest = parameters(found[0], _prototype(*found))
        yield from (f"{text} arg{at}" for at, text in enumerate(rest))


def _prototype(file: BtfFile, type_id: int) -> int:
    """The prototype behind a typedef of a pointer to a function."""
    while file.record(type_id).kind != Kind.FUNC_PROTO:
        type_id = file.record(type_id).operand
    return type_id


def iterator_arguments(btf: Btf, name: str) -> Iterator[str]:
    """The members of an iterator's context."""
    found = btf.find(f"{_ITERATOR}{name}", "", Kind.STRUCT)
    if found is None:
        return
    file, type_id = found
    for name_offset, kind, _ in file.record(type_id).rows("=III"):
        # a pointer is wrapped in a union of 8 bytes (linux/bpf.h: __bpf_md_ptr)
        if name_offset == 0 and file.record(kind).kind == Kind.UNION:
            texts = list(members(file, kind))[:1]
        else:
            texts = [declaration(file, kind, file.name(name_offset))]
        yield from (one.removesuffix(";") for one in texts)
