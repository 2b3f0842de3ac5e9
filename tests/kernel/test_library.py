# SPDX-License-Identifier: MIT
"""The library's probes, against the kernel's own books about the same work."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import Kptrace, run_as
from workloads import disk_io


def _count(buckets: list[dict[str, int]]) -> int:
    return sum(bucket["count"] for bucket in buckets)


def _interrupts(device: str) -> dict[str, int]:
    """How often each interrupt came whose line in /proc/interrupts names a device."""
    found = {}
    for line in Path("/proc/interrupts").read_text().splitlines()[1:]:
        number, *rest = line.split()
        if device in rest[-1]:
            found[number.rstrip(":")] = sum(int(one) for one in rest if one.isdigit())
    return found


@pytest.mark.parametrize(("disk", "device"), [("/dev/nvme0n1", "nvme0q"), ("/dev/vda", "-req.")])
def test_irqlatency(kptrace: Kptrace, disk: str, device: str) -> None:
    """Every interrupt of the disk that /proc/interrupts counts is in a histogram of its number."""
    before: dict[str, int] = {}

    def work() -> None:
        before.update(_interrupts(device))
        run_as("disk", disk_io(disk, 67, 0))

    run = kptrace.during(work, "run", "irqlatency")
    handled: dict[str, int] = {}
    for key, buckets in run.maps["@ns"].items():
        number, _, handler = key.partition(",")
        if device in handler:
            handled[number] = _count(buckets)
    came = {number: now - before[number] for number, now in _interrupts(device).items()}
    assert handled == {number: count for number, count in came.items() if count}
    assert sum(handled.values()) >= 67
