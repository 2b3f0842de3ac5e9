# SPDX-License-Identifier: MIT
"""``-d STAGE``: what the compiler made."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable

from kptrace import plan as plans
from kptrace.compiler import Compilation
from kptrace.lang import parse, to_text
from kptrace.source import Source


def dump_tree(wanted: tuple[str, ...], source: Source) -> None:
    """What there is before compiling: the specification as it was understood."""
    if "ast" in wanted:
        _section("ast", to_text(parse(source)))


def dump_compiled(
    wanted: tuple[str, ...], made: Compilation, dialect: str, refused: Iterable[str] = ()
) -> None:
    """The plan and the C text.

    ``refused``: candidates of hooks that were tried before; what was shown then does not run.
    """
    instead = ", ".join(refused)
    behind = f", not by {instead}" if instead else ""
    if "plan" in wanted:
        _section(f"plan{behind}", json.dumps(json.loads(plans.to_json(made.plan)), indent=2))
    if "codegen" in wanted:
        _section(f"codegen{behind}", made.c(dialect))


def _section(title: str, text: str) -> None:
    data = f"{title}\n{'-' * 19}\n{text.rstrip()}\n\n"
    sys.stdout.flush()
    sys.stdout.buffer.write(data.encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()
