# SPDX-License-Identifier: MIT
"""Kernel symbols by name and by address, from ``/proc/kallsyms``.

The file is read once and stays one piece of bytes that is searched; it is never turned into an
object per line (a distribution kernel has 200,000). What may be probed is decided in
`kptrace.kernel.probeable`.

The file holds the core kernel sorted by address, then modules, BPF programs and trampolines, each
such line ending in ``\\t[module]``. Without privilege (kptr_restrict, CAP_SYSLOG) all addresses
are zero: names are then known and addresses are not.
"""

from __future__ import annotations

import difflib
import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from kptrace.kernel.files import read
from kptrace.records import dataclass

_TEXT = b"tTwW"
_CLONE = re.compile(r"\.(?:isra|constprop|part|llvm)\.")
_PASSING = re.compile(r"bpf|__builtin__.*")
"""Owners of symbols that come and go: BPF programs, and code that the kernel makes for probes."""
# Padding before functions: CONFIG_CALL_PADDING (Linux 6.2, b341b20d648b) and kCFI.
PADDING = ("__pfx_", "__cfi_")
# No kernel function is this large; more means a gap between modules.
_LARGEST = 1 << 20
# What the last symbol of all may span: nothing follows it that would tell its size.
_LAST = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """One line of kallsyms. ``type`` is nm's letter; ``module`` "" is the core kernel."""

    address: int
    type: str
    name: str
    module: str = ""


