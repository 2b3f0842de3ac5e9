# SPDX-License-Identifier: MIT
from __future__ import annotations

from dataclasses import replace

import pytest

from kptrace.errors import (
    AttachError,
    Context,
    Diagnostic,
    Exit,
    HostError,
    KptraceError,
    Report,
    RunError,
    Severity,
    SpecError,
    UsageError,
    did_you_mean,
    printable,
    render,
    to_json,
)
from kptrace.source import Source, Span

SOURCE = Source(name="main.bt", text="begin { 1 == @a; }")
LEFT, RIGHT, BOTH = Span(SOURCE, 8, 9), Span(SOURCE, 13, 15), Span(SOURCE, 8, 15)


def test_whole_form() -> None:
    """Language §15.1: message, contexts of the same severity, then hints."""
    one = Diagnostic(
        code="type",
        message="mismatch",
        span=BOTH,
        contexts=(Context(span=LEFT, message="left (int8)"),),
        hints=("first", "second"),
    )
    assert render(one) == (
        "main.bt:1:9-16: ERROR: mismatch\n"
        "begin { 1 == @a; }\n"
        "        ~~~~~~~\n"
        "main.bt:1:9-10: ERROR: left (int8)\n"
        "begin { 1 == @a; }\n"
        "        ~\n"
        "HINT: first\n"
        "HINT: second\n"
    )


def test_without_place_and_in_colour() -> None:
    one = Diagnostic(code="x", message="text", severity=Severity.WARNING)
    assert render(one) == "WARNING: text\n"
    assert render(one, color=True) == "\033[33mWARNING\033[0m: text\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a b\u00e9\u4e16", "a b\u00e9\u4e16"),
        ("\033]0;x\a\r\n\t\x7f", r"\x1b]0;x\x07\x0d\x0a\x09\x7f"),
        ("\x9b2J", r"\x9b2J"),
        ("\u202eslennahc", r"\u202eslennahc"),
        ("\udcff\ud800", r"\xff\ud800"),
    ],
)
def test_nothing_of_strangers_controls_a_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert render(Diagnostic(code="x", message=f"{text}", hints=(text,))).count("\033") == 0
    render(Diagnostic(code="x", message=text, hints=(text,))).encode()


def test_lines_of_messages_stay() -> None:
    assert printable("a\n\033", keep="\n") == "a\n\\x1b"
    assert render(Diagnostic(code="x", message="a\n\tb")) == "ERROR: a\n\tb\n"


def test_machine_form() -> None:
    one = Diagnostic(code="type", message="mismatch", span=RIGHT, hints=("a", "b"))
    assert to_json(one) == {
        "file": "main.bt",
        "line": 1,
        "column": 14,
        "message": "mismatch",
        "hint": "a\nb",
        "code": "type",
        "severity": "error",
        "expanded_from": [],
    }
    call = Span(LEFT.source, 0, 4, Span(LEFT.source, 5, 6))
    assert to_json(replace(one, span=RIGHT.expanded(call)))["expanded_from"] == [
        "main.bt:1:1-5",
        "main.bt:1:6-7",
    ]
    bare = to_json(Diagnostic(code="x", message="m"))
    assert (bare["file"], bare["line"], bare["hint"]) == (None, None, None)


def test_report_tells_each_finding_once_and_errors_first() -> None:
    report = Report()
    report.warning(LEFT, "w")
    for _ in range(2):
        report.error(RIGHT, "e")
    report.error(LEFT, "e")
    with pytest.raises(SpecError) as caught:
        report.check()
    found = [(one.severity.value, one.span) for one in caught.value.diagnostics]
    assert found == [("ERROR", RIGHT), ("ERROR", LEFT), ("WARNING", LEFT)]


def test_warnings_alone_do_not_fail() -> None:
    report = Report()
    report.warning(None, "w")
    report.check()
    assert [one.message for one in report.warnings] == ["w"]


@pytest.mark.parametrize(
    ("cls", "status"),
    [
        (KptraceError, Exit.FAILED),
        (SpecError, Exit.USAGE),
        (UsageError, Exit.USAGE),
        (HostError, Exit.HOST),
        (AttachError, Exit.ATTACH),
        (RunError, Exit.FAILED),
    ],
)
def test_exit_statuses(cls: type[KptraceError], status: Exit) -> None:
    error = cls("message", hint="do this", code="c")
    assert error.exit is status
    assert render(error.diagnostics[0]) == "ERROR: message\nHINT: do this\n"
    assert str(cls.of([])) == "failed"


def test_near_names() -> None:
    assert did_you_mean("vfs_raed", ["vfs_read", "nothing"]) == ("did you mean 'vfs_read'?",)
    assert did_you_mean("x", ["vfs_read"]) == ()
