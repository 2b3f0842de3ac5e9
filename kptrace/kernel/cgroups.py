# SPDX-License-Identifier: MIT
"""Control groups: from their ids, which are inode numbers, to their paths."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from kptrace.kernel.files import read_text

_AGAIN_S = 1.0
"""How long an id that no group has is not looked for again."""
_ESCAPE = re.compile(r"\\([0-7]{3})")
UNIFIED = "unified"
"""What cgroup v2 is called, wherever it is mounted."""


class Cgroups:
    """The groups of every mounted hierarchy; a group that is gone keeps the path it had."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._found: dict[int, tuple[tuple[str, str], ...]] = {}
        self._walked = float("-inf")

    def paths(self, number: int) -> tuple[tuple[str, str], ...]:
        """Hierarchy and path (``/`` is its root) of every group with this id, by hierarchy."""
        if number not in self._found and time.monotonic() - self._walked > _AGAIN_S:
            self._found.update(self._walk())
            self._walked = time.monotonic()
        return self._found.get(number, ())

    def _walk(self) -> dict[int, tuple[tuple[str, str], ...]]:
        found: dict[int, tuple[tuple[str, str], ...]] = {}
        for name, top in sorted(self._hierarchies().items()):
            for folder, _, _ in os.walk(top):
                try:
                    number = os.stat(folder).st_ino
                except OSError:  # the group was removed meanwhile
                    continue
                below = os.path.relpath(folder, top)
                path = "/" if below == "." else f"/{below}"
                found[number] = (*found.get(number, ()), (name, path))
        return found

    def _hierarchies(self) -> dict[str, Path]:
        """Mounted hierarchies by name: a v1 one has that of its directory."""
        found: dict[str, Path] = {}
        for line in (read_text(self._root / "proc/self/mountinfo") or "").splitlines():
            before, _, after = line.partition(" - ")
            kind = after.split(" ", 1)[0]
            fields = before.split(" ")
            if kind not in ("cgroup", "cgroup2") or len(fields) < 5:
                continue
            mounted = _ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[4])
            name = UNIFIED if kind == "cgroup2" else os.path.basename(mounted)
            found.setdefault(name, self._root / mounted.lstrip("/"))
        return found
