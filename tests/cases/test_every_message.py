# SPDX-License-Identifier: MIT
"""Every place that reports a finding about a specification is reached by a case file."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import pytest

import kptrace
from kptrace import errors
from kptrace.errors import KptraceError
from kptrace.kernel import Kernel
from kptrace.lang import lexer

sys.path.insert(0, str(Path(__file__).parent))
from test_cases import Case, cases

PACKAGE = Path(kptrace.__file__).parent
FOLDERS = ("lang", "compiler")
REPORTS = {"error", "warning"}
"""Methods of `Report`."""
RAISES = {"SpecSyntaxError", "problem"}
"""What makes a syntax error."""
NO_CASE = {
    "whole_enumerators": "only clang before 15 cuts enumerators off; newer ones leave no finding",
    "tell_cut": "likewise, of the enumerators of a kernel; newer ones leave no finding",
}
"""Functions whose findings no case file can show everywhere, and why; unit tests reach them."""
Place = tuple[str, int]


@dataclass(frozen=True, order=True)
class Site:
    """One call in the source that reports: its file and the lines it covers."""

    file: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"{Path(self.file).relative_to(PACKAGE)}:{self.first}"


def sites() -> Iterator[Site]:
    for folder in FOLDERS:
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            for node in _nodes(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and _reports(node.func):
                    assert node.end_lineno is not None
                    yield Site(str(path), node.lineno, node.end_lineno)


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """The tree without the functions that need no case."""
    yield node
    for one in ast.iter_child_nodes(node):
        if not isinstance(one, ast.FunctionDef) or one.name not in NO_CASE:
            yield from _nodes(one)


def _reports(called: ast.expr) -> bool:
    if isinstance(called, ast.Name):
        return called.id in RAISES
    if not isinstance(called, ast.Attribute):
        return False
    if called.attr in RAISES:
        return True
    return called.attr in REPORTS and ast.unparse(called.value).split(".")[-1] == "report"


def _stack(frame: FrameType | None) -> Iterator[Place]:
    while frame is not None:
        yield frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> set[Place]:
    """Where the code stood whenever something was reported."""
    found: set[Place] = set()
    add, init = errors.Report._add, lexer.SpecSyntaxError.__init__

    def noted_add(*arguments: object) -> None:
        found.update(_stack(sys._getframe(1)))
        add(*arguments)  # type: ignore[arg-type]

    def noted_init(*arguments: object, **named: object) -> None:
        found.update(_stack(sys._getframe(1)))
        init(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(errors.Report, "_add", noted_add)
    monkeypatch.setattr(lexer.SpecSyntaxError, "__init__", noted_init)
    return found


def test_every_message_has_a_case(reached: set[Place], golden_kernel: Kernel) -> None:
    for case in (*cases("diagnostics"), *cases("golden")):
        _compile(case, golden_kernel)
    missed = [
        str(site)
        for site in sorted(sites())
        if not any((site.file, line) in reached for line in range(site.first, site.last + 1))
    ]
    assert not missed, f"{len(missed)} without a case: {' '.join(missed)}"


def _compile(case: Case, kernel: Kernel) -> None:
    try:
        case.compile(kernel)
    except KptraceError:
        return
