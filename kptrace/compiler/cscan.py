# SPDX-License-Identifier: MIT
"""Preprocessed C, as far as the BTF of its types needs it.

Clang emits BTF only for types that some variable or function uses, and not at all for text with
machine instructions of another processor. So functions lose their bodies here, every defined type
gets a variable, and enumerations without a tag get one.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from kptrace.kernel.btf_object import ANONYMOUS_ENUM

_ATTRIBUTES = r"(?:\s*__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\))*"
_UNTAGGED = re.compile(rf"\benum({_ATTRIBUTES})\s*\{{")
_TAGGED = re.compile(rf"\b(struct|union|enum){_ATTRIBUTES}\s+(\w+){_ATTRIBUTES}\s*\{{")
_FUNCTION = re.compile(r"\b(?:static|inline)\b")
_REGISTER = re.compile(r"\bregister\b[^;{}]*\b(?:asm|__asm__)\b[^;{}]*;")
_BRACE = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|[{};]')
_LINE_MARKER = re.compile(r'#\s*(?:line\s+)?\d+\s+"([^"]*)"')
_DEFINE = re.compile(r"#define (\w+)(\(?)[ \t]*(.*)")
_TYPEDEF_TOKEN = re.compile(r"[{}()\[\];]|\w+")
_BUILT_IN = "<built-in>"
KEPT = "types"
"""The file name of the variables that keep types alive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """``text`` has the types and no code, "" without types.

    ``constants`` are the object-like macros, ``files`` the headers that were read.
    """

    text: str
    constants: dict[str, str]
    files: tuple[str, ...]


def scan(preprocessed: str, names: Collection[str]) -> Scanned:
    """What ``clang -E -dD`` gave, for a specification that uses some names."""
    constants: dict[str, str] = {}
    built_in: dict[str, str] = {}
    files: dict[str, None] = {}
    here = ""
    lines = preprocessed.split("\n")
    for index, line in enumerate(lines):
        if not line.startswith("#"):
            continue
        if match := _LINE_MARKER.match(line):
            here = match[1]
            files[here] = None
            continue
        if match := _DEFINE.match(line):
            if not match[2]:
                to = built_in if here == _BUILT_IN else constants
                to[match[1]] = match[3].strip()
        elif line.startswith("#undef "):
            constants.pop(line[7:].strip(), None)
        lines[index] = ""  # macros are expanded already
    text = _without_code("\n".join(lines))
    number = 0

    def tag(match: re.Match[str]) -> str:
        nonlocal number
        number += 1
        return f"enum{match[1]} {ANONYMOUS_ENUM}{number} {{"

    text = _UNTAGGED.sub(tag, text)
    # By value: clang leaves a type that it met behind a pointer first as a forward declaration.
    spellings = dict.fromkeys(f"{keyword} {name} " for keyword, name in _TAGGED.findall(text))
    spellings |= dict.fromkeys(f"{name} *" for name in _typedefs(text, names))
    kept = "".join(
        f"static __attribute__((used)) {spelling}kptrace_keep_{index};\n"
        for index, spelling in enumerate(spellings)
    )
    return Scanned(
        text=f'{text}\n# 1 "{KEPT}"\n{kept}' if kept else "",
        constants={
            name: value
            for name, value in _reachable(constants, built_in, names).items()
            # "enum { X = 1, }; #define X X" is how headers say that the enumerator is there
            if value != name or not re.search(rf"\b{name}\b", text)
        },
        files=tuple(name for name in files if not name.startswith("<")),
    )


def _without_code(text: str) -> str:
    """Functions become declarations; registers are not variables of this processor."""
    parts = []
    kept = start = depth = 0
    code = False
    for match in _BRACE.finditer(text):
        token = match.group()
        if token == "{":
            if depth == 0:
                head = text[start : match.start()]
                code = head.rstrip().endswith(")") and bool(_FUNCTION.search(head))
                if code:
                    parts.append(text[kept : match.start()] + ";")
            depth += 1
        elif token == "}" and depth:
            depth -= 1
            if depth == 0 and code:
                parts.append("\n" * text.count("\n", start, match.end()))
                kept = start = match.end()
                code = False
        elif token == ";" and depth == 0:
            start = match.end()
    parts.append(text[kept:])
    return _REGISTER.sub(";", "".join(parts))


def _typedefs(text: str, names: Collection[str]) -> list[str]:
    """The names, among those used, that a typedef gives to a type."""
    found = []
    for start in re.finditer(r"\btypedef\b", text):
        depth = 0
        last = ""
        for match in _TYPEDEF_TOKEN.finditer(text, start.end()):
            token = match.group()
            if token in "{([":
                depth += 1
            elif token in "})]":
                depth -= 1
            elif depth == 0 and token == ";":
                break
            elif depth == 0 and token != "__attribute__":
                last = token
        if last in names:
            found.append(last)
    return found


def _reachable(
    constants: dict[str, str], built_in: dict[str, str], names: Collection[str]
) -> dict[str, str]:
    """The macros that a specification can reach from the names in it.

    Those of the compiler itself (``__INT_MAX__``) only through others.
    """
    found: dict[str, str] = {}
    known = built_in | constants
    left = [name for name in names if name in constants]
    while left:
        name = left.pop()
        if name not in found:
            found[name] = known[name]
            left += [one for one in re.findall(r"\w+", found[name]) if one in known]
    return found
