# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""Maps on the running kernel: questions, deletion, declared kinds (language §5)."""

from __future__ import annotations

from typing import Any

QUIET = "config = { print_maps_on_exit = false }"


def printed(run: Any, body: str, before: str = "") -> list[str]:
    """The lines that a begin block prints, without a word on standard error."""
    ran = run(f"{QUIET} {before} begin {{ {body} }}")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.endswith("\n\n"), ran.out
    return ran.out[:-2].splitlines()


def test_questions_about_keys(run: Any) -> None:
    assert printed(
        run,
        '@h[1] = "a"; @p["x"] = count(); @p["x"] = count(); @t[1, "a"] = (3, "q"); @hist[1] = hist(5);'
        ' print((has_key(@p, "x"), has_key(@p, "y"), has_key(@h, 1), has_key(@h, 2), has_key(@t, (1, "a")), has_key(@hist, 1)));'
        ' if (find(@h, 1, $v)) { print($v); } if (find(@p, "x", $n) && $n == 2) { print($n); } else if (find(@p, "z", $n)) { print("no"); }'
        ' if (find(@t, (1, "a"), $t)) { print($t); } print(find(@t, (2, "b"), $t)); print($t); $known = 70000; print(find(@t, (1, "a"), $other) ? $other.0 : 0);'
        " @wide[1] = 5; print(find(@wide, 1, $known)); print($known); for $i : 0..2 { if (find(@h, $i, $in)) { print(($i, $in)); } }",
    ) == [
        "(true, false, true, false, true, true)", "a", "2", "(3, q)", "false", "(3, q)", "3", "true",
        "5", "(1, a)",
    ]  # fmt: skip


def test_find_in_a_predicate(run: Any) -> None:
    ran = run(
        "begin { @m[1] = 5; @m[2] = 0; } end /find(@m, 1, $v) && $v > 4/ { print($v); } end /find(@m, 2, $v) && $v/ { print(9); }"
    )
    assert (ran.out, ran.err) == ("5\n\n\n@m[2]: 0\n@m[1]: 5\n", "")


def test_len_of_a_map(run: Any) -> None:
    assert printed(
        run,
        '@t[1, "a"] = 1; print(len(@t)); @p[1] = count(); @p[2] = count(); print(len(@p) * 10); delete(@p, 1); print(len(@p));'
        " for $i : 0..50 { @many[$i] = $i; } print(len(@many));",
    ) == ["1", "20", "1", "50"]


def test_delete(run: Any) -> None:
    ran = run(
        f"{QUIET} begin {{ @s = count(); print(delete(@s)); print(delete(@s)); @s = count(); delete(@s); delete(@s); @h = hist(3); delete(@h);"
        " @st = stats(4); @sv = 5; print(delete(@sv)); if (delete(@sv)) { print(9); } @m[1, 2] = 5;"
        ' print(delete(@m, (1, 2)) ? "gone" : "kept"); @m[1, 2] = 1; delete(@m[1, 2]); print(len(@m)); @s = count(); @s = count(); print((@s, 1));'
        " print(@h); print(@st); @k[1] = count(); print(delete(@k, 1)); print(delete(@k, 1)); }"
    )
    assert ran.lines[:-2] == [
        "true", "false", "true", "gone", "0", "(2, 1)", "@st: { .count = 1, .average = 4, .total = 4 }",
        "true", "false",
    ]  # fmt: skip
    assert ran.err.count("Can't delete map element because it does not exist.") == 1
    assert "Return value discarded" not in ran.err


def test_declared_kinds(run: Any) -> None:
    ran = run(
        "let @l = lruhash(2); let @p = percpuhash(10); let @q = percpulruhash(1); let @h = hash(1) let @ps = percpuhash(1); let @hs = hash(5);"
        ' begin { @l[1] = 1; @l[2] = 2; @l[3] = 3; @p["x"] = count(); @p["x"] = count(); @q[1] = sum(5); @h[1] = "a"; @h[2] = "b"; @ps = sum(4); @hs = 3; print(@ps); clear(@ps); zero(@p); }'
    )
    assert ran.lines[:3] == ["@ps: 4", "", ""]
    assert ran.lines[3:] == ["@h[1]: a", "@hs: 3", "@l[2]: 2", "@l[3]: 3", "@p[x]: 0", "@q[1]: 5"]
    assert "Map full; can't update element." in ran.err


def test_empty_tuples(run: Any) -> None:
    assert printed(
        run,
        "@[()] = 1; @y = (); $e = (); print($e); @z[1, ()] = ((), 2); print(@z[1, ()]); for $kv : @ { print($kv); } print(has_key(@, ())); print(@); print((@y, 1));",
    ) == ["()", "((), 2)", "((), 1)", "true", "@[]: 1", "((), 1)"]


def test_keys_and_values_of_every_type(run: Any) -> None:
    assert printed(
        run,
        '@k[(1, ("a", true)), -1] = ("v", (1, (2,))); print(@k); @k2[pid > 0] = pid > 0; print(@k2); @k3[ntop(0x0100007f)] = ntop(0x0100007f); print(@k3);'
        " @k4[kptr((uint64)0x1f)] = kptr((uint64)16); print(@k4); @k5[str(kptr((uint64)0))] = 1; print(@k5); @k6[comm] = comm; print(@k6[comm] == comm);"
        ' @k7[(a=1, b="x")] = (c=2); print(@k7); for $kv : @k7 { print($kv); print($kv.0.b); }',
    ) == [
        "@k[(1, (a, true)), -1]: (v, (1, (2)))", "@k2[true]: true", "@k3[127.0.0.1]: 127.0.0.1",
        "@k4[0x1f]: 0x10", "@k5[]: 1", "true", "@k7[{ .a = 1, .b = x }]: { .c = 2 }",
        "({ .a = 1, .b = x }, { .c = 2 })", "x",
    ]  # fmt: skip


def test_an_integer_map_takes_the_value_of_an_aggregation(run: Any) -> None:
    assert printed(
        run,
        "@n = count(); @n = count(); @copy = 1; @copy = @n; print((@copy, 1)); @cast = (int64)@n; print((@cast, 2)); @sum[1] = sum(5); @c2[1] = 0; @c2[1] = @sum[1]; print(@c2);",
    ) == ["(2, 1)", "(2, 2)", "@c2[1]: 5"]


def test_compound_operations(run: Any) -> None:
    assert printed(
        run,
        "@x = 6; @x += 4; @x *= 3; @x /= 2; @x %= 8; print((@x, 0)); @m[1] |= 6; @m[1] ^= 3; @m[1] <<= 2; @m[1] &= 0x1c; @m[1] >>= 1; @m[1] -= 20; print(@m[1]);"
        " @m[@x++]++; print(@m[7]); print((@x, 1)); @t[(1, 2)] = 1; @t[1, 2] += 5; print(@t);",
    ) == ["(7, 0)", "-10", "1", "(8, 1)", "@t[1, 2]: 6"]
