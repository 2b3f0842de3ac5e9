# SPDX-License-Identifier: MIT
"""Writes probes/GROUP/NAME.md for the library: `make probe-docs`, with ARGS for some names only.

The probes run in one guest of the lab (`samples.py`). `--keep` only writes the pages anew that are
there, with the output that they have: for a change of a probe's text.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pages import Sample, page, sample_of

from kptrace.cli import library

CHECKOUT = Path(__file__).resolve().parents[2]
KERNEL = "6.12"
LIMIT_S = 1800
LAB = ("/usr/bin/python3", "tests/lab/lab.py", "run", "--kernel", KERNEL, "--timeout", str(LIMIT_S))


def main(arguments: Sequence[str]) -> int:
    names = [one for one in arguments if one != "--keep"]
    probes = {one.name: one for one in library.probes() if not names or one.name in names}
    unknown = set(names) - set(probes)
    if unknown:
        print(f"probe-docs: no such probe: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    samples, problems = _kept(probes) if "--keep" in arguments else _run(names)
    for name, sample in samples.items():
        page_of(probes[name]).write_text(page(probes[name], sample))
    for name in probes:
        if name not in samples:
            why = problems.get(name, "it did not run")
            print(f"probe-docs: {name} has no new page: {why}", file=sys.stderr)
    return 0 if samples.keys() == probes.keys() else 1


def page_of(probe: library.LibraryProbe) -> Path:
    """Where the page of a probe is."""
    return probe.path.with_suffix(".md")


def _kept(
    probes: dict[str, library.LibraryProbe],
) -> tuple[dict[str, Sample], dict[str, str]]:
    there = {name: page_of(one) for name, one in probes.items() if page_of(one).exists()}
    return {name: sample_of(path.read_text()) for name, path in there.items()}, {}


def _run(names: Sequence[str]) -> tuple[dict[str, Sample], dict[str, str]]:
    """Samples, and why there is none, by the name of the probe."""
    python = ["env", "PYTHONPATH=tests/kernel", ".venv/bin/python"]
    command = [*LAB, "--", *python, "tests/docs/samples.py", *names]
    samples: dict[str, Sample] = {}
    problems: dict[str, str] = {}
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as lab:
        assert lab.stdout is not None
        for line in lab.stdout:
            if not line.startswith("{"):
                print(line, end="", file=sys.stderr)
                continue
            found = json.loads(line)
            name = found.pop("probe")
            print(f"probe-docs: {name}", file=sys.stderr)
            if "problem" in found:
                problems[name] = found["problem"]
            else:
                samples[name] = Sample(**found)
    return samples, problems


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
