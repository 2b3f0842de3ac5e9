# SPDX-License-Identifier: MIT
"""The first syntax error of wrong texts (language §1, §2.2)."""

from __future__ import annotations

import pytest

from kptrace.errors import SpecError
from kptrace.lang import parse
from kptrace.source import Source

ADDRESS = "address-of operator (&) can only be used on a map or variable"
INCREMENT = "increment/decrement requires a variable or map"
IMMUTABLE = (
    "Tuples and records are immutable once created. Consider creating a new value and assigning it"
    " instead."
)
LET = "root-level let statements need to be map declarations, e.g. let @a = hash(2);"
OVERFLOW = "overflow error, maximum value is 18446744073709551615"

IN_A_BLOCK = [
    ("print($0);", "param $0 is out of integer range [1, 9223372036854775807]"),
    ("print($9223372036854775808);",
     "param $9223372036854775808 is out of integer range [1, 9223372036854775807]"),
    ('print("text\n");', "unterminated string"),
    (r'print("\400");', r"octal escape sequence out of range '\400'"),
    (r'print("\z");', r"invalid escape character '\z'"),
    (r'print("\x");', r"invalid escape character '\x'"),
    ("print('a');", "invalid character '''"),
    ("print(0b1);", "invalid integer suffix 'b1'"),
    ("print(1_);", "trailing underscore in integer literal"),
    ("print(12e3);", "coefficient part of scientific literal must be 1-9: 12e3"),
    ("print(5e);", "invalid trailing bytes: 5e"),
    ("print(09);", "invalid trailing bytes: 09"),
    ("print(1e21);", f"{OVERFLOW}: 1e21"),
    ("print(5x);", "invalid integer suffix 'x'"),
    ("print(0x5ms);", "invalid integer suffix 'ms'"),
    ("print(5000000000u);", "overflow error, maximum value is 4294967295: 5000000000u"),
    ("print(1) print(2);", "expected ';'"),
    ("if ($a) == 1 { }", "expected '{'"),
    ("if $a == 1 { }", "expected '{'"),
    ("if (1) { } else 5;", "expected '{'"),
    ("for $i : 0..5+1 { }", "expected '{'"),
    ("for $i : 5 { }", "expected a map or a range"),
    ("for $kv : @m[1] { }", "expected a map or a range"),
    ("print((pid = 1));", "expected ')'"),
    ("print((x = 1, x = 2));", "Named argument list already contains name: x"),
    ("print((x = 1,));", "expected a field name"),
    ("print(1,);", "expected an expression"),
    ("@a[1,] = 1;", "expected an expression"),
    ("5++;", INCREMENT),
    ("--pid;", INCREMENT),
    ("$a.b++;", INCREMENT),
    ("$x = &pid;", ADDRESS),
    ("$x = &@m[1];", ADDRESS),
    ("$x = &$y.z;", ADDRESS),
    ("$t.0 = 1;", IMMUTABLE),
    ("$t.x = 1;", IMMUTABLE),
    ("pid = 1;", "invalid assignment target"),
    ("f() += 1;", "invalid assignment target"),
    ("(1, 2) = 3;", "invalid assignment target"),
    ("let @x = 1;", "expected ';'"),
    ("$x = 1 ? 2;", "expected ':'"),
    ("comptime;", "expected an expression"),
    ("sizeof();", "expected an expression"),
    ("$x.;", "expected a field name"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "message"), IN_A_BLOCK)
def test_in_a_block(body: str, message: str) -> None:
    assert first(f"begin {{ {body} }}") == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("begin { } struct x { int a; }", "C definitions must appear before probes and functions"),
        ("macro m() { } #define X 1", "C definitions must appear before probes and functions"),
        ("begin { } config = { }", "config must appear before probes and functions"),
        ('fn f() { } import "x";', "root imports must appear before probes and functions"),
        ("config = { } config = { }", "duplicate config block"),
        ("let $x = 1;", LET),
        ("let x;", LET),
        ("config = { };", "expected a probe"),
        ("config = { x = 1 y = 2 }", "expected '}'"),
        ("config = { x = }", "expected a config value"),
        ("begin { };", "expected a probe"),
        ("begin { } }", "expected a probe"),
        ("begin,, end { }", "expected a probe"),
        ("{ }", "expected a probe"),
        ("begin", "expected '{'"),
        ("begin {", "expected '}'"),
        ('kprobe:"f { }', "unterminated string"),
        ("/* comment", "unterminated comment"),
        ("begin { /* comment }", "unterminated comment"),
        ("macro f(a,) { }", "expected a macro parameter"),
        ("macro f(1) { }", "expected a macro parameter"),
        ("macro f() 1", "expected '{'"),
        ("macro f(pid) { }", "expected a macro parameter, found the built-in value 'pid'"),
        ("struct x;", "expected '{'"),
        ("struct x { int a;", "expected '}'"),
        ("import x;", "expected a path"),
        ('import "x"', "expected ';'"),
        ("let @m = hash;", "expected '('"),
        ("`", "invalid character '`'"),
    ],
)
def test_at_the_root(text: str, message: str) -> None:
    assert first(text) == message


def first(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        parse(Source(name="spec.bt", text=text))
    return caught.value.diagnostics[0].message.removeprefix("syntax: ")


def test_one_mistake_is_told_once() -> None:
    for text in ("begin { } struct x { int a; };", "begin { $x = 1 $y = 2; } end { }", "/* x"):
        with pytest.raises(SpecError) as caught:
            parse(Source(name="spec.bt", text=text))
        assert len(caught.value.diagnostics) == 1
