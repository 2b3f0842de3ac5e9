# SPDX-License-Identifier: MIT
"""The entries of a map as the kernel gives them: bytes, end to end, which are read by column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from kptrace.records import dataclass

Row: TypeAlias = tuple[bytes, tuple[bytes, ...]]
"""Key, and its value, or that of every possible CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """``count`` keys of equal size, and for each the ``copies`` of its value, one behind the other.

    A map has one copy, a per-CPU map one for every possible CPU, each padded to 8 bytes.
    """

    count: int
    keys: bytes
    values: bytes
    copies: int = 1

    @property
    def key_size(self) -> int:
        return len(self.keys) // self.count if self.count else 0

    @property
    def copy_size(self) -> int:
        """Bytes of one copy of a value."""
        return len(self.values) // self.count // self.copies if self.count else 0

    def rows(self) -> Iterator[Row]:
        """The entries one by one."""
        key_size, size = self.key_size, self.copy_size
        whole = size * self.copies
        for index in range(self.count):
            start = index * whole
            copies = [self.values[at : at + size] for at in range(start, start + whole, size)]
            yield self.keys[index * key_size : (index + 1) * key_size], tuple(copies)


def with_copy(entries: Entries, more: Mapping[bytes, bytes]) -> Entries:
    """The entries with one more copy of every value: ``more`` by key, else all zero."""
    if not more:
        return entries
    size = len(next(iter(more.values())))
    left, nothing = dict(more), bytes(size)
    keys, values = [], []
    for key, copies in entries.rows():
        keys.append(key)
        values += [*copies, left.pop(key, nothing)]
    for key, value in left.items():
        keys.append(key)
        values += [*[nothing] * entries.copies, value]
    return Entries(
        count=len(keys),
        keys=b"".join(keys),
        values=b"".join(values),
        copies=entries.copies + 1,
    )
