# SPDX-License-Identifier: MIT
"""These tests need root on a kernel that may be traced and crashed: a guest of the lab."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # for the modules beside the tests

if TYPE_CHECKING:
    from harness import Kptrace


def pytest_sessionstart() -> None:
    """Fail, not skip: a test that cannot run has not passed."""
    if os.environ.get("KPTRACE_LAB") != "1" or os.geteuid() != 0:
        pytest.exit("tests/kernel runs in the lab: make kernel-test", returncode=1)
    # The host compiles, with the same clang: see tests/lab/compiler.py.
    os.environ["KPTRACE_CLANG"] = str(HERE.parent / "lab" / "guest_clang.sh")
    # Now, once: every run of kptrace is a fork of this process.
    import kptrace.cli.run
    import kptrace.runtime.bcc_loader  # noqa: F401


@pytest.fixture
def kptrace(tmp_path: Path) -> Iterator[Kptrace]:
    """Runs kptrace; at the end of the test nothing of it may be left in the kernel."""
    import leftovers
    from harness import Kptrace

    before = leftovers.state()
    yield Kptrace(tmp_path)
    assert leftovers.added_since(before) == []


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of 64 KiB."""
    path = tmp_path / "file-to-read"
    path.write_bytes(bytes(1 << 16))
    return path
