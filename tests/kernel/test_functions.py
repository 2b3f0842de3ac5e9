# SPDX-License-Identifier: MIT
"""Kprobes by address, where the kernel lists nothing, and entry and return together."""

from __future__ import annotations

from pathlib import Path

from harness import Kptrace, Worker, kernel_has
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


def test_entry_and_return_by_one_link(kptrace: Kptrace, tmp_path: Path) -> None:
    """Both blocks run once a call, whatever they return, and the function counts once."""
    worker = Worker("maker", folders(tmp_path, 21))
    spec = f"""
    kprobe:security_inode_mkdir /pid == {worker.pid}/ {{
        @in[func] = count();
        @s[tid] = nsecs;
        return 1;
    }}
    kretprobe:security_inode_mkdir /@s[tid]/ {{
        @out[retval, probe] = count();
        delete(@s, tid);
    }}"""
    run = kptrace.during(worker.run, "-e", spec)
    assert run.maps["@in"] == {"security_inode_mkdir": 21}
    assert run.maps["@out"] == {"0,kretprobe:security_inode_mkdir": 21}
    assert not run.maps.get("@s")
    hits = {name: one["hits"] for name, one in run.losses["probes"].items()}
    assert hits["kprobe:security_inode_mkdir"] == hits["kretprobe:security_inode_mkdir"] >= 21
    (attached,) = (one["count"] for one in run.objects if one["type"] == "attached_probes")
    assert attached == (1 if kernel_has("kprobe_session") else 2)


def test_wildcard_session(kptrace: Kptrace, tmp_path: Path) -> None:
    worker = Worker("maker", folders(tmp_path, 8))
    spec = f"""
    kprobe:security_inode_*dir /pid == {worker.pid}/ {{ @in[func] = count(); }}
    kretprobe:security_inode_*dir /pid == {worker.pid}/ {{ @out[func] = count(); }}"""
    run = kptrace.during(worker.run, "-e", spec)
    assert (
        run.maps["@in"]
        == run.maps["@out"]
        == {
            "security_inode_mkdir": 8,
            "security_inode_rmdir": 8,
        }
    )
