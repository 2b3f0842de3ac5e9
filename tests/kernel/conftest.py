# SPDX-License-Identifier: MIT
"""These tests need root on a kernel that may be traced and crashed: a guest of the lab."""

from __future__ import annotations

import os

import pytest


def pytest_sessionstart() -> None:
    """Fail, not skip: a test that cannot run has not passed."""
    if os.environ.get("KPTRACE_LAB") != "1" or os.geteuid() != 0:
        pytest.exit("tests/kernel runs in the lab: make kernel-test", returncode=1)
