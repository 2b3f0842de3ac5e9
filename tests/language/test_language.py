# SPDX-License-Identifier: MIT
"""The contract of the language, case by case: see ``conformance.py`` for what a case is."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kptrace import store

sys.path.insert(0, str(Path(__file__).parent))
import conformance

CASES = [case for case in conformance.all_cases() if case.mode != "lab"]
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="running programs needs root")


@pytest.fixture(scope="session", autouse=True)
def _prepared(pytestconfig: pytest.Config) -> Iterator[None]:
    """What every fork needs is imported once; objects are kept for the next session."""
    import kptrace.cli.emit
    import kptrace.cli.run  # noqa: F401

    objects = pytestconfig.rootpath / ".pytest_cache" / "objects"  # also where that plugin is off
    objects.mkdir(mode=0o700, parents=True, exist_ok=True)
    objects.chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "directory", lambda: objects)
        yield


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.path.parent.name}/{case.path.stem}"
)
def test_language(case: conformance.Case, tmp_path: Path) -> None:
    wrong = list(conformance.problems(case, tmp_path))
    assert not wrong, "\n\n".join([case.title.strip(), *wrong])
