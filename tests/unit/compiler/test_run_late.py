# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""strftime, username and cgroup_path on the running kernel."""

from __future__ import annotations

import os
import pwd
import time
from typing import Any


def test_strftime(run: Any) -> None:
    """Every clock gives the time of day: seconds of the epoch are what the tracer has."""
    before = time.time()
    ran = run(
        'begin { $t = nsecs; printf("%s|%s|%s|%s\\n", strftime("%s", nsecs), strftime("%s", nsecs(tai)),'
        ' strftime("%s", nsecs(sw_tai)), strftime("%s.%k", $t)); print(strftime("%H", 0));'
        ' @t = strftime("%s", nsecs); @k[strftime("%Y", nsecs), 1] = 1; print((strftime("%%", 1), 2)); }'
    )
    assert (ran.status, ran.err) == (0, "")
    first, *rest = ran.lines
    for text in first.split("|"):
        assert before - 2 <= float(text) <= time.time() + 2
    assert rest[:4] == ["(?)", "(%, 2)", "", ""]
    year = time.localtime().tm_year
    assert rest[4] in (f"@k[{year}, 1]: 1", f"@k[{year - 1}, 1]: 1")
    assert before - 2 <= int(rest[5].removeprefix("@t: ")) <= time.time() + 2


def test_username(run: Any) -> None:
    name = pwd.getpwuid(os.getuid()).pw_name
    ran = run(
        'begin { print(username); printf("%-6s|\\n", (username_t)4294967294); @[username] = count();'
        " print((username_t)uid); }"
    )
    assert ran.lines == [name, "      |", name, "", "", f"@[{name}]: 1"]
    assert run("begin { print((username, 1)); }", "-f", "json").lines == [
        f'{{"type": "value", "data": ["{name}",1]}}'
    ]


def test_cgroup_path(run: Any) -> None:
    ran = run(
        'begin { print(cgroup_path(cgroup, "unified")); @[cgroup_path(cgroup, "unif*")] = 1;'
        ' print(cgroup_path(cgroup, "nosuch")); print(cgroup_path(1 << 60)); }'
    )
    assert (ran.status, ran.err) == (0, "")
    (path,) = {line.removeprefix("@[").removesuffix("]: 1") for line in ran.lines if line}
    assert path.startswith("unified:/")
    assert ran.lines[1:3] == ["", ""]
