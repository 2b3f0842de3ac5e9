# SPDX-License-Identifier: MIT
"""The C helper functions that values and calls name, each emitted where something needs it."""

from __future__ import annotations

from collections.abc import Collection

from kptrace.compiler import prelude

PIECES: dict[str, str] = {
    "start_time": prelude.START_TIME,
    "tai_offset_get": prelude.TAI_OFFSET,
    "ns_pid_tgid": prelude.NS_PID_TGID,
    "end_loop": prelude.END_LOOP,
    "clear_bytes": prelude.CLEAR_BYTES,
    "string_equal": prelude.STRING_EQUAL,
}
"""By name, which is that of the function; one that calls another stands behind it."""


def needed(needs: Collection[str]) -> list[str]:
    """The texts of the pieces in ``needs``, and of those that they call, in order."""
    wanted = set(needs) & set(PIECES)
    for name, text in reversed(PIECES.items()):
        if name in wanted:
            wanted.update(other for other in PIECES if f"{other}(" in text)
    return [text for name, text in PIECES.items() if name in wanted]
