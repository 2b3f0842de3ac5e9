# SPDX-License-Identifier: MIT
"""What cannot run says why, in one message with the documented status, and leaves nothing.

The `kptrace` fixture makes sure of the last part after each test.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from harness import Kptrace

NOBODY = 65534

BAD = {
    "syntax": (
        ("-e", "kprobe:vfs_read { @x = ; }"),
        2,
        "stdin:1:24",
    ),
    "type": (
        ("-e", 'kprobe:vfs_read { @x = 1; @x = "text"; }'),
        2,
        "stdin:1:32-38: ERROR: Type mismatch for @x",
    ),
    "field that the structure has not": (
        ("-e", "kprobe:vfs_read { @ = args.file.f_pos_; }"),
        2,
        "f_pos",
    ),
    "unknown function": (
        ("-e", "kprobe:vfs_raed { @ = count(); }"),
        4,
        "vfs_read",
    ),
    "unknown argument": (
        ("-e", "kprobe:vfs_read { @ = args.fiel; }"),
        2,
        "Can't find function parameter fiel",
    ),
    "notrace function": (
        ("-e", "kprobe:__schedule { @ = count(); }"),
        4,
        "__schedule is not traceable",
    ),
    "blacklisted function": (
        ("-e", "kprobe:notifier_call_chain { @ = count(); }"),
        4,
        "blacklist",
    ),
    "module that is not loaded": (
        ("-e", "kprobe:no_such_module:f { @ = count(); }"),
        4,
        "specified module no_such_module in probe kprobe:no_such_module:f is not loaded",
    ),
    "unknown tracepoint": (
        ("-e", "tracepoint:sched:sched_swich { @ = count(); }"),
        4,
        "sched_switch",
    ),
    "file that is not there": (
        ("no-such-file.bt",),
        2,
        "cannot read 'no-such-file.bt': No such file or directory",
    ),
    "offset beyond the function": (
        ("-e", "kprobe:vfs_read+100000 { @ = count(); }"),
        4,
        "stdin:1:1",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_specification(kptrace: Kptrace, case: str) -> None:
    """The message has what helps, the status is the documented one, and there is no output."""
    arguments, status, text = BAD[case]
    run = kptrace(*arguments)
    assert run.status == status, run
    assert text in run.err
    assert run.err.startswith(("stdin:", "ERROR:"))
    assert "Traceback" not in run.err
    assert "BUG" not in run.err
    assert run.out == ""


def test_refused_late(kptrace: Kptrace) -> None:
    """Of two probes the kernel refuses the second, inside an instruction: the first is undone."""
    run = kptrace("-e", "kprobe:vfs_write { @a = count(); } kprobe:vfs_read+1 { @b = count(); }")
    assert run.status == 4
    assert "Unable to attach probe: kprobe:vfs_read+1" in run.err
    assert run.out == ""


def test_without_privilege(kptrace: Kptrace, tmp_path: Path) -> None:
    """Nobody is told what is missing."""
    _let_everybody_in(tmp_path)
    run = kptrace("-e", "kprobe:vfs_read { @ = count(); }", uid=NOBODY)
    assert run.status == 3, run
    assert "root" in run.err
    assert run.out == ""


def _let_everybody_in(folder: Path) -> None:
    """pytest keeps its folders to their owner."""
    for one in (folder, *folder.parents[:2]):
        one.chmod(0o777)


def test_without_compiler(kptrace: Kptrace) -> None:
    """The way to get one is in the message."""
    run = kptrace(
        *("--backend", "libbpf", "-e", "kprobe:vfs_read { @no_compiler = count(); }"),
        environment={"KPTRACE_CLANG": "/no/such/clang"},
    )
    assert run.status == 3, run
    assert "clang" in run.err
    assert "apt install clang" in run.err


def test_without_types(kptrace: Kptrace, tmp_path: Path) -> None:
    """A BTF file that is none is named."""
    broken = tmp_path / "btf"
    broken.write_bytes(b"not types")
    run = kptrace(
        *("-e", "kprobe:vfs_read { @ = args.count; }"), environment={"BPFTRACE_BTF": str(broken)}
    )
    assert run.status == 3, run
    assert "BTF" in run.err
    assert "Traceback" not in run.err


def test_unreadable_file(kptrace: Kptrace, tmp_path: Path) -> None:
    """A folder, and a file that this user may not read."""
    _let_everybody_in(tmp_path)
    secret = tmp_path / "secret.bt"
    secret.write_text("begin { }")
    secret.chmod(0)
    for path, uid, reason in (
        (tmp_path, None, "Is a directory"),
        (secret, NOBODY, "Permission denied"),
    ):
        run = kptrace(str(path), uid=uid)
        assert run.status == 2, run
        assert f"cannot read '{path}': {reason}" in run.err


def test_bpftool_sees_nothing(kptrace: Kptrace) -> None:
    """The kernel's own tool agrees that nothing is left of a run that attached."""
    assert kptrace("-e", "kprobe:vfs_read { @ = count(); }", "--duration", "100ms").status == 0
    bpftool = shutil.which("bpftool") or "/usr/sbin/bpftool"
    for what in ("link", "prog"):
        said = subprocess.run([bpftool, "-j", what], capture_output=True, check=True).stdout
        assert [one for one in json.loads(said or "[]") if _is_ours(one)] == []


def _is_ours(item: dict[str, object]) -> bool:
    return item["type"] in ("kprobe", "perf_event", "raw_tracepoint", "kprobe_multi")
