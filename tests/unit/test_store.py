# SPDX-License-Identifier: MIT
"""What is kept comes back whole or not at all, and only to who has the directory for himself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kptrace import store

DATA = bytes(range(256)) * 4


def test_round_trip(tmp_path: Path) -> None:
    place = tmp_path / "new" / "place"
    assert store.kept(place, "a") is None
    for data in (DATA, b"", DATA[::-1]):
        store.keep(place, "a", data)
        assert store.kept(place, "a") == data
    assert [one.name for one in place.iterdir()] == ["a"]
    assert (place / "a").stat().st_mode & 0o077 == 0
    store.forget(place, "a")
    store.forget(place, "a")
    assert store.kept(place, "a") is None


def test_nowhere() -> None:
    store.keep(None, "a", DATA)
    assert store.kept(None, "a") is None
    store.forget(None, "a")


@pytest.mark.parametrize("torn", [b"", b"\0" * 4, b"\0" * 100, DATA, DATA[:9]])
def test_torn(tmp_path: Path, torn: bytes) -> None:
    (tmp_path / "a").write_bytes(torn)
    assert store.kept(tmp_path, "a") is None


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_where_others_can_write(tmp_path: Path, mode: int) -> None:
    store.keep(tmp_path, "a", DATA)
    tmp_path.chmod(mode)
    assert store.kept(tmp_path, "a") is None
    store.keep(tmp_path, "b", DATA)
    assert not (tmp_path / "b").exists()


def test_a_link_to_a_directory_is_none(tmp_path: Path) -> None:
    (tmp_path / "place").mkdir(mode=0o700)
    store.keep(tmp_path / "place", "a", DATA)
    (tmp_path / "link").symlink_to("place")
    assert store.kept(tmp_path / "link", "a") is None


def test_it_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not used for the longest time goes, and what is used stays."""
    for number, name in enumerate("ab"):
        store.keep(tmp_path, name, DATA)
        os.utime(tmp_path / name, (number + 1, number + 1))
    assert store.kept(tmp_path, "a") == DATA  # the older one is used again
    monkeypatch.setattr(store, "_MOST_KEPT", len(DATA) * 5 // 2)
    store.keep(tmp_path, "c", DATA)
    left = {one.name for one in tmp_path.iterdir()}
    assert "b" not in left
    assert "c" in left
