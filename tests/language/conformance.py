# SPDX-License-Identifier: MIT
"""Conformance cases of the language: plain-text files, what they mean and how they are judged.

A case is a title and sections::

    §3.4 casts: integer to integer            what it shows; may take several lines
    --- setup                                 statements before the first row
    $i = (int32)-1;
    --- values                                EXPRESSION => what print() writes
    (uint8)$i => 255

=============  ====================================================================================
``spec``       the program, given with ``-e`` (so messages name it ``stdin``)
``mode``       ``run`` (default), ``check``, ``json`` (run with ``-f json``), ``lab`` (run, but only
               in a guest of the lab, whose kernel has kprobes)
``needs``      features (of `kptrace --info`), or ``btf:VARIABLE``, without which the program is
               refused by their names
``args``       options before the program;  ``words``: what stands behind it
``command``    the whole command line instead; the spec, if any, is in ``spec.bt``
``env``        ``NAME=value`` lines;  ``stdin``: standard input;  ``file NAME``: a file beside it
``stdout``     what is printed before the maps;  ``maps``: what follows the two newlines
``output``     all of standard output, instead of these two
``stderr``     all of standard error; empty when left out
``status``     the exit status; 0 when left out (2 when the mode is check)
``top``        root items of the program made for a table;  ``setup``: its first statements
``values``     rows ``EXPRESSION => TEXT``: what ``print(EXPRESSION)`` writes
``prints``     rows ``STATEMENT => TEXT``: what the statement writes, a newline is added
``messages``   one-line programs, under each, indented by 4, what is said about it:
               ``[LINE:COL-END: ]ERROR: text``, ``WARNING: text``, ``HINT: text`` (only compared
               where a hint is expected), or ``nothing``
=============  ====================================================================================

Text is exact. A line ``~ regex`` matches by regular expression, a line ``...`` any lines.
"""

from __future__ import annotations

import difflib
import os
import re
import shlex
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

HERE = Path(__file__).parent
LIMIT_S = 180 if os.environ.get("KPTRACE_LAB") else 60
ARROW = " => "
SECTIONS = frozenset(
    """spec mode needs args words command env stdin stdout maps output stderr status top setup
    values prints messages""".split()
)
_LOCATED = re.compile(r"(stdin|[\w./-]+\.bt):(\d+):(\d+)-(\d+): (ERROR|WARNING): ")
_SAID = re.compile(r"(?:\w[\w./-]*:([\d:-]+): )?((?:ERROR|WARNING|HINT): .*)")


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of a table: what to run, and what is expected, one text per line."""

    text: str
    expected: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One file."""

    path: Path
    title: str
    sections: dict[str, str]
    files: dict[str, str] = field(default_factory=dict)

    @property
    def mode(self) -> str:
        return self.get("mode") or "run"

    def get(self, section: str) -> str:
        """A section of one line."""
        return self.sections.get(section, "").strip()

    def rows(self, section: str) -> list[Row]:
        """The rows of a table."""
        lines = self.sections[section].splitlines()
        if section != "messages":
            pairs = (line.rpartition(ARROW) for line in lines if line)
            return [Row(text=text, expected=(value,)) for text, _, value in pairs]
        found: list[Row] = []
        for line in filter(None, lines):
            if line.startswith("    "):
                last = found.pop()
                found.append(Row(text=last.text, expected=(*last.expected, line[4:])))
            else:
                found.append(Row(text=line, expected=()))
        return found


def read_case(path: Path) -> Case:
    """Read a file.

    Raises:
        ValueError: it has no title or a section that is not known.
    """
    title, *parts = re.split(r"^--- (.*)\n", path.read_text("utf-8"), flags=re.M)
    sections: dict[str, str] = {}
    files: dict[str, str] = {}
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        if name.startswith("file "):
            files[name[5:]] = text
        elif name in SECTIONS:
            sections[name] = text
        else:
            raise ValueError(f"{path.name}: unknown section {name!r}")
    if not title.startswith("§") or not sections:
        raise ValueError(f"{path.name}: a case begins with § and has sections")
    return Case(path=path, title=title, sections=sections, files=files)


