# SPDX-License-Identifier: MIT
"""Rows of the benchmark: medians, ratios, verdicts, the Markdown table and JSON. Pure."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

MISSED = "**missed**"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A bound on our figure, or with ``ratio`` on ours divided by the peer's.

    ``at_least``: more is better.
    """

    limit: float
    ratio: bool = False
    at_least: bool = False

    def text(self, unit: str) -> str:
        sign = "at least" if self.at_least else "at most"
        return f"{sign} {self.limit:g} {'of the peer' if self.ratio else unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    ``ours`` and ``peer`` are medians of the rounds, ``ratio`` is ours divided by the peer's.
    ``spread`` is the lowest and the highest ratio of one round; without a ratio, of our figure.
    ``met`` is None where there is no budget, or nothing to judge it by; ``unjudged`` may say why.
    """

    name: str
    unit: str
    ours: float
    peer: float | None
    peer_version: str
    ratio: float | None
    spread: tuple[float, float]
    budget: str
    met: bool | None
    unjudged: str = ""


def row(
    name: str,
    unit: str,
    ours: Sequence[float],
    peer: Sequence[float] = (),
    peer_version: str = "",
    budget: Budget | None = None,
) -> Row:
    """The row of one figure, given its value in each round.

    ``peer`` is empty where there is nothing to compare with; ``peer_version`` may then say why.
    A figure that is a difference can come out at zero or below where it is less than the noise: no
    ratio is made of that, and no budget is met by it.
    """
    mine = statistics.median(ours)
    theirs = statistics.median(peer) if peer else None
    ratios = [one / other for one, other in zip(ours, peer, strict=False) if other > 0]
    ratio = mine / theirs if theirs is not None and theirs > 0 and mine > 0 else None
    values = ratios if ratio is not None else ours
    return Row(
        name=name,
        unit=unit,
        ours=mine,
        peer=theirs,
        peer_version=peer_version,
        ratio=ratio,
        spread=(min(values), max(values)),
        budget="" if budget is None else budget.text(unit),
        met=None if budget is None else verdict(budget, mine, ratio),
    )


def verdict(budget: Budget, ours: float, ratio: float | None) -> bool | None:
    """Whether a budget is met; None if it needs a ratio that is not there, or for no cost."""
    value = ratio if budget.ratio else ours
    if value is None or (ours <= 0 and not budget.at_least):
        return None
    return value >= budget.limit if budget.at_least else value <= budget.limit


_MET = {True: "yes", False: MISSED, None: ""}


def _verdict(one: Row) -> str:
    if one.met is not None or not one.budget:
        return _MET[one.met]
    if one.unjudged:
        return one.unjudged
    found = (one.ours,) if one.peer is None else (one.ours, one.peer)
    return "unmeasurable" if min(found) <= 0 else "not comparable"


def _line(one: Row) -> str:
    peer = "-" if one.peer is None else f"{one.peer:.4g} {one.unit}"
    if one.peer_version:
        peer = f"{peer} ({one.peer_version})"
    cells = (
        one.name,
        f"{one.ours:.4g} {one.unit}",
        peer,
        "-" if one.ratio is None else f"{one.ratio:.2f}",
        " .. ".join(f"{value:.3g}" for value in one.spread),
        one.budget,
        _verdict(one),
    )
    return f"| {' | '.join(cells)} |"


def summary(rows: Sequence[Row]) -> str:
    """How many budgets are met, missed and could not be judged."""
    met, missed = (sum(one.met is value for one in rows) for value in (True, False))
    open_ones = sum(bool(one.budget) and one.met is None for one in rows)
    text = f"Budgets: {met} met, {missed} missed"
    return f"{text}, {open_ones} not to be judged here." if open_ones else f"{text}."


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown, and a last line that counts the budgets."""
    head = "| what | kptrace | peer | ratio | spread | budget | met |"
    lines = [head, "|---|---|---|---|---|---|---|", *map(_line, rows), "", summary(rows)]
    return "\n".join(lines)


def as_json(rows: Sequence[Row], host: Mapping[str, object]) -> str:
    """The rows as one JSON document, with facts about the host."""
    document = {"host": dict(host), "rows": [asdict(one) for one in rows]}
    return json.dumps(document, indent=2) + "\n"
