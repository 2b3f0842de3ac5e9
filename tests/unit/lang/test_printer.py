# SPDX-License-Identifier: MIT
"""Printing and parsing again gives the same tree, for every tree that a text can have."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kptrace.lang import nodes as n
from kptrace.lang import parse, to_text
from kptrace.lang.expression_parser import BUILTIN_VALUE
from kptrace.lang.formatter import format_text
from kptrace.source import Source, Span

# a large tree is what the tests want; nobody reads its repr while they pass
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

SPAN = Span(Source(name="", text=""), 0, 0)
NAMES = st.sampled_from(("foo", "pid", "args", "x", "nsecs", "string", "structure"))
FREE_NAMES = NAMES.filter(lambda name: not BUILTIN_VALUE.fullmatch(name))
CHARACTERS = st.characters(exclude_categories=["Cs"]) | st.sampled_from("\udc80\udcff")
Strategy = st.SearchStrategy[Any]


def make(cls: type, **fields: Strategy) -> Strategy:
    return st.builds(cls, span=st.just(SPAN), **fields)


def tuples(one: Strategy, least: int, most: int) -> Strategy:
    return st.lists(one, min_size=least, max_size=most).map(tuple)


def number(value: int) -> n.Integer:
    return n.Integer(span=SPAN, value=value, text=str(value))


VARIABLE = make(n.Variable, name=st.sampled_from(("$a", "$b1", "$_")))
INTEGER = st.integers(0, (1 << 64) - 1).map(number)
# \udc80 and its like stand for single bytes; several of them may spell a character
TEXTS = st.text(CHARACTERS, max_size=5).map(
    lambda text: text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
)
MAP_NAMES = st.sampled_from(("@", "@m", "@m_1"))
WHOLE_MAPS = make(n.Map, name=MAP_NAMES, keys=st.none())
TYPES = make(
    n.TypeName,
    keyword=st.sampled_from(("", "", "struct", "enum")),
    name=st.sampled_from(("uint8", "foo", "task_struct")),
    suffixes=tuples(st.sampled_from(("*", 4, -1)), 0, 3),
)


def is_value(node: n.If) -> bool:
    if node.then.value is None or node.otherwise is None:
        return False
    other = node.otherwise
    return is_value(other) if isinstance(other, n.If) else other.value is not None


def as_statements(nodes: list[Any]) -> tuple[n.Statement, ...]:
    return tuple(
        one if isinstance(one, n.If) or not isinstance(one, EXPRESSIONS)
        else n.ExpressionStatement(span=SPAN, value=one)
        for one in nodes
    )  # fmt: skip


EXPRESSIONS = (
    n.Integer, n.String, n.Boolean, n.Variable, n.Map, n.Positional, n.Name, n.Call,
    n.TupleLiteral, n.RecordLiteral, n.Unary, n.Binary, n.Ternary, n.Increment, n.Member,
    n.TupleIndex, n.Index, n.Cast, n.If, n.Block, n.Sizeof, n.Offsetof, n.Comptime,
)  # fmt: skip


def blocks(inner: Strategy) -> Strategy:
    maps = make(n.Map, name=MAP_NAMES, keys=st.none() | tuples(inner, 1, 2))
    # an if without a value cannot be the value of a block
    values = inner.filter(lambda one: not isinstance(one, n.If) or is_value(one))
    simple_block = make(n.Block, statements=st.just(()), value=st.none() | values)
    statement = st.one_of(
        make(
            n.Assign,
            target=VARIABLE | maps,
            op=st.sampled_from(("=", "+=", "<<=", "^=")),
            value=inner,
        ),
        make(n.Let, target=VARIABLE, type=st.none() | TYPES, value=st.none() | inner),
        make(n.Discard, value=inner),
        make(n.Return, value=st.none() | inner),
        make(n.Jump, keyword=st.sampled_from(("break", "continue"))),
        make(n.Import, path=TEXTS),
        make(n.While, condition=inner, body=simple_block),
        make(n.Unroll, count=inner, body=simple_block),
        make(
            n.For,
            variable=VARIABLE,
            over=make(n.Map, name=MAP_NAMES, keys=st.none()) | st.tuples(inner, inner),
            body=simple_block,
        ),
        inner,
    )
    return make(
        n.Block,
        statements=st.lists(statement, max_size=3).map(as_statements),
        value=st.none() | values,
    )


def larger(inner: Strategy) -> Strategy:
    maps = make(n.Map, name=MAP_NAMES, keys=st.none() | tuples(inner, 1, 3))
    block = blocks(inner)
    typed = TYPES | make(n.Typeof, operand=TYPES | inner)
    return st.one_of(
        make(n.Unary, op=st.sampled_from("!~-*"), operand=inner),
        make(n.Unary, op=st.just("&"), operand=VARIABLE | WHOLE_MAPS),
        make(
            n.Binary,
            op=st.sampled_from("|| && | ^ & == != < > <= >= << >> + - * / %".split()),
            left=inner,
            right=inner,
        ),
        make(n.Ternary, condition=inner, then=st.none() | inner, otherwise=inner),
        make(
            n.Increment,
            op=st.sampled_from(("++", "--")),
            prefix=st.booleans(),
            target=VARIABLE | maps,
        ),
        make(n.Member, operand=inner, name=NAMES, name_span=st.just(SPAN)),
        make(n.TupleIndex, operand=inner, index=st.integers(0, 20)),
        make(n.Index, operand=inner, index=inner),
        make(n.Cast, type=typed, operand=inner),
        make(n.Call, name=NAMES, arguments=tuples(inner | make(n.Typeof, operand=typed), 0, 3)),
        make(n.TupleLiteral, elements=tuples(inner, 0, 3)),
        make(
            n.RecordLiteral,
            fields=st.dictionaries(FREE_NAMES, inner, min_size=1, max_size=2).map(
                lambda found: tuple(found.items())
            ),
        ),
        make(n.Sizeof, keyword=st.sampled_from(("sizeof", "typeinfo")), operand=typed | inner),
        make(n.Offsetof, operand=typed | inner, path=tuples(NAMES, 1, 2)),
        make(n.Comptime, operand=inner),
        make(n.If, condition=inner, then=block, otherwise=st.none() | block),
        maps,
        block,
    )


LEAVES = st.one_of(
    INTEGER,
    make(n.String, value=TEXTS),
    make(n.Boolean, value=st.booleans()),
    VARIABLE,
    make(n.Map, name=MAP_NAMES, keys=st.none()),
    make(n.Positional, number=st.integers(0, 30)),
    make(n.Name, name=NAMES),
)
TREES = st.recursive(LEAVES, larger, max_leaves=12)
PROBES = make(
    n.Probe,
    attach=tuples(
        st.sampled_from(("kprobe:f", "begin", 'k:"a,b"', "interval:s:1")).map(
            lambda text: n.AttachPoint(
                span=SPAN, text=text, parts=tuple(text.replace('"', "").split(":"))
            )
        ),
        1,
        2,
    ),
    predicate=st.none() | TREES,
    body=blocks(TREES),
)

DEFINITIONS = make(
    n.CDefinition,
    text=st.sampled_from((
        "#define X 1", "#include <a/b.h>", "struct a { int x; };", "enum { A, B = 2 }",
        "union u { int x; } __attribute__((packed));",
    )),
)  # fmt: skip
IMPORTS = make(n.Import, path=TEXTS)
CONFIG = make(
    n.Config,
    settings=tuples(
        make(n.Setting, key=NAMES, value=st.booleans() | st.integers(0, 1 << 63) | TEXTS), 0, 3
    ),
)
ITEMS = st.one_of(
    PROBES,
    make(
        n.Macro,
        name=FREE_NAMES,
        parameters=st.lists(
            FREE_NAMES | st.sampled_from(("$a", "$b", "@m")), max_size=3, unique=True
        ).map(tuple),
        body=blocks(TREES),
    ),
    make(
        n.MapDeclaration,
        map=MAP_NAMES,
        kind=st.sampled_from(("hash", "lruhash")),
        size=st.integers(0, 1 << 32),
        kind_span=st.just(SPAN),
    ),
)


def read(text: str) -> n.Program:
    return parse(Source(name="spec.bt", text=text))


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(TREES)
def test_expressions_survive(tree: n.Expr) -> None:
    assign = n.Assign(span=SPAN, target=n.Variable(span=SPAN, name="$result"), op="=", value=tree)
    probe = n.Probe(
        span=SPAN,
        attach=(n.AttachPoint(span=SPAN, text="begin", parts=("begin",)),),
        predicate=None,
        body=n.Block(span=SPAN, statements=(assign,), value=None),
    )
    program = n.Program(source=SPAN.source, items=(probe,))
    assert read(to_text(program)) == program


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(PROBES, max_size=2).map(tuple))
def test_programs_survive(probes: tuple[n.Probe, ...]) -> None:
    program = n.Program(source=SPAN.source, items=probes)
    text = to_text(program)
    assert read(text) == program
    assert to_text(read(text)) == text


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    tuples(DEFINITIONS, 0, 2), tuples(IMPORTS, 0, 1), tuples(CONFIG, 0, 1), tuples(ITEMS, 0, 3),
    st.sampled_from(("", "#!/usr/bin/env kptrace")),
)  # fmt: skip
def test_root_items_survive(
    definitions: Any, imports: Any, config: Any, items: Any, shebang: str
) -> None:
    whole = (*definitions, *config, *imports, *items)
    program = n.Program(source=SPAN.source, items=whole, shebang=shebang)
    text = to_text(program)
    assert read(text) == program
    assert to_text(read(text)) == text


_GAPS = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"|[ \n]')
_COMMENTS = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\[^\n])*"', re.DOTALL)


def comments_of(text: str) -> list[str]:
    found = _COMMENTS.findall(text)
    return sorted(one.rstrip() for one in found if not one.startswith('"'))


@st.composite
def commented(draw: st.DrawFn) -> str:
    """A specification with comments in any places where blanks can stand."""
    probes = draw(st.lists(PROBES, min_size=1, max_size=2))
    text = to_text(n.Program(source=SPAN.source, items=tuple(probes)))
    gaps = [one for one in _GAPS.finditer(text) if not one.group().startswith('"')]
    chosen = draw(st.sets(st.integers(0, len(gaps) - 1), max_size=6))
    kinds = draw(st.lists(st.sampled_from(range(5)), min_size=6, max_size=6))
    for number, at in enumerate(sorted(chosen, reverse=True)):
        offset = gaps[at].end()
        insert = (
            f"// c{number}\n",
            f"/* c{number} */ ",
            f"/* c{number}\n   more */\n",
            f"\n\n\n// name: c{number} \t\n",
            "\n\n \n",
        )[kinds[number]]
        text = text[:offset] + insert + text[offset:]
    return text


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(commented())
def test_comments_survive_anywhere(text: str) -> None:
    once = format_text(Source(name="spec.bt", text=text))
    assert read(once) == read(text)
    assert [one.name for one in read(once).probes] == [one.name for one in read(text).probes]
    assert comments_of(once) == comments_of(text)
    assert format_text(Source(name="spec.bt", text=once)) == once
