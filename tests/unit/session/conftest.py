# SPDX-License-Identifier: MIT
from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def samples() -> ModuleType:
    """The module with the sample capture."""
    here = str(Path(__file__).parents[1] / "capture")
    sys.path.insert(0, here)
    try:
        return importlib.import_module("samples")
    finally:
        sys.path.remove(here)
