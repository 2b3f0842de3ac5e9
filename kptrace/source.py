# SPDX-License-Identifier: MIT
"""Specification text and places in it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

MAX_WIDTH = 400
"""Characters of one source line that an excerpt shows."""
MAX_LINES = 20
"""Lines of one span that an excerpt shows."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source:
    """A named piece of specification text.

    ``name`` is what messages show: a path, or ``stdin`` for text given on the command line.
    ``foreign``: kptrace's tables or the kernel's headers say this, nothing in it is the user's to
    mend.
    """

    name: str
    text: str
    foreign: bool = False
    line_starts: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        starts = [0]
        position = self.text.find("\n")
        while position != -1:
            starts.append(position + 1)
            position = self.text.find("\n", position + 1)
        object.__setattr__(self, "line_starts", tuple(starts))

    def location(self, offset: int) -> tuple[int, int]:
        """Line and column of a text offset, both counted from 1."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of one line (from 1), without its end."""
        start = self.line_starts[number - 1]
        end = self.text.find("\n", start)
        text = self.text[start:] if end == -1 else self.text[start:end]
        return text.removesuffix("\r")


@dataclass(frozen=True, slots=True)
class Span:
    """Half-open range of text offsets in one source.

    ``via`` is the call that brought the text of a macro here; None for text that stands in place.
    """

    source: Source
    start: int
    end: int
    via: Span | None = None

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of the other."""
        return Span(self.source, self.start, max(self.end, other.end), self.via)

    def expanded(self, call: Span) -> Span:
        """The same place of a macro, reached by a call."""
        return Span(self.source, self.start, self.end, call)

    @property
    def calls(self) -> list[Span]:
        """The calls that led to this place, innermost first."""
        return [] if self.via is None else [self.via, *self.via.calls]

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    @property
    def line(self) -> int:
        return self.source.location(self.start)[0]

    @property
    def column(self) -> int:
        return self.source.location(self.start)[1]

    def __str__(self) -> str:
        """``file:line:col-endcol``, or ``file:first-last`` over several lines (language §15.1)."""
        line, column = self.source.location(self.start)
        last, end = self.source.location(self.end)
        if last != line:
            return f"{self.source.name}:{line}-{last}"
        return f"{self.source.name}:{line}:{column}-{end}"

    def excerpt(self) -> str:
        """The source lines of the span; a single line gets a ``~`` marker under the span.

        Of a very long line only the surroundings of the span are shown.
        """
        line, column = self.source.location(self.start)
        last, end = self.source.location(self.end)
        if last != line:
            numbers = range(line, min(last, line + MAX_LINES - 1) + 1)
            return "\n".join(_shown(self.source.line(number)[:MAX_WIDTH]) for number in numbers)
        text = self.source.line(line)
        if len(text) > MAX_WIDTH:
            first = max(0, column - 1 - MAX_WIDTH // 2)
            text = text[first : first + MAX_WIDTH]
            column, end = column - first, min(end - first, MAX_WIDTH + 1)
        marker = "".join(
            ("~" if column <= position < end else " ") * (4 if character == "\t" else 1)
            for position, character in enumerate(text, 1)
            if position < end
        )
        if not marker.strip():  # an empty span, for instance at the end of the text
            marker = " " * (column - 1) + "~"
        return _shown(text) + "\n" + marker


def _shown(text: str) -> str:
    """Text fit for a terminal: tabs as 4 blanks, control characters as ``?``."""
    text = text.replace("\t", "    ")
    return "".join("?" if one < " " or one == "\x7f" else one for one in text)
