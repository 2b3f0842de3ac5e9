# SPDX-License-Identifier: MIT
"""Stable names over places in the kernel that are renamed, inlined or moved (language §16.5).

A row of a table names a hook, its typed arguments, and the candidates that may serve it. Which one
this kernel takes is decided by `compiler.providers.hooks`, from facts and by attaching. Only data.
"""

from __future__ import annotations

from collections.abc import Iterator

from kptrace.kernel.hooks import block, drivers, files, memory, net, sched
from kptrace.kernel.hooks.model import Candidate, Hook

__all__ = ["HOOKS", "Candidate", "Hook"]

_TABLES = (block, sched, drivers, files, memory, net)


def _every() -> Iterator[Hook]:
    for table in _TABLES:
        yield from table.HOOKS


HOOKS: dict[str, Hook] = {one.name: one for one in _every()}
"""By name without the ``hook:`` in front, in the order of the tables."""
