# SPDX-License-Identifier: MIT
"""Every command of the examples and every probe of the library compiles for the running kernel."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from kptrace.cli import execute

ROOT = Path(__file__).parents[2]
COMMANDS = re.findall(r"```\n(kptrace .*?)```", (ROOT / "examples/README.md").read_text(), re.S)
PROBES = sorted((ROOT / "probes").glob("*/*.bt"))


def compiles(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    """`emit --object`: the passes, the C and clang, but nothing is loaded."""
    assert execute(["emit", "--object", *words]) == 0, capfd.readouterr().err


@pytest.mark.parametrize("command", COMMANDS, ids=lambda text: text[:40])
def test_example(command: str, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A one-liner command is compiled by the specification that it writes."""
    words = shlex.split(command)[1:]
    if words[0] == "-e":
        compiles(words[:2], capfd)
        return
    assert execute([*words, "--show-spec"]) == 0
    spec = tmp_path / "spec.bt"
    spec.write_text(capfd.readouterr().out)
    compiles([str(spec)], capfd)


@pytest.mark.parametrize("probe", PROBES, ids=lambda path: path.stem)
def test_library_probe(probe: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A probe compiles, and says in its first comment what it is."""
    compiles([str(probe)], capfd)
    title = probe.read_text().splitlines()[2]
    assert title.startswith("// ")
    assert len(title) < 100
