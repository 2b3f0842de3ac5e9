# SPDX-License-Identifier: MIT
"""What is read off preprocessed C."""

from __future__ import annotations

import pytest

from kptrace.compiler.cscan import scan

LINES = '# 1 "<built-in>" 1\n#define __VERSION__ "1"\n# 1 "<command line>" 1\n#define GIVEN 1\n'


def kept(text: str, *names: str) -> list[str]:
    """What gets a variable, in order."""
    lines = scan(text, names).text.partition('# 1 "types"\n')[2].splitlines()
    return [line.split(" ", 2)[2].rsplit("kptrace_keep", 1)[0].strip() for line in lines]


def test_macros_are_text_until_they_are_undefined() -> None:
    text = (
        LINES + '# 1 "a.h" 1\n#define A (B)\n#define B 2\n#define F(x) x\n#define C 3\n#undef C\n'
    )
    found = scan(text, {"A", "C", "F", "__VERSION__", "GIVEN"})
    assert found.constants == {"A": "(B)", "B": "2", "GIVEN": "1"}
    assert found.files == ("a.h",)
    assert "#define" not in found.text


def test_an_enumerator_that_is_a_macro_of_its_own_name() -> None:
    text = "enum { X = 1,\n#define X X\n};\n#define Y Y\n"
    assert scan(text, {"X", "Y"}).constants == {"Y": "Y"}


def test_every_type_gets_a_variable() -> None:
    text = (
        "struct a { union b { int x; } u; enum c { C } e; };\n"
        "struct d __attribute__((packed)) { int x; };\n"
        "struct __attribute__((aligned(8))) e { int x; };\n"
        "struct forward;\nenum { NAMELESS };\n"
    )
    assert kept(text) == [
        "struct a", "union b", "enum c", "struct d", "struct e", "enum anonymous_enum__1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("typedef unsigned int u32;", "u32"),
        ("typedef struct { int a; } pair_t;", "pair_t"),
        ("typedef struct x { int a[3]; } __attribute__((packed)) y;", "y"),
        ("typedef int list[4];", "list"),
        ("typedef enum { A, B } __attribute__((packed)) small;", "small"),
    ],
)
def test_typedefs_that_are_used(text: str, name: str) -> None:
    assert f"{name} *" in kept(text, name)
    assert f"{name} *" not in kept(text, "other")


def test_code_goes_and_lines_stay() -> None:
    text = (
        'static inline int f(int x)\n{\n asm("{" : "=a"(x)); if (x) { }\n return \'}\';\n}\n'
        'register unsigned long sp asm("rsp");\nstruct s { int x; };\n'
    )
    found = scan(text, ()).text
    assert "asm" not in found
    assert "return" not in found
    assert found.splitlines()[7] == "struct s { int x; };"
