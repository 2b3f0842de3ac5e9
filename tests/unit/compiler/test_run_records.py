# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""Records on the running kernel (language §3.8, §10.1, §11.2)."""

from __future__ import annotations

from typing import Any

import pytest


def printed(run: Any, body: str, *options: str) -> list[str]:
    ran = run(f"config = {{ print_maps_on_exit = false }} begin {{ {body} }}", *options)
    assert (ran.status, ran.err) == (0, "")
    return [line for line in ran.lines if line]


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ('print((x=1, y="a"));', "{ .x = 1, .y = a }"),
        ('printf("%s|%d\\n", (x=1, y=(z=true)), (x=7).x);', "{ .x = 1, .y = { .z = true } }|7"),
        ('printf("%-14s|\\n", (x=1));', "{ .x = 1 }    |"),
        ('$r = (a=1, b="x"); print(($r.b, $r.a + 1));', "(x, 2)"),
        ('$r = (a=1, t=(1, (b="deep", c=2))); print($r.t.1.b);', "deep"),
        ('@r = (a=1, b="x"); print(@r.b);', "x"),
        ("@r[1] = (a=1, b=-5); print(@r[1].b); print(@r[2]);", "-5"),
        ("$r = (a=1, b=2); $r = (b=3, a=70000); print($r);", "{ .a = 70000, .b = 3 }"),
        ('$r = (a="x", b=2); $r = (a="longer", b=3); print($r);', "{ .a = longer, .b = 3 }"),
        ("$r = (a=(int64)nsecs, b=2); $r = (b=$r.b + 5, a=$r.b); print($r);", "{ .a = 2, .b = 7 }"),
        ("$r = nsecs > 0 ? (a=1, b=2) : (b=3, a=4); print($r);", "{ .a = 1, .b = 2 }"),
        ("$r = nsecs == 0 ? (a=1, b=2) : (b=3, a=400); print($r);", "{ .a = 400, .b = 3 }"),
        ("@m[(a=1, b=2)] = 5; print(@m[(b=2, a=1)]);", "5"),
        ("@m[(a=1, b=2)] = 5; print(@m);", "@m[{ .a = 1, .b = 2 }]: 5"),
        ("@c = count(); @c = count(); print((n=@c));", "{ .n = 2 }"),
    ],
)
def test_text(run: Any, body: str, line: str) -> None:
    assert printed(run, body)[0] == line


def test_missing_key_is_zero(run: Any) -> None:
    assert printed(run, '@r[1] = (a=1, b="x"); print(@r[2]);') == ["{ .a = 0, .b =  }"]


def test_json(run: Any) -> None:
    body = 'print((x=1, y=("a", 2), z=(b=true))); @m[(a=1, b="x")] = (c=2, d=-1); print(@m);'
    assert printed(run, body, "-f", "json") == [
        '{"type": "value", "data": {"x": 1, "y": ["a",2], "z": {"b": true}}}',
        '{"type": "map", "data": {"@m": {"{.a=1,.b=x}": {"c": 2, "d": -1}}}}',
    ]


def test_types_join_over_the_whole_program(run: Any) -> None:
    ran = run('begin { @r = (a=1, b="x"); } end { @r = (b="longer", a=70000); }')
    assert (ran.out, ran.err) == ("\n\n@r: { .a = 70000, .b = longer }\n", "")


def test_in_a_tracepoint(run: Any) -> None:
    spec = (
        "tracepoint:sched:sched_switch { @last[cpu] = (prev=args.prev_comm, pid=args.prev_pid);"
        " $r = @last[cpu]; @seen[$r.prev != \"\"] = count(); if (@n > 50) { exit(); } @n++; }"
    )  # fmt: skip
    ran = run(spec)
    assert ran.status == 0, ran.err
    assert "@seen[true]" in ran.out
    assert "{ .prev = " in ran.out
