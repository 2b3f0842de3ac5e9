# SPDX-License-Identifier: MIT
"""Which functions of this kernel can be probed, and why one cannot.

In: symbols, tracefs, BTF and the kprobe blacklist. Out: wildcard expansions and verdicts, before
anything is attached. The lists are necessary, not sufficient: attaching may still fail, and the
runtime has the last word. A list that cannot be read makes an answer unknown, never "absent".
Instruction boundaries are not checked (that takes a disassembler and the kernel's text).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from enum import Enum
from functools import cached_property
from pathlib import Path

from kptrace.errors import HostError
from kptrace.kernel.btf import Btf
from kptrace.kernel.denied import NEVER_BY_WILDCARD, PARTIAL
from kptrace.kernel.files import Reading, read, wildcard
from kptrace.kernel.kallsyms import PADDING, Symbol, Symbols, nearest
from kptrace.kernel.tracefs import Tracefs
from kptrace.records import dataclass


class Status(str, Enum):
    """Outcome of `Probeable.check`."""

    OK = "ok"
    ABSENT = "absent"
    CLONED = "cloned"
    NOT_TRACEABLE = "not-traceable"
    BLACKLISTED = "blacklisted"
    MODULE_NOT_LOADED = "module-not-loaded"
    AMBIGUOUS = "ambiguous"
    BAD_OFFSET = "bad-offset"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A traceable function; ``module`` "" is the core kernel."""

    name: str
    module: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether one attach point can work. ``symbols`` are the places that it names.

    ``clones``: the compiler's variants that are there instead, where the status is CLONED.
    """

    status: Status
    message: str = ""
    hint: str = ""
    symbols: tuple[Symbol, ...] = ()
    clones: tuple[str, ...] = ()


class Probeable:
    """What can be probed in the kernel under a root directory."""

    def __init__(
        self,
        root: Path,
        symbols: Symbols,
        tracefs: Tracefs,
        btf: Callable[[], Btf | None] = lambda: None,
        functions_file: Path | None = None,
    ) -> None:
        self._root = root
        self._symbols = symbols
        self._tracefs = tracefs
        self._btf = btf
        self._functions_file = functions_file

    # Lists

    @cached_property
    def _functions(self) -> Reading:
        return read(self._functions_file or self._tracefs.path / "available_filter_functions")

    @cached_property
    def _sites(self) -> Reading:
        return read(self._tracefs.path / "available_filter_functions_addrs")

    @property
    def problem(self) -> str:
        """Why the list of traceable functions is unknown, or ""."""
        return self._functions.problem

    @cached_property
    def _blacklist(self) -> Reading:
        return read(self._root / "sys/kernel/debug/kprobes/blacklist")

    @cached_property
    def blacklist(self) -> frozenset[str] | None:
        """Names that the kernel refuses to probe; None when unknown."""
        data = self._blacklist.data
        if data is None:
            return None
        return frozenset(line.split(b"\t")[-1].decode() for line in data.splitlines())

    @cached_property
    def _blacklisted_ranges(self) -> tuple[tuple[int, int], ...]:
        pattern = re.compile(rb"^0x([0-9a-f]+)-0x([0-9a-f]+)\t", re.M)
        pairs = pattern.findall(self._blacklist.data or b"")
        ranges = ((int(start, 16), int(end, 16)) for start, end in pairs)
        return tuple((start, end) for start, end in ranges if end)  # hidden addresses are zero

    def is_blacklisted(self, name: str, address: int = 0) -> bool | None:
        """By address where addresses are known, else by name; None when the list is unknown.

        Static functions share names, so a name alone can accuse the wrong one.
        """
        if self.blacklist is None:
            return None
        if address and self._blacklisted_ranges:
            # An empty range stands for an assembly label: it covers its first byte.
            ranges = self._blacklisted_ranges
            return any(start <= address < max(end, start + 1) for start, end in ranges)
        return name in self.blacklist

    @cached_property
    def modules(self) -> frozenset[str] | None:
        """Loaded modules; None when unknown."""
        data = read(self._root / "proc/modules").data
        if data is None:
            # A kernel without loadable modules has no such file, but it has /proc.
            return frozenset() if (self._root / "proc/kallsyms").exists() else None
        return frozenset(line.split(b" ", 1)[0].decode() for line in data.splitlines())

    # Wildcards

    def functions(self, pattern: str, module: str = "") -> list[Function]:
        """Traceable functions that match, sorted by module and name, each once.

        ``module`` "" means the core kernel and all modules, "vmlinux" the core kernel, else a
        pattern of module names. Where the kernel's list of traceable functions is unknown the
        symbols stand in for it (`problem` tells); where these are unknown too, HostError.
        """
        where = re.compile(wildcard(module).decode()) if module not in ("", "vmlinux") else None
        refused = self.blacklist or frozenset()
        found = [
            (owner, name)
            for name, owner in self._listed(wildcard(pattern))
            if name not in refused
            and not NEVER_BY_WILDCARD.fullmatch(name)
            and (where.fullmatch(owner) if where else not (module and owner))
        ]
        whole = [one for one in found if not PARTIAL.fullmatch(one[1])]
        if whole and ".part" not in pattern:
            found = whole
        return [Function(name=name, module=owner) for owner, name in sorted(found)]

    def shared(
        self, pattern: str, wanted: Collection[Function]
    ) -> dict[Function, tuple[Symbol, ...]]:
        """The usable functions of each name that matches, is wanted, and that several have.

        To ask about each that "*" matches in a whole kernel takes ten seconds.
        """
        found: dict[Function, list[Symbol]] = {}
        for name, symbols in self._symbols.shared(wildcard(pattern)).items():
            for symbol in symbols:
                found.setdefault(Function(name=name, module=symbol.module), []).append(symbol)
        return {
            one: self._usable(tuple(symbols)) for one, symbols in found.items() if one in wanted
        }

    @property
    def tells_sites(self) -> bool:
        """The kernel tells which of several functions with one name it traces."""
        return self._sites.data is not None

    def _listed(self, pattern: bytes) -> set[tuple[str, str]]:
        data = self._functions.data
        if data is not None:
            expression = rb"^(?=\S)(%b)(?: \[([^\]\n]+)\])?$" % pattern
            matches = re.findall(expression, data, re.M)
            return {(name.decode(), module.decode()) for name, module in matches}
        if not self._symbols.readable:
            raise HostError(
                f"cannot list kernel functions: {self.problem}; {self._symbols.problem}",
                code="no-functions",
            )
        return set(self._symbols.names(pattern))

    @cached_property
    def _raw_tracepoints(self) -> list[tuple[str, str]]:
        btf = self._btf()
        if btf is not None:
            return btf.raw_tracepoints()
        return [(name, "") for _, name in self._tracefs.events("*", "*")]

    def raw_tracepoints(self, pattern: str, module: str = "") -> list[tuple[str, str]]:
        """Name and module of matching raw tracepoints, from BTF or else from tracefs."""
        matches = (
            re.compile(wildcard(pattern).decode()).fullmatch if "*" in pattern else pattern.__eq__
        )
        return sorted(
            {
                (name, owner)
                for name, owner in self._raw_tracepoints
                if matches(name) and module in ("", owner or "vmlinux")
            }
        )

    def is_traceable(self, name: str, module: str | None = None) -> bool | None:
        """The kernel's tracer can hook this function; None when unknown.

        A suffixed clone passes under its base name, which is the kernel's own rule.
        """
        data = self._functions.data
        if data is None:
            return None
        names = {name, name.split(".", 1)[0]}
        if module is None:
            endings = [b"\n", b" ["]
        else:
            endings = [b"\n" if module in ("", "vmlinux") else b" [%b]\n" % module.encode()]
        lines = (b"%b%b" % (one.encode(), ending) for one in names for ending in endings)
        return any(data.startswith(line) or b"\n" + line in data for line in lines)

    def near(self, name: str) -> tuple[str, ...]:
        """Functions that a misspelt name may have meant."""
        data = self._functions.data
        return nearest(name, data, rb"^") if data is not None else self._symbols.near(name)

    # Verdicts

    def check(
        self,
        name: str,
        module: str = "",
        offset: int = 0,
        *,
        is_return: bool = False,
        address: int = 0,
    ) -> Verdict:
        """Decide one attach point, in the order in which the kernel would refuse it.

        With an ``address`` the name may be empty. AMBIGUOUS means that the name alone will not
        do; its symbols are the places that can be attached to by address (0 where hidden).
        """
        if address:
            return self._check_address(address, is_return=is_return)
        refusal = self._check_name(name, module, is_return=is_return)
        if refusal is not None:
            return refusal
        symbols = tuple(self._symbols.lookup(name, module or None))
        # The kernel counts data as well, although only code can be meant. Hidden addresses are
        # all zero; lines of one name are then different places.
        everything = self._symbols.lookup(name, module or None, text=False)
        if len({symbol.address or -at for at, symbol in enumerate(everything)}) > 1:
            places = self._usable(symbols)
            if places:
                owners = sorted({symbol.module or "vmlinux" for symbol in everything})
                return Verdict(
                    status=Status.AMBIGUOUS,
                    message=f"{name} names {len(everything)} places (in {', '.join(owners)})",
                    hint=f"name the module: {owners[0]}:{name}" if len(owners) > 1 else "",
                    symbols=places,
                )
        return self._check_place(name, symbols, offset, is_return=is_return)

    def _usable(self, symbols: tuple[Symbol, ...]) -> tuple[Symbol, ...]:
        """Those of several functions with one name that neither list rules out."""
        return tuple(
            symbol
            for symbol in symbols
            if self.is_traceable(symbol.name, symbol.module) is not False
            and not self.is_blacklisted(symbol.name, symbol.address)
            and self._has_site(symbol) is not False
        )

    def _has_site(self, symbol: Symbol) -> bool | None:
        """The tracer has a site in the first bytes of this very function; None when unknown.

        The file with the addresses exists since Linux 6.5. A site follows what the architecture
        puts before it: nothing, ENDBR, or an entry sequence.
        """
        data = self._sites.data
        if data is None or not symbol.address:
            return None
        pattern = rb"^([0-9a-f]+) %b(?: |$)" % re.escape(symbol.name.encode())
        sites = (int(site, 16) for site in re.findall(pattern, data, re.M))
        return any(symbol.address <= site < symbol.address + 32 for site in sites)

    def _check_name(self, name: str, module: str, *, is_return: bool) -> Verdict | None:
        """Refusals that need no more than names."""
        loaded = self.modules
        if module not in ("", "vmlinux") and loaded is not None and module not in loaded:
            probe = "kretprobe" if is_return else "kprobe"
            return Verdict(
                status=Status.MODULE_NOT_LOADED,
                message=f"specified module {module} in probe {probe}:{module}:{name}"
                " is not loaded.",
                hint=f"load it first: modprobe {module}",
            )
        if name.startswith(PADDING):
            return _refused(f"{name} is padding in front of a function, not code that runs")
        if ".cold" in name:
            return _refused(
                f"{name} is the rarely run part that the compiler moved out of a function",
                hint=f"probe {name.split('.cold')[0]}",
            )
        if not self._symbols.readable:
            if self.is_traceable(name, module or None):
                return None
            return Verdict(status=Status.UNKNOWN, message=self._symbols.problem)
        if self._symbols.lookup(name, module or None):
            return None
        return self._explain_absence(name, module)

    def _explain_absence(self, name: str, module: str) -> Verdict:
        everywhere = self._symbols.lookup(name, text=False)
        if self._symbols.is_init(name):
            return _refused(f"{name} ran at boot and its code is freed")
        if everywhere:
            owners = sorted({symbol.module or "vmlinux" for symbol in everywhere})
            if module and module not in owners:
                return Verdict(
                    status=Status.ABSENT,
                    message=f"{name} is not in {module}",
                    hint=f"it is in {', '.join(owners)}",
                )
            return _refused(f"{name} is data, not a function")
        clones = self._symbols.clones(name, module or None)
        if clones:
            traceable = [clone for clone in clones if self.is_traceable(clone) is not False]
            instead = f"the compiler replaced it by {' and '.join(traceable or clones)}"
            can = f"{differences(traceable)}, which kprobe can probe"
            return Verdict(
                status=Status.CLONED if traceable else Status.ABSENT,
                message=f"the compiler replaced {name} by {', '.join(clones)}",
                hint=instead + (can if traceable else ", which cannot be traced"),
                clones=tuple(traceable),
            )
        near = self.near(name)
        return Verdict(
            status=Status.ABSENT,
            message=f"this kernel has no function {name}: it may be inlined,"
            " renamed, or in a module that is not loaded",
            hint="did you mean " + " or ".join(f"'{one}'" for one in near) + "?" if near else "",
        )

    def _check_place(
        self, name: str, symbols: tuple[Symbol, ...], offset: int, *, is_return: bool
    ) -> Verdict:
        """Traceable, blacklist, offset: for one place."""
        symbol = symbols[0] if symbols else None
        traceable = self.is_traceable(name, symbol.module if symbol else None)
        if traceable is False and symbol:
            # Several names of one place (identical system calls): the list has one of them.
            traceable = any(
                self.is_traceable(alias, symbol.module) for alias in self._symbols.aliases(symbol)
            )
        if traceable is False:
            return Verdict(
                status=Status.NOT_TRACEABLE,
                message=f"{name} is not traceable (either non-existing, inlined, or marked as"
                ' "notrace"); attaching to it will likely fail',
                symbols=symbols,
            )
        refused = self.is_blacklisted(name, symbol.address + offset if symbol else 0)
        if refused:
            return Verdict(
                status=Status.BLACKLISTED,
                message=f"{name} is on the kernel's kprobe blacklist: probing it could crash"
                " the kernel",
                symbols=symbols,
            )
        if offset and is_return:
            return Verdict(status=Status.BAD_OFFSET, message="Offset not allowed", symbols=symbols)
        size = self._symbols.size(symbol) if symbol else None
        if offset and size is not None and offset >= size:
            return Verdict(
                status=Status.BAD_OFFSET,
                message=f"Invalid offset: {name} is {size} bytes long, {offset} is behind its end",
                symbols=symbols,
            )
        unknown = [
            problem
            for problem, is_open in (
                (self._functions.problem, traceable is None),
                (self._blacklist.problem, refused is None),
                ("kernel addresses are hidden", bool(offset) and size is None),
            )
            if is_open
        ]
        if unknown:
            return Verdict(status=Status.UNKNOWN, message="; ".join(unknown), symbols=symbols)
        return Verdict(status=Status.OK, symbols=symbols)

    def _check_address(self, address: int, *, is_return: bool) -> Verdict:
        if not self._symbols.readable or self._symbols.addresses_hidden:
            return Verdict(
                status=Status.UNKNOWN,
                message=self._symbols.problem or "kernel addresses are hidden",
            )
        found = self._symbols.resolve(address)
        if found is None:
            return Verdict(status=Status.ABSENT, message=f"no function is at {address:#x}")
        symbol, offset = found
        if symbol.type not in "tTwW":
            return _refused(f"{address:#x} is data ({symbol.name}), not a function")
        return self._check_place(symbol.name, (symbol,), offset, is_return=is_return)


def _refused(message: str, hint: str = "") -> Verdict:
    return Verdict(status=Status.NOT_TRACEABLE, message=message, hint=hint)


def differences(clones: Sequence[str], *, typed: bool = False) -> str:
    """What a probe on a function's variants must not take for granted, in parentheses; or "".

    ``typed``: BTF has their arguments, so these are where they should be.
    """
    changed = any(".isra." in clone or ".constprop." in clone for clone in clones)
    partial = any(".part." in clone or ".constprop." in clone for clone in clones)
    them = "its" if len(clones) == 1 else "their"
    marks = [
        text
        for text, is_so in (
            (f"{them} argument registers may differ", changed and not typed),
            ("it sees only some of the calls", partial and len(clones) == 1),
            ("each sees only some of the calls", partial and len(clones) > 1),
        )
        if is_so
    ]
    return f" ({'; '.join(marks)})" if marks else ""
