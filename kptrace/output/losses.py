# SPDX-License-Identifier: MIT
"""The loss ledger as text and as an object (language §16.3)."""

from __future__ import annotations

from kptrace.aggregate import Ledger, ProbeLoss
from kptrace.errors import printable

_NOTES = {
    "events lost": "event buffer full (perf_rb_pages)",
    "map updates dropped": "map full (max_map_keys)",
}


def text_ledger(ledger: Ledger, *, terminal: bool, quiet: bool) -> bytes:
    """Losses always; that there are none only on a terminal and unless quiet."""
    if ledger.lost:
        return "".join(f"{printable(line)}\n" for line in _loss_lines(ledger)).encode()
    if not terminal or quiet:
        return b""
    unknown = [f"{name}: unknown" for name, count in _counters(ledger).items() if count is None]
    if unknown:
        return f"Losses: none known ({', '.join(unknown)})\n".encode()
    probes = _plural(len(ledger.probes), "probe")
    return f"Losses: none ({probes}, {_plural(ledger.hits, 'hit')})\n".encode()


def _loss_lines(ledger: Ledger) -> list[str]:
    counters = _counters(ledger)
    shown = {
        name: "unknown" if count is None else str(count)
        for name, count in counters.items()
        if count != 0
    }
    label = max(map(len, counters))
    width = max(map(len, shown.values()))
    lines = ["Losses:"]
    for name, count in shown.items():
        note = _NOTES.get(name, "") if count != "unknown" else ""
        lines.append(f"  {name:<{label}}  {count:>{width}}   {note}".rstrip())
    lines += [f"  {probe.label}: {_missed(probe)}" for probe in ledger.probes if _missed(probe)]
    lines += [
        f"  {one.name}: {one.dropped} updates dropped at {one.max_entries} keys"
        for one in ledger.maps
        if one.dropped
    ]
    return lines


def _missed(probe: ProbeLoss) -> str:
    if probe.missed:
        return f"{probe.missed} missed of {probe.hits} hits"
    if probe.recursion:
        return f"{probe.recursion} refused by recursion of {probe.hits} hits"
    return ""


def ledger_object(ledger: Ledger) -> dict[str, object]:
    """The ``data`` of the JSON line; unknown is None."""
    return {
        "events": ledger.events,
        "map_full": ledger.map_full,
        "probe_misses": ledger.probe_misses,
        "recursion_misses": ledger.recursion_misses,
        "stacks": ledger.stacks,
        "probes": {
            probe.label: {
                "hits": probe.hits,
                "missed": probe.missed,
                "recursion": probe.recursion,
            }
            for probe in ledger.probes
        },
        "maps": {one.name: {"dropped": one.dropped} for one in ledger.maps},
    }


def _counters(ledger: Ledger) -> dict[str, int | None]:
    return {
        "events lost": ledger.events,
        "map updates dropped": ledger.map_full,
        "probe misses": ledger.probe_misses,
        "recursion misses": ledger.recursion_misses,
        "stacks lost": ledger.stacks,
    }


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
