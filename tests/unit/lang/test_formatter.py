# SPDX-License-Identifier: MIT
"""kptrace fmt: nothing is lost, nothing changes its meaning, and a second time changes nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kptrace.lang import nodes as n
from kptrace.lang import parse
from kptrace.lang.formatter import format_text
from kptrace.source import Source

ROOT = Path(__file__).parents[3]
SPECS = sorted([*ROOT.glob("probes/*/*.bt"), *ROOT.glob("tests/cases/golden/*.bt")])
_COMMENTS = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\[^\n])*"', re.DOTALL)


def formatted(text: str) -> str:
    return format_text(Source(name="spec.bt", text=text))


def tree(text: str) -> n.Program:
    return parse(Source(name="spec.bt", text=text))


def comments(text: str) -> list[str]:
    found = _COMMENTS.findall(text)
    return sorted(one.rstrip() for one in found if not one.startswith('"'))


def assert_same(text: str) -> None:
    once = formatted(text)
    assert tree(once) == tree(text)
    assert [one.name for one in tree(once).probes] == [one.name for one in tree(text).probes]
    assert comments(once) == comments(text)
    assert formatted(once) == once


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.name)
def test_specifications_of_this_repository(path: Path) -> None:
    assert_same(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", sorted(ROOT.glob("probes/*/*.bt")), ids=lambda path: path.name)
def test_the_library_is_formatted(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert formatted(text) == text


UGLY = """\
#!/usr/bin/env kptrace
#include <linux/sched.h>  // for tasks
struct foo { int a; /* a field */ };


config = { // settings
  max_strlen = 100; // long

  stack_mode = perf
  /* last */ }
let @a = hash( 1_000 ); // many
macro add($x, /* second */ @m) { @m += $x; $x }
BEGIN{printf("Tracing...\\x0a")} // started
// name: entry
kprobe:vfs_read, // first
// alone
kretprobe:vfs_write
/pid == 1&&(comm == "a"||comm == "b")/ // pred
{ // open
  // one

  $t = (struct task_struct*)curtask;


  $x = ((uint64)$t->pid*2) + ((3)); /* sum */ @q++;
  printf("x %d %d", // fmt
         1, /* one */
         $x);
  if $x { let $y:uint8 = 1 } // early
  else if ($x > 5) { @b[1,2] = 2 } else
  { // inner
    @c = hist($x) // no semicolon
    // end of else
  }
  for $i : 0..10 { print($i); }
  unroll 5 { @a++; } /* a
     drawing */
  return
  // last
}
END{}
// eof"""

PRETTY = """\
#!/usr/bin/env kptrace
#include <linux/sched.h>  // for tasks
struct foo { int a; /* a field */ };

config = { // settings
    max_strlen = 100; // long

    stack_mode = perf;
    /* last */
}

let @a = hash(1_000); // many

macro add($x, /* second */ @m)
{
    @m += $x;
    $x
}

BEGIN
{
    printf("Tracing...\\x0a")
} // started

// name: entry
kprobe:vfs_read, // first
// alone
kretprobe:vfs_write
/ pid == 1 && (comm == "a" || comm == "b") / // pred
{ // open
    // one

    $t = (struct task_struct *)curtask;

    $x = ((uint64)$t->pid * 2) + 3; /* sum */
    @q++;
    printf("x %d %d", // fmt
         1, /* one */
         $x);
    if ($x) {
        let $y: uint8 = 1;
    } else if ($x > 5) {
        // early
        @b[1, 2] = 2;
    } else { // inner
        @c = hist($x); // no semicolon
        // end of else
    }
    for ($i : 0..10) {
        print($i);
    }
    unroll (5) {
        @a++;
    } /* a
     drawing */
    return;
    // last
}

END
{
}

// eof
"""


def test_layout() -> None:
    assert formatted(UGLY) == PRETTY
    assert_same(UGLY)


def test_line_ends_of_other_systems() -> None:
    assert formatted(UGLY.replace("\n", "\r\n")) == PRETTY


def test_nothing_is_still_nothing() -> None:
    assert formatted("") == ""
    assert formatted(" // a \n\n\n// b") == "// a\n\n// b\n"


LONG = """\
begin
{
    printf("a rather long text %d %s %d %s", 1111111111, "aaaaaaaaaaaaaaaaaaaa", 22222222222222,
        str($1));
    $a = aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa + bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
        - ccccccccccccccccccccccccc * 2 + 1;
    $b = $x == 11111111111111 ? "one" : $x == 2222222222222222 ? "two" : "three, which is the last";
    $b = $x == 11111111111111 ? "one"
        : $x == 2222222222222222 ? "two"
        : "three, which is the very last of them all";
}
"""


def test_what_is_too_long_is_broken() -> None:
    assert formatted(LONG) == LONG
    assert max(map(len, LONG.splitlines())) <= 100
