# SPDX-License-Identifier: MIT
"""A place in the text: looking at the next token, taking it, complaining at it."""

from __future__ import annotations

from kptrace.lang.lexer import Kind, Lexer, SpecSyntaxError, Token
from kptrace.source import Source, Span

MAX_DEPTH = 120
"""Levels of nesting; bounded so that the passes may recurse."""


class Cursor:
    """The parser's position, and how deep it is nested."""

    def __init__(self, source: Source) -> None:
        self.lexer = Lexer(source)
        self.source = source
        self.offset = 0  # end of the last consumed token
        self.depth = 0
        self.cached: tuple[int, Token] | None = None

    def peek(self) -> Token:
        if self.cached is None or self.cached[0] != self.offset:
            self.cached = (self.offset, self.lexer.token(self.offset))
        return self.cached[1]

    def advance(self) -> Token:
        token = self.peek()
        self.offset = token.span.end
        return token

    def at(self, *texts: str) -> bool:
        token = self.peek()
        return token.kind in (Kind.PUNCTUATION, Kind.IDENTIFIER) and token.text in texts

    def accept(self, text: str) -> Token | None:
        return self.advance() if self.at(text) else None

    def expect(self, text: str) -> Token:
        if self.at(text):
            return self.advance()
        raise self.problem(f"expected '{text}'")

    def expect_kind(self, kind: Kind, what: str) -> Token:
        if self.peek().kind is kind:
            return self.advance()
        raise self.problem(f"expected {what}")

    def problem(self, message: str, span: Span | None = None, hint: str = "") -> SpecSyntaxError:
        return SpecSyntaxError(span or self.peek().span, message, hint)

    def since(self, start: int) -> Span:
        return Span(self.source, start, self.offset)

    def enter(self, span: Span) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.problem(f"nested more than {MAX_DEPTH} levels deep", span)
