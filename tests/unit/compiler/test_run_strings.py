# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""Functions on strings and bytes, on the running kernel (language §8.2)."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

SET = '$s = comm; $long = "a string of more than thirty-two bytes, kept in scratch memory"; $n = 2;'


def values(run: Any, *expressions: str) -> list[Any]:
    body = " ".join(f"print(({one}));" for one in expressions)
    ran = run(f"begin {{ {SET} {body} }}", "-f", "json")
    assert (ran.status, ran.err) == (0, ""), ran.err
    return [one["data"] for one in ran.json if one["type"] == "value"]


@pytest.fixture(scope="module")
def comm(run: Any) -> str:
    return str(values(run, "comm")[0])


def test_compare(run: Any, comm: str) -> None:
    head = comm[:3]
    assert values(
        run,
        f'strncmp($s, "{head}x", 3)',
        f'strncmp($s, "{head}\\001", 4)',
        f'strncmp($s, "{comm}", 100)',
        f'strncmp($s, "{comm}x", 100)',
        'strncmp($s, "", 0)',
        'strncmp("abc", "abd", 2)',
        'strncmp("abc", "abd", 3)',
        f'memcmp($s, "{comm[:4]}", 4)',
        "memcmp((1, 2), (1, 3), 2) < 0",
        "memcmp((1, 3), (1, 2), 2) > 0",
        "memcmp((1, 3), (1, 2), 1)",
        "memcmp((1, 3), (1, 2), $n) > 0",
        "memcmp((1, 3), (1, 2), $n - 1)",
        "memcmp($n, (uint64)2, 1)",
    ) == [0, 1, 0, 1, 0, 0, 1, 0, True, True, 0, True, 0, 0]


def test_length(run: Any, comm: str) -> None:
    assert values(
        run,
        "strlen($s)",
        'strlen("abc")',
        "strlen($long)",
        "strlen(curtask.comm)",
        "strlen((int8 *)curtask)",
        "strcap($s)",
        'strcap("hello")',
        'strlen("")',
    ) == [len(comm), 3, 62, len(comm), 0, 16, 6, 0]


def test_length_of_a_full_string(run: Any) -> None:
    """str() with a small max_strlen may fill all its bytes: then there is no NUL."""
    spec = 'config = { max_strlen = 4 } begin { @a = str(curtask.comm); print((strlen(@a), strlen(str_concat(@a, "xyz")), str_concat(@a, "xyz"))); $b = @a; print($b); }'
    ran = run(spec, "-f", "json")
    length, joined, text = ran.json[0]["data"]
    full = ran.json[1]["data"].removesuffix("..")
    assert (length, joined, text) == (len(full), len(full) + 3, f"{full}xyz")


def test_search(run: Any, comm: str) -> None:
    tail = comm[2:5]
    assert values(
        run,
        f'strstr($s, "{tail}")',
        'strstr($s, "zzz")',
        'strstr($s, "")',
        'strstr("hello", "lo")',
        'strstr("hello", "x")',
        'strcontains("hello", "x")',
        f'strcontains($s, "{comm}")',
        f'strcontains($s, "{comm}x")',
        'strcontains($long, "scratch")',
        'strstr($long, "memory")',
        "strstr($long, $long)",
        'strstr(str_concat($long, $long), "memorya")',
        "strstr(str_concat($long, $long), str_concat($long, $long))",
        'strstr(str_concat($s, $long), str_concat($long, ""))',
        'strstr(str_concat($s, $long), str_concat("-", $long))',
        'strcontains(str_concat($s, $long), "")',
    ) == [2, -1, 0, 3, -1, False, True, False, True, 56, 0, 56, 0, len(comm), -1, True]


def test_concat(run: Any, comm: str) -> None:
    got = values(
        run,
        'str_concat($s, "-tail")',
        'str_concat("a", "b")',
        'str_concat("", $s)',
        'str_concat(str_concat($s, "/"), $s)',
    )
    assert got == [f"{comm}-tail", "ab", comm, f"{comm}/{comm}"]


def test_concat_beyond_its_size(run: Any) -> None:
    spec = (
        "begin { $a = str_concat($1, $1); $b = str_concat($a, $a); print($b); print(strlen($b)); }"
    )
    word = "x" * 400
    ran = run(spec, "-f", "json", words=(word,))
    assert ran.json[0]["data"] == "x" * 1024 + ".."
    assert ran.json[1]["data"] == 1024


def test_names(run: Any) -> None:
    assert values(
        run,
        "strerror($n)",
        "strerror(13)",
        "strerror($n + 1000)",
        "strerror($n - 3)",
        "strerror($n - 2)",
        "signal_name($n)",
        "signal_name(15)",
        "signal_name($n + 100)",
        "signal_name($n - 2)",
        "signal_name($n + 33)",
        "syscall_name($n)",
        "syscall_name(59)",
        "syscall_name($n + 1000)",
        "syscall_name($n + 398)",
        'strerror($n) == "No such file or directory"',
    ) == [
        "No such file or directory",
        "Permission denied",
        "Unknown error",
        "Unknown error",
        "Success",
        "SIGINT",
        "SIGTERM",
        "N/A",
        "Unknown signal 0",
        "SIGRTMIN+1",
        "open",
        "execve",
        "Unknown syscall",
        "Unknown syscall",
        True,
    ]


def test_in_a_tracepoint_with_long_strings(run: Any) -> None:
    """User memory, 1024-byte strings, several calls: what the verifier finds hardest."""
    spec = """
    tracepoint:syscalls:sys_enter_openat /pid == 0 || strcontains(str(args.filename), "kptrace-needle")/ {
        $f = str(args.filename);
        @length[$f] = strlen($f);
        @at = strstr($f, "needle-in-the-hay");
        @both = strlen(str_concat($f, $f));
        @same = strncmp($f, "/nonexistent/", 13);
        @syscall[syscall_name(args.__syscall_nr)] = count();
        exit();
    }
    """
    name = "/nonexistent/kptrace-needle-in-the-hay"
    opener = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import os, time\nfor _ in range(600):\n os.path.exists({name!r})\n try: open({name!r})\n except OSError: time.sleep(0.05)",
        ]
    )
    try:
        ran = run(spec, "--duration", "20")
    finally:
        opener.kill()
        opener.wait()
    assert (ran.status, ran.err) == (0, "")
    assert f"@length[{name}]: {len(name)}" in ran.lines
    assert f"@at: {name.find('needle-in')}" in ran.lines
    assert f"@both: {2 * len(name)}" in ran.lines
    assert "@same: 0" in ran.lines
    assert any(line.startswith("@syscall[openat]: ") for line in ran.lines)


def test_bcc_says_what_it_cannot(run: Any) -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("one table is enough")
    ran = run("begin { print(strerror(pid)); }", "--backend", "bcc")
    assert ran.status != 0
    assert "BCC cannot look up names of numbers" in ran.err
