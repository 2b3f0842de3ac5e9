# SPDX-License-Identifier: MIT
"""Macros, tree to tree."""

from __future__ import annotations

import time

import pytest

from kptrace.errors import Report, render
from kptrace.lang import expand_macros, parse, to_text
from kptrace.lang import nodes as n
from kptrace.source import Source

STANDARD = frozenset({"print", "comm", "len"})


def expanded(text: str, **constants: str) -> tuple[n.Program, Report]:
    report = Report()
    program = parse(Source(name="m.bt", text=text))
    return expand_macros(program, STANDARD, constants, report), report


def body(macros: str, statements: str, **constants: str) -> str:
    """The one block after expansion, on one line."""
    program, report = expanded(f"{macros} begin {{ {statements} }}", **constants)
    assert not report.diagnostics
    (item,) = program.items
    assert isinstance(item, n.Probe)
    text = to_text(program).removeprefix("begin\n")
    return " ".join(text.split())


def messages(text: str, **constants: str) -> list[str]:
    return [one.message for one in expanded(text, **constants)[1].diagnostics]


@pytest.mark.parametrize(
    ("macros", "call", "result"),
    [
        ("macro one() { 1 }", "print(one, one());", "print(1, 1);"),
        ("macro twice(x) { x + x }", "print(twice(2 * 3));", "print(2 * 3 + 2 * 3);"),
        ("macro bump($v) { $v += 1; }", "$a = 1; bump($a);", "$a = 1; { $a += 1; };"),
        ("macro inc(@m, k) { @m[k] = count(); }", "inc(@a, pid);", "{ @a[pid] = count(); };"),
        ("macro n() { count() }", "@x = n();", "@x = count();"),
        # the same name with another number, and with other kinds, of parameters
        ("macro f(x) { 1 } macro f(x, y) { 2 }", "print(f(0), f(0, 0));", "print(1, 2);"),
        (
            "macro f(x) { 1 } macro f($v) { 2 } macro f(@m) { 3 }",
            "print(f($a), f(@a), f(@a[1]), f(1));",
            "print(2, 3, 1, 1);",
        ),
        ("macro f($a, $b) { 1 } macro f($a, b) { 2 }", "print(f($x, $y));", "print(1);"),
        # what no macro answers is the language's own
        ("macro len(x, y) { x }", "print(len(@a));", "print(len(@a));"),
        ("macro comm() { 7 }", "print(comm, comm(), pid);", "print(7, 7, pid);"),
        ("macro f(x) { x }", "print(f);", "print(f);"),
        # a macro calls another; arguments are pasted where the parameter stands
        ("macro a(x) { b(x) } macro b(x) { x * 2 }", "print(a(3));", "print(3 * 2);"),
        ("macro f(x) { if (x) { 1 } else { 2 } }", "print(f(pid));",
         "print(if (pid) { 1 } else { 2 });"),
        ("macro f(x) { while (x) { break; } }", "f(1);", "{ while (1) { break; } };"),
        # types and field names
        ("macro size(t) { sizeof(t) }", "print(size(typeof(int8)), size(foo));",
         "print(sizeof(typeof(int8)), sizeof(foo));"),
        ("macro at(t, f) { offsetof(t, f.x) }", "print(at(typeof(struct y), z));",
         "print(offsetof(typeof(struct y), z.x));"),
        ("macro as(t, p) { (t *)p }", "print(as(typeof(struct y), 1));", "print((struct y *)1);"),
        ("macro as(t, p) { (t)p }", "print(as(typeof($x), 1));", "print((typeof($x))1);"),
        # names in type position are no macros
        ("macro foo() { 1 }", "print(sizeof(foo));", "print(sizeof(foo));"),
        ("macro nothing() {}", "nothing();", "{ };"),
    ],
)  # fmt: skip
def test_expansion(macros: str, call: str, result: str) -> None:
    assert body(macros, call) == f"{{ {result} }}"


