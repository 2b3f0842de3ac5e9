# SPDX-License-Identifier: MIT
"""What a run looks at while it is loaded: its maps, its stacks and symbols, its clock."""

from __future__ import annotations

import ctypes
import pwd
import sys
import time

from kptrace import types
from kptrace.aggregate import HistogramState, MapSnapshot, snapshot
from kptrace.decoding import Values
from kptrace.entries import Entries, with_copy
from kptrace.kernel import Kernel
from kptrace.output import UserFrame
from kptrace.plan import EXIT_ASKED, Control, Plan
from kptrace.runtime import bpf, clocks, maps
from kptrace.runtime.loaded import Loaded
from kptrace.runtime.user_symbols import UserSymbols
from kptrace.series import SeriesState

_KEY_0 = bytes(4)


class KernelMaps:
    """The specification's maps in the kernel. Implements `session.events.Maps`."""

    def __init__(self, plan: Plan, loaded: Loaded) -> None:
        self._plan = plan
        self._loaded = loaded
        self._zeroed: set[str] = set()
        self._spilled: dict[str, dict[bytes, HistogramState | SeriesState]] = {}

    def entries(self, name: str) -> Entries:
        """The bytes of all its entries."""
        entries = maps.read_map(self._loaded.map(self._plan.map(name).symbol))
        # what was spilled joins its entry as if one more CPU had counted it
        spilled = {key: state.pack() for key, state in self._spilled.get(name, {}).items()}
        return with_copy(entries, spilled)

    def zeroed(self, name: str) -> bool:
        """Whether `zero()` was called since it was last cleared."""
        return name in self._zeroed

    def snapshot(self, name: str) -> MapSnapshot:
        return snapshot(self._plan.map(name), self.entries(name), zeroed=self.zeroed(name))

    def spill(self, name: str, key: bytes, numbers: Values) -> None:
        states = self._spilled.setdefault(name, {})
        if key not in states:
            states[key] = _empty_state(self._plan.map(name).value)
        states[key].add(*numbers)

    def all(self) -> tuple[MapSnapshot, ...]:
        return tuple(self.snapshot(one.name) for one in self._plan.maps if one.shown)

    def clear(self, name: str) -> None:
        one = self._plan.map(name)
        if not one.shown:  # only at the end of a run, which it does not outlive
            return
        maps.clear(self._loaded.map(one.symbol), one)
        self._zeroed.discard(name)
        self._spilled.pop(name, None)

    def zero(self, name: str) -> None:
        maps.zero(self._loaded.map(self._plan.map(name).symbol))
        self._zeroed.add(name)
        self._spilled.pop(name, None)


def _empty_state(kind: types.Type) -> HistogramState | SeriesState:
    if isinstance(kind, types.TSeries):
        return SeriesState(kind)
    assert isinstance(kind, types.Hist | types.LHist)
    return HistogramState(kind)


class KernelResolver:
    """Addresses and stack keys -> names and frames; implements `kptrace.output.Resolver`.

    Stacks are read when they are printed; a stored stack never changes.
    """

    def __init__(self, plan: Plan, loaded: Loaded, kernel: Kernel) -> None:
        self._stack_maps = {
            (one.depth, one.user, one.build_id): loaded.map(one.symbol) for one in plan.stack_maps
        }
        self._user_symbols = UserSymbols()
        self._kernel = kernel
        self._users: dict[int, str | None] = {}
        now = time.clock_gettime_ns(time.CLOCK_REALTIME)
        self._wall = {
            "boot": now - clocks.host_ns(time.CLOCK_BOOTTIME),
            # whole leap seconds: what is more is the time between the two readings
            "tai": round((now - time.clock_gettime_ns(time.CLOCK_TAI)) / 1e9) * 10**9,
        }

    def ksym(self, address: int) -> str | None:
        found = self._kernel.symbols.resolve(address)
        return found[0].name if found else None

    def ksym_offset(self, address: int) -> str | None:
        found = self._kernel.symbols.resolve(address)
        return f"{found[0].name}+{found[1]}" if found else None

    def wall_ns(self, clock: str, ns: int) -> int:
        return ns + self._wall[clock]

    def gfp_flags(self) -> tuple[tuple[str, int], ...]:
        return self._kernel.gfp_flags

    def user(self, uid: int) -> str | None:
        """By the user database of the host where the trace runs; looked up once."""
        if uid not in self._users:
            try:
                self._users[uid] = pwd.getpwuid(uid).pw_name
            except (KeyError, OverflowError):
                self._users[uid] = None
        return self._users[uid]

    def cgroup(self, number: int) -> tuple[tuple[str, str], ...]:
        return self._kernel.cgroups.paths(number)

    def stack(self, key: int, kind: types.KStack) -> tuple[int, ...]:
        return maps.stack(self._stack_maps[kind.store], key)

    def user_stack(self, key: int, kind: types.KStack) -> tuple[UserFrame, ...]:
        fd = self._stack_maps[kind.store]
        if kind.mode == "build_id":
            return tuple(
                UserFrame(address=address, build_id=build_id)
                for build_id, address in maps.build_id_stack(fd, key)
            )
        process, *addresses = maps.stack(fd, key) or (0,)
        frames = []
        for address in addresses:
            symbol, path = self._user_symbols.resolve(process, address)
            frames.append(UserFrame(address=address, symbol=symbol, path=path))
        return tuple(frames)


def set_active(loaded: Loaded, active: bool) -> None:
    """Let all programs count, or stop them, at one moment."""
    set_control(loaded, Control.ACTIVE, int(active))


def set_control(loaded: Loaded, slot: Control, value: int) -> None:
    """Write one slot of the control array."""
    bpf.map_update(loaded.map("control"), _word(slot), _word(value))


def exit_asked(loaded: Loaded) -> int | None:
    """The code of an `exit()` that a program has called, its event handled or not."""
    word = ctypes.create_string_buffer(4)
    bpf.map_lookup(loaded.map("control"), _word(Control.EXIT), word)
    value = int.from_bytes(word.raw, sys.byteorder)
    return value & 0xFF if value & EXIT_ASKED else None


def _word(value: int) -> bytes:
    return value.to_bytes(4, sys.byteorder)


def set_clocks(loaded: Loaded) -> None:
    """Tell the programs when the run started, and how far CLOCK_TAI is ahead.

    Both count from CLOCK_BOOTTIME, the clock of ``elapsed``.
    """
    boot = clocks.host_ns(time.CLOCK_BOOTTIME)
    tai = time.clock_gettime_ns(time.CLOCK_TAI)
    for name, value in (("start_time", boot), ("tai_offset", tai - boot)):
        if name in loaded.maps:
            bpf.map_update(loaded.map(name), _KEY_0, value.to_bytes(8, sys.byteorder))
