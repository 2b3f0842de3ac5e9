# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""Blocks and branches as expressions, scopes and declarations, on the running kernel."""

from __future__ import annotations

from typing import Any


def printed(run: Any, body: str) -> list[str]:
    """The lines that a begin block prints, without a word on standard error."""
    ran = run(f"config = {{ print_maps_on_exit = false }} begin {{ {body} }}")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.endswith("\n\n"), ran.out
    return ran.out[:-2].splitlines()


def test_blocks_of_every_type(run: Any) -> None:
    assert printed(
        run,
        '$s = if (pid > 0) { "yes" } else { "longer" }; print($s); print({ let $t = 5; @n = $t; $t * 2 }); print(@n);'
        ' $t = { $q = (1, "two"); $q }; print($t); print({ { 7 } }); print({ $i = 1; { $j = $i + 1; $j * 10 } });'
        " print(if (pid == 0) { 1 } else if (pid > 0) { $x = 2; $x } else { 3 }); $b = { pid > 0 }; print($b);"
        " $w = pid > 0 ? (1, 2) : (300, 4); print($w); print({ @n }); $k = { ntop(0x0100007f) }; print($k);",
    ) == [
        "yes", "10", "@n: 5", "(1, two)", "7", "20", "2", "true", "(1, 2)", "5", "127.0.0.1",
    ]  # fmt: skip


def test_only_the_chosen_branch_runs(run: Any) -> None:
    assert printed(
        run,
        "$zero = 0; $v = $zero ? { @a = 1; 1 } : { @b = 1; 2 }; print($v); print((@a, @b));"
        ' if ($zero && { print("never"); 1 }) { print("never"); }'
        ' if ($zero || { print("then"); 1 }) { print("done"); }'
        ' $zero ? printf("no\\n") : printf("yes\\n"); $zero ? @c++ : @d++; print((@c, @d));'
        ' $zero ? { printf("a\\n") } : { let $l = 4; printf("b%d\\n", $l) };',
    ) == ["2", "(0, 1)", "then", "done", "yes", "(0, 1)", "b4"]


def test_an_operand_is_kept_from_what_a_later_block_assigns(run: Any) -> None:
    assert printed(
        run,
        "let $u: uint8 = 200; $v = $u + { $u = 3; 1 }; print($v); print($u);"
        " $x = 1; print(($x, { $x = 2; $x }, $x)); print($x + { $x++; 0 } + $x);",
    ) == ["201", "3", "(1, 2, 2)", "5"]


def test_blocks_in_keys_predicates_and_aggregations(run: Any) -> None:
    ran = run(
        'begin /{ let $p = pid; $p > 0 }/ { @m[{ $k = 3; $k }, if (pid > 0) { "a" } else { "bcd" }] = count();'
        " @h = sum({ $a = 4; $a * 2 }); exit({ $c = 3; $c }); } end /if (pid > 0) { 0 } else { 1 }/ { print(1); }"
    )
    assert (ran.status, ran.out, ran.err) == (3, "\n\n@h: 8\n@m[3, a]: 1\n", "")


def test_sibling_scopes_share_names(run: Any) -> None:
    assert printed(
        run,
        'if (1) { $x = 5; print($x); } if (1) { $x = "text"; print($x); } { $x = (1, 2); print($x); }'
        ' let $later; if (pid > 0) { $later = 70000; } print($later); let $text: string; $text = "abc"; print($text);'
        " let $zero: uint16 = 3; print($zero);",
    ) == ["5", "text", "(1, 2)", "70000", "abc", "3"]


def test_return_ends_the_run_of_the_probe(run: Any) -> None:
    ran = run(
        "begin { print(1); if (pid > 0) { return; } print(2); } begin { { return 5; } print(3); }"
        " end { $x = { if (pid > 0) { return 1; } 4 }; print($x); }"
    )
    assert (ran.status, ran.out) == (0, "1\n\n\n")


def test_a_variable_that_is_declared_only(run: Any) -> None:
    ran = run("begin { let $x: uint16; print($x); let $y; }")
    assert ran.out == "0\n\n\n"


def test_strings_in_scratch_memory_are_copied_in_words(run: Any) -> None:
    """Copied byte by byte, what clang keeps of them does not fit the stack."""
    long = "e" * 40
    ran = run(
        "config = { on_stack_limit = 128; print_maps_on_exit = false }"
        ' begin { @m["init"] = ((int64)0, "'
        + "z"
        * 41
        + '"); delete(@m, "init"); printf("%s %s\\n", "a", ((int64)3, @m["dddd"].1));'
        f' $b1 = "{long}"; @m[$b1] = ((int64)4, $b1); printf("%s %s\\n", $b1, ((int64)3, "ff")); $s2 = @m[$b1].1; $b3 = $b1; $b3 = "ccc";'
        ' printf("%s %s\\n", "bb", ((int64)0, $b3)); printf("%s %s\\n", $b1, ((int64)4, $b1)); @m[$b3] = ((int64)4, $b1); }'
    )
    assert (ran.status, ran.err) == (0, "")
    assert ran.lines[:-2] == ["a (3, )", f"{long} (3, ff)", "bb (0, ccc)", f"{long} (4, {long})"]