class Symbols:
    """The symbols of the kernel under a root directory."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._path = root / "proc/kallsyms"
        self.met_passing = False
        """Whether an answer by name had a symbol that may be gone, or elsewhere, soon."""
        self._resolved: dict[int, tuple[Symbol, int] | None] = {}
        self._named: dict[str, tuple[int, ...]] = {}

    @cached_property
    def _content(self) -> tuple[bytes, str]:
        reading = read(self._path)
        return reading.data or b"", reading.problem or ("" if reading.data else "kallsyms is empty")

    @property
    def problem(self) -> str:
        """Why the symbols are unknown, or ""."""
        return self._content[1]

    @property
    def readable(self) -> bool:
        return not self.problem

    @cached_property
    def addresses_hidden(self) -> bool:
        """All addresses read as zero."""
        return self.readable and re.search(rb"^0*[1-9a-fA-F]", self._data, re.M) is None

    @property
    def _data(self) -> bytes:
        return self._content[0]

    # By name

    def lookup(self, name: str, module: str | None = None, *, text: bool = True) -> list[Symbol]:
        """All symbols with exactly this name, in the kernel's order.

        ``module`` None means any, "" and "vmlinux" the core kernel. ``text`` leaves out data and
        what stays listed but cannot run: padding, and init code that is freed after boot.
        """
        found = []
        for start in self._lines_of(name):
            symbol = self._symbol(start)
            if module is not None and symbol.module != ("" if module == "vmlinux" else module):
                continue
            if text and not self._runs(start, symbol):
                continue
            found.append(symbol)
        return found

    def shared(self, pattern: bytes) -> dict[str, list[Symbol]]:
        """The functions, as `lookup` has them, of names that match and that several have."""
        starts: dict[bytes, list[int]] = {}
        for match in re.finditer(rb" [tTwW] (%b)[\t\n]" % pattern, self._data):
            starts.setdefault(match[1], []).append(match.start())
        found: dict[str, list[Symbol]] = {}
        for name, places in starts.items():
            if len(places) > 1:
                # not by `lookup`: a scan for each of the thousands of names that "*" matches
                lines = [self._data.rfind(b"\n", 0, place) + 1 for place in places]
                made = [(line, self._symbol(line)) for line in lines]
                symbols = [symbol for line, symbol in made if self._runs(line, symbol)]
                if len({one.address or -at for at, one in enumerate(symbols)}) > 1:
                    found[name.decode()] = symbols
        return found

    def alone(self, names: Collection[str]) -> dict[str, int]:
        """Addresses of the functions of these names, without those that share theirs.

        In one pass, for hundreds of names; what has no address, or a hidden one, is left out.
        """
        wanted = {name.encode() for name in names}
        found: dict[bytes, set[int]] = {}
        for match in re.finditer(rb"([0-9a-f]+) [tTwW] (\S+)[\t\n]", self._data):
            if match[2] in wanted:
                found.setdefault(match[2], set()).add(int(match[1], 16))
        return {
            name.decode(): address
            for name, addresses in found.items()
            if len(addresses) == 1
            for address in addresses
            if address
        }

    def clones(self, name: str, module: str | None = None) -> list[str]:
        """Compiler's variants of a function: ``name.isra.0``, ``name.constprop.0``, ...

        ``module`` as in `lookup`. What the compiler moved out as hardly ever run is none.
        """
        needle = b" " + name.encode() + b"."
        data = self._data
        found: set[str] = set()
        position = data.find(needle)
        while position != -1:
            symbol = self._symbol(data.rfind(b"\n", 0, position) + 1)
            mine = module is None or symbol.module == ("" if module == "vmlinux" else module)
            if mine and symbol.type.encode() in _TEXT and _CLONE.match(symbol.name, len(name)):
                found.add(symbol.name)
            position = data.find(needle, position + len(needle))
        return sorted(one for one in found if ".cold" not in one)

    def near(self, name: str) -> tuple[str, ...]:
        """Up to three names of functions that a misspelt name may have meant."""
        return nearest(name, self._data, rb"^[0-9a-f]+ [tTwW] ")

    def names(self, pattern: bytes) -> Iterator[tuple[str, str]]:
        """Name and module of the functions whose name matches a regular expression."""
        expression = rb"^[0-9a-f]+ [tTwW] (%b)(?:\t\[([^\]\n]+)\])?$" % pattern
        for match in re.finditer(expression, self._data, re.M):
            name, module = match[1].decode(), (match[2] or b"").decode()
            self._meet(module)
            if not name.startswith(PADDING) and not self._is_init(match.start()):
                yield name, module

    def _lines_of(self, name: str) -> tuple[int, ...]:
        """Starts of the lines with exactly this name; a scan of milliseconds, done once."""
        if name not in self._named:
            self._named[name] = tuple(self._scan(name))
        return self._named[name]

    def _scan(self, name: str) -> Iterator[int]:
        needle = b" " + name.encode()
        data = self._data
        position = data.find(needle)
        while position != -1:
            end = position + len(needle)
            if data[end : end + 1] in (b"\n", b"\t", b""):
                yield data.rfind(b"\n", 0, position) + 1
            position = data.find(needle, end)

    def _symbol(self, start: int) -> Symbol:
        end = self._data.find(b"\n", start)
        line = self._data[start : end if end != -1 else None].decode("ascii", "replace")
        fields, _, module = line.partition("\t")
        address, kind, name = fields.split(" ", 2)
        self._meet(module[1:-1])
        return Symbol(address=int(address, 16), type=kind, name=name, module=module[1:-1])

    def _meet(self, module: str) -> None:
        self.met_passing = self.met_passing or _PASSING.fullmatch(module) is not None

    def _runs(self, start: int, symbol: Symbol) -> bool:
        return (
            symbol.type.encode() in _TEXT
            and not symbol.name.startswith(PADDING)
            and not self._is_init(start)
        )

    def is_init(self, name: str) -> bool:
        """The function exists only as init code, which is gone after boot."""
        lines = [start for start in self._lines_of(name) if self._symbol(start).type in "tTwW"]
        return bool(lines) and all(self._is_init(start) for start in lines)

    def _is_init(self, start: int) -> bool:
        # Compared by place in the file, which is sorted, so that it works with hidden addresses.
        low, high = self._init
        return low <= start < high

    @cached_property
    def _init(self) -> tuple[int, int]:
        bounds = [self._data.find(name) for name in (b" _sinittext\n", b" _einittext\n")]
        return (bounds[0], bounds[1]) if -1 not in bounds else (0, 0)

    # By address

    def resolve(self, address: int) -> tuple[Symbol, int] | None:
        """The symbol that an address lies in, and the offset from its start."""
        if address not in self._resolved:
            self._resolved[address] = self._resolve(address)
        return self._resolved[address]

    def size(self, symbol: Symbol) -> int | None:
        """Bytes up to the next symbol, which is how the kernel sizes functions too."""
        part = self._part_of(symbol.address)
        if part is None or not symbol.address:
            return None
        following = part.following(symbol.address)
        return None if following is None else following - symbol.address

    def aliases(self, symbol: Symbol) -> list[str]:
        """Other names of the same address; none while addresses are hidden."""
        part = self._part_of(symbol.address)
        names = [self._symbol(start).name for start in part.lines(symbol.address)] if part else []
        return [name for name in names if name != symbol.name]

    def _part_of(self, address: int) -> _Part | None:
        if self.addresses_hidden or not self.readable:
            return None
        return self._core if self._core.contains(address) else self._others

    def _resolve(self, address: int) -> tuple[Symbol, int] | None:
        part = self._part_of(address)
        if part is None:
            return None
        # Of several names of one address the first that is code, as the kernel does.
        names = [self._symbol(start) for start in part.lines(address)]
        if not names:
            return None
        symbol = next((one for one in names if one.type.encode() in _TEXT), names[0])
        offset = address - symbol.address
        # Absolute symbols (per-CPU offsets on x86 before Linux 6.15) are no addresses.
        if symbol.type in "aA" or offset >= _LARGEST:
            return None
        return symbol, offset

    @cached_property
    def _core_end(self) -> int:
        module = self._data.find(b"\t[")
        return len(self._data) if module == -1 else self._data.rfind(b"\n", 0, module) + 1

    @cached_property
    def _core(self) -> _Part:
        sorted_part = _SortedPart(self._data, self._core_end)
        if sorted_part.is_sorted():
            return sorted_part
        return _IndexedPart(self._data, 0, self._core_end)

    @cached_property
    def _others(self) -> _Part:
        return _IndexedPart(self._data, self._core_end, len(self._data))


class _Part:
    """A range of lines that can be searched by address."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def address(self, start: int) -> int:
        return int(self.data[start : self.data.index(b" ", start)], 16)

    def contains(self, address: int) -> bool:
        raise NotImplementedError

    def lines(self, address: int) -> list[int]:
        """Starts of the lines of the place that an address lies in: one per name of it."""
        raise NotImplementedError

    def following(self, address: int) -> int | None:
        """The next larger address that a symbol has."""
        raise NotImplementedError


