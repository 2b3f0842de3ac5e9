# SPDX-License-Identifier: MIT
"""Kprobes where no name leads: by address, and where the kernel lists nothing."""

from __future__ import annotations

from pathlib import Path

from harness import Kptrace, Worker
from workloads import folders


def _address(name: str) -> str:
    for line in Path("/proc/kallsyms").read_text().splitlines():
        if line.endswith(f" T {name}"):
            return f"0x{line.split()[0]}"
    raise AssertionError(name)


def test_by_address(kptrace: Kptrace, tmp_path: Path) -> None:
    worker = Worker("maker", folders(tmp_path, 9))
    address = _address("vfs_mkdir")
    spec = f"kprobe:{address} /pid == {worker.pid}/ {{ @[func, probe] = count(); }}"
    run = kptrace.during(worker.run, "--unsafe", "-e", spec)
    assert run.maps["@"] == {f"vfs_mkdir,kprobe:{address}": 9}
    run = kptrace("-e", spec)
    assert run.status == 2
    assert "Probing by address requires --unsafe" in run.err


def test_untraceable(kptrace: Kptrace) -> None:
    """--unsafe tries it, and the kernel's refusal is told by the rules for missing probes."""
    spec = "kprobe:__schedule { }"
    told = "__schedule is not traceable"
    run = kptrace("-e", spec)
    assert run.status == 4
    assert told in run.err
    assert "No matches for kprobe __schedule." in run.err
    run = kptrace("--unsafe", "-e", spec)
    assert run.status == 4
    assert told in run.err
    assert "Unable to attach probe: kprobe:__schedule. If this is expected" in run.err
    warn = "config = { missing_probes = warn } "
    run = kptrace("--unsafe", "-e", f"{warn}{spec}")
    assert run.status == 4
    assert "Attachment failed for all probes." in run.err
    run = kptrace("--unsafe", "-e", f'{warn}{spec} begin {{ printf("begin"); exit(); }}')
    assert (run.status, run.out) == (0, "begin\n\n")
    assert "Unable to attach probe: kprobe:__schedule. Skipping." in run.err
