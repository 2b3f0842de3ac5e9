# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""tseries on the running kernel."""

from __future__ import annotations

import re
from typing import Any

CONFIG = "config = { unstable_tseries = enable } "


def test_series(run: Any) -> None:
    """The first interval may be entered in its middle, so it is long."""
    body = (
        'for $i : 1..6 { @last = tseries($i, 1h, 5); @avg["k", 1] = tseries($i, 1h, 5, "avg");'
        ' @sum = tseries(-$i, 1h, 5, "sum"); @min = tseries($i - 3, 1h, 5, "min");'
        ' @max = tseries((uint64)$i, 1h, 5, "max"); }'
    )
    ran = run(f"{CONFIG} begin {{ {body} }}", "-f", "json")
    assert (ran.status, ran.err) == (0, "")
    found = {}
    for line in ran.json:
        assert line["type"] == "tseries"
        found.update(line["data"])
    assert found.pop("@avg").keys() == {"k,1"}
    values = {name: [one["value"] for one in points] for name, points in found.items()}
    assert values == {"@last": [5], "@sum": [-15], "@min": [-2], "@max": [5]}
    (start,) = {one["interval_start"] for points in found.values() for one in points}
    assert re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\d:00\.000000000", start)


def test_intervals(run: Any) -> None:
    """One value for each interval of a ring, which keeps the last ones; the others age."""
    ran = run(
        f"{CONFIG} interval:ms:20 /@n < 12/ {{ @n++; @t = tseries(@n, 20ms, 4); if (@n == 1) {{ @k[1] = tseries(7, 20ms, 4); }}"
        " @k[2] = tseries(@n, 20ms, 4); if (@n == 12) { exit(); } }",
    )
    blocks = ran.out.split("\n\n")
    (old,) = (one for one in blocks if one.startswith("@k[1]"))
    assert old == "@k[1]:\n<no data>"
    (graph,) = (one for one in blocks if "@t:" in one)
    rows = [line for line in graph.splitlines() if re.match(r"\d\d:", line)]
    assert 3 <= len(rows) <= 4
    assert rows[-1].endswith("12")
    assert all(re.match(r"\d\d:\d\d:\d\d\.\d[02468]0 ", row) for row in rows)


def test_actions(run: Any) -> None:
    ran = run(
        f"{CONFIG} begin {{ print(@t); @t = tseries(1, 1s, 5); clear(@t); print(@t); zero(@t); print(@t, 1, 5); }}"
    )
    assert "@t:\n<no data>\n\n" in ran.out


def test_clock_without_the_helper(run: Any) -> None:
    """Before Linux 6.1 TAI is computed from the time of boot."""
    spec = f"{CONFIG} begin {{ @t = tseries(5, 1h, 5); }}"
    one = run(spec, "-f", "json", "--no-feature", "tai")
    assert one.json[0] == run(spec, "-f", "json").json[0]
