# SPDX-License-Identifier: MIT
"""The raw text of an attach point (language §2.2): where it ends and how it splits."""

from __future__ import annotations

import re

from kptrace.lang import nodes as n
from kptrace.lang.lexer import Lexer, SpecSyntaxError
from kptrace.source import Span

_QUOTED = r'"(?:[^"\\\n]|\\[^\n])*"'
_PROVIDER = re.compile(rf'(?:{_QUOTED}|[^"{{, \t\r\n/:]+)*')
"""Until a colon has been seen a slash opens the predicate."""
_REST = re.compile(rf'(?:{_QUOTED}|[^"{{, \t\r\n/]+|/(?![/*]))*')
"""A comment always ends the text."""
_TOKEN = re.compile(rf'{_QUOTED}|:|[^":]+')
_ESCAPE = re.compile(r"\\(.)")
_NEVER_FIRST = (";", ")", "]", "}")
_NAMED = re.compile(r"([_a-zA-Z][_a-zA-Z0-9]*)=")


def read_attach_point(lexer: Lexer, offset: int) -> tuple[n.AttachPoint, int]:
    """The attach point at or after an offset, and the offset behind it."""
    start = lexer.skip(offset)
    text = lexer.source.text
    end = start if text[start : start + 1] in _NEVER_FIRST else _end(lexer, start)
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
    match = _PROVIDER.match(text, start)
    assert match is not None
    if text.startswith(":", match.end()):
        match = _REST.match(text, match.end())
        assert match is not None
    if text.startswith('"', match.end()):
        line = text.find("\n", match.end())
        end = len(text) if line == -1 else line
        raise SpecSyntaxError(Span(lexer.source, start, end), "unterminated string")
    return match.end()


def split_attach_point(raw: str) -> tuple[str, ...]:
    """The parts between unquoted colons, quotes and escapes removed."""
    parts: list[list[str]] = [[]]
    for token in _TOKEN.findall(raw):
        if token == ":":
            parts.append([])
        elif token[0] == '"':
            parts[-1].append(_ESCAPE.sub(r"\1", token[1:-1]))
        else:
            parts[-1].append(token)
    return tuple("".join(part) for part in parts)
