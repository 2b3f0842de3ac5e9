# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""Buffers, MAC addresses and comparisons by content on the running kernel (language §3.3, §8.2)."""

from __future__ import annotations

from typing import Any

import pytest


def lines(run: Any, body: str, *options: str) -> list[str]:
    ran = run(f"config = {{ print_maps_on_exit = false }} begin {{ {body} }}", *options)
    assert (ran.status, ran.err) == (0, "")
    return [line for line in ran.lines if line]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('print(buf("abc\\x01\\xff", 5));', "abc\\x01\\xff"),
        ('printf("%r|%rx|%rh|%s|%6r|%-6r|\\n", buf("a\\x00", 2), buf("ab", 2), buf("ab", 2), buf("ab", 2), buf("ab", 2), buf("ab", 2));', "a\\x00|\\x61\\x62|61 62|ab|    ab|ab    |"),
        ("print(buf(comm, 2) == buf(curtask.comm, 2));", "true"),
        ("$p = curtask; print(buf($p, 8) == buf(curtask, 8));", "true"),
        ("print(sizeof(buf(curtask.comm)));", "20"),
        ("print(sizeof(buf(1, 10)));", "14"),
        ("print(sizeof(buf(1, nsecs)));", "1024"),
        ('$n = nsecs % 1 + 2; print(buf("hello", $n));', "he"),
        ('$n = nsecs % 1 + 900; $m = nsecs % 1 + 5000; print(sizeof(buf(curtask, $n))); print(buf(curtask, $m) == buf(curtask, $m));', "1024"),
        ('@b = buf("abc", 3); @b = buf("hello", 5); @b = buf("xy", 2); print(@b);', "@b: xy"),
        ('@k[buf("ab", 2)] = 1; print(@k);', "@k[ab]: 1"),
        ('$t = (1, buf("ab", 2)); print($t.1);', "ab"),
        ('$b = nsecs > 0 ? buf("ab", 2) : buf("xyz", 3); print($b);', "ab"),
        ("print(buf((uint8[4])(uint32)16909060));", "\\x04\\x03\\x02\\x01"),
        ('print(buf("abc", 3) == buf("abcd", 3));', "true"),
        ('print(buf("abc", 3) == buf("abcd", 4));', "false"),
        ('print(buf("ab\\x00", 3) == buf("ab", 2));', "false"),
        ('print(macaddr((int8[])"ABCDE"));', "41:42:43:44:45:00"),
        ('@m[macaddr((int8[])"ABCD\\xff")] = 1; print(@m);', "@m[41:42:43:44:FF:00]: 1"),
        ('print((1, "x", nsecs) == (1, "x", nsecs - 1));', "false"),
        ("$t = (pid, comm); print($t == (pid, comm));", "true"),
        ('$t = (pid, comm); print($t != (pid, "x"));', "true"),
        ('$t = (pid, ("ab", 1)); print($t == (pid, ("ab", 1)));', "true"),
        ('print((1, (2, "a")) == (1, (2, "a")));', "true"),
        ("print((a=1, b=2) == (b=2, a=1));", "true"),
        ('$r = (a=pid, b="x"); print($r == (b="x", a=pid));', "true"),
        ('$r = (a=pid, b="x"); print($r != (b="xy", a=pid));', "true"),
        ("$a = (uint8[4])pid; print($a == (uint8[4])pid);", "true"),
        ("$a = (uint8[4])pid; print($a != (uint8[4])(pid + 1 > 0 ? (uint32)0 : (uint32)1));", "true"),
        ("@k[1] = (1, pid); print(@k[1] == (1, pid)); print(@k[2] == (0, 0));", "true"),
        ("print(true < false);", "false"),
        ("$t = nsecs > 0; $f = nsecs == 0; print($f < $t);", "true"),
    ],
)  # fmt: skip
def test_text(run: Any, body: str, expected: str) -> None:
    assert lines(run, body)[0] == expected


def test_json(run: Any) -> None:
    body = 'print((buf("a\\xff", 2), 1)); @m[1] = macaddr((int8[])"ABCDE"); print(@m);'
    assert lines(run, body, "-f", "json") == [
        '{"type": "value", "data": [[97,-1],1]}',
        '{"type": "map", "data": {"@m": {"1": "41:42:43:44:45:00"}}}',
    ]


def test_in_a_tracepoint(run: Any) -> None:
    spec = (
        "tracepoint:sched:sched_switch { $b = buf(args.next_comm); @same[$b == buf(args.next_comm),"
        " (args.next_pid, args.next_comm) == (args.next_pid, args.next_comm)] = count();"
        " if (@n > 20) { exit(); } @n++; }"
    )  # fmt: skip
    ran = run(spec)
    assert ran.status == 0, ran.err
    assert "@same[true, true]" in ran.out


def test_lengths_of_strings_that_are_read(run: Any) -> None:
    body = (
        '$s = "hello"; $n = nsecs % 1 + 3; @s = $s; print((str($s, 3), str($s, $n), str(@s, 2),'
        " str(comm, 3) == str(curtask.comm, 3), sizeof(str($s, 3)), sizeof(str($s, $n))));"
    )
    assert lines(run, body) == ["(he, he, h, true, 4, 6)"]
