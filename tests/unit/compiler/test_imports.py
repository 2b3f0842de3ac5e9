# SPDX-License-Identifier: MIT
"""Imports: what joins a program, in which order, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from kptrace.compiler.imports import load_imports
from kptrace.errors import Report, render
from kptrace.lang import nodes as n
from kptrace.lang import parse
from kptrace.source import Source


@pytest.fixture
def load(tmp_path: Path) -> Any:
    """``load(text, **files)``: the items of a script beside files (``__`` stands for a dot)."""

    def once(text: str, **files: str) -> tuple[list[Any], Report]:
        for name, content in files.items():
            path = tmp_path / name.replace("__", ".").replace("_in_", "/")
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
            path.chmod(0o644)
        report = Report()
        main = tmp_path / "main.bt"
        main.write_text(text)
        program = parse(Source(name=str(main), text=text))
        return list(load_imports(program, report, lambda span: True).items), report

    return once


def blocks(items: list[Any]) -> list[str]:
    """What the begin blocks print, in order."""
    return [str(one.body.value.arguments[0].value) for one in items if isinstance(one, n.Probe)]


def printing(name: str) -> str:
    return f'begin {{ print("{name}") }}'


def test_imports_come_first_and_once(load: Any) -> None:
    items, report = load(
        'import "a.bt"; import "b.bt"; import "./a.bt"; import "main.bt";' + printing("main"),
        a__bt='import "b.bt"; import "a.bt";' + printing("a"),
        b__bt='import "a.bt"; macro m() { 1 }' + printing("b"),
    )
    assert not report.diagnostics
    assert blocks(items) == ["b", "a", "main"]
    assert [one.name for one in items if isinstance(one, n.Macro)] == ["m"]


def test_paths_start_at_the_file_that_imports(load: Any) -> None:
    items, report = load(
        'import "lib/a.bt";' + printing("main"),
        lib_in_a__bt='import "b.bt";' + printing("a"),
        lib_in_b__bt=printing("b"),
    )
    assert not report.diagnostics
    assert blocks(items) == ["b", "a", "main"]


def test_a_directory_brings_its_files_by_name(load: Any, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "deeper.bt").mkdir()
    items, report = load(
        'struct first { int x; } import "lib";' + printing("main"),
        lib_in_b__bt=printing("b"),
        lib_in_a__bt=printing("a"),
        lib_in_c__h="struct c { int x; };",
        lib_in_notes__txt="not for us",
    )
    assert not report.diagnostics
    assert blocks(items) == ["a", "b", "main"]
    definitions = [one.text for one in items if isinstance(one, n.CDefinition)]
    assert definitions == ["struct first { int x; }", f'#include "{tmp_path}/lib/c.h"']


@pytest.mark.parametrize(
    ("text", "files", "message"),
    [
        ('import "none.bt";', {}, "Unable to find suitable path for import"),
        ('import "x.py";', {"x__py": ""}, 'unknown import type: "x.py"'),
        ('import "x.bpf.c";', {"x__bpf__c": ""},
         ".bpf.c imports are not supported: kptrace compiles specifications only"),
        ('import "x.bt";', {"x__bt": "config = { max_strlen = 9 }"},
         "invalid `config` within import"),
        ('import "x.bt";', {"x__bt": "begin { $x = ; }"}, "syntax: expected an expression"),
    ],
)  # fmt: skip
def test_refused(load: Any, text: str, files: dict[str, str], message: str) -> None:
    _, report = load(text, **files)
    assert [one.message for one in report.diagnostics] == [message]


def test_what_was_looked_at_is_told(load: Any, tmp_path: Path) -> None:
    _, report = load('import "none.bt";')
    assert render(report.errors[0]) == (
        f"{tmp_path}/main.bt:1:1-18: ERROR: Unable to find suitable path for import\n"
        f'import "none.bt";\n{"~" * 17}\nHINT: checked: {tmp_path}/none.bt\n'
    )


def test_what_others_can_write_is_refused(load: Any, tmp_path: Path) -> None:
    load("", a__bt=printing("a"), lib_in_b__bt=printing("b"))
    (tmp_path / "a.bt").chmod(0o666)
    (tmp_path / "lib/b.bt").chmod(0o646)
    _, report = load('import "a.bt";')
    assert [(one.severity.value, one.message) for one in report.diagnostics] == [
        ("WARNING", f"skipping due to global write permissions: {tmp_path}/a.bt"),
        ("ERROR", "Unable to find suitable path for import"),
    ]
    items, report = load('import "lib";')
    assert not items
    assert [one.message for one in report.errors] == [
        "cowardly refusing to import from a directory with global write permissions:"
        f" {tmp_path}/lib/b.bt"
    ]
    (tmp_path / "lib").chmod(0o777)
    _, report = load('import "lib";')
    assert report.warnings[0].message.startswith("skipping due to global write permissions")


def test_a_whole_run(run: Any, tmp_path: Path) -> None:
    (tmp_path / "lib.bt").write_text(
        'macro twice(x) { x + x }\nbegin { print("lib"); }\nend { print("lib ends"); }\n'
    )
    (tmp_path / "own.h").write_text("#define N 21\nenum own { OWN = 5 };\n")
    spec = (
        f'import "{tmp_path}/lib.bt"; import "{tmp_path}/own.h"; '
        'begin { print((twice(N), OWN)); } end { print("main ends"); }'
    )
    ran = run(spec)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out == "lib\n(42, OWN)\nlib ends\nmain ends\n\n\n"


def test_a_statement_brings_a_header_only(load: Any, tmp_path: Path) -> None:
    items, report = load('begin { if (1) { import "x.h"; } }', x__h="#define N 1")
    assert not report.diagnostics
    assert [one.text for one in items if isinstance(one, n.CDefinition)] == [
        f'#include "{tmp_path}/x.h"'
    ]
    _, report = load('begin { import "x.bt"; }', x__bt="")
    assert [one.message for one in report.diagnostics] == ['unknown import type: "x.bt"']


def test_statements_need_the_configuration(run: Any, tmp_path: Path) -> None:
    (tmp_path / "own.h").write_text("#define N 21\n")
    spec = f'begin {{ import "{tmp_path}/own.h"; print(N); }}'
    ran = run(spec)
    assert ran.status == 2
    assert (
        "import_statement feature is not enabled by default. To enable this unstable feature, set"
        " the config flag to enable. unstable_import_statement=enable"
    ) in ran.err
    ran = run(f"config = {{ unstable_import_statement = enable }} {spec}")
    assert (ran.status, ran.err, ran.out) == (0, "", "21\n\n\n")


@pytest.mark.parametrize("path", ["pipe.bt", "pipe.h", r"a\0.bt"])
def test_what_is_no_file_is_not_found(load: Any, tmp_path: Path, path: str) -> None:
    for name in ("pipe.bt", "pipe.h"):
        os.mkfifo(tmp_path / name)
    _, report = load(f'import "{path}";')
    assert [one.message for one in report.diagnostics] == [
        "Unable to find suitable path for import"
    ]


def test_pipes_in_a_directory_are_no_files(load: Any, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    os.mkfifo(tmp_path / "lib" / "pipe.bt")
    items, report = load('import "lib";', lib_in_a__bt=printing("a"))
    assert not report.diagnostics
    assert blocks(items) == ["a"]


@pytest.mark.parametrize("name", ['q"x.h', "line\n#define X 1.h"])
def test_names_that_no_include_can_write(load: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / "lib").mkdir(mode=0o755)
    (tmp_path / "lib" / name).write_text("#define Y 2")
    items, report = load('import "lib";')
    assert not items
    message = "cannot include '{}': its name has a quotation mark or a line break"
    assert [one.message for one in report.diagnostics] == [message.format(tmp_path / "lib" / name)]
