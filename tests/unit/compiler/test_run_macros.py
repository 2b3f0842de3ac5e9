# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""Macros on the running kernel."""

from __future__ import annotations

from typing import Any

QUIET = "config = { print_maps_on_exit = false } "


def output(run: Any, spec: str) -> str:
    ran = run(QUIET + spec)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.endswith("\n\n")
    return str(ran.out[:-2])


def test_variables_and_maps_by_reference(run: Any) -> None:
    spec = (
        "macro swap($a, $b) { let $t = $a; $a = $b; $b = $t; } "
        "macro add(@m, key, n) { @m[key] = @m[key] + n; } "
        'begin { $t = 1; $u = 2; swap($t, $u); add(@x, "k", $t); add(@x, "k", $u * 10); '
        'printf("%d %d %d\\n", $t, $u, @x["k"]); }'
    )
    assert output(run, spec) == "2 1 12\n"


def test_an_argument_is_evaluated_at_each_use(run: Any) -> None:
    spec = "macro twice(x) { x + x } begin { $i = 0; print(twice($i++)); print($i); }"
    assert output(run, spec) == "1\n2\n"


def test_a_macro_replaces_a_standard_name(run: Any) -> None:
    spec = 'macro comm() { "me" } begin { print(comm); print(comm()); @x = cpu; print(@x == cpu); }'
    assert output(run, spec) == "me\nme\ntrue\n"


def test_exit_in_a_macro_only_sends_the_event(run: Any) -> None:
    spec = (
        "macro leave(n) { print(1); exit(n); } "
        "begin { leave(3); print(2); @reached = 1; } end { print(@reached); }"
    )
    ran = run(QUIET + spec)
    assert (ran.status, ran.err, ran.out) == (3, "", "1\n@reached: 1\n\n\n")


def test_run_time_warnings_name_the_call(run: Any) -> None:
    spec = "macro ratio(a, b) { a / b }\nbegin { @zero = 0; @r = ratio(3, @zero); @q = ratio(4, @zero); }"
    ran = run(QUIET.replace("}", "}\n") + spec)
    assert ran.status == 0
    assert ran.err.splitlines()[:6] == [
        "stdin:2:22-27: WARNING: Divide or modulo by 0 detected. This can lead to unexpected results. 1 is being used as the result.",
        " macro ratio(a, b) { a / b }",
        "                     ~~~~~",
        "stdin:3:25-40: WARNING: expanded from",
        "begin { @zero = 0; @r = ratio(3, @zero); @q = ratio(4, @zero); }",
        "                        ~~~~~~~~~~~~~~~",
    ]
    assert len(ran.err.splitlines()) == 12


def test_messages_of_a_macro_name_the_call(run: Any) -> None:
    ran = run(QUIET + 'macro complain(x) { errorf("bad %d", x); } begin { complain(3); }')
    assert ran.err == (
        "stdin:1:61-80: ERROR: bad 3\n"
        "stdin:1:92-103: ERROR: expanded from\n"
        f'{QUIET}macro complain(x) {{ errorf("bad %d", x); }} begin {{ complain(3); }}\n'
        f"{'~' * 11:>102}\n"
    )
