# SPDX-License-Identifier: MIT
"""Updates of big histograms that find no memory in their context are not lost."""

from __future__ import annotations

import json
from pathlib import Path

from kptrace.cli import execute

SPEC = """
rawtracepoint:sched_switch {
    $key = rand % 1000;
    @hist[$key] = hist($key);
    @count[$key] = count();
}
"""


def test_every_first_update_of_a_key_is_counted(tmp_path: Path) -> None:
    """The scheduler switches tasks with interrupts off: the place where memory is refused."""
    output = tmp_path / "out.json"
    arguments = ["-e", SPEC, "--percentiles", "--duration", "1", "-f", "json", "-o", str(output)]
    assert execute(["run", *arguments]) == 0
    data: dict[str, dict[str, object]] = {}
    for line in output.read_text().splitlines():
        message = json.loads(line)
        if message["type"] in ("map", "hist"):
            data |= message["data"]
        elif message["type"] == "losses":
            losses = message["data"]
    found = {
        key: sum(bucket["count"] for bucket in rows)  # type: ignore[attr-defined]
        for key, rows in data["@hist"].items()
    }
    assert found
    assert found == data["@count"]
    assert losses["map_full"] == 0
