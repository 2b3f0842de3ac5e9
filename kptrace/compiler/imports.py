# SPDX-License-Identifier: MIT
"""Root imports: other files whose macros, maps and probes join the program (language §12.4).

What an import brings stands before the items of its importer, so its begin and end blocks run
first. A header joins the C part where the import stood. What others can write is refused: a
specification runs with privileges.
"""

from __future__ import annotations

import codecs
import os
import stat
from collections.abc import Callable
from dataclasses import fields, replace

from kptrace.errors import Report, SpecError
from kptrace.lang import nodes as n
from kptrace.lang import parse
from kptrace.source import Source, Span

_LATER = (".bpf.c", ".bpf.o")
_KINDS = (".bt", ".h", *_LATER)


def load_imports(program: n.Program, report: Report, allowed: Callable[[Span], bool]) -> n.Program:
    """The program with everything that it imports; findings go to the report.

    ``allowed``: whether the configuration lets a statement at a place import; it tells if not.
    """
    imports = _Imports(report)
    imports.seen.add(os.path.realpath(program.source.name))
    own = imports.resolve(program)
    items = (*imports.items, *own)
    headers = [imports.statement(one) for one in _statements(items) if allowed(one.span)]
    return replace(program, items=(*(one for found in headers for one in found), *items))


def _statements(items: tuple[n.RootItem, ...]) -> list[n.Import]:
    """The imports in blocks, in order."""
    found: list[n.Import] = []
    left: list[object] = [*reversed(items)]
    while left:
        node = left.pop()
        if isinstance(node, n.Import):
            found.append(node)
        elif isinstance(node, n.Node):
            left += [getattr(node, one.name) for one in reversed(fields(node))]
        elif isinstance(node, tuple):
            left += reversed(node)
    return found


class _Imports:
    """Every path counts once; ``items`` grows depth first."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.seen: set[str] = set()
        self.items: list[n.RootItem] = []

    def resolve(self, program: n.Program) -> list[n.RootItem]:
        """The items of one file: its imports are loaded, its headers included."""
        own: list[n.RootItem] = []
        directory = os.path.dirname(program.source.name)
        for item in program.items:
            if isinstance(item, n.Import):
                own += self.import_(item, directory)
            else:
                own.append(item)
        return own

    def import_(self, node: n.Import, directory: str) -> list[n.RootItem]:
        """Load what an import names; gives the C definitions that take its place."""
        if self.is_later(node, node.path):
            return []
        path = os.path.join(directory, node.path)
        if _others_write(path):
            message = f"skipping due to global write permissions: {path}"
            self.report.warning(node.span, message)
        elif os.path.isdir(path):
            return self.directory(node, path)
        elif os.path.isfile(path):  # a pipe or a device may never end
            return self.file(node, path)
        self.report.error(
            node.span,
            "Unable to find suitable path for import",
            code="import",
            hints=(f"checked: {path}",),
        )
        return []

    def is_later(self, node: n.Import, path: str) -> bool:
        """Whether a file is of a kind that kptrace does not import; says so, found or not."""
        for ending in _LATER:
            if path.endswith(ending):
                message = (
                    f"{ending} imports are not supported: kptrace compiles specifications only"
                )
                self.report.error(node.span, message, code="not-supported")
                return True
        return False

    def statement(self, node: n.Import) -> list[n.RootItem]:
        """An import in a block: only headers, which join the C part as a whole."""
        if node.path.endswith((".h", *_LATER)):
            return self.import_(node, os.path.dirname(node.span.source.name))
        self.report.error(node.span, f'unknown import type: "{node.path}"', code="import")
        return []

    def directory(self, node: n.Import, path: str) -> list[n.RootItem]:
        """All files of a directory that can be imported, by name."""
        own: list[n.RootItem] = []
        try:
            names = sorted(os.listdir(path))
        except OSError as error:
            self.unreadable(node.span, path, error)
            return own
        for name in names:
            inside = os.path.join(path, name)
            if not name.endswith(_KINDS) or not os.path.isfile(inside):
                continue
            if _others_write(inside):
                message = (
                    "cowardly refusing to import from a directory with global write permissions:"
                    f" {inside}"
                )
                self.report.error(node.span, message, code="import")
                continue
            own += self.file(node, inside)
        return own

    def file(self, node: n.Import, path: str) -> list[n.RootItem]:
        real = os.path.realpath(path)
        if not path.endswith(_KINDS):
            self.report.error(node.span, f'unknown import type: "{node.path}"', code="import")
            return []
        if real in self.seen or self.is_later(node, path):
            return []
        self.seen.add(real)
        if path.endswith(".h"):
            if '"' in real or "\n" in real:  # C has no way to write such a name
                message = f"cannot include '{path}': its name has a quotation mark or a line break"
                self.report.error(node.span, message, code="import")
                return []
            return [n.CDefinition(span=node.span, text=f'#include "{real}"')]
        self.specification(node, path)
        return []

    def specification(self, node: n.Import, path: str) -> None:
        try:
            with open(path, "rb") as file:
                data = file.read().removeprefix(codecs.BOM_UTF8)
        except OSError as error:
            self.unreadable(node.span, path, error)
            return
        source = Source(name=path, text=data.decode("utf-8", "surrogateescape"))
        try:
            program = parse(source)
        except SpecError as error:
            for one in error.diagnostics:
                self.report.error(one.span, one.message, code=one.code, hints=one.hints)
            return
        for item in self.resolve(program):
            if isinstance(item, n.Config):
                message = "invalid `config` within import"
                self.report.error(item.span, message, code="import")
            else:
                self.items.append(item)

    def unreadable(self, span: Span, path: str, error: OSError) -> None:
        self.report.error(span, f"cannot read '{path}': {error.strerror}", code="import")


def _others_write(path: str) -> bool:
    """Whether everybody may write a file or directory."""
    try:
        return bool(os.stat(path).st_mode & stat.S_IWOTH)
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return False
