# SPDX-License-Identifier: MIT
"""What both loaders return: programs and maps in the kernel, held by file descriptors."""

from __future__ import annotations

import contextlib
import os
import resource
from types import TracebackType

from kptrace.errors import KptraceError


class Loaded:
    """Owns the file descriptors of one loaded specification.

    ``programs`` by `plan.Program.name`, ``maps`` by the name of the C map.
    """

    def __init__(self, programs: dict[str, int], maps: dict[str, int]) -> None:
        self.programs = programs
        self.maps = maps

    def map(self, symbol: str) -> int:
        """The descriptor of a map that every object must have."""
        try:
            return self.maps[symbol]
        except KeyError:
            raise KptraceError(f"BUG: the loaded object has no map '{symbol}'") from None

    def close(self) -> None:
        for fd in (*self.programs.values(), *self.maps.values()):
            with contextlib.suppress(OSError):
                os.close(fd)
        self.programs = {}
        self.maps = {}

    def __enter__(self) -> Loaded:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def raise_limits() -> None:
    """As many open files and as much locked memory as this process may have.

    Each single probe takes a descriptor. Below 5.11 maps and programs count against
    RLIMIT_MEMLOCK, and running into it reads as EPERM even for root.
    """
    _raise(resource.RLIMIT_NOFILE)
    _raise(resource.RLIMIT_MEMLOCK)


def _raise(which: int) -> None:
    soft, hard = resource.getrlimit(which)
    wanted = [(hard, hard)]
    if which == resource.RLIMIT_MEMLOCK:
        wanted.insert(0, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    for limit in wanted:
        if limit == (soft, hard):
            return
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(which, limit)
            return
