# SPDX-License-Identifier: MIT
"""Every command of the examples and every probe of the library compiles for the running kernel.

Functions and modules that it does not have are told by name, and tried in the lab (tests/kernel).
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from kptrace.cli import execute
from kptrace.errors import Exit
from kptrace.kernel.hooks import HOOKS

ROOT = Path(__file__).parents[2]
COMMANDS = re.findall(r"```\n(kptrace .*?)```", (ROOT / "examples/README.md").read_text(), re.S)
PARAMETERS = {"driverlatency": ("dummy",)}
"""Those that a probe of the library cannot do without."""
MODULES = {"driverlatency": "dummy:", "nvmequeues": "nvme:"}
"""What of a library probe is there only when its module is loaded."""
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
    """A probe says in its first comment what it is, and compiles, or tells what is missing."""
    status = execute(["emit", "--object", str(probe), *PARAMETERS.get(probe.stem, ())])
    error = capfd.readouterr().err
    assert status == Exit.OK or (status == Exit.ATTACH and _tells_missing(probe, error)), error
    title = probe.read_text().splitlines()[2]
    assert title.startswith("// ")
    assert len(title) < 100


def _tells_missing(probe: Path, error: str) -> bool:
    """Whether all errors are of hooks that have no place here, or of a module that is not loaded.

    A hook that does not exist, or whose values have no type where its place is, is a mistake.
    """
    told = re.findall(r"ERROR: (.*)", error)
    hooks = {f"No matches for hook {name}." for name in HOOKS}
    of_module = re.compile(rf"No matches for \w+ {MODULES.get(probe.stem, '(none)')}").match
    missing = [one for one in told if one in hooks or of_module(one)]
    rest = [one for one in told if one not in missing]
    return (
        bool(missing)
        and all(one.startswith("Probe has no valid attach points.") for one in rest)
        and "does not give" not in error
    )
