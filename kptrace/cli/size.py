# SPDX-License-Identifier: MIT
"""Sizes on the command line."""

from __future__ import annotations

import re
from typing import Any

import click

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_FORM = re.compile(r"([0-9]+)([KMG]?)(?:i?B)?", re.IGNORECASE)


class Size(click.ParamType):  # type: ignore[type-arg, unused-ignore] # generic from click 8.2
    """A number of bytes, or a number with K, M or G; gives bytes."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = _FORM.fullmatch(str(value))
        if match is None or int(match[1]) == 0:
            self.fail(f"'{value}' is no size: write 512K, 4M or 1G", param, ctx)
        return int(match[1]) * _UNITS[match[2].upper()]


SIZE = Size()
