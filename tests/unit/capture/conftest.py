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
    here = str(Path(__file__).parent)
    sys.path.insert(0, here)
    try:
        return importlib.import_module("samples")
    finally:
        sys.path.remove(here)


@pytest.fixture
def sample(samples: ModuleType, tmp_path: Path) -> Path:
    """A whole capture."""
    path = tmp_path / "sample.kpt"
    samples.write_sample(path)
    return path
