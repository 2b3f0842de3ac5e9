# SPDX-License-Identifier: MIT
"""The C part of a specification: its types as BTF, its macros as text (language §12.5).

Clang preprocesses it and compiles its types; both results are kept on disk beside the objects, so
that a specification that is known starts no process. The answer is taken anew when the text, a
name that the specification uses, clang, or a header that was read has changed.

A header of the kernel that is not installed is no fault where BTF has the kernel's types
(`kheaders`).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from kptrace import store, toolchain
from kptrace.compiler import arch, clang, cscan, kheaders
from kptrace.errors import HostError, Report
from kptrace.kernel import Kernel, c_types
from kptrace.kernel.libbpf import BtfFile, Kind
from kptrace.lang import nodes as n
from kptrace.source import Span

FILE = "definitions.h"
"""What clang calls the C part; its first line is line 2 (language §12.5)."""
_NAME = re.compile(r"[_a-zA-Z]\w*")
_COMPLAINT = re.compile(r"^((?:[^\n:]+):(\d+):\d+: (?:fatal )?error: .*)$", re.M)
_UNKNOWN_TYPE = re.compile(
    r"unknown type name '(\w+)'|incomplete(?: result)? type '(?:struct|union|enum) (\w+)"
)
_KERNEL = "types of the kernel"
_COMPILE = ["-g", "-O0", "-fno-caret-diagnostics", "-ferror-limit=0", "-c", "-o", "-"]
_ABSENT = "kptrace_absent_header_"
_ABSENT_LINE = re.compile(rf"^{_ABSENT}(\d+)$", re.M)
_UAPI_ARCH = {"x86_64": "x86", "aarch64": "arm64", "ppc64le": "powerpc"}
_MULTIARCH = {"ppc64le": "powerpc64le"}
_LIBC = {
    "x86_64": ("-D__x86_64__",),
    "aarch64": ("-D__aarch64__",),
    "ppc64le": ("-D__powerpc64__", "-D_CALL_ELF=2"),
}
"""What the headers of the C library ask for the word size, and the target bpf does not define."""


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
    types = _open_types(found.object)
    try:
        yield Definitions(types=types, constants=found.constants)
    finally:
        types.close()


def _open_types(made: bytes) -> BtfFile:
    file = os.memfd_create("kptrace-types")  # libbpf takes a path; this one leaves no file behind
    try:
        os.write(file, made)
        return BtfFile(Path(f"/proc/self/fd/{file}"))
    finally:
        os.close(file)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """``absent`` are the headers of the kernel that are included and not installed."""

    object: bytes
    constants: dict[str, str]
    absent: tuple[str, ...] = ()


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
        self.text = self.c_text()
        self.clang = toolchain.find_clang()

    def c_text(self) -> str:
        """The whole C part; where BTF can stand in for a header, its absence only leaves a mark."""
        out = ""
        line = 2
        for index, one in enumerate(self.parts):
            if header := self.replaceable(one):
                out += f'#if __has_include({header})\n#line {line} "{FILE}"\n{one.text}\n#else\n'
                out += f'{_ABSENT}{index}\n#endif\n#line {line + 1} "{FILE}"\n'
            elif one.text[0] == "#" or one.text[-1] == ";":
                out += f"{one.text}\n"
            else:  # the language does not ask for the semicolon behind a struct, C does
                out += f"{one.text};\n"
            line += one.text.count("\n") + 1
        return out

    def read(self) -> _Found | None:
        """What the C part defines; None where clang refuses."""
        found = self.find()
        if found is None or not any(map(self.replaceable, self.parts)):
            return found
        if found.absent:
            self.tell_absent(found.absent)
        return replace(found, constants=self.assumed(found) | found.constants)

    def assumed(self, found: _Found) -> dict[str, str]:
        """Macros of the headers that are absent; an enumerator of the C part comes first."""
        words = {one for text in found.constants.values() for one in _NAME.findall(text)}
        constants = kheaders.constants(self.names | words)
        if not constants or not found.object:
            return constants
        types = _open_types(found.object)
        try:
            own = {name for name in constants if types.find_enumerator(name) is not None}
        finally:
            types.close()
        return {name: value for name, value in constants.items() if name not in own}

    def replaceable(self, part: n.CDefinition) -> str | None:
        """The header of the kernel that a part includes and that may be missing."""
        stands_in = self.kernel.btf is not None and self.kernel.headers is None
        return kheaders.included(part.text) if stands_in else None

    def tell_absent(self, absent: tuple[str, ...]) -> None:
        are = "is" if len(absent) == 1 else "are"
        names = ", ".join(header[1:-1] for header in absent)
        message = f"{names} {are} not installed: the types are this kernel's own (BTF)"
        hint = "a constant that is unknown without its header can be given with #define"
        span = next(one.span for one in self.parts if kheaders.included(one.text) in absent)
        self.report.warning(span, message, code="missing-header", hints=(hint,))

    def find(self) -> _Found | None:
        """From the cache, or from clang and then cached."""
        arguments = self.arguments()
        key = clang.key(self.clang, *arguments, *sorted(self.names), self.text)
        kept = store.kept(self.search.cache, key)
        if kept is not None and (known := _unpack(kept, self.identity())) is not None:
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
        decoded = text.decode("utf-8", "surrogateescape")
        marks = (self.parts[int(index)].text for index in _ABSENT_LINE.findall(decoded))
        absent = tuple(dict.fromkeys(filter(None, map(kheaders.included, marks))))
        scanned = cscan.scan(_ABSENT_LINE.sub("", decoded), self.names)
        made = self.compiled(self.clang, scanned.text) if scanned.text else b""
        if made is None or (made and not self.whole_enumerators(made)):
            return None
        store.keep(self.search.cache, key, self.packed(made, scanned, absent))
        return _Found(object=made, constants=scanned.constants, absent=absent)

    def packed(self, made: bytes, scanned: cscan.Scanned, absent: tuple[str, ...]) -> bytes:
        """What the cache keeps, and what it depends on."""
        read = (name for name in scanned.files if name not in (FILE, cscan.KEPT))
        head = {
            "constants": scanned.constants,
            "absent": absent,
            "files": [[name, _state(name)] for name in (*read, *self.places(absent))],
            "kernel": self.identity(),
        }
        return json.dumps(head).encode() + b"\n" + made

    def identity(self) -> list[str | int]:
        """What differs between kernels, for types that were taken from this one."""
        btf = self.kernel.btf
        return [self.kernel.release, 0 if btf is None else btf.core.end_id]

    def places(self, absent: tuple[str, ...]) -> list[str]:
        """Where headers that are absent now would be found if they were installed."""
        multiarch = f"/usr/include/{self.multiarch()}"
        directories = (*self.search.directories, multiarch, "/usr/include", "/usr/local/include")
        return [f"{directory}/{header[1:-1]}" for header in absent for directory in directories]

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
        place = self.kernel.headers
        if place is None:
            libc = _LIBC.get(machine, ())
            return ["-idirafter", f"/usr/include/{self.multiarch()}", *libc]
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

    def multiarch(self) -> str:
        """The directory of /usr/include for this machine, on Debian and its kin."""
        return f"{_MULTIARCH.get(self.kernel.arch, self.kernel.arch)}-linux-gnu"

    def compiled(self, program: str, text: str) -> bytes | None:
        """The object of the types. Types that only the kernel defines are taken from its BTF."""
        wanted: list[int] = []
        before = ""
        while True:
            done = self.clang_run(program, _COMPILE, before + text)
            more = [] if done.returncode == 0 else self.kernel_types(done.stderr)
            if not set(more) - set(wanted):
                return self.told(done)
            wanted += [one for one in more if one not in wanted]
            assert self.kernel.btf is not None
            before = f'# 1 "{_KERNEL}"\n{c_types.definitions(self.kernel.btf.core, wanted)}\n'

    def kernel_types(self, complaint: bytes) -> list[int]:
        """The ids of the types that clang does not know and this kernel does."""
        btf = self.kernel.btf
        names = dict.fromkeys(
            match[1] or match[2]
            for match in _UNKNOWN_TYPE.finditer(complaint.decode("utf-8", "replace"))
        )
        kinds = (Kind.TYPEDEF, Kind.STRUCT, Kind.UNION, Kind.ENUM)
        found = (btf.core.find(name, *kinds) for name in names) if btf is not None else ()
        return [one for one in found if one is not None]

    def run(self, program: str, arguments: list[str], text: str) -> bytes | None:
        """One run of clang; what it complains about goes to the report."""
        return self.told(self.clang_run(program, arguments, text))

    def clang_run(
        self, program: str, arguments: list[str], text: str
    ) -> subprocess.CompletedProcess[bytes]:
        target = arch.of(self.kernel.arch).clang
        command = [program, "-target", "bpf", f"-D__TARGET_ARCH_{target}", "-w", "-x", "c"]
        return subprocess.run(
            [*command, *arguments, "-"],
            input=text.encode("utf-8", "surrogateescape"),
            capture_output=True,
            check=False,
        )

    def told(self, done: subprocess.CompletedProcess[bytes]) -> bytes | None:
        """What clang made, or None and its first complaint in the report."""
        if done.returncode == 0:
            return done.stdout
        complaint = done.stderr.decode("utf-8", "replace")
        match = _COMPLAINT.search(complaint)
        message = match[1] if match else complaint.strip().split("\n")[0]
        line = int(match[2]) if match and match[1].startswith(FILE) else 0
        self.report.error(self.place(line), message, code="c-definition")
        return None

    def whole_enumerators(self, made: bytes) -> bool:
        """Whether the object has all bits of the enumerators in use.

        Before BTF_KIND_ENUM64 (clang 15) those of 64 bits lose their upper half.
        """
        types = _open_types(made)
        try:
            for name in sorted(self.names):
                type_id = types.find_enumerator(name)
                if type_id is None:
                    continue
                record = types.record(type_id)
                if record.kind == Kind.ENUM and record.operand > 4:
                    parts = (one.span for one in self.parts if name in _NAME.findall(one.text))
                    message = f"this clang does not tell the value of '{name}', which has 64 bits"
                    hints = ("clang 15 and later do; or write it as a #define",)
                    self.report.error(next(parts, None), message, code="c-definition", hints=hints)
                    return False
        finally:
            types.close()
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


def _unpack(data: bytes, kernel: list[str | int]) -> _Found | None:
    """What was kept; None where a header or the kernel is not what it was."""
    line, _, made = data.partition(b"\n")
    head = json.loads(line)
    if head.get("kernel") != kernel or any(_state(name) != state for name, state in head["files"]):
        return None
    return _Found(object=made, constants=head["constants"], absent=tuple(head["absent"]))


def _state(name: str) -> list[int] | None:
    """What changes when a file does."""
    try:
        found = os.stat(name)
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns, found.st_ino]
