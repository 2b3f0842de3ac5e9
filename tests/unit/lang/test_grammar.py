# SPDX-License-Identifier: MIT
"""Texts made from the grammar of the language (§2), all productions: each parses, and printing and
parsing again gives the same tree.

The generator is written from the contract's grammar, not from the parser or its tree; where the
grammar needs context (a trailing expression, a cast's first character) it keeps to §2.2.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kptrace.lang import parse, to_text
from kptrace.source import Source

Text = st.SearchStrategy[str]
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")


def words(text: str) -> Text:
    return st.sampled_from(text.split())


def sequence(*parts: str | Text) -> Text:
    """Parts one after the other, with something between them that separates tokens."""
    made: list[Text] = []
    for part in parts:
        made += [st.just(part) if isinstance(part, str) else part, BLANK]
    return st.tuples(*made).map("".join)


def separated(one: Text, least: int, most: int, by: str = ",") -> Text:
    return st.lists(one, min_size=least, max_size=most).map(f" {by} ".join)


def optional(one: Text) -> Text:
    return st.just("") | one


BLANK = st.sampled_from((" ", " ", " ", "\n", "\t", " // c }\n", " /* { */ ", "\r\n"))
# not: built-in values (never a record's field), words of the grammar
IDENT = words("foo x_1 _y comm Zed task")
VARIABLE = words("$a $b1 $_ $for")
MAP_NAME = words("@ @m @m_1 @if")
INTEGER = words("0 7 42 0755 0xff 0XA 1_000 2e3 5ms 10s 3ns 1u 5ULL 18446744073709551615 0x1_f")
STRING = st.sampled_from(('""', '"text"', r'"\n\t\r\"\\"', r'"\x41\101"', '"é { // "', '"a b"'))
NAME = words("pid nsecs args comm foo ctx arg0 retval")
TYPE_LIKE = ("comm", "foo", "retval")
TYPE = st.tuples(
    words("uint8 int64 bool foo string char task_t") | words("s t").map("struct {}".format)
    | words("u v").map("union {}".format) | words("e f").map("enum {}".format),
    st.lists(words("* * [4] [] [16]"), max_size=2).map("".join),
).map("".join)  # fmt: skip
ASSIGN = words("= += -= *= /= %= &= |= ^= <<= >>=")
BINARY = words("|| && | ^ & == != < > <= >= << >> + - * / %")

LEAF = st.one_of(INTEGER, STRING, words("true false"), VARIABLE, MAP_NAME, words("$1 $27 $#"), NAME)


def larger(expr: Text) -> Text:
    """Expressions one level above; what is not a primary stands in parentheses."""
    block = blocks(expr)
    # a name alone in parentheses may be the type of a cast (§2.2): "(comm) & x"
    inside = sequence("(", expr.filter(lambda text: text not in TYPE_LIKE), ")")
    keyed = sequence(MAP_NAME, "[", separated(expr, 1, 3), "]")
    place = VARIABLE | MAP_NAME | keyed
    typeof = sequence("typeof", "(", TYPE | expr, ")")
    tyex = TYPE | expr | typeof
    call = sequence(words("print count foo str"), "(", separated(expr | typeof, 0, 3), ")")
    record = sequence(
        "(",
        st.lists(IDENT, min_size=1, max_size=3, unique=True).flatmap(
            lambda names: st.tuples(*(expr for _ in names)).map(
                lambda values: ", ".join(
                    f"{name} = {value}" for name, value in zip(names, values, strict=True)
                )
            )
        ),
        ")",
    )
    primary = st.one_of(inside, LEAF, keyed, call)
    condition = inside | primary
    return st.one_of(
        primary,
        inside,
        sequence("(", expr, ")", "?", inside, ":", inside),
        sequence(inside, "?", ":", inside),
        sequence(inside, BINARY, inside, BINARY, inside),
        sequence(words("! ~ - *"), inside),
        sequence("&", VARIABLE | MAP_NAME),
        sequence(words("++ --"), place),
        sequence(place, words("++ --")),
        sequence(inside, words(". ->"), IDENT),
        sequence(inside, ".", words("0 1 12")),
        sequence(inside, "[", expr, "]"),
        sequence("(", TYPE | typeof, ")", inside),
        sequence("(", ")"),
        sequence("(", expr, ",", ")"),
        sequence("(", separated(expr, 2, 3), optional(st.just(",")), ")"),
        record,
        sequence("if", condition, block_with_value(expr), "else", block_with_value(expr)),
        sequence("sizeof", "(", tyex, ")"),
        sequence("typeinfo", "(", tyex, ")"),
        sequence("offsetof", "(", TYPE | expr, ",", separated(IDENT, 1, 3, "."), ")"),
        sequence("comptime", inside),
        block,
    )  # fmt: skip


def block_with_value(expr: Text) -> Text:
    return sequence("{", expr, "}")


def statements(expr: Text) -> Text:
    block = sequence("{", st.lists(simple_statements(expr), max_size=2).map(" ".join), "}")
    inside = sequence("(", expr.filter(lambda text: text not in TYPE_LIKE), ")")
    call = sequence("foo", "(", expr, ")")
    map_name = MAP_NAME
    bounds = sequence(inside | INTEGER | VARIABLE, "..", inside | INTEGER | VARIABLE | call)
    header = sequence(VARIABLE, ":", map_name | bounds)
    return st.one_of(
        simple_statements(expr),
        sequence("while", inside, block),
        sequence("unroll", inside | INTEGER, block),
        sequence("for", header, block),
        sequence("for", "(", header, ")", block),
        sequence("if", inside, block),
        sequence("if", "!", VARIABLE, block, "else", "if", VARIABLE, block, "else", block),
        block,
    )


def simple_statements(expr: Text) -> Text:
    keyed = sequence(MAP_NAME, "[", separated(expr, 1, 2), "]")
    vtype = TYPE | sequence("typeof", "(", expr, ")")
    return st.one_of(
        sequence("let", VARIABLE, ";"),
        sequence("let", VARIABLE, ":", vtype, ";"),
        sequence("let", VARIABLE, "=", expr, ";"),
        sequence("let", VARIABLE, ":", vtype, "=", expr, ";"),
        sequence(VARIABLE | MAP_NAME | keyed, ASSIGN, expr, ";"),
        sequence("_", "=", expr, ";"),
        sequence(words("break continue return"), ";"),
        sequence("return", "(", expr, ")", ";"),
        sequence("import", STRING, ";"),
        sequence("(", expr, ")", ";"),
        sequence("print", "(", expr, ")", ";"),
    )


def blocks(expr: Text) -> Text:
    body = st.lists(statements(expr), max_size=3).map(" ".join)
    return sequence("{", body, optional(sequence("(", expr, ")")), "}")


EXPR = st.recursive(LEAF, larger, max_leaves=8)
ATTACH = words(
    """begin end BEGIN kprobe:f k:vfs_* kprobe:"a,b{" tracepoint:a:b interval:s:1 i:1s
    kprobe:m:f+0x10 profile:hz:99 n=kprobe:f kprobe:$1 iter:task tracepoint:$1_$2:*"""
)
PROBE = st.one_of(
    sequence(separated(ATTACH, 1, 3), optional(st.just(",")), blocks(EXPR)),
    sequence(ATTACH, "/", EXPR.map("({})".format), "/", blocks(EXPR)),
)
MPARAMS = st.lists(words("$p @p p q"), max_size=3, unique_by=lambda one: one.strip("$@")).map(
    ", ".join
)
MACRO = sequence("macro", words("foo bar"), "(", MPARAMS, ")", blocks(EXPR))
MAP_DECLARATION = sequence(
    "let", words("@d @e"), "=", words("hash lruhash other"), "(", INTEGER, ")",
    optional(st.just(";")),
)  # fmt: skip
SETTING = sequence(words("max_strlen Key"), "=", INTEGER | STRING | words("true false warn"))
CONFIG = sequence(
    "config", "=", "{", separated(SETTING, 0, 3, ";"), "}"
) | sequence("config", "=", "{", SETTING, ";", "}")  # fmt: skip
C_LINE = st.sampled_from(
    ("#include <linux/fs.h>\n", "#define A 5\n", '#include "x.h"\n', "#if 1\n#endif\n")
)
C_TYPE = st.sampled_from(
    (
        "struct s { int a; char b[4]; };",
        "union u { int a; struct { long x; } b; }",
        "enum e { A, B = 5 };",
        "enum { C };",
        "struct p { char x; } __attribute__((packed));",
        "struct q { int a; } __attribute__((aligned(8)))",
        'struct r { int a; /* } */ // }\n };',
    )
)  # fmt: skip
PROGRAM: Any = st.tuples(
    optional(st.just("#!/usr/bin/env kptrace\n")),
    st.lists(C_LINE | C_TYPE, max_size=2).map("\n".join),
    optional(CONFIG),
    st.lists(sequence("import", words('"a.bt" "dir" "b.h"'), ";"), max_size=2).map(" ".join),
    st.lists(PROBE | MACRO | MAP_DECLARATION, max_size=3).map("\n".join),
).map("\n".join)


def survives(text: str) -> None:
    program = parse(Source(name="spec.bt", text=text))
    printed = to_text(program)
    again = parse(Source(name="printed.bt", text=printed))
    assert again == program
    assert to_text(again) == printed


WIDE = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


@WIDE
@given(EXPR)
def test_every_expression(text: str) -> None:
    survives(f"begin {{ $result = {text}; }}")


@WIDE
@given(blocks(EXPR))
def test_every_block(text: str) -> None:
    survives(f"begin {text}")


@WIDE
@given(PROGRAM)
def test_every_program(text: str) -> None:
    survives(text)