def all_cases() -> list[Case]:
    return [read_case(path) for path in sorted(HERE.glob("*/*.txt"))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a command line printed and left with."""

    status: int
    output: str
    error: str


class Runner:
    """Runs command lines in forks of this process, in a folder of the case's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, arguments: Sequence[str], *, env: str = "", stdin: str = "") -> Outcome:
        given, *places = (self.folder / name for name in (".stdin", ".stdout", ".stderr"))
        given.write_text(stdin, "utf-8")
        child = os.fork()
        if child == 0:
            _become(arguments, (given, *places), self.folder, env)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        output, error = (place.read_bytes().decode("utf-8", "replace") for place in places)
        return Outcome(status=status, output=output, error=error)


def _become(arguments: Sequence[str], places: Sequence[Path], folder: Path, env: str) -> NoReturn:
    """Be the command line; never comes back."""
    status = 99
    try:
        for number, place in enumerate(places):
            os.dup2(os.open(place, os.O_RDWR | (os.O_TRUNC if number else 0) | os.O_CREAT), number)
        sys.stdin, sys.stdout, sys.stderr = (
            os.fdopen(number, mode, encoding="utf-8", errors="surrogateescape")
            for number, mode in enumerate("rww")
        )
        os.chdir(folder)
        os.environ.update(line.split("=", 1) for line in env.splitlines())
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.alarm(LIMIT_S)
        from kptrace.cli import MAX_RECURSION, execute

        sys.setrecursionlimit(MAX_RECURSION)
        status = execute(arguments)
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


# --- judging -----------------------------------------------------------------------------------


def problems(case: Case, folder: Path) -> Iterator[str]:
    """What is wrong with a case, each as a text for people."""
    for name, text in case.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    run = Runner(folder)
    if "values" in case.sections or "prints" in case.sections:
        yield from _judge_table(case, run)
    elif "messages" in case.sections:
        for row in case.rows("messages"):
            yield from judge_messages(case, row, run)
    else:
        yield from _judge_run(case, run)


def table_program(case: Case, rows: Sequence[Row]) -> str:
    """The program that prints all rows of a table."""
    if "prints" in case.sections:
        body = "".join(f'{row.text}; printf("\\n");\n' for row in rows)
    else:
        body = "".join(f"print({row.text});\n" for row in rows)
    setup = case.sections.get("setup", "")
    return f"{case.sections.get('top', '')}begin {{\n{setup}{body}}}\n"


def table_rows(case: Case) -> list[Row]:
    return case.rows("prints" if "prints" in case.sections else "values")


def run_table(case: Case, rows: Sequence[Row], run: Runner) -> Outcome:
    """Run the program of some rows, without its maps."""
    program = table_program(case, rows)
    options = shlex.split(case.get("args"))
    words = shlex.split(case.get("words"))
    env = "BPFTRACE_PRINT_MAPS_ON_EXIT=0\n" + case.sections.get("env", "")
    return run(["run", "-q", "--no-warnings", *options, "-e", program, *words], env=env)


def _judge_table(case: Case, run: Runner) -> Iterator[str]:
    rows = table_rows(case)
    ran = run_table(case, rows, run)
    if ran.status or ran.error:
        yield f"status {ran.status}\n{ran.error}"
        return
    got = ran.output.removesuffix("\n\n").removesuffix("\n").split("\n")
    if len(got) != len(rows):
        yield f"{len(rows)} rows, {len(got)} lines of output:\n{ran.output}"
        return
    for row, line in zip(rows, got, strict=True):
        if not matches(row.expected, [line]):
            yield f"{row.text}\n  expected: {row.expected[0]}\n  got:      {line}"


def messages_of(error: str) -> list[tuple[str, str]]:
    """(place, text) of each message of standard error, in order."""
    found = (_SAID.fullmatch(line) for line in error.splitlines())
    return [(one[1] or "", one[2]) for one in found if one]


def run_messages(case: Case, row: Row, run: Runner) -> Outcome:
    options = shlex.split(case.get("args"))
    words = shlex.split(case.get("words"))
    command = ["run", "-q", "--dry-run", *options] if options else ["emit"]
    program = case.sections.get("top", "") + row.text
    return run([*command, "-e", program, *words], env=case.sections.get("env", ""))


def judge_messages(case: Case, row: Row, run: Runner) -> Iterator[str]:
    """Compare what is said about one program; a place is compared where the row has one."""
    done = run_messages(case, row, run)
    expected = [one for one in row.expected if one != "nothing"]
    said = messages_of(done.error)
    if not any("HINT: " in one for one in expected):  # a hint more is no fault
        said = [one for one in said if not one[1].startswith("HINT: ")]
    got = [text for _, text in said]
    located = [_SAID.fullmatch("stdin:" + one) for one in expected]
    texts = [
        one[2] if one and one[1] else text for one, text in zip(located, expected, strict=True)
    ]
    if not row.expected or not matches(texts, got):
        yield f"{row.text}\n{_diff(texts, [f'{place}: {text}' for place, text in said])}"
    for one, (place, text) in zip(located, said, strict=False):
        if one and one[1] and one[1] != place:
            yield f"{row.text}\n  {text}\n  expected at {one[1]}, got {place}"
    if any("ERROR: " in one for one in expected) != bool(done.status):
        yield f"{row.text}\n  status {done.status}"
    if "Traceback" in done.error or done.status == 99:
        yield f"{row.text}\n{done.error}"
    yield from _wrong_excerpts(case.sections.get("top", "") + row.text, done.error)


def _wrong_excerpts(program: str, error: str) -> Iterator[str]:
    """§15.1: under each place is its source line, and under that its mark (short lines)."""
    lines = error.splitlines()
    source = program.splitlines()
    for number, line in enumerate(lines):
        found = _LOCATED.match(line)
        if not found or found[1] != "stdin":
            continue
        row, start, end = int(found[2]), int(found[3]) - 1, int(found[4]) - 1
        text = source[row - 1] if row <= len(source) else ""
        shown = [text.replace("\t", "    "), _mark(text, start, end)]
        if len(text) < 200 and lines[number + 1 : number + 3] != shown:
            yield f"{program}\n  excerpt of {line}:\n{_diff(shown, lines[number + 1 : number + 3])}"


def _mark(text: str, start: int, end: int) -> str:
    text = text.ljust(end)
    before, under = (part.replace("\t", "    ") for part in (text[:start], text[start:end]))
    return " " * len(before) + "~" * max(1, len(under))


def _judge_run(case: Case, run: Runner) -> Iterator[str]:
    ran = run(
        _command(case), env=case.sections.get("env", ""), stdin=case.sections.get("stdin", "")
    )
    if missing := _missing(case):
        for status, message in missing:
            if ran.status != status or not re.search(message, ran.error):
                yield f"status {ran.status}, not {status} with {message}\n{ran.error}"
        return
    expected = case.get("status") or ("2" if case.mode == "check" else "0")
    if str(ran.status) != expected:
        yield f"status {ran.status}, expected {expected}\n{ran.output}{ran.error}"
    for name, wanted, got in (
        ("standard output", _expected_output(case), ran.output),
        ("standard error", case.sections.get("stderr", ""), ran.error),
    ):
        if not matches(wanted.split("\n"), got.split("\n")):
            yield f"{name}\n{_diff(wanted.split(chr(10)), got.split(chr(10)))}"


def _missing(case: Case) -> list[tuple[int, str]]:
    """What the case needs and this kernel has not: how the program must be refused for it."""
    from kptrace.kernel import Kernel
    from kptrace.runtime import features
    from kptrace.runtime.loaded import raise_limits

    raise_limits()  # else an old kernel refuses even the trial
    found = []
    for one in case.get("needs").split():
        kind, colon, name = one.partition(":")
        if not colon and features.has(one) is False:
            found.append((3, rf"Missing required kernel feature: \w*{one}\b"))
        if colon:
            assert kind == "btf", one
            with Kernel() as kernel:
                if kernel.btf is None or kernel.btf.variable(name) is None:
                    found.append((2, f'Could not resolve variable "{name}" from BTF'))
    return found


def _command(case: Case) -> list[str]:
    spec = case.sections.get("spec", "").removesuffix("\n")
    if "command" in case.sections:
        return shlex.split(case.get("command"))
    before = {
        "run": ["run", "-q"],
        "lab": ["run", "-q"],
        "json": ["run", "-q", "-f", "json"],
        "check": ["check"],
    }[case.mode]
    return [*before, *shlex.split(case.get("args")), "-e", spec, *shlex.split(case.get("words"))]


def _expected_output(case: Case) -> str:
    if "output" in case.sections or case.mode in ("json", "check") or "command" in case.sections:
        return case.sections.get("output", "")
    if case.get("status") not in ("", "0") and "maps" not in case.sections:
        return case.sections.get("stdout", "")
    return case.sections.get("stdout", "") + "\n\n" + case.sections.get("maps", "")


def matches(expected: Sequence[str], got: Sequence[str]) -> bool:
    """Whether lines are as expected: exact, ``~ regex``, or ``...`` for any lines."""
    patterns = [_pattern(line) for line in expected]
    # a line ends with \0, which no line has
    return re.fullmatch("".join(patterns), "".join(f"{line}\0" for line in got)) is not None


def _pattern(line: str) -> str:
    if line == "...":
        return "(?:[^\0]*\0)*"
    return (f"(?:{line[2:]})" if line.startswith("~ ") else re.escape(line)) + "\0"


def _diff(expected: Sequence[str], got: Sequence[str]) -> str:
    return "\n".join(
        difflib.unified_diff(list(expected), list(got), "expected", "got", lineterm="", n=100)
    )
