# SPDX-License-Identifier: MIT
"""Reading files of a kernel where "cannot be read" must not look like "is empty"."""

from __future__ import annotations

import re
from pathlib import Path

from kptrace.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A file's content, or why there is none. ``data`` is None when it is unknown."""

    data: bytes | None
    problem: str = ""


def read(path: Path) -> Reading:
    """Read a whole file once."""
    try:
        return Reading(data=path.read_bytes())
    except OSError as error:
        return Reading(data=None, problem=f"cannot read {path}: {error.strerror}")


def read_text(path: Path) -> str | None:
    """A short file's text without the final newline, or None when it is unknown."""
    data = read(path).data
    return None if data is None else data.decode("utf-8", "replace").strip()


def wildcard(pattern: str) -> bytes:
    """A regular expression for a name where ``*`` stands for any run of characters."""
    return rb"[^ \t\n]*".join(re.escape(part.encode()) for part in pattern.split("*"))
