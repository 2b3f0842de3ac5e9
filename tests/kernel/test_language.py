# SPDX-License-Identifier: MIT
"""The cases of the language's contract that need kprobes: see tests/language/conformance.py."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from harness import Kptrace

sys.path.insert(0, str(Path(__file__).parents[1] / "language"))
import conformance

CASES = [case for case in conformance.all_cases() if case.mode == "lab"]


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.path.parent.name}/{case.path.stem}"
)
def test_language(kptrace: Kptrace, case: conformance.Case, tmp_path: Path) -> None:
    """The fixture sees to it that nothing is left in the kernel."""
    wrong = list(conformance.problems(case, tmp_path))
    assert not wrong, "\n\n".join([case.title.strip(), *wrong])
