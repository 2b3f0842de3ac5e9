# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""What the grammar of language §2 makes of a text."""

from __future__ import annotations

import pytest

from kptrace.errors import SpecError
from kptrace.lang import nodes as n
from kptrace.lang import parse, to_text
from kptrace.lang.printer import expression
from kptrace.source import Source

KITCHEN_SINK = r"""#!/usr/bin/env kptrace
#include <linux/sched.h>
#define LIMIT 100
struct pair { int a; struct { long b; } c; } __attribute__((packed));
enum color { RED, GREEN = 5 };
config = { max_map_keys = 10; missing_probes = warn; print_maps_on_exit = false; str_trunc_trailer = "~" }
import "lib.bt";
let @sized = lruhash(100);
macro twice($v, @m, plain) { $v * 2 + @m[plain] }
// name: everything
kprobe:vfs_read, mine=kretprobe:"odd,name", k:f+0x10
/ pid > 1 && comm != "x" /
{
    let $a: uint8 = 1;
    let $b : struct pair *;
    let $c;
    $a += -1 + ~$b - !$c * *$d << 2 >> 1 & 3 | 4 ^ 5;
    @m[1, "two", (3, 4)] = hist($a, 2);
    @m[$a]++; --@m[$a]; ++$a; $a--;
    @ = count();
    _ = $a;
    $t = (1, "a", ()).1; $u = (1,); $r = (x = 1, y = (z = 2));
    $f = args.file->f_path.dentry.d_name.name[2];
    $g = ((struct pair *)arg0).c.b + (uint8)(++$a) + (int8[4])$x + (typeof($a))5;
    $h = $a ? $b : $c ?: $d ? 1 : 2;
    if ($a == 1) { print(1); } else if !$b { print(2); } else { print(3); }
    $i = if ($a) { 1 } else { 2 };
    if $a { } ++$a;
    { $inner = 1; }
    while ($a < 5) { break; }
    unroll (3) { continue; }
    for $kv : @m { print($kv.0); }
    for ($n : 0..5) { print($n); }
    for $n : ($t.0)..$z { }
    $s = sizeof(struct pair) + sizeof(uint64) + sizeof($a) + sizeof(char *) + sizeof(x[4]) + sizeof((x));
    $o = offsetof(struct pair, c.b) + offsetof($a, c);
    $k = comptime (1 + 2) * typeinfo(uint8).0;
    $l = &@m; $p = &$a; $q = $1 + $#; $w = -(-$a) - -$b;
    $y = { let $z = 1; $z + 1 } / ({ 2 });
    printf("%d\n", twice($a, @m, typeof($b)), );
    return 5 > 3;
}
begin { exit() } end/1/{ 7 }
interval:s:$1 { import "x.h"; if ($a) { 1 } else { 2 }; return }
""".replace("typeof($b)), );", "typeof($b)));")


def spec(text: str) -> n.Program:
    return parse(Source(name="spec.bt", text=text))


def value(text: str) -> n.Expr:
    statement = spec(f"begin {{ $x = {text}; }}").probes[0].body.statements[0]
    assert isinstance(statement, n.Assign)
    return statement.value


def problem(text: str) -> tuple[str, str]:
    """The first message, and the text that it points at."""
    with pytest.raises(SpecError) as caught:
        spec(text)
    first = caught.value.diagnostics[0]
    assert first.span is not None
    return first.message.removeprefix("syntax: "), first.span.text


def test_kitchen_sink_survives_printing() -> None:
    tree = spec(KITCHEN_SINK)
    assert {type(item).__name__ for item in tree.items} == {
        "CDefinition", "Config", "Import", "MapDeclaration", "Macro", "Probe",
    }  # fmt: skip
    text = to_text(tree)
    assert spec(text) == tree
    assert to_text(spec(text)) == text


