# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""What is decided at compile time, on the running kernel."""

from __future__ import annotations

from typing import Any

import pytest

QUIET = "config = { print_maps_on_exit = false } "


def printed(run: Any, spec: str, **more: Any) -> list[str]:
    ran = run(QUIET + spec, **more)
    assert (ran.status, ran.err) == (0, "")
    return str(ran.out[:-2]).splitlines()


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("if comptime (1) { print(1); } else { print(nonsense.x, @never); }", ["1"]),
        ("if comptime (0) { print(nonsense); } else if comptime (2 > 1) { print(2); } else { x(); }", ["2"]),
        ("if comptime (0) { nonsense(); } print(3);", ["3"]),
        ("if comptime 1 { print(4); }", ["4"]),
        ("$x = if comptime ($1 == 7) { 5 } else { nonsense }; print($x);", ["5"]),
        ("print(if comptime (false) { nonsense } else if (pid) { 6 } else { 7 });", ["6"]),
        ('print(comptime 1 + 1); print((comptime ("a" + "b")) == "ab");', ["2", "true"]),
        # types decide, also those that later statements give
        ("if comptime (is_integer(@m)) { print(1); } else { nonsense(); } @m = 1;", ["1"]),
        ('$s = "x"; print((is_str($s), is_str(1), is_integer($s), is_integer(pid)));', ["(true, false, false, true)"]),
        ("print((is_unsigned_integer(pid), is_unsigned_integer(-1)));", ["(true, false)"]),
        ("print((is_ptr(curtask), is_ptr(1), is_array(1)));", ["(true, false, false)"]),
        ('$x = 1; print((is_literal($x), is_literal(2 + 1), is_literal("a"), is_literal((1, 2)), is_literal((1, $x))));',
         ["(false, true, true, true, false)"]),
        ('print((kfunc_exist("bpf_task_acquire"), kfunc_exist("no_such_function")));', ["(true, false)"]),
        # the operand of a question does not run
        ("$i = 1; print(is_integer($i++)); print($i);", ["true", "1"]),
    ],
)  # fmt: skip
def test_comptime(run: Any, body: str, lines: list[str]) -> None:
    assert printed(run, f"begin {{ {body} }}", words=("7",)) == lines


def test_each_attach_point_decides(run: Any) -> None:
    spec = 'begin, end { if comptime (probe == "begin") { print("b"); } else { print("e"); } }'
    assert printed(run, spec) == ["b", "e"]


def test_macros_decide_by_type(run: Any) -> None:
    spec = (
        'macro kind(x) { if comptime (is_str(x)) { "string" } else { if comptime (is_ptr(x)) { "pointer" } else { 0 } } } '
        "begin { print(kind(comm)); print(kind(curtask)); print(kind(1)); }"
    )
    assert printed(run, spec) == ["string", "pointer", "0"]


def test_value_macros(run: Any) -> None:
    spec = (
        "macro larger(a, b) { let $x = a; let $y = b; if ($x > $y) { $x } else { $y } } "
        "begin { $x = 3; print(larger($x, 5)); print(larger(larger($x, 1), 2) + 1); @m[larger(1, 2)] = 1; print(@m[2]); }"
    )
    assert printed(run, spec) == ["5", "4", "1"]
