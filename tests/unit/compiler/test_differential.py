# SPDX-License-Identifier: MIT
"""The same text in kptrace and in the distribution's bpftrace prints the same.

Only what both know and what the language did not change since that release. Starting bpftrace takes
long, so many specifications share a run: each is a few statements of one begin block, between
marks. `#` in a specification becomes its number, for names of its own.
"""

from __future__ import annotations

import shutil
import subprocess

import pytest

SPECS = [
    # printf
    r'printf("%d %d %u\n", 42, -42, 42);',
    r'printf("%x %X %o\n", 255, 255, 8);',
    r'printf("%5d|%-5d|%05d\n", 42, 42, 42);',
    r'printf("%lld %llu %llx\n", -1, -1, -1);',
    r'printf("%ld %lu %lx\n", -1, -1, 1 << 40);',
    r'printf("%c%c%c\n", 72, 105, 33);',
    r'printf("%s|%6s|%-6s|\n", "ab", "ab", "ab");',
    r'printf("%hhd %hd %hhu %hu\n", 511, 65537, 511, 65537);',
    r'printf("%d %d %d %d %d %d\n", 1, 2, 3, 4, 5, 6);',
    r'$z# = (uint64)7; @za# = $z#; @za# += 5; @za# *= 2; printf("%d\n", @za#); clear(@za#);',
    r'printf("a\tb\\n\"q\"\x41\101\n");',
    r'printf("%d %s\n", pid == tid, str($1));',
    # integers
    r'$a# = (uint64)100; printf("%lld %lld\n", $a# / 7, $a# % 7);',
    r'$a# = (int64)-8; printf("%lld %llu\n", $a# + 3, $a# * 2);',
    r'printf("%d %d %d\n", 1 + 2 * 3, (1 + 2) * 3, 7 - 2 - 1);',
    r'printf("%d %d %d\n", 6 & 3, 6 | 3, 6 ^ 3);',
    r'$a# = (uint64)5; printf("%d %d\n", $a# << 3, $a# >> 1);',
    r'$a# = (uint8)300; $b# = (int8)200; printf("%d %d\n", $a#, $b#);',
    r'$a# = (uint64)5; printf("%d %d %d\n", $a# > 3 ? 1 : 2, $a# == 5, $a# != 5);',
    r'$a# = (uint64)0; printf("%d %d\n", $a# || 1, $a# && 1);',
    r'$i# = 5; $i#++; printf("%d %d %d\n", $i#, $i#++, ++$i#); $i#--; printf("%d\n", $i#);',
    r'$a# = (uint64)1; if ($a#) { printf("then\n"); } else { printf("else\n"); }',
    r'$i# = 0; unroll (5) { $i# += 2; printf("%d ", $i#); } printf("\n");',
    r'$i# = 0; while ($i# < 5) { if ($i# == 3) { break; } printf("%d ", $i#); $i#++; }',
    r'printf("%d %d\n", 0x1f, 1e3); printf("%lld\n", 5000000);',
    # strings and tuples
    r'$s# = "hello"; printf("%s %d %d\n", $s#, $s# == "hello", $s# == "help");',
    r'printf("%d %d\n", strncmp("abcdef", "abcxyz", 3), strncmp("abc", "abd", 3) != 0);',
    r'print((1, "abc", (2, 3))); $t# = (1, "x"); print($t#.0); print($t#.1);',
    r'print(5); print("text"); print(-7);',
    r'printf("%s\n", ntop((uint32)0x0100007f));',
    # maps
    r'@a#["x"] = 3; @a#["y"] = 1; @a#["z"] = 2; print(@a#); clear(@a#);',
    r'@b#[1, "a"] = 5; @b#[2, "b"] = 4; print(@b#); clear(@b#);',
    r'@c# = count(); @c# = count(); print(@c#); zero(@c#); print(@c#); clear(@c#);',
    r'@d#["k"] = sum(5); @d#["k"] = sum(7); @d#["l"] = sum(1); print(@d#); clear(@d#);',
    r'@e#[1] = min(5); @e#[1] = min(3); @f#[1] = max(5); @f#[1] = max(9); print(@e#); print(@f#);'
    r" clear(@e#); clear(@f#);",
    r'@g#[1] = avg(4); @g#[1] = avg(8); @g#[2] = avg(100); print(@g#); clear(@g#);',
    r'@h# = hist(1); @h# = hist(5); @h# = hist(5); @h# = hist(1000); print(@h#); clear(@h#);',
    r'@h#["a"] = hist(0); @h#["b"] = hist(2000); @h#["b"] = hist(70000); print(@h#); clear(@h#);',
    r'@h# = hist(-3); @h# = hist(1048576); print(@h#); clear(@h#);',
    r'@l# = lhist(5, 0, 30, 10); @l# = lhist(15, 0, 30, 10); @l# = lhist(16, 0, 30, 10);'
    r" @l# = lhist(250, 0, 30, 10); print(@l#); clear(@l#);",
    r'@i#["a"] = 10; @i#["b"] = 20; @i#["c"] = 30; print(@i#, 2); print(@i#, 2, 10); clear(@i#);',
    r'@j#[1] = 5; delete(@j#[1]); print(@j#); @k#["m"]++; @k#["m"]++; print(@k#); clear(@k#);',
    r'@m# = "text"; print(@m#); @n# = (1, "two"); print(@n#); clear(@m#); clear(@n#);',
    r'@o#[1] = 1; @o#[-5] = 2; @o#[70000] = 3; print(@o#); clear(@o#);',
    r'printf("%d %s %d\n", @p#[5], @q#["none"], @r#[1, 2]); @p#[1] = 1; @q#["a"] = "b";'
    r" @r#[3, 4] = 1; clear(@p#); clear(@q#); clear(@r#);",
]  # fmt: skip
BATCH = 16


def program(first: int) -> str:
    """The specifications of one run, each after its mark."""
    parts = [
        f'printf("== {number}\\n"); {spec.replace("#", str(number))}'
        for number, spec in enumerate(SPECS[first : first + BATCH], first)
    ]
    return "BEGIN { " + "\n".join(parts) + ' printf("== end"); exit(); }'


def answers(output: str) -> dict[int, str]:
    """What each specification printed, without the blanks that the language dropped since."""
    output = "".join(f"{line.rstrip()}\n" for line in output.splitlines() if line.strip())
    parts = output.split("== ")[1:-1]
    return {int(number): text for number, _, text in (one.partition("\n") for one in parts)}


@pytest.mark.skipif(shutil.which("bpftrace") is None, reason="needs the distribution's bpftrace")
@pytest.mark.parametrize("first", range(0, len(SPECS), BATCH))
def test_same_output(run, first: int) -> None:  # type: ignore[no-untyped-def]
    text = program(first)
    peer = subprocess.run(
        ["bpftrace", "-e", text, "word"], capture_output=True, text=True, timeout=60, check=False
    )
    assert peer.returncode == 0, peer.stderr
    ours = run(text, "--no-warnings", words=("word",))
    assert (ours.status, ours.err) == (0, "")
    theirs, mine = answers(peer.stdout), answers(ours.out)
    assert set(theirs) == set(mine) == set(range(first, min(first + BATCH, len(SPECS))))
    assert {number: (SPECS[number], mine[number]) for number in mine} == {
        number: (SPECS[number], theirs[number]) for number in theirs
    }
