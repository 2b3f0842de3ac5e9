# SPDX-License-Identifier: MIT
"""What all tests share: the option that rewrites golden files, and the golden kernel."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from kptrace.cli import MAX_RECURSION
from kptrace.kernel import Kernel

# The same examples in every run: a failure in CI can be repeated, and a pass means the same to all.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("repeatable")

GOLDEN_KERNEL = Path(__file__).parent / "data/kernel/golden"


TRACEFS = Path("/sys/kernel/tracing")


def pytest_sessionstart() -> None:
    """The same ground everywhere: tracefs is mounted, and a hangup counts also under nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if os.geteuid() == 0 and not (TRACEFS / "events").exists():
        subprocess.run(["mount", "-t", "tracefs", "tracefs", TRACEFS], check=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite the expected files of tests/cases"
    )


@pytest.fixture(scope="session", autouse=True)
def _recursion_as_in_the_command() -> None:
    """Passes may recurse as deep as the command line lets them."""
    sys.setrecursionlimit(MAX_RECURSION)


@pytest.fixture(scope="session")
def golden_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The golden kernel as a directory, its BTF compiled from types.c."""
    root = tmp_path_factory.mktemp("kernel") / "golden"
    shutil.copytree(GOLDEN_KERNEL, root)
    btf = root / "sys/kernel/btf"
    btf.mkdir(parents=True)
    subprocess.run(
        ["clang", "-target", "bpf", "-g", "-O1", "-c", root / "types.c", "-o", btf / "vmlinux"],
        check=True,
    )
    return root


@pytest.fixture(scope="session")
def golden_kernel(golden_root: Path) -> Iterator[Kernel]:
    with Kernel(golden_root) as kernel:
        yield kernel
