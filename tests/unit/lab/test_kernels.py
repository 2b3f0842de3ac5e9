# SPDX-License-Identifier: MIT
"""The table of kernels, and how a build is found among Debian's package names."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType

import pytest

LAB = Path(__file__).parents[2] / "lab"


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(LAB))
    return importlib.import_module("kernels")


@pytest.mark.parametrize(
    ("series", "name", "wanted"),
    [
        ("5.10", "linux-image-5.10.0-46-amd64", True),
        ("6.12", "linux-image-6.12.95+deb13-amd64", True),
        ("6.12", "linux-image-6.12.90+deb13.1-amd64", True),
        ("6.1", "linux-image-6.12.95+deb13-amd64", False),
        ("6.1", "linux-image-6.1-amd64", False),
        ("6.1", "linux-image-6.1.0-0.deb11.52-amd64", False),
        ("5.10", "linux-image-5.10.0-46-cloud-amd64", False),
        ("7.2", "linux-image-7.2.13+deb14-rt-amd64", False),
        ("6.1", "linux-image-6.1.0-56-amd64-dbg", False),
        ("6.1", "linux-image-6.1.0-56-amd64-unsigned", False),
    ],
)
def test_only_plain_builds_of_the_series(
    kernels: ModuleType, series: str, name: str, wanted: bool
) -> None:
    assert bool(re.search(kernels.image_pattern(series), name)) is wanted


@pytest.mark.parametrize(
    "builds",
    [
        ["linux-image-5.10.0-9-amd64", "linux-image-5.10.0-46-amd64"],
        ["linux-image-7.2.9+deb13-amd64", "linux-image-7.2.12+deb13-amd64"],
        ["linux-image-6.12.90+deb13-amd64", "linux-image-6.12.90+deb13.1-amd64"],
    ],
)
def test_the_newest_by_number(kernels: ModuleType, builds: list[str]) -> None:
    assert kernels.newest(builds) == kernels.newest(reversed(builds)) == builds[-1]


def test_a_usual_run_has_the_ends_of_the_table(kernels: ModuleType) -> None:
    """Oldest and newest are always tested; the rest may wait for the matrix."""
    oldest, *_, newest = kernels.table().values()
    assert not oldest.matrix_only
    assert not newest.matrix_only
