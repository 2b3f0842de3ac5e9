# SPDX-License-Identifier: MIT
"""The raw text of an attach point (language §2.2): where it ends and how it splits."""

from __future__ import annotations

import re

from kptrace.lang import nodes as n
from kptrace.lang.lexer import Lexer, SpecSyntaxError
from kptrace.source import Span

_NAMED = re.compile(r"([_a-zA-Z][_a-zA-Z0-9]*)=")


def read_attach_point(lexer: Lexer, offset: int) -> tuple[n.AttachPoint, int]:
    """The attach point at or after an offset, and the offset behind it."""
    start = lexer.skip(offset)
    text = lexer.source.text
    end = _end(lexer, start)
    span = Span(lexer.source, start, end)
    raw = text[start:end]
    if not raw:
        found = Span(lexer.source, start, min(start + 1, len(text)))
        raise SpecSyntaxError(found, "expected a probe")
    name = ""
    if match := _NAMED.match(raw):
        name = match[1]
    parts = split_attach_point(raw[len(name) + 1 if name else 0 :])
    return n.AttachPoint(span=span, text=raw, parts=parts, name=name), end


def _end(lexer: Lexer, start: int) -> int:
    """The first unquoted ``{``, ``,`` or blank; ``/`` too while no colon has been seen."""
    text = lexer.source.text
    position = start
    quoted = False
    colon = False
    while position < len(text):
        character = text[position]
        if quoted:
            if character == "\\":
                position += 1
            elif character == '"':
                quoted = False
            elif character == "\n":
                break
        elif character == '"':
            quoted = True
        elif character in "{, \t\r\n" or character == "/" and _slash_ends(text, position, colon):
            break
        elif character == ":":
            colon = True
        position += 1
    if quoted:
        raise SpecSyntaxError(Span(lexer.source, start, position), "unterminated string")
    return min(position, len(text))


def _slash_ends(text: str, position: int, colon: bool) -> bool:
    """A slash opens the predicate while no colon has been seen; a comment always ends the text."""
    return not colon or text.startswith(("//", "/*"), position)


def split_attach_point(raw: str) -> tuple[str, ...]:
    """The parts between unquoted colons, quotes and escapes removed."""
    parts = [""]
    quoted = False
    characters = iter(raw)
    for character in characters:
        if character == '"':
            quoted = not quoted
        elif quoted and character == "\\":
            parts[-1] += next(characters, "")
        elif character == ":" and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    return tuple(parts)
