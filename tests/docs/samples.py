# SPDX-License-Identifier: MIT
"""Runs probes of the library beside their workloads (`loads.py`): in a guest of the lab.

Prints a JSON object a line, for `generate.py`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from harness import Kptrace
from loads import GROUPS, PROBES

import kptrace
from kptrace.cli import library

COMPILER = Path(__file__).parents[1] / "lab" / "guest_clang.sh"
LEAST_S = 2.5
"""How long a probe runs at least: some print once a second."""


def main(names: Sequence[str]) -> int:
    if os.environ.get("KPTRACE_LAB") != "1":
        print("samples.py writes to whole disks: it runs in the lab only", file=sys.stderr)
        return 2
    os.environ["KPTRACE_CLANG"] = str(COMPILER)
    status = 0
    for probe in library.probes():
        if probe.name in names or not names:
            try:
                print(json.dumps(_sample(probe)), flush=True)
            except Exception as error:
                print(json.dumps({"probe": probe.name, "problem": str(error)}), flush=True)
                status = 1
    return status


def _sample(probe: library.LibraryProbe) -> dict[str, str]:
    row = PROBES.get(probe.name) or GROUPS[probe.group]
    command = ("run", probe.name, *row.arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "work").mkdir()
        with row.work(folder / "work") as work, Kptrace(folder).tracing(*command) as tracer:
            end = time.monotonic() + LEAST_S
            work()
            time.sleep(max(end - time.monotonic(), 0))
            run = tracer.stop()
    if run.status or not run.out.strip():
        raise RuntimeError(f"exit status {run.status}: {run.err}")
    return {
        "probe": probe.name,
        "command": f"kptrace {' '.join(command)}",
        "work": row.work.__doc__ or "",
        "output": run.out,
        "kernel": os.uname().release,
        "version": kptrace.__version__,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
