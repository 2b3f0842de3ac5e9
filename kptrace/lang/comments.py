# SPDX-License-Identifier: MIT
"""The comments of a specification, in order, until someone has printed them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from kptrace.lang import nodes as n

_SCAN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\[^\n])*"', re.DOTALL)
_PARENTHESES = re.compile(r'[()]|//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\[^\n])*"', re.DOTALL)
_BEHIND = re.compile(r"(?:[ \t\r\n]+|//[^\n]*\n|/\*.*?\*/)*\)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """``text`` without blanks at its end; the offsets are those of the source."""

    text: str
    start: int
    end: int


class Comments:
    """A queue by place. C definitions keep their comments: they are printed as they are."""

    def __init__(self, program: n.Program) -> None:
        self._text = program.source.text
        self._left = list(_scan(program))

    def before(self, limit: int) -> list[Comment]:
        """Take those that begin before an offset."""
        count = next((at for at, one in enumerate(self._left) if one.start >= limit), None)
        found, self._left = self._left[:count], [] if count is None else self._left[count:]
        return found

    def on_line(self, offset: int, limit: int) -> list[Comment]:
        """Take those between two offsets that begin on the line of the first one."""
        found: list[Comment] = []
        while self._left and offset <= self._left[0].start < limit:
            if "\n" in self._text[offset : self._left[0].start]:
                break
            found.append(self._left.pop(0))
            if found[-1].text.startswith("//"):
                break
            offset = found[-1].end
        return found

    def inside(self, start: int, end: int) -> bool:
        return any(start <= one.start < end for one in self._left)

    def drop(self, start: int, end: int) -> None:
        """Forget those of a text that was printed as it is."""
        self._left = [one for one in self._left if not start <= one.start < end]


def _scan(program: n.Program) -> Iterator[Comment]:
    text = program.source.text
    raw = [
        (item.span.start, item.span.end)
        for item in program.items
        if isinstance(item, n.CDefinition | n.Subprogram)
    ]
    offset = text.index(program.shebang) + len(program.shebang) if program.shebang else 0
    for start, end in [*raw, (len(text), len(text))]:
        for match in _SCAN.finditer(text, offset, start):
            if not match.group().startswith('"'):
                yield Comment(text=match.group().rstrip(), start=match.start(), end=match.end())
        offset = end


def whole(text: str, start: int, end: int) -> tuple[int, int]:
    """A range of a text, widened to the parentheses that open or close in it alone.

    The place of an expression begins and ends at its operands: ``a + b) * c`` of ``(a + b) * c``.
    """
    depth = low = 0
    for match in _PARENTHESES.finditer(text, start, end):
        depth += {"(": 1, ")": -1}.get(match.group(), 0)
        low = min(low, depth)
    for _ in range(-low):
        start = max(_opening(text, start), 0)
    for _ in range(depth - low):
        closing = _BEHIND.match(text, end)
        if closing is None:
            break
        end = closing.end()
    return start, end


def in_parentheses(text: str, start: int, end: int) -> bool:
    """Whether a whole range stands between parentheses."""
    return _opening(text, start) >= 0 and bool(_BEHIND.match(text, end))


def _opening(text: str, offset: int) -> int:
    """Where the parenthesis is that stands directly before an offset, or -1."""
    offset -= 1
    while offset >= 0 and text[offset] in " \t\r\n":
        offset -= 1
    return offset if offset >= 0 and text[offset] == "(" else -1
