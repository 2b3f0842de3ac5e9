# SPDX-License-Identifier: MIT
"""What may change while a kernel runs is part of its identity, and what does not matter is not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kptrace.kernel.identity import identity

MODULES = "nfs 483328 {users} {by} {state} 0xffffffffc0a00000\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "proc/sys/kernel/random/boot_id": "b0075",
        "proc/sys/kernel/kptr_restrict": "0",
        "proc/self/status": "Name:\tx\nUid:\t0\t0\t0\t0\nCapEff:\tff\nVmRSS:\t1 kB\n",
        "proc/modules": MODULES.format(users=0, by="-", state="Live"),
        "sys/kernel/tracing/dynamic_events": "",
        "sys/module/nfs/refcnt": "0",
        "sys/kernel/btf/vmlinux": "",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def _again(root: Path) -> None:
    """The same module, unloaded and loaded once more."""
    os.rename(root / "sys/module/nfs", root / "old")
    (root / "sys/module/nfs").mkdir()


CHANGES: dict[str, Callable[[Path], object]] = {
    "boot": lambda root: (root / "proc/sys/kernel/random/boot_id").write_text("another"),
    "setting": lambda root: (root / "proc/sys/kernel/kptr_restrict").write_text("2"),
    "lockdown": lambda root: (
        (root / "sys/kernel/security").mkdir(),
        (root / "sys/kernel/security/lockdown").write_text("none [integrity]"),
    ),
    "event": lambda root: (root / "sys/kernel/tracing/dynamic_events").write_text("p:a vfs_read"),
    "rights": lambda root: (root / "proc/self/status").write_text("Uid:\t0\nCapEff:\t0f\n"),
    "module": lambda root: (root / "sys/module/xfs").mkdir(),
    "module-state": lambda root: (root / "proc/modules").write_text(
        MODULES.format(users=0, by="-", state="Loading")
    ),
    "module-again": _again,
    "tracefs-hidden": lambda root: (root / "sys/kernel/tracing").chmod(0o700),
    "tracefs-gone": lambda root: shutil.rmtree(root / "sys/kernel/tracing"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen(root: Path, change: str) -> None:
    before = identity(root)
    assert before is not None
    CHANGES[change](root)
    assert identity(root) != before


def test_what_does_not_matter_is_not_seen(root: Path) -> None:
    before = identity(root)
    (root / "proc/modules").write_text(MODULES.format(users=7, by="lockd,", state="Live"))
    status = root / "proc/self/status"
    status.write_text(status.read_text().replace("1 kB", "2 kB"))
    assert identity(root) == before


@pytest.mark.parametrize(
    "missing", ["proc/sys/kernel/random/boot_id", "sys/module/nfs/refcnt", "sys/kernel/btf/vmlinux"]
)
def test_without_the_facts_there_is_none(root: Path, missing: str) -> None:
    shutil.rmtree((root / missing).parents[1 if "module" in missing else 0])
    assert identity(root) is None


def test_this_kernel() -> None:
    assert identity() == identity() is not None
