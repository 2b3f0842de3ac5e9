# SPDX-License-Identifier: MIT
"""The probe library: where its files are, and what each says of itself."""

from __future__ import annotations

import os
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


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


def _title(path: Path) -> str:
    """The first comment of a probe that is neither the shebang nor the licence."""
    for line in path.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        if line.startswith("//") and "SPDX" not in line:
            return line.removeprefix("//").strip()
    return ""
