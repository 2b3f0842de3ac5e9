# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""Loops on the running kernel (language §4)."""

from __future__ import annotations

from typing import Any

import pytest

from kptrace.compiler import Options, compile_spec
from kptrace.errors import HostError
from kptrace.kernel import Kernel
from kptrace.source import Source

QUIET = "config = { print_maps_on_exit = false }"


def printed(run: Any, body: str) -> list[str]:
    """The lines that a begin block prints, without a word on standard error."""
    ran = run(f"{QUIET} begin {{ {body} }}")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.endswith("\n\n"), ran.out
    return ran.out[:-2].splitlines()


def test_ranges(run: Any) -> None:
    assert printed(
        run,
        "for $i : 0..3 { print($i); } $n = 2; for ($i : (-2)..$n) { print($i); } for $i : 3..3 { print(9); }"
        " for $i : $n..0 { print(9); } for $i : 5..-1 + 0 { print(9); }".replace("5..-1 + 0", "5..(-1)")
        + " $low = (uint64)10; for $i : $low..(12) { print(($i, $low)); }"
        " $count = 0; for $i : 0..100000 { $count++; } print($count);"
        " for $i : (1 + 1)..($n * 2) { print($i * 100); } for $i : 127..130 { print($i); }",
    ) == [
        "0", "1", "2", "-2", "-1", "0", "1", "(10, 10)", "(11, 10)", "100000", "200", "300",
        "127", "128", "129",
    ]  # fmt: skip


def test_bounds_are_evaluated_once_and_the_variable_is_a_copy(run: Any) -> None:
    assert printed(
        run,
        "$n = 2; for $i : (@start++)..$n { $n = 10; $i += 5; print(($i, @start)); } print($n);"
        " for $i : 0..2 { $i = 70000; print($i); }",
    ) == ["(5, 1)", "(6, 1)", "10", "70000", "70000"]


def test_break_continue_and_return(run: Any) -> None:
    assert printed(
        run,
        "for $i : 0..10 { if ($i == 1) { continue; } if ($i == 4) { break; } print($i); }"
        " for $i : 0..3 { for $j : 0..3 { if ($j == 1) { break; } if ($i == 1) { continue; } print(($i, $j)); } }"
        " for $i : 0..3 { unroll (3) { if ($i == 1) { break; } @u++; } } print((1, @u));"
        " $yes = pid > 0; for $i : 0..3 { @y++; if ($yes) { break; } } for $i : 0..3 { print($i); for $j : 0..3 { if ($i == 1 && $j == 2) { return 5; } } } print(9);",
    ) == ["0", "2", "3", "(0, 0)", "(2, 0)", "(1, 6)", "0", "1"]


def test_variables_are_shared_by_reference(run: Any) -> None:
    assert printed(
        run,
        '$sum = 0; $s = "a"; $t = (1, "x"); $b = false; let $later;'
        ' for $i : 1..4 { $sum += $i; $s = $i == 2 ? "two" : $s; $t = ($i, $t.1); $b = $i > 2; $later = $i;'
        " $own = $i * 2; $text = $s; for $j : 0..2 { $sum += 100; $own++; $text = $s; } print(($own, $text)); }"
        " print(($sum, $s, $t, $b, $later));",
    ) == ["(4, a)", "(6, two)", "(8, two)", "(606, two, (3, x), true, 3)"]


def test_large_values_are_shared_in_scratch_memory(run: Any) -> None:
    assert printed(
        run,
        '$s = str(kptr((uint64)0)); $comm = comm; for $i : 0..2 { $local = str(kptr((uint64)0)); for $j : 0..2 { $local = "in"; $s = "big"; }'
        " print(($local, $s)); } print($s); print($comm == comm);",
    ) == ["(in, big)", "(in, big)", "big", "true"]


def test_maps(run: Any) -> None:
    lines = printed(
        run,
        '@a[1] = "one"; @a[2] = "two"; @a[3] = "three"; for $kv : @a { print($kv); }'
        ' for $kv : @a { if ($kv.0 == 2) { delete(@a, $kv.0); } } print(@a); @c[1, "x"] = count(); @c[1, "x"] = count(); @c[2, "yy"] = count();'
        ' @sum[5] = sum(-3); @avg[5] = avg(4); @avg[5] = avg(7); @min[5] = min((uint64)7); for $kv : @c { printf("%d %s %d\\n", $kv.0.0, $kv.0.1, $kv.1); @by[$kv.0.0] = $kv.1; }'
        " for ($kv : @sum) { print($kv); } for $kv : @avg { print($kv); } for $kv : @min { print($kv); } print(@by);"
        ' @t[(1, (2, "z"))] = (3, "v"); for $kv : @t { print(($kv.0, $kv.1)); print($kv.0.1.1); @copy[$kv.0] = $kv.1; } print(@copy);'
        " for $kv : @t { $k = $kv; } for $kv : @t { } for $i : 0..3 { } for $kv : @c { @keys[$kv.0] = 1; } for $kv : @a { break; } for $outer : @a { for $inner : @a { if ($inner.0 == $outer.0) { @same++; } } } print((1, @same));",
    )
    assert sorted(lines[:3]) == ["(1, one)", "(2, two)", "(3, three)"]
    assert lines[3:5] == ["@a[1]: one", "@a[3]: three"]
    assert sorted(lines[5:7]) == ["1 x 2", "2 yy 1"]
    assert lines[7:] == [
        "(5, -3)", "(5, 5)", "(5, 7)", "@by[2]: 1", "@by[1]: 2", "((1, (2, z)), (3, v))", "z",
        "@copy[1, (2, z)]: (3, v)", "(1, 2)",
    ]  # fmt: skip


