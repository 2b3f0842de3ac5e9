# SPDX-License-Identifier: MIT
"""Names of the bits of gfp_t, as this kernel prints them itself.

Their numbers change between releases, and debug options move them. Every kernel writes them into
the print format of its allocation events (include/trace/events/mmflags.h).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator

COMBINED = tuple(
    f"GFP_{name}"
    for name in """
    TRANSHUGE TRANSHUGE_LIGHT HIGHUSER_MOVABLE HIGHUSER USER KERNEL_ACCOUNT KERNEL NOFS ATOMIC NOIO
    NOWAIT DMA
    """.split()
)
"""What is matched before single bits, in this order (language §9)."""

Flags = tuple[tuple[str, int], ...]

_LIST = re.compile(r'__print_flags\([^,]*,\s*"\|",(.*)', re.DOTALL)
_ENTRY = re.compile(r'\{([^{}"]*),\s*"(\w+)"\s*\}')
_CAST = re.compile(r"\(\s*(?:unsigned long|gfp_t)\s*\)")
_TOKEN = re.compile(r"\s*(<<|[()|&~]|0[xX][0-9a-fA-F]+|[0-9]+)(?:[uUlL]*)")

# C's precedence, lowest first
_LEVELS: tuple[tuple[str, Callable[[int, int], int]], ...] = (
    ("|", operator.or_),
    ("&", operator.and_),
    ("<<", operator.lshift),
)


def gfp_flags(text: str) -> Flags:
    """Names and masks from the format file of an event, in the order in which they match."""
    found = _LIST.search(text)
    entries = _ENTRY.findall(found[1]) if found else []
    masks = {name: mask for expression, name in entries if (mask := _value(expression))}
    single = (name for name, mask in masks.items() if name[:2] == "__" and not mask & (mask - 1))
    return tuple((name, masks[name]) for name in (*COMBINED, *single) if name in masks)


def _value(expression: str) -> int:
    """A constant C expression of shifts and bits; 0 when it is something else."""
    plain = _CAST.sub("", expression)
    tokens = _TOKEN.findall(plain)
    if _TOKEN.sub("", plain).strip():
        return 0
    rest = iter([*tokens, ""])
    try:
        return _Parser(rest).level(0)
    except (ValueError, StopIteration):
        return 0


class _Parser:
    """One expression's tokens, with one of them looked at."""

    def __init__(self, tokens: Iterator[str]) -> None:
        self._tokens = tokens
        self._next = next(tokens)

    def _take(self) -> str:
        token, self._next = self._next, next(self._tokens, "")
        return token

    def level(self, index: int) -> int:
        if index == len(_LEVELS):
            return self._unary()
        sign, apply = _LEVELS[index]
        value = self.level(index + 1)
        while self._next == sign:
            self._take()
            value = apply(value, self.level(index + 1))
        return value

    def _unary(self) -> int:
        token = self._take()
        if token == "~":
            return ~self._unary()
        if token != "(":
            return int(token, 0)
        value = self.level(0)
        if self._take() != ")":
            raise ValueError(token)
        return value
