# SPDX-License-Identifier: MIT
"""The C part of a specification: its types as BTF, its macros as text (language §12.5).

Clang preprocesses it and compiles its types; both results are kept on disk beside the objects, so
that a specification that is known starts no process. The answer is taken anew when the text, a
name that the specification uses, clang, or a header that was read has changed.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kptrace import types
from kptrace.compiler import arch, clang, cscan
from kptrace.errors import HostError, Report
from kptrace.kernel import Kernel
from kptrace.kernel.host import headers
from kptrace.kernel.libbpf import BtfFile, Kind
from kptrace.lang import nodes as n
from kptrace.source import Span

FILE = "definitions.h"
"""What clang calls the C part; its first line is line 2 (language §12.5)."""
_NAME = re.compile(r"[_a-zA-Z]\w*")
_COMPLAINT = re.compile(r"^((?:[^\n:]+):(\d+):\d+: (?:fatal )?error: .*)$", re.M)
_UNKNOWN = re.compile(r"error: unknown type name '(\w+)'")
_INTEGERS = {1: "char", 2: "short", 4: "int", 8: "long long"}
_COMPILE = ["-g", "-O0", "-fno-caret-diagnostics", "-ferror-limit=0", "-c", "-o", "-"]
_UAPI_ARCH = {"x86_64": "x86", "aarch64": "arm64", "ppc64le": "powerpc"}
_MULTIARCH = {"ppc64le": "powerpc64le"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """``-I`` directories, ``--include`` files, and where results are kept (None: nowhere)."""

    directories: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    cache: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """Types, where there are any, and object-like macros."""

    types: BtfFile | None = None
    constants: Mapping[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def open_definitions(
    program: n.Program, kernel: Kernel, search: Search, report: Report
) -> Iterator[Definitions]:
    """What the C part defines, for as long as the context lasts.

    Findings go to the report. Raises HostError where clang is needed and missing.
    """
    parts = [item for item in program.items if isinstance(item, n.CDefinition)]
    if not parts and not search.files:
        yield Definitions()
        return
    found = _Reader(program, parts, kernel, search, report).read()
    if found is None or not found.object:
        yield Definitions(constants=found.constants if found else {})
        return
    own = _open_types(found.object)
    try:
        yield Definitions(types=own, constants=found.constants)
    finally:
        own.close()


def _open_types(made: bytes) -> BtfFile:
    file = os.memfd_create("kptrace-types")  # libbpf takes a path; this one leaves no file behind
    try:
        os.write(file, made)
        return BtfFile(Path(f"/proc/self/fd/{file}"))
    finally:
        os.close(file)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    object: bytes
    constants: dict[str, str]


class _Reader:
    def __init__(
        self,
        program: n.Program,
        parts: list[n.CDefinition],
        kernel: Kernel,
        search: Search,
        report: Report,
    ) -> None:
        self.parts = parts
        self.kernel = kernel
        self.search = search
        self.report = report
        self.names = _names(program)
        # the language does not ask for the semicolon behind a struct, C does
        self.text = "".join(
            f"{one.text}\n" if one.text[0] == "#" or one.text[-1] == ";" else f"{one.text};\n"
            for one in parts
        )
        self.clang = clang.find_clang()

    def read(self) -> _Found | None:
        """From the cache, or from clang and then cached; None where clang refuses."""
        arguments = self.arguments()
        key = clang.key(self.clang, *arguments, *sorted(self.names), self.text)
        kept = clang.kept(self.search.cache, key)
        if kept is not None and (known := _unpack(kept)) is not None:
            return known
        if self.clang is None:
            raise HostError(
                "clang is needed to read C definitions, and it is not installed",
                hint="apt install clang, or use the kernel's own types, which need no definition",
                code="no-clang",
            )
        # "#line" is a line of its own, so the text begins with line 2
        text = self.run(self.clang, [*arguments, "-E", "-dD"], f'#line 2 "{FILE}"\n{self.text}')
        if text is None:
            return None
        scanned = cscan.scan(text.decode("utf-8", "surrogateescape"), self.names)
        made = self.compiled(self.clang, scanned.text) if scanned.text else b""
        if made is None or (made and not self.whole_enumerators(made)):
            return None
        clang.keep(self.search.cache, key, _pack(made, scanned))
        return _Found(object=made, constants=scanned.constants)

    def arguments(self) -> list[str]:
        """How the C part is preprocessed."""
        out = [f"-I{one}" for one in self.search.directories]
        out += self.kernel_headers()
        if self.kernel.btf is not None:
            out.append("-DBPFTRACE_HAVE_BTF")
        for one in self.search.files:
            out += ["-include", one]
        return out

    def kernel_headers(self) -> list[str]:
        """The headers of this kernel where they are installed, else those of the C library."""
        machine = self.kernel.arch
        place = Path(headers() or "/dev/null")
        if not place.is_dir():
            directory = _MULTIARCH.get(machine, machine)
            return ["-idirafter", f"/usr/include/{directory}-linux-gnu"]
        # Debian's build/ holds only the generated half
        halves = dict.fromkeys((place, place.parent / "build"))
        name = _UAPI_ARCH.get(machine, machine)
        inside = (
            f"arch/{name}/include",
            f"arch/{name}/include/generated",
            "include",
            f"arch/{name}/include/uapi",
            f"arch/{name}/include/generated/uapi",
            "include/uapi",
            "include/generated/uapi",
        )
        out = ["-D__KERNEL__", "-D__BPF_TRACING__", '-DKBUILD_MODNAME="kptrace"']
        out += [
            f"-isystem{half / one}" for one in inside for half in halves if (half / one).is_dir()
        ]
        return [*out, "-include", str(place / "include/linux/kconfig.h")]

    def compiled(self, program: str, text: str) -> bytes | None:
        """The object of the types. The kernel's names for numbers and pointers are known."""
        known: dict[str, str] = {}
        while True:
            typedefs = "".join(known.values())
            made, complaint = self.call(program, _COMPILE, f"{typedefs}\n{text}")
            new = {one: self.typedef(one) for one in _UNKNOWN.findall(complaint)}
            new = {name: one for name, one in new.items() if one and name not in known}
            if not new:
                break
            known |= new
        if made is None:
            self.told(complaint)
        return made

    def typedef(self, name: str) -> str:
        """The C of a typedef in the kernel's BTF; "" where it is none or is one of a struct."""
        found = self.kernel.btf.type_named("", name) if self.kernel.btf is not None else None
        match found:
            case types.Int(size=size, signed=signed) | types.Enum(size=size, signed=signed):
                spelling = f"{'signed' if signed else 'unsigned'} {_INTEGERS[size]}"
            case types.Bool():
                spelling = "_Bool"
            case types.Pointer():
                spelling = "void *"
            case _:
                return ""
        return f"typedef {spelling} {name};\n"

    def run(self, program: str, arguments: list[str], text: str) -> bytes | None:
        """One run of clang; what it complains about goes to the report."""
        made, complaint = self.call(program, arguments, text)
        if made is None:
            self.told(complaint)
        return made

    def call(self, program: str, arguments: list[str], text: str) -> tuple[bytes | None, str]:
        """What clang makes, None where it refuses, and what it says."""
        target = arch.of(self.kernel.arch).clang
        command = [program, "-target", "bpf", f"-D__TARGET_ARCH_{target}", "-w", "-x", "c"]
        # the headers of clang itself must not ask for those of a C library, which has none for BPF
        done = subprocess.run(
            [*command, "-ffreestanding", *arguments, "-"],
            input=text.encode("utf-8", "surrogateescape"),
            capture_output=True,
            check=False,
        )
        complaint = done.stderr.decode("utf-8", "replace")
        return (done.stdout if done.returncode == 0 else None), complaint

    def told(self, complaint: str) -> None:
        """Report a complaint of clang."""
        match = _COMPLAINT.search(complaint)
        message = match[1] if match else complaint.strip().split("\n")[0]
        line = int(match[2]) if match and match[1].startswith(FILE) else 0
        self.report.error(self.place(line), message, code="c-definition")

    def whole_enumerators(self, made: bytes) -> bool:
        """Whether the object has all bits of the enumerators in use.

        Before BTF_KIND_ENUM64 (clang 15) those of 64 bits lose their upper half.
        """
        own = _open_types(made)
        try:
            for name in sorted(self.names):
                type_id = own.find_enumerator(name)
                if type_id is None:
                    continue
                record = own.record(type_id)
                if record.kind == Kind.ENUM and record.operand > 4:
                    parts = (one.span for one in self.parts if name in _NAME.findall(one.text))
                    message = f"this clang does not tell the value of '{name}', which has 64 bits"
                    hints = ("clang 15 and later do; or write it as a #define",)
                    self.report.error(next(parts, None), message, code="c-definition", hints=hints)
                    return False
        finally:
            own.close()
        return True

    def place(self, line: int) -> Span | None:
        """The part that holds a line of the whole C text; else the first one."""
        last = 1
        for one in self.parts:
            last += one.text.count("\n") + 1
            if line <= last:
                return one.span
        return None


def _names(program: n.Program) -> set[str]:
    """Every word of the program outside its C part: a superset of the names that it uses."""
    found: set[str] = set()
    for item in program.items:
        if not isinstance(item, n.CDefinition):
            found.update(_NAME.findall(item.span.text))
    return found


def _pack(made: bytes, scanned: cscan.Scanned) -> bytes:
    head = {
        "constants": scanned.constants,
        "files": [[name, _state(name)] for name in scanned.files if name not in (FILE, cscan.KEPT)],
    }
    return json.dumps(head).encode() + b"\n" + made


def _unpack(data: bytes) -> _Found | None:
    """What was kept; None where a header is not what it was."""
    line, _, made = data.partition(b"\n")
    head = json.loads(line)
    if any(_state(name) != state for name, state in head["files"]):
        return None
    return _Found(object=made, constants=head["constants"])


def _state(name: str) -> list[int] | None:
    """What changes when a file does."""
    try:
        found = os.stat(name)
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns, found.st_ino]
