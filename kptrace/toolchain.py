# SPDX-License-Identifier: MIT
"""Which clang of this host is used, found without starting it."""

from __future__ import annotations

import os

_CANDIDATES = ("clang", "clang-19", "clang-18", "clang-17", "clang-16", "clang-15", "clang-14")


def find_clang() -> str | None:
    """The clang to use: ``$KPTRACE_CLANG``, else the first one on the path."""
    chosen = os.environ.get("KPTRACE_CLANG")
    names = (chosen,) if chosen else _CANDIDATES
    found = next((path for name in names if (path := _which(name))), None)
    return None if found is None else os.path.abspath(found)


def identity(clang: str | None) -> str:
    """What changes when a clang does."""
    if clang is None:
        return "none"
    found = os.stat(clang)
    return f"{os.path.realpath(clang)} {found.st_size} {found.st_mtime_ns}"


def _which(name: str) -> str | None:
    """As shutil.which, which is slow to import."""
    places = [""] if os.path.dirname(name) else os.get_exec_path()
    paths = (os.path.join(place, name) for place in places)
    return next((one for one in paths if os.path.isfile(one) and os.access(one, os.X_OK)), None)
