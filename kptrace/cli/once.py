# SPDX-License-Identifier: MIT
"""Options that can be given only once."""

from __future__ import annotations

from typing import Any

import click

from kptrace.errors import UsageError


def _only_once(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> str | None:
    if len(values) > 1:
        names = ", ".join(param.opts)
        raise UsageError(f"the option {names} was given {len(values)} times", code="usage")
    return values[0] if values else None


once: dict[str, Any] = {"multiple": True, "callback": _only_once}
"""Settings of an option whose first value must not be lost behind a second one."""
