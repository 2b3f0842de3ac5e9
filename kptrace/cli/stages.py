# SPDX-License-Identifier: MIT
"""The stages of ``-d STAGE``; `kptrace.cli.dump` shows them."""

from __future__ import annotations

from collections.abc import Iterable

from kptrace.errors import UsageError

STAGES = ("ast", "plan", "codegen")


def stages(given: Iterable[str]) -> tuple[str, ...]:
    """The stages of all ``-d``, each a list with commas; ``all`` is every one."""
    words = [one for text in given for one in text.split(",") if one]
    for one in words:
        if one not in (*STAGES, "all"):
            raise UsageError(
                f"Invalid stage '{one}'",
                hint=f"Valid stages: {', '.join(STAGES)}, all",
                code="usage",
            )
    return STAGES if "all" in words else tuple(one for one in STAGES if one in words)
