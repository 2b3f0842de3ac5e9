# SPDX-License-Identifier: MIT
"""Text to tree: lexer, parser, nodes, printer, macros.

In: a `Source`. Out: a `nodes.Program`, or every syntax error of the text at once. Pure: no kernel
and no types; whether a name exists or an operation makes sense is the compiler's business.
"""

from kptrace.lang.macros import expand_macros
from kptrace.lang.parser import parse
from kptrace.lang.printer import to_text

__all__ = ["expand_macros", "parse", "to_text"]
