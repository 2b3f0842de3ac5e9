# SPDX-License-Identifier: MIT
"""Control groups by id, in a directory that stands for a host."""

from __future__ import annotations

from pathlib import Path

from kptrace.kernel.cgroups import Cgroups

MOUNTS = """\
22 1 0:21 / /proc rw,nosuid - proc proc rw
31 23 0:28 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw
32 23 0:29 / /sys/fs/cgroup/cpu\\040set rw,relatime - cgroup cgroup rw,cpuset
33 23 0:30 / /elsewhere rw - tmpfs tmpfs rw
"""


def test_paths(tmp_path: Path) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/mountinfo").write_text(MOUNTS)
    top = tmp_path / "sys/fs/cgroup/unified"
    group = top / "system.slice/a b.service"
    other = tmp_path / "sys/fs/cgroup/cpu set/x"
    group.mkdir(parents=True)
    other.mkdir(parents=True)
    groups = Cgroups(tmp_path)
    assert groups.paths(top.stat().st_ino) == (("unified", "/"),)
    number = group.stat().st_ino
    assert groups.paths(number) == (("unified", "/system.slice/a b.service"),)
    assert groups.paths(other.stat().st_ino) == (("cpu set", "/x"),)
    assert groups.paths(10**15) == ()
    group.rmdir()
    assert groups.paths(number) == (("unified", "/system.slice/a b.service"),)  # as it was


def test_no_cgroups(tmp_path: Path) -> None:
    assert Cgroups(tmp_path).paths(1) == ()