def grouped(node: n.Expr) -> str:
    """An expression with every operation in parentheses."""
    match node:
        case n.Binary():
            return f"({grouped(node.left)} {node.op} {grouped(node.right)})"
        case n.Unary():
            return f"({node.op}{grouped(node.operand)})"
        case n.Cast():
            return f"(cast {grouped(node.operand)})"
        case n.Increment(prefix=prefix, target=target, op=op):
            return f"({op}{grouped(target)})" if prefix else f"({grouped(target)}{op})"
        case n.Member():
            return f"({grouped(node.operand)}.{node.name})"
        case n.Ternary(then=then):
            middle = "" if then is None else grouped(then)
            return f"({grouped(node.condition)} ? {middle} : {grouped(node.otherwise)})"
        case _:
            return expression(node)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3 - 4", "((1 + (2 * 3)) - 4)"),
        ("1 << 2 + 3 < 4 == 5 & 6 ^ 7 | 8 && 9 || 10",
         "((((((((1 << (2 + 3)) < 4) == 5) & 6) ^ 7) | 8) && 9) || 10)"),
        ("1 || 2 && 3 | 4 ^ 5 & 6 == 7 < 8 << 9 + 10 % 11",
         "(1 || (2 && (3 | (4 ^ (5 & (6 == (7 < (8 << (9 + (10 % 11)))))))))))"[:-1]),
        ("8 / 4 / 2", "((8 / 4) / 2)"),
        ("-$a * !$b", "((-$a) * (!$b))"),
        ("~-*$a", "(~(-(*$a)))"),
        ("*$p.f", "(*($p.f))"),
        ("-$a++", "(-($a++))"),
        ("(uint8)$a + 1", "((cast $a) + 1)"),
        ("(uint8)$a.b", "(cast ($a.b))"),
        ("(struct x *)$a", "(cast $a)"),
        ("(x) - 1", "(cast (-1))"),
        ("(x)->y", "(x.y)"),
        ("(x) != 1", "(x != 1)"),
        ("(x) && $y", "(x && $y)"),
        ("(x) & $y", "(cast (&$y))"),
        ("x - 1", "(x - 1)"),
        ("(pid) - 1", "(pid - 1)"),
        ("(true) && $x", "(true && $x)"),
        ("(x) + 1", "(x + 1)"),
        ("(x) / 1", "(x / 1)"),
        ("1 ? 2 : 3 ? 4 : 5", "(1 ? 2 : (3 ? 4 : 5))"),
        ("1 ? 2 ? 3 : 4 : 5", "(1 ? (2 ? 3 : 4) : 5)"),
        ("$a ?: $b ?: 1", "($a ?  : ($b ?  : 1))"),
        ("$a->b.c", "(($a.b).c)"),
        ("$a - -$b", "($a - (-$b))"),
        ("$a & &@b", "($a & (&@b))"),
    ],
)  # fmt: skip
def test_precedence(text: str, expected: str) -> None:
    assert grouped(value(text)) == expected


@pytest.mark.parametrize(
    ("text", "parts", "name"),
    [
        ("begin", ("begin",), ""),
        ("kprobe:f", ("kprobe", "f"), ""),
        ("k:m:f+16", ("k", "m", "f+16"), ""),
        ("mine=kprobe:f", ("kprobe", "f"), "mine"),
        ('kprobe:"a:b, {c}"', ("kprobe", "a:b, {c}"), ""),
        (r'kprobe:"a\"\\b"', ("kprobe", r'a"\b'), ""),
        ("tracepoint:*sched*", ("tracepoint", "*sched*"), ""),
        ("uprobe:/bin/sh:main", ("uprobe", "/bin/sh", "main"), ""),
        ("interval:s:$1", ("interval", "s", "$1"), ""),
    ],
)
def test_attach_points(text: str, parts: tuple[str, ...], name: str) -> None:
    (point,) = spec(text + " { }").probes[0].attach
    assert (point.text, point.parts, point.name) == (text, parts, name)


def test_attach_list_and_predicate() -> None:
    (probe,) = spec("kprobe:a,kprobe:b , kprobe:c,\n/ $1 / 2 > 3 /\n{ }").probes
    assert [point.text for point in probe.attach] == ["kprobe:a", "kprobe:b", "kprobe:c"]
    assert probe.predicate is not None
    assert grouped(probe.predicate) == "(($1 / 2) > 3)"


def test_predicate_directly_behind_begin() -> None:
    (probe,) = spec("begin/1/{}").probes
    assert probe.attach[0].text == "begin"
    assert probe.predicate is not None


