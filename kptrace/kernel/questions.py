# SPDX-License-Identifier: MIT
"""What a compiled program takes for granted of its kernel, as questions that any kernel can answer.

A question is a tuple of words, the first of which is a row of `_ANSWERS`; its answer is a text. A
program that was compiled where the answers were the same is right here, too: the places of fields
apart, which are looked up when it is loaded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from kptrace import types
from kptrace.types import Struct, Type, type_name

if TYPE_CHECKING:
    from kptrace.kernel import Kernel
    from kptrace.kernel.btf import Btf, Prototype

Question = tuple[str, ...]

ABSENT = ""
"""The answer about what a kernel does not have."""

TYPES: Question = ("types",)
"""The digest of all types of the core kernel: with the same, every question about types is moot."""

OF_A_MODULE = "of a module"
"""In front of a question that the types of a module answered, not those of the core kernel."""

_DEEPEST = 16
"""How far structs in structs are followed; the kernel's are not that deep."""


def answer(kernel: Kernel, question: Question) -> str:
    """What a kernel says. LookupError for a question that this version does not know.

    HostError where tracepoints cannot be read.
    """
    word, *rest = question
    if word == OF_A_MODULE:
        return answer(kernel, tuple(rest))
    return _ANSWERS[word][1](kernel, *rest)


def known(question: Question) -> bool:
    """Whether this version can answer; a newer one may ask for more."""
    word, *rest = question
    if word == OF_A_MODULE:
        return bool(rest) and known(tuple(rest))
    if word in ("field", "layout") and rest[:1] not in (["struct"], ["union"]):
        return False
    return word in _ANSWERS and _ANSWERS[word][0] == len(rest)


def about_types(question: Question) -> bool:
    """Whether kernels with the same types have the same answer."""
    word, *rest = question
    if word in ("function", "rawtracepoint"):
        return rest[-1] in ("", "vmlinux")
    return word not in _OTHERS


def _types(kernel: Kernel) -> str:
    return kernel.types_digest


def _function(kernel: Kernel, name: str, module: str) -> str:
    return ABSENT if kernel.btf is None else _signature(kernel.btf.function(name, module))


def _raw_tracepoint(kernel: Kernel, name: str, module: str) -> str:
    return ABSENT if kernel.btf is None else _signature(kernel.btf.raw_tracepoint(name, module))


def _signature(found: Prototype | None) -> str:
    if found is None:
        return ABSENT
    arguments = ", ".join(f"{type_name(one.type)} {one.name}" for one in found.params)
    return f"{type_name(found.result)}({arguments}{', ...' if found.variadic else ''})"


def _tracepoint(kernel: Kernel, category: str, event: str) -> str:
    found = kernel.tracefs.format(category, event)
    if found is None:
        return ABSENT
    return "; ".join(
        f"{type_name(one.type)} {one.name}@{one.offset}:{one.size}"
        for one in found.fields
        if not one.common
    )


def _enumerator(kernel: Kernel, name: str) -> str:
    found = None if kernel.btf is None else kernel.btf.enumerator(name)
    return ABSENT if found is None else str(found[1])


def _enum(kernel: Kernel, name: str) -> str:
    found = None if kernel.btf is None else kernel.btf.type_named("enum", name)
    if not isinstance(found, types.Enum):
        return ABSENT
    text = "; ".join(f"{name} = {value}" for name, value in found.variants)
    return hashlib.sha256(text.encode()).hexdigest()


def _field(kernel: Kernel, keyword: str, struct: str, name: str) -> str:
    owner = None if kernel.btf is None else kernel.btf.type_named(keyword, struct)
    if kernel.btf is None or not isinstance(owner, Struct):
        return ABSENT
    found = kernel.btf.field(owner, name)
    if found is None:
        return ABSENT
    size = f":{found.bit_size}" if found.bit_size else ""
    return f"{type_name(found.type)}{size}"


def _layout(kernel: Kernel, keyword: str, struct: str) -> str:
    owner = None if kernel.btf is None else kernel.btf.type_named(keyword, struct)
    if kernel.btf is None or not isinstance(owner, Struct):
        return ABSENT
    text = _shape(kernel.btf, owner, _DEEPEST)
    return hashlib.sha256(text.encode()).hexdigest()


def _shape(btf: Btf, kind: Type, depth: int) -> str:
    match kind:
        case types.Array(element=element, count=count):
            return f"{_shape(btf, element, depth)}[{count}]"
        case Struct() if depth:
            inner = (
                f"{one.name}@{one.bit_offset}:{one.bit_size} {_shape(btf, one.type, depth - 1)}"
                for one in btf.members(kind)
            )
            return f"{kind.kind} {kind.size} {{{'; '.join(inner)}}}"
        case _:
            return type_name(kind)


def _task_storage(kernel: Kernel) -> str:
    return "safe" if kernel.makes_task_storage else ABSENT


def _has_function(kernel: Kernel, name: str) -> str:
    return "there" if kernel.has_function(name) else ABSENT


_ANSWERS: dict[str, tuple[int, Callable[..., str]]] = {
    "types": (0, _types),
    "function": (2, _function),
    "rawtracepoint": (2, _raw_tracepoint),
    "tracepoint": (2, _tracepoint),
    "enumerator": (1, _enumerator),
    "enum": (1, _enum),
    "field": (3, _field),
    "layout": (2, _layout),
    "task storage": (0, _task_storage),
    "has function": (1, _has_function),
}
"""How many words follow, and who answers."""
_OTHERS = frozenset({"tracepoint", OF_A_MODULE})
