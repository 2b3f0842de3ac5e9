# SPDX-License-Identifier: MIT
"""Captures of released versions are read for ever: what `tests/data/captures` holds stays as it is.

A capture of a newer version is added beside them, with ``write_sample`` of `samples.py` as it then
is, and what its report prints.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

KEPT = sorted((Path(__file__).parents[2] / "data/captures").glob("*.kpt"))


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_kept_capture_prints_what_it_always_printed(path: Path, form: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kptrace", "report", "--by-interval", "-f", form, path.name],
        capture_output=True,
        cwd=path.parent,
        env=os.environ | {"TZ": "UTC"},
        check=True,
        timeout=60,
    )
    assert done.stdout == path.with_suffix(f".{form}").read_bytes()
    assert done.stderr == path.with_suffix(f".{form}.err").read_bytes()


def test_there_are_some() -> None:
    assert KEPT