def test_a_loop_over_a_map_that_is_written_later(run: Any) -> None:
    ran = run(
        'begin { @m["k"] = 70000; } end { for $kv : @m { printf("%s %d\\n", $kv.0, $kv.1); @n[$kv.0] = $kv.1; } @m["longer key"] = 1; }'
    )
    assert ran.lines[:2] == ["k 70000", ""]
    assert "@n[k]: 70000" in ran.lines


def test_the_most_rounds_that_a_loop_has(run: Any) -> None:
    assert printed(run, "$n = 9000000; $c = 0; for $i : 0..$n { $c++; } print($c);") == ["8388608"]


def test_a_while_loop_without_an_end(run: Any) -> None:
    ran = run("begin { while (1) { @x++; } }")
    assert ran.status == 1
    assert "the verifier cannot see the end of a while loop" in ran.err


def test_a_loop_that_never_runs(run: Any) -> None:
    assert printed(run, "$x = 1; for $i : 3..1 { $x++; } print($x);") == ["1"]


def test_while_and_unroll(run: Any) -> None:
    ran = run(
        f"{QUIET} begin {{ $w = 0; while ($w < 5) {{ $w++; if ($w == 2) {{ continue; }} if ($w == 4) {{ break; }} print($w); }}"
        " while ({ $w++; $w < 7 }) { print($w); } unroll (3) { @u++; if (@u == 2) { continue; } print(@u + 0); }"
        " unroll (100) { @many++; } print(@many + 0); }"
    )
    assert ran.lines[:-2] == ["1", "3", "5", "6", "1", "3", "100"]
    assert ran.err.count("While loops are deprecated and may be removed in the future.") == 2


def test_in_probes_that_interrupt_each_other(run: Any) -> None:
    ran = run(
        "tracepoint:sched:sched_switch /@done < 3/ { $sum = 0; $s = str(args.next_comm); $n = 5;"
        " for $i : 0..$n { $sum += $i; if ($i == 3) { @n3++; break; } } @a[1] = str(args.prev_comm); @done++; @c[cpu, 2, 3] = count();"
        ' for $kv : @a { printf("[%s %s]\\n", $s, $kv.1); for $j : 0..10 { for $l : @c { @x = $l.1; @y = $l.0; } @t = $kv; if ($j > 5) { return; } } break; } print("never"); }'
        " interval:ms:100 { exit(); }"
    )
    assert (ran.status, ran.err) == (0, "")
    assert "never" not in ran.out
    assert "@n3: 3" in ran.lines


@pytest.mark.parametrize(
    ("feature", "body"),
    [("loop", "for $i : 0..3 { @x = $i; }"), ("for_each_map_elem", "@m[1] = 1; for $kv : @m { }")],
)
def test_kernels_without_the_helper(feature: str, body: str) -> None:
    source = Source(name="stdin", text=f"begin {{ {body} }}")
    with pytest.raises(HostError) as caught:
        compile_spec(source, Kernel(), Options(has=lambda name: name != feature))
    assert f"Missing required kernel feature: {feature}" in str(caught.value)


def test_bcc_says_that_it_has_no_callbacks() -> None:
    for body, what in (
        ("for $i : 0..3 { @x = $i; }", "BCC cannot run a for loop"),
        ("@m[1] = 1; for $kv : @m { }", "BCC cannot walk a map"),
    ):
        made = compile_spec(Source(name="stdin", text=f"begin {{ {body} }}"), Kernel(), Options())
        with pytest.raises(HostError, match=what):
            made.c("bcc")


def test_counter_of_a_loop_decides_about_a_branch(run: Any) -> None:
    """The verifier once followed such a counter round by round and gave up."""
    rounds = "for $i : 0..10 { for $j : 0..10 { $x += 1; $y++; if ($j == $i) { break; } } }"
    body = f'$x = 0; $y = 0; {rounds} if ($x > 3 && $y == $x) {{ printf("%d\\n", $x); }}'
    assert printed(run, body) == ["55"]
    many = "$x = 0; for $i : 0..100000 { $x -= 1; } if ($x < -3) { print($x); }"
    assert printed(run, many) == ["-100000"]
    keyed = "@a[1] = 1; @a[2] = 1; $x = 0; for $kv : @a { $x++; } if ($x > 1) { print($x); }"
    assert printed(run, keyed) == ["2"]
