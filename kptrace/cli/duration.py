# SPDX-License-Identifier: MIT
"""Durations on the command line."""

from __future__ import annotations

import re
from typing import Any

import click

_UNITS = {"": 1.0, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_FORM = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|)")


class Duration(click.ParamType):  # type: ignore[type-arg, unused-ignore] # generic from click 8.2
    """A number of seconds, or a number with ms, s, m or h; gives seconds."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        match = _FORM.fullmatch(str(value))
        if match is None or float(match[1]) == 0:
            self.fail(f"'{value}' is no duration: write 10, 500ms, 2m or 1h", param, ctx)
        return float(match[1]) * _UNITS[match[2]]


DURATION = Duration()
