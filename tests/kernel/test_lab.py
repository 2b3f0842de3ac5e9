# SPDX-License-Identifier: MIT
"""The guest is what the other kernel tests take it for."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest


def test_the_kernel_is_the_one_asked_for() -> None:
    assert os.uname().release.startswith(os.environ["KPTRACE_LAB_KERNEL"] + ".")


def test_kprobes_can_be_opened_through_perf() -> None:
    assert Path("/sys/bus/event_source/devices/kprobe/type").read_text().strip().isdigit()


@pytest.mark.parametrize("disk", ["/dev/vda", "/dev/nvme0n1"])
def test_disk(disk: str) -> None:
    assert stat.S_ISBLK(Path(disk).stat().st_mode)


@pytest.mark.parametrize(
    "folder", ["/sys/kernel/tracing/events", "/sys/kernel/debug", "/sys/fs/bpf"]
)
def test_mounted(folder: str) -> None:
    assert Path(folder).is_dir()


def test_the_root_takes_writes(tmp_path: Path) -> None:
    marker = Path(__file__).with_name("marker")
    marker.touch()
    marker.unlink()
    (tmp_path / "file").write_text("")
