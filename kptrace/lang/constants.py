# SPDX-License-Identifier: MIT
"""Object-like C macros as expressions of the language (language §12.5)."""

from __future__ import annotations

from kptrace.lang import nodes as n
from kptrace.lang.lexer import Kind
from kptrace.lang.parser import ProgramParser
from kptrace.source import Source


def parse_constant(name: str, text: str) -> n.Expr:
    """The expression that a C macro or a text of the hooks is; raises SpecSyntaxError if none."""
    parser = ProgramParser(Source(name=name, text=text, foreign=True))
    value = parser.expression()
    if parser.peek().kind is not Kind.END:
        raise parser.problem("unexpected text behind the expression")
    return value
