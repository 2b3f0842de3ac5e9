# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""errorf, warnf and the assertions on the running kernel: where they go and what they end."""

from __future__ import annotations

from typing import Any


def test_located_messages(run: Any) -> None:
    ran = run('begin { errorf("bad %d %s", 5, "x"); warnf("odd: %6s|", "ab"); print(1); }')
    assert ran.status == 0
    assert ran.out == "1\n\n\n"
    assert ran.err == "stdin:1:9-36: ERROR: bad 5 x\nstdin:1:38-62: WARNING: odd:     ab|\n"


def test_located_messages_in_json(run: Any) -> None:
    ran = run('begin {\n errorf("a\\n"); warnf("%d", 7); }', "-f", "json")
    assert ran.lines == [
        '{"type": "errorf", "msg": "a\\n", "filename": "stdin", "line": 2, "col": 2}',
        '{"type": "warnf", "msg": "7", "filename": "stdin", "line": 2, "col": 17}',
    ]
    assert ran.err == ""


def test_no_warnings(run: Any) -> None:
    """Neither warnf nor run-time warnings; errorf stays."""
    spec = 'begin { $z = 0; warnf("w"); errorf("e"); print(1 / $z); }'
    ran = run(spec, "--no-warnings")
    assert ran.out == "1\n\n\n"
    assert ran.err == "stdin:1:29-40: ERROR: e\n"
    assert "Divide or modulo" in run(spec).err


def test_assert(run: Any) -> None:
    """The first one that fails ends the run with status 1; what comes behind it is not shown."""
    ran = run(
        'begin { $x = 3; assert($x == 3, "fine"); print($x); assert($x == 4, "100% wrong");'
        " print(5); } end { print(6); }"
    )
    assert ran.status == 1
    assert ran.out == "3\n6\n\n\n"
    assert ran.err == "stdin:1:53-82: ERROR: assert failed: 100% wrong\n"
    made = run('begin { $m = "made" ; assert(pid == 0, $m); }')
    assert (made.status, made.err) == (1, "stdin:1:23-43: ERROR: assert failed: made\n")


def test_static_assert_that_holds(run: Any) -> None:
    assert run('begin { static_assert(1 + 1 == 2, "sums"); print(1); }').out == "1\n\n\n"
