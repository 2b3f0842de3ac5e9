# SPDX-License-Identifier: MIT
"""Per-CPU variables of the kernel as C externs that libbpf resolves by BTF.

libbpf wants the same kind of type behind the name, not the same type: a struct for a struct, an
integer for an integer (bpf_core_types_are_compat).
"""

from __future__ import annotations

import re
from collections.abc import Collection

from kptrace import types
from kptrace.types import Type

_NEED = re.compile(r"ksym (\w+): (.*)")
_ATTRIBUTE = '__attribute__((section(".ksyms")))'


def _declarator(kind: Type, name: str) -> str | None:
    match kind:
        case types.Struct(kind=keyword):
            return f"{keyword} any_{keyword} {name}"
        case types.Int() | types.Bool():
            return f"int {name}"
        case types.Enum():
            return f"enum any_enum {name}"
        case types.Pointer(target=types.Void()):
            return f"void *{name}"
        case types.Pointer(target=target):
            return _declarator(target, f"(*{name})")
        case types.String():
            return f"char {name}[1]"
        case types.Array(element=element):
            return _declarator(element, f"{name}[1]")
        case _:
            return None


def need(name: str, kind: Type) -> str | None:
    """What a use of the variable adds to the generator's needs; None for a type without C."""
    declarator = _declarator(kind, name)
    return None if declarator is None else f"ksym {name}: {declarator}"


def declarations(needs: Collection[str]) -> list[str]:
    """The C of all variables in ``needs``."""
    found = [one[2] for key in sorted(needs) if (one := _NEED.fullmatch(key))]
    if not found:
        return []
    stand_ins = [
        f"{keyword} any_{keyword} {{\n\tint unused;\n}};\n"
        for keyword in ("struct", "union")
        if any(f"{keyword} any_{keyword} " in one for one in found)
    ]
    if any("enum any_enum " in one for one in found):
        stand_ins.append("enum any_enum {\n\tANY_ENUM,\n};\n")
    externs = "".join(f"extern const {one} {_ATTRIBUTE};\n" for one in found)
    return [*stand_ins, externs]