class _SortedPart(_Part):
    """Lines in order of address: binary search over the bytes themselves."""

    def __init__(self, data: bytes, end: int) -> None:
        super().__init__(data)
        self.end = end

    def is_sorted(self) -> bool:
        """Check the order at a thousand places; the kernel's own lookup relies on all of it."""
        step = max(1, self.end // 1000)
        places = [self._start(place) for place in range(0, self.end, step)]
        addresses = [self.address(place) for place in places]
        return all(low <= high for low, high in pairwise(addresses))

    def contains(self, address: int) -> bool:
        if not self.end:
            return False
        last = self.address(self._start(self.end - 2))
        return self.address(0) <= address < last + _LAST

    def lines(self, address: int) -> list[int]:
        starts = [self._last(address)]
        found = self.address(starts[0])
        while starts[0] and self.address(before := self._start(starts[0] - 2)) == found:
            starts.insert(0, before)
        return starts

    def following(self, address: int) -> int | None:
        start = self._next(self._last(address))
        return self.address(start) if start < self.end else None

    def _last(self, address: int) -> int:
        """The last line with this address or a smaller one; the first line is such a line."""
        low, high = 0, self.end
        while self._next(low) < high:
            middle = self._start((low + high) // 2)
            if middle <= low:
                middle = self._next(low)
            if self.address(middle) <= address:
                low = middle
            else:
                high = middle
        return low

    def _start(self, position: int) -> int:
        return self.data.rfind(b"\n", 0, max(position, 0)) + 1

    def _next(self, start: int) -> int:
        end = self.data.find(b"\n", start, self.end)
        return self.end if end == -1 else end + 1


class _IndexedPart(_Part):
    """Lines in any order, indexed once: two numbers per line."""

    def __init__(self, data: bytes, begin: int, end: int) -> None:
        super().__init__(data)
        lines = re.compile(rb"^([0-9a-fA-F]+) ", re.M)
        pairs = sorted(
            (int(match[1], 16), match.start()) for match in lines.finditer(data, begin, end)
        )
        self.addresses = array("Q", (address for address, _ in pairs))
        self.starts = array("Q", (start for _, start in pairs))

    def contains(self, address: int) -> bool:
        addresses = self.addresses
        return bool(addresses) and addresses[0] <= address < addresses[-1] + _LAST

    def lines(self, address: int) -> list[int]:
        last = bisect_right(self.addresses, address)
        if not last:
            return []
        first = bisect_left(self.addresses, self.addresses[last - 1])
        return list(self.starts[first:last])

    def following(self, address: int) -> int | None:
        place = bisect_right(self.addresses, address)
        return self.addresses[place] if place < len(self.addresses) else None


def nearest(name: str, data: bytes, before: bytes) -> tuple[str, ...]:
    """Names in a list of lines that resemble a name, nearest first.

    ``before`` is what precedes the name on its line, as a regular expression. Comparing with
    every name would take seconds, so only names that begin or end alike are compared.
    """
    head, tail = name[:3].encode(), name[-3:].encode()
    # Names so much shorter or longer cannot reach the cutoff below.
    low, high = max(int(len(name) * 0.54) - 3, 0), max(int(len(name) * 1.86) - 3, 0)
    expression = rb"%b(%b\S{%d,%d}|\S{%d,%d}%b)(?=\s|$)" % (
        before, re.escape(head), low, high, low, high, re.escape(tail),
    )  # fmt: skip
    candidates = {match.decode() for match in re.findall(expression, data, re.M)}
    return tuple(
        difflib.get_close_matches(
            name, [one for one in candidates if not one.startswith(PADDING)], n=3, cutoff=0.7
        )
    )
