# SPDX-License-Identifier: MIT
"""Whether messages are coloured: ``BPFTRACE_COLOR`` (language §13)."""

from __future__ import annotations

import os

from kptrace.errors import UsageError

_CHOICES = ("auto", "always", "never")


def _chosen() -> str:
    return os.environ.get("BPFTRACE_COLOR", "auto")


def check_color() -> None:
    """Raises UsageError for a value that is none."""
    if _chosen() not in _CHOICES:
        raise UsageError(
            f"Invalid value for BPFTRACE_COLOR: {_chosen()}",
            hint=f"valid values: {', '.join(_CHOICES)}",
            code="usage",
        )


def use_color(terminal: bool) -> bool:
    """Whether to colour what goes to a terminal, or to something else."""
    return {"always": True, "never": False}.get(_chosen(), terminal)