def test_variables_of_the_body_are_its_own() -> None:
    swap = "macro swap($a, $b) { let $t = $a; $a = $b; $b = $t; }"
    assert body(swap, "$t = 1; $u = 2; swap($t, $u); swap($u, $t);") == (
        "{ $t = 1; $u = 2; { let $t#1 = $t; $t = $u; $u = $t#1; };"
        " { let $t#2 = $u; $u = $t; $t = $t#2; }; }"
    )


def test_an_argument_keeps_its_variables() -> None:
    assert body("macro f(x) { let $t = 1; $t + x }", "$t = 2; print(f($t));") == (
        "{ $t = 2; print({ let $t#1 = 1; $t#1 + ({ $t }) }); }"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("macro f() { @x = 1; } begin { f(); }",
         "Unhygienic access to map: @x. Maps must be passed into the macro as arguments."),
        ("macro a() { b() } macro b() { a() } begin { a(); }",
         "Recursive macro call detected. Call chain: a > b > a"),
        ("macro a() { a } begin { a(); }", "Recursive macro call detected. Call chain: a > a"),
        ("macro f(x) { x } macro f(y) { y }", "Redefinition of macro: f"),
        ("macro f(x) { x } begin { f(1, 2); }",
         "Call to f() has arguments that do not match any definition."),
        ("macro f($v) { $v } begin { f(1); }",
         "Call to f() has arguments that do not match any definition."),
        ("macro f(@m) { @m } begin { f(@x[1]); }",
         "Call to f() has arguments that do not match any definition."),
        ("macro f() { return; }", "'return' statement is not allowed in a macro"),
        ("macro f() { if (1) { break; } }", "'break' statement is not allowed in a macro"),
        ("macro f() { continue; }", "'continue' statement is not allowed in a macro"),
        ("macro f(t) { (t *)1 } begin { f(1); }", "'t' is not the name of a type"),
    ],
)  # fmt: skip
def test_misuse(text: str, message: str) -> None:
    assert messages(text) == [message]


def test_places_lead_from_the_macro_to_the_call() -> None:
    text = "macro inner() { @x }\nmacro outer() { inner() }\nbegin { print(outer()); }\n"
    (found,) = expanded(text)[1].diagnostics
    assert render(found) == (
        "m.bt:1:17-19: ERROR: Unhygienic access to map: @x. Maps must be passed into the macro as"
        " arguments.\nmacro inner() { @x }\n                ~~\n"
        "m.bt:2:17-24: ERROR: expanded from\nmacro outer() { inner() }\n"
        "                ~~~~~~~\n"
        "m.bt:3:15-22: ERROR: expanded from\nbegin { print(outer()); }\n"
        "              ~~~~~~~\n"
    )


def test_c_macros_are_expressions() -> None:
    constants = {"A": "B + 1", "B": "(2)", "print": "no", "S": '"text"'}
    assert body("", "print(A * 2, S, B);", **constants) == '{ print((2 + 1) * 2, "text", 2); }'
    assert body("macro f(A) { A }", "print(f(7));", **constants) == "{ print(7); }"


def test_c_macros_that_cannot_be_used() -> None:
    (found,) = expanded("begin { print(L); }", L="R", R="L")[1].diagnostics
    assert render(found).splitlines()[0] == "R:1:1-2: ERROR: Macro recursion: L"
    (found,) = expanded("begin { print(L); }", L="do { } while (0)")[1].diagnostics
    assert found.message.startswith("syntax: ")
    assert render(found).splitlines()[-3] == "m.bt:1:15-16: ERROR: expanded from"


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"macro m{i}(x) {{ m{i + 1}(x) + m{i + 1}(x) }} " for i in range(40))
        + "macro m40(x) { x } begin { print(m0(1)); }",
        "".join(f"macro m{i}(x) {{ {'(1+' * 100} m{i + 1}(x) {')' * 100} }} " for i in range(40))
        + "macro m40(x) { x } begin { print(m0(1)); }",
        f"macro m(x) {{ {'(1+' * 100} x {')' * 100} }} "
        f"begin {{ print({'m(' * 50} 1 {')' * 50}); }}",
    ],
)
def test_growth_has_an_end(text: str) -> None:
    start = time.process_time()
    assert messages(text)
    assert time.process_time() - start < 5
