# SPDX-License-Identifier: MIT
"""Root items that this version recognises and refuses, by name and with their place."""

from __future__ import annotations

from kptrace.errors import Report
from kptrace.lang import nodes as n


def refuse_unsupported(program: n.Program, report: Report) -> None:
    """Report every root item that is not supported."""
    for item in program.items:
        match item:
            case n.Subprogram():
                what = "'fn' functions are not supported: kptrace follows the language's probes"
            case _:
                continue
        report.error(item.span, what, code="not-supported")
