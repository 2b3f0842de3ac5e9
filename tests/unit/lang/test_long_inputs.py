# SPDX-License-Identifier: MIT
"""Text of every kind, by the megabyte: a tree or errors of the parser, in linear time.

Wrong text is refused where it is wrong, so its size costs nothing. Right text is smaller here, but
large enough: anything quadratic would take minutes.
"""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kptrace.errors import SpecError
from kptrace.lang import parse
from kptrace.source import Source

MEGABYTE = 1_000_000
RIGHT = 100_000
LIMIT_S = 5.0


def filled(form: str, piece: str, size: int) -> str:
    """``form`` with ``~`` replaced by so many pieces that they have the size."""
    return form.replace("~", piece * (size // len(piece)))


def messages(text: str) -> list[str]:
    """What the parser says, soon."""
    start = time.process_time()
    found: list[str] = []
    try:
        parse(Source(name="spec.bt", text=text))
    except SpecError as error:
        found = [one.message for one in error.diagnostics]
    assert time.process_time() - start < LIMIT_S
    return found


def check(text: str, *, right: bool) -> None:
    found = messages(text)
    assert (not found) is right
    assert all(one.startswith("syntax: ") for one in found)


BINARY = "|| && | ^ & == != < > <= >= << >> + - * / %".split()
WRONG = [
    *(("~", piece) for piece in '( [ { } ) ] ` \0 é /* @ , : ; = 1 a " $ . \udcff'.split(" ")),
    *(("begin { ~", piece) for piece in ("(", "[", "{", ")", "]", "`", "\0", "@a[", "f(")),
    *(("begin { $x = ~", piece) for piece in ("(", "[", "{", "(1,", "(a=", "(a*", "@a[", "f(")),
    *(("begin { $x = ~1; }", f"1{one}") for one in BINARY),
    *(("begin { $x = ~", one) for one in BINARY),
    *(("begin { $x = ~$a; }", f"{one} ") for one in "! ~ - * & ++ --".split() if one != "~"),
    *(("begin { $x = $a~; }", one) for one in ".a ->a .0 [0] ++ --".split()),
    *(("begin { $x = ~1; }", one) for one in ("1?1:", "1?", "1?:", "(a)", "(typeof(1))", "1+-")),
    *(("begin { $x = ~", f"{one}(") for one in ("typeof", "(typeof", "sizeof", "offsetof", "if ")),
    *(("begin { $x = ~", one) for one in ("comptime ", "if ", "if 1 {", "sizeof((a)", "sizeof(a*")),
    *(("begin { ~", f"{one} ") for one in ("if", "while", "unroll", "for", "let", "return", "_ =")),
    *(("begin { ~", one) for one in ("if (1) {", "while (1) {", "for $i : 0..1 {", "for ($i : ")),
    *(("begin { ~{} }", one) for one in ("if 1 {} else ", "if (1) {} else ")),
    *(("begin { $x = ~1; }", one) for one in ("9", "1_", "1e9", "0x", "1ms")),
    *(("begin { $x = 0x~1; }", one) for one in ("f", "1e9")),
    ("begin { print($~); }", "1"),
    ('begin { $x = "~', "a"),
    ('begin { $x = "~', "\\"),
    ('begin { $x = "~', '\\"'),
    ('begin { $x = "~"; }', "\\z"),
    ('begin { $x = "~"; }', "\\777"),
    ("begin { ~", '"a" "\n'),
    ("begin /1~ {}", "/ /**/"),
    ("begin /1~{}", "/ /* { */ "),
    ("/*~", "*"),
    ("begin {} /*~", "a"),
    ("kprobe:~", '"a'),
    ('kprobe:"~', '\\"'),
    ("kprobe:~", "$1 "),
    ("begin~", ",,"),
    ("struct x {~", "int a;"),
    ("~", "struct a{"),
    ("~", "struct a "),
    ("struct x {int a;} __attribute__(~", "("),
    ("config={~", "max_strlen=5;;"),
    ("~", "config={};"),
    ("~", "let "),
    ("macro m(~", "$x,"),
    ("fn a ~", "("),
    ("~", "begin { $x = ; }"),
    ("~", "begin { ` }\n"),
    ("~", "a b {"),
    ("~", 'begin { "\n }'),
]


@pytest.mark.parametrize(("form", "piece"), WRONG)
def test_a_megabyte_of_what_is_wrong(form: str, piece: str) -> None:
    check(filled(form, piece, MEGABYTE), right=False)


RIGHT_FORMS = [
    ("begin { $~ = 1; @~ = 2; ~(); }", "a"),
    ("kprobe:~ {}", "a"),
    ("kprobe~ {}", ":a"),
    ("kprobe~ {}", ':"a"'),
    ("kprobe:a~ {}", "/a"),
    ("~begin {}", "begin,"),
    ('begin { $x = "~"; }', "é"),
    ('begin { $x = "~"; }', "\\377"),
    ('begin { $x = "~"; }', "{;}"),
    ("/*~*/begin {}", "*"),
    ("~begin {}", "/**/"),
    ("~begin {}", "// name: a\n"),
    ("begin {~}", " \t\r\n"),
    ("begin {~}", ";"),
    ("begin {~}", "{}"),
    ("begin {~}", "$x=1;"),
    ("begin {~}", 'import "a";'),
    ("begin {~}", "let $x:int8=1;"),
    ("begin { let $x : a~; }", "*"),
    ("begin { $x = (~); }", "1,"),
    ("begin { $x = (a~)1; }", "[1]"),
    ("begin { f(1~); @a[1~] = 1; }", ",1"),
    ("begin { $x = offsetof(a,b~); }", ".b"),
    ("~", "begin{}"),
    ("~", "begin {" + "{" * 100 + "}" * 101 + "\n"),
    ("~", "begin { print(" + "(" * 100 + "1" + ")" * 100 + "); }\n"),
    ("begin { print((~)); }", "(1)*" * 400 + "1, "),
    ("~begin {}", "#a\n"),
    ("~begin {}", "struct a{int b;};"),
    ("struct x {~};", "int a;"),
    ("struct x {int a;} ~;", "__attribute__((packed)) "),
    ("config={~} begin {}", "max_strlen=5;"),
    ("~begin {}", 'import "a";'),
    ("~", "let @a=hash(1);"),
    ("~", "fn a() : b {}"),
    ("#!~\nbegin {}", "a"),
]


@pytest.mark.parametrize(("form", "piece"), RIGHT_FORMS)
def test_a_lot_of_what_is_right(form: str, piece: str) -> None:
    check(filled(form, piece, RIGHT), right=True)


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"macro a{number}($x) {{ $x }}\n" for number in range(5_000)),
        "macro a(" + ",".join(f"$p{number}" for number in range(25_000)) + ") {}",
        "begin { $x = (" + ",".join(f"a{number}=1" for number in range(20_000)) + "); }",
        "begin { " + "".join(f"$x{number} = 1; " for number in range(15_000)) + "}",
    ],
    ids=lambda text: text[:12],
)
def test_many_different_names(text: str) -> None:
    check(text, right=True)


def test_a_hundred_thousand_probes_and_statements() -> None:
    for text in ("begin{}\n" * 100_000, "begin {" + "$x=1;" * 100_000 + "}"):
        parse(Source(name="spec.bt", text=text))


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("before", ["", "begin { ", "struct x { ", '"', "macro m("])
def test_noise(seed: int, before: str) -> None:
    noise = random.Random(seed)
    data = noise.randbytes(MEGABYTE)
    if seed % 2:  # of characters that the language knows
        data = bytes(32 + one % 95 for one in data)
    check(before + data.decode("utf-8", "surrogateescape"), right=False)


PIECES = [
    "\n",
    *r"""( ) [ ] { } , ; : . .. -> ++ -- - ! ~ * & ? / + = 1 0x1 "s" "\" // /* */ \ " ' $x @m @m[
    f( (a) a (typeof( sizeof( comptime if else while for let return begin kprobe:f macro struct
    config import #""".split(),
]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=5), st.sampled_from(["", "begin { "]))
def test_any_few_pieces_over_and_over(pieces: list[str], before: str) -> None:
    found = messages(before + filled("~", " ".join(pieces) + " ", 30_000))
    assert all(one.startswith("syntax: ") for one in found)
