# SPDX-License-Identifier: MIT
"""The probe library: where its files are, and what a specification says of itself."""

from __future__ import annotations

import os
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from kptrace.records import dataclass

_TOP = re.compile(
    r"(?:#![^\n]*\n)?(?:\s*//[^\n]*SPDX[^\n]*\n)*\s*((?://[^\n]*\n?[ \t]*)+|/\*.*?\*/)", re.DOTALL
)
"""A shebang, the licence, then the first comment: lines in a row, or a block."""

_MARKS = re.compile(r"^[ \t]*(?://|/\*+|\*/|\*(?!/))?[ \t]?|[ \t]*\*/[ \t]*$", re.MULTILINE)
"""What makes these lines a comment, and the blanks in front of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryProbe:
    """One file of the library. ``title`` is its first comment line."""

    name: str
    group: str
    title: str
    path: Path


def directories(extra: tuple[str, ...] = ()) -> list[Path]:
    """Where probes are searched: given paths, a checkout, the installation; in this order."""
    checkout = Path(__file__).resolve().parents[2] / "probes"
    installed = Path(sysconfig.get_path("data")) / "share" / "kptrace" / "probes"
    places = [*map(Path, extra), checkout, installed]
    return [place for place in places if os.path.isdir(place)]


def probes(extra: tuple[str, ...] = ()) -> Iterator[LibraryProbe]:
    """Every library probe once; an earlier directory hides a later one's."""
    seen: set[str] = set()
    for directory in directories(extra):
        for path in sorted(directory.glob("*/*.bt")):
            if path.stem not in seen:
                seen.add(path.stem)
                yield LibraryProbe(
                    name=path.stem, group=path.parent.name, title=_title(path), path=path
                )


def header(text: str) -> list[str]:
    """The lines of a specification's first comment: its title, then what there is to know.

    Neither the shebang nor the licence is part of it. Empty where there is no such comment.
    """
    top = _TOP.match(text)
    lines = [line.rstrip() for line in _MARKS.sub("", top[1]).splitlines()] if top else []
    return "\n".join(lines).strip("\n").splitlines()


def _title(path: Path) -> str:
    lines = header(path.read_text(encoding="utf-8", errors="surrogateescape"))
    return lines[0] if lines else ""
