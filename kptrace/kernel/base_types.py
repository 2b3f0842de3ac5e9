# SPDX-License-Identifier: MIT
"""Types that C has without any declaration."""

from __future__ import annotations

from kptrace import types
from kptrace.types import Type

# Sizes on every 64-bit kernel architecture. Plain `char` is left to BTF: its sign depends on the
# architecture and, since Linux 6.2 (3bc753c06dd0), is unsigned everywhere.
_WORDS = {"char": 1, "short": 2, "int": 4, "long": 8}


def base_type(name: str) -> Type | None:
    """The type of a C integer spelling in any order of its words (``long unsigned int``)."""
    words = name.split()
    if not words or set(words) - {"signed", "unsigned", *_WORDS}:
        return None
    if words == ["char"]:
        return None
    size = next((_WORDS[word] for word in ("char", "short", "long") if word in words), 4)
    return types.Int(size, "unsigned" not in words)
