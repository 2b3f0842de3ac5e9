# SPDX-License-Identifier: MIT
"""The pure part of the benchmark: medians, ratios, verdicts and the table."""

from __future__ import annotations

import dataclasses
import importlib
import json
from pathlib import Path
from types import ModuleType

import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def measure(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module("measure")


def test_a_row_has_medians_and_the_ratios_of_the_rounds(measure: ModuleType) -> None:
    found = measure.row("start", "s", [3.0, 1.0, 2.0], [4.0, 4.0, 5.0], "bpftrace 0.17.0")
    assert (found.ours, found.peer, found.ratio) == (2.0, 4.0, 0.5)
    assert found.spread == (0.25, 0.75)
    assert (found.budget, found.met) == ("", None)


def test_without_a_peer_the_spread_is_that_of_ours(measure: ModuleType) -> None:
    found = measure.row("start", "s", [3.0, 1.0, 2.0], peer_version="not installed")
    assert (found.peer, found.ratio, found.spread) == (None, None, (1.0, 3.0))


def test_no_ratio_is_made_of_a_peer_lost_in_noise(measure: ModuleType) -> None:
    budget = measure.Budget(limit=0.7, ratio=True)
    found = measure.row("cost", "ns", [5.0, 6.0, 7.0], [-1.0, -2.0, 9.0], budget=budget)
    assert (found.peer, found.ratio, found.met) == (-1.0, None, None)
    assert found.spread == (5.0, 7.0)


@pytest.mark.parametrize(
    ("bound", "ours", "ratio", "expected"),
    [
        ({"limit": 32}, 32.0, None, True),
        ({"limit": 32}, 32.1, 0.1, False),
        ({"limit": 10, "at_least": True}, 10.0, None, True),
        ({"limit": 10, "at_least": True}, 9.9, None, False),
        ({"limit": 32}, 0.0, None, None),
        ({"limit": 32}, -0.1, None, None),
        ({"limit": 10, "at_least": True}, 0.0, None, False),
        ({"limit": 0.5, "ratio": True}, 99.0, 0.5, True),
        ({"limit": 0.5, "ratio": True}, 0.1, 0.51, False),
        ({"limit": 0.5, "ratio": True}, 0.1, None, None),
    ],
)
def test_verdicts(
    measure: ModuleType,
    bound: dict[str, float],
    ours: float,
    ratio: float | None,
    expected: bool | None,
) -> None:
    assert measure.verdict(measure.Budget(**bound), ours, ratio) is expected


TABLE = """\
| what | kptrace | peer | ratio | spread | budget | met |
|---|---|---|---|---|---|---|
| start | 1 s | 4 s (bpftrace 0.17.0) | 0.25 | 0.25 .. 0.25 | at most 0.5 of the peer | yes |
| start | 1 s | - (no BCC) | - | 1 .. 1 | at most 0.1 of the peer | not comparable |
| memory | 40 MiB | - | - | 40 .. 40 | at most 32 MiB | **missed** |
| count | -0.5 ns | 2 ns (C) | - | -0.5 .. -0.5 | at most 0.5 of the peer | unmeasurable |
| kept | 100 % | - | - | 100 .. 100 | at least 100 % | not judged: too slow here |
| text to C | 9.5 ms | - | - | 9.5 .. 9.5 |  |  |

Budgets: 1 met, 1 missed, 3 not to be judged here."""


def test_the_table_marks_what_is_missed_and_counts(measure: ModuleType) -> None:
    half, tenth = (measure.Budget(limit=limit, ratio=True) for limit in (0.5, 0.1))
    rows = [
        measure.row("start", "s", [1.0], [4.0], "bpftrace 0.17.0", half),
        measure.row("start", "s", [1.0], (), "no BCC", tenth),
        measure.row("memory", "MiB", [40.0], budget=measure.Budget(limit=32)),
        measure.row("count", "ns", [-0.5], [2.0], "C", half),
        dataclasses.replace(
            measure.row("kept", "%", [100], budget=measure.Budget(limit=100, at_least=True)),
            met=None,
            unjudged="not judged: too slow here",
        ),
        measure.row("text to C", "ms", [9.5]),
    ]
    assert measure.table(rows) == TABLE
    document = json.loads(measure.as_json(rows, {"cpus": 2}))
    assert document["host"] == {"cpus": 2}
    assert [one["met"] for one in document["rows"]] == [True, None, False, None, None, None]
    assert measure.summary(rows[5:]) == "Budgets: 0 met, 0 missed."
