# SPDX-License-Identifier: MIT
"""Reading files of a kernel where "cannot be read" must not look like "is empty"."""

from __future__ import annotations

import errno
import re
from pathlib import Path

from kptrace.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A file's content, or why there is none. ``data`` is None when it is unknown."""

    data: bytes | None
    problem: str = ""


_SHORTAGES = (errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.EINTR, errno.EIO)

shortages: list[str] = []
"""Why questions to the kernel had no answer for the moment, in this process: what was made of
such answers is not to be kept."""


def is_shortage(error: OSError) -> bool:
    """Whether a failure says nothing of the kernel, only of this moment; remembers it."""
    if error.errno not in _SHORTAGES:
        return False
    shortages.append(str(error))
    return True


def read(path: Path) -> Reading:
    """Read a whole file once."""
    try:
        return Reading(data=path.read_bytes())
    except OSError as error:
        is_shortage(error)
        return Reading(data=None, problem=f"cannot read {path}: {error.strerror}")


def read_text(path: Path) -> str | None:
    """A short file's text without the final newline, or None when it is unknown."""
    data = read(path).data
    return None if data is None else data.decode("utf-8", "replace").strip()


def wildcard(pattern: str) -> bytes:
    """A regular expression for a name where ``*`` stands for any run of characters."""
    return rb"[^ \t\n]*".join(re.escape(part.encode()) for part in pattern.split("*"))
