# SPDX-License-Identifier: MIT
"""Times of day by a strftime format, with the language's own fractions of a second (§8.1)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

_FRACTIONS = {"l": 3, "f": 6, "k": 9}
"""Conversions of `strftime()` beyond strftime(3): digits of the second's fraction."""
_CONVERSION = re.compile(r"%(.)", re.DOTALL)
_SECOND = 10**9


def time_renderer(form: str, *, fractions: bool = True) -> Callable[[int], bytes]:
    """The function from ns of the epoch to local time in this format.

    Without ``fractions`` the format is strftime(3)'s alone. Bytes that are not UTF-8 pass
    through; as in C the format ends at a NUL.
    """
    pieces, digits = _split(form.partition("\0")[0], fractions=fractions)
    second: int | None = None
    texts: list[bytes] = []

    def text_of(ns: int) -> bytes:
        nonlocal second, texts
        seconds, rest = divmod(ns, _SECOND)
        if seconds != second:  # times come close together: most share their second
            local = time.localtime(seconds)
            texts = [
                time.strftime(piece, local).encode("utf-8", "surrogateescape") if piece else b""
                for piece in pieces
            ]
            second = seconds
        if not digits:
            return texts[0]
        nine = b"%09d" % rest
        parts = [texts[0]]
        for count, text in zip(digits, texts[1:], strict=True):
            parts += (nine[:count], text)
        return b"".join(parts)

    return text_of


def _split(form: str, *, fractions: bool) -> tuple[list[str], list[int]]:
    """The parts of a format for strftime(3), and the digits of the fractions between them."""
    pieces, digits = [""], []
    position = 0
    for match in _CONVERSION.finditer(form):
        if not fractions or match[1] not in _FRACTIONS:
            continue
        pieces[-1] += form[position : match.start()]
        pieces.append("")
        digits.append(_FRACTIONS[match[1]])
        position = match.end()
    pieces[-1] += form[position:]
    return pieces, digits
