# SPDX-License-Identifier: MIT
"""Every part of the benchmark runs; its figures are not judged. A few seconds in all."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / "bench/run.py"


@pytest.mark.skipif(os.geteuid() != 0, reason="the benchmark loads BPF programs")
@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("processes", "kptrace --version"),
        ("hits", "cost per hit: count"),
        ("stream", "lines printed"),
        ("attach", "attach 2 tracepoints, warm"),
        ("maps", "print a map of 5,000 keys: time"),
        ("merge", "merge 10 captures (3 MiB): CPU time"),
    ],
)
def test_the_smallest_run_of_each_part(part: str, name: str, tmp_path: Path) -> None:
    output = tmp_path / "bench.json"
    command = [sys.executable, str(RUN), "--quick", "--rounds", "1", "--only", part]
    done = subprocess.run(
        [*command, "-o", str(output)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"| {name} | " in done.stdout
    assert "\nBudgets: " in done.stdout
    rows = {one["name"]: one for one in json.loads(output.read_text())["rows"]}
    assert rows[name]["ours"] is not None