def test_names_come_from_comments_above_the_block() -> None:
    first, second, third = spec(
        "// name: one\n\n// other\nbegin { }\nend { } // name: not_this\n\n//name:three\nbegin { }"
    ).probes
    assert (first.name, second.name, third.name) == ("one", "", "three")


def test_statement_after_an_if_needs_no_semicolon() -> None:
    for following, kind in (
        ("++@x;", n.ExpressionStatement),
        ("*$p;", n.ExpressionStatement),
        ("-$x;", n.ExpressionStatement),
        ("(1, 2);", n.ExpressionStatement),
        ("@x = 1;", n.Assign),
        ("{ }", n.ExpressionStatement),
    ):
        for first in ("if (1) { }", "if (1) { 2 } else { 3 }", "{ 1 }"):
            body = spec(f"begin {{ {first} {following} 9 }}").probes[0].body
            assert len(body.statements) == 2, (first, following)
            assert isinstance(body.statements[1], kind)
            assert isinstance(body.value, n.Integer)


def test_if_is_a_value_only_at_the_end_of_a_block() -> None:
    body = spec("begin { if (1) { 2 } else { 3 } }").probes[0].body
    assert isinstance(body.value, n.If)
    body = spec("begin { if (1) { 2 } else { 3 }; }").probes[0].body
    assert body.value is None
    assert isinstance(body.statements[0], n.If)


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("begin { $x = 1 }", "", ""),
        ("begin { $x = 1 $y = 2; }", "expected ';'", "$y"),
        ("begin { print(1) print(2); }", "expected ';'", "print"),
        ("begin { if ($a) == 1 { } }", "expected '{'", "=="),
        ("begin { if $a == 1 { } }", "expected '{'", "=="),
        ("begin { $t.0 = 1; }", "Tuples and records are immutable once created. Consider creating a"
         " new value and assigning it instead.", "$t.0"),
        ("begin { 1 = 1; }", "invalid assignment target", "1"),
        ("begin { 5++; }", "increment/decrement requires a variable or map", "5++"),
        ("begin { ++pid; }", "increment/decrement requires a variable or map", "++pid"),
        ("begin { $x = &1; }", "address-of operator (&) can only be used on a map or variable",
         "&1"),
        ("begin { $x = (a=1, a=2); }", "Named argument list already contains name: a", "a"),
        ("begin { f(1, ); }", "expected an expression", ")"),
        ("begin { @m[1, ]; }", "expected an expression", "]"),
        ("begin { for $i : 5 { } }", "expected a map or a range", "5"),
        ("begin { $x = ; }", "expected an expression", ";"),
        ("begin { $x = 1; ", "expected '}'", ""),
        ("begin", "expected '{'", ""),
        ("/1/ { }", "expected a probe", "/"),
        ("let $a = hash(1);", "root-level let statements need to be map declarations, e.g."
         " let @a = hash(2);", "$a"),
        ("begin { } struct x { int a; };", "C definitions must appear before probes and functions",
         "struct x { int a; };"),
        ("begin { } config = { }", "config must appear before probes and functions",
         "config = { }"),
        ("begin { } import \"x\";", "root imports must appear before probes and functions",
         'import "x";'),
        ("config = { } config = { } begin { }", "duplicate config block", "config = { }"),
        ('kprobe:"f { }', "unterminated string", '"f { }'),
    ],
)  # fmt: skip
def test_messages(text: str, message: str, place: str) -> None:
    if not message:
        spec(text)  # a statement directly before "}" needs no semicolon
        return
    found, at = problem(text)
    assert found == message
    assert at.strip() == place or place in at


def test_the_whole_text_may_be_empty() -> None:
    assert spec("").items == ()
    assert spec(" // nothing\n").items == ()
    assert spec("#!/usr/bin/kptrace").shebang == "#!/usr/bin/kptrace"


def test_an_arrow_follows_a_value_and_no_cast() -> None:
    text = "begin { print((comm)->x); print((comm) -1); }"
    field, cast = parse(Source(name="t", text=text)).probes[0].body.statements
    assert isinstance(field, n.ExpressionStatement)
    assert isinstance(field.value, n.Call)
    assert isinstance(field.value.arguments[0], n.Member)
    assert isinstance(cast, n.ExpressionStatement)
    assert isinstance(cast.value, n.Call)
    assert isinstance(cast.value.arguments[0], n.Cast)
