# SPDX-License-Identifier: MIT
"""Snapshots and records -> bytes. Pure: writes nowhere, asks the kernel nothing.

Goes in: decoded values, map snapshots, the ledger. Comes out: bytes, byte for byte as language
§9, §10, §11 and §16 say. It does not try to buffer, to choose a file or to look up symbols: a
`Resolver` answers for addresses, the caller writes.

::

    times     strftime formats (§8.1)
    values    one value -> text (§10.1), map keys (§10.2)
    printf    format text + types -> a compiled formatter (§9)
    text      the text format
    json      the JSON format, one object per line
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Protocol

from kptrace.aggregate import Ledger, MapSnapshot, Value
from kptrace.plan import Event
from kptrace.records import dataclass
from kptrace.types import KStack, Type


class Stream(Enum):
    """Where bytes go: the output (standard output or the ``-o`` file) or standard error."""

    OUTPUT = "output"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFrame:
    """An address in a process: ``symbol+offset`` and the mapped file, None where unknown.

    With a ``build_id`` (in hex) the address counts from the start of the file that has it.
    """

    address: int
    symbol: str | None = None
    path: str | None = None
    build_id: str = ""


class Resolver(Protocol):
    """Answers what kernel addresses mean."""

    def ksym(self, address: int) -> str | None:
        """The name of the symbol that contains the address, without offset."""

    def ksym_offset(self, address: int) -> str | None:
        """``name+offset``, the offset in decimal."""

    def user_stack(self, key: int, kind: KStack) -> tuple[UserFrame, ...]:
        """The frames of a stored stack of a process, innermost first."""

    def stack(self, key: int, kind: KStack) -> tuple[int, ...]:
        """The addresses of a stored stack, innermost first; none when it was not stored."""

    def wall_ns(self, clock: str, ns: int) -> int:
        """The time of day, in ns of the epoch, of a reading of a clock (one of types.CLOCKS)."""

    def gfp_flags(self) -> tuple[tuple[str, int], ...]:
        """Names and masks of the kernel's allocation flags, in the order in which they match."""

    def user(self, uid: int) -> str | None:
        """The name of a user."""

    def cgroup(self, number: int) -> tuple[tuple[str, str], ...]:
        """Hierarchy and path of every control group with this id."""


class Format(Protocol):
    """One output format.

    The first group of methods is what the specification says: those bytes go to the output. The
    second group is what kptrace says about the run: those go to `diagnostics`. Nothing to say is
    empty bytes.
    """

    @property
    def diagnostics(self) -> Stream:
        """The stream of the second group: standard error for text, the output for JSON."""

    def printf(self, texts: Iterable[bytes]) -> bytes:
        """Some formatted printf."""

    def time(self, text: bytes) -> bytes:
        """One formatted ``time()``."""

    def cat(self, text: bytes) -> bytes:
        """What ``cat()`` has read."""

    def join(self, text: bytes) -> bytes:
        """The strings of one ``join()``."""

    def syscall(self, text: bytes) -> bytes:
        """What a command of ``system()`` has written."""

    def value(self, kind: Type, value: Value) -> bytes:
        """``print(value)``."""

    def map(
        self,
        snapshot: MapSnapshot,
        *,
        top: int | None = None,
        div: int | None = None,
        final: bool = False,
    ) -> bytes:
        """``print(@map)``; ``final``: at the end of the run, where empty scalars are silent."""

    def final_maps(self, maps: Sequence[MapSnapshot]) -> bytes:
        """The end of the run: what stands before the maps, then all of them in order of name."""

    def interval(self, number: int, when: str) -> bytes:
        """Before the maps of one interval of a capture; ``when`` is its end in local time."""

    def host(self, name: str) -> bytes:
        """Before what belongs to one of several hosts."""

    def tests_begin(self, count: int) -> bytes:
        """Before the first test (language §14.4)."""

    def test_begin(self, name: str) -> bytes:
        """Before one test."""

    def test_end(self, name: str, duration_ns: int, passed: bool, output: bytes) -> bytes:
        """One test has run; ``output`` is what it printed."""

    def tests_end(self, count: int, failed: Sequence[str]) -> bytes:
        """All tests have run; ``failed`` are the names of those that failed."""

    def benches_begin(self, longest: int) -> bytes:
        """Before the first bench; ``longest`` is the length of the longest name."""

    def bench(self, name: str, average_ns: int, times: int, longest: int) -> bytes:
        """One bench: how long its block takes, and how often it was repeated."""

    def attached(self, count: int) -> bytes:
        """Probes are attached. Not for quiet runs: that is the caller's decision."""

    def pinned(self, path: str) -> bytes:
        """An iterator is pinned there."""

    def lost_events(self, count: int) -> bytes:
        """Events were lost just now."""

    def message(self, event: Event, text: bytes) -> bytes:
        """One formatted ``errorf()`` or ``warnf()`` with its place."""

    def warning(self, event: Event, helper: str = "", retcode: int = 0) -> bytes:
        """A run-time warning (§15.3); ``helper`` and what it returned, if a helper failed."""

    def ledger(self, ledger: Ledger, *, terminal: bool, quiet: bool) -> bytes:
        """The loss ledger (§16.3); ``terminal``: standard error is one."""
