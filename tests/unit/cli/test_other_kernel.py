# SPDX-License-Identifier: MIT
"""Specifications for kernels that do not run here."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Kptrace = Callable[..., Any]
SPEC = (
    "rawtracepoint:sched_switch { @[args.prev.comm] = count(); } tracepoint:sched:sched_wakeup { }"
)


@pytest.fixture
def exported(kptrace: Kptrace, tmp_path: Path) -> Path:
    """This kernel, as another one."""
    directory = tmp_path / "host" / "kernel"
    done = kptrace("doctor", "--export", str(directory))
    assert done.status == 0, done.error
    return directory


def test_the_export_answers_as_the_kernel_does(kptrace: Kptrace, exported: Path) -> None:
    here = kptrace("check", "-f", "json", "-e", SPEC)
    there = kptrace("check", "-f", "json", "--kernel", str(exported), "-e", SPEC)
    assert (there.status, json.loads(there.output)) == (here.status, json.loads(here.output))
    assert (
        kptrace("list", "-v", "--kernel", str(exported), "tracepoint:sched:*").output
        == kptrace("list", "-v", "tracepoint:sched:*").output
    )


def test_it_is_the_other_kernel_that_answers(kptrace: Kptrace, exported: Path) -> None:
    """What is taken out of the directory is absent there."""
    shutil.rmtree(exported / "sys/kernel/tracing/events/sched/sched_wakeup")
    events = exported / "sys/kernel/tracing/available_events"
    events.write_text(events.read_text().replace("sched:sched_wakeup\n", ""))
    features = exported / "features.json"
    features.write_text(json.dumps(json.loads(features.read_text()) | {"loop": False}))
    done = kptrace("check", "--kernel", str(exported), "-e", SPEC)
    assert done.status == 4
    assert "No matches for tracepoint sched:sched_wakeup." in done.error
    loop = "begin { for $i : 0..$1 { @ = $i; } }"
    done = kptrace("check", "--kernel", str(exported), "-e", loop, "7")
    assert done.status == 3
    assert "loop" in done.error


def test_what_only_a_running_kernel_tells_is_unknown(kptrace: Kptrace, exported: Path) -> None:
    """The kernel here is not asked in its place."""
    other = ("--kernel", str(exported), "-e")
    for command in ("check", "list"):
        done = kptrace(command, *other, "fentry:bpf:* { }")
        assert done.status == 3
        assert "which BPF programs are loaded is not known, for fentry:bpf:*" in done.error
    ask = 'rawtracepoint:sched_switch { @ = kfunc_allowed("%s"); }'
    done = kptrace("check", *other, ask % "bpf_cpumask_create")
    assert done.status == 3
    assert "kfunc_allowed() has no answer for rawtracepoint:sched_switch" in done.error
    assert kptrace("check", *other, ask % "no_such_function").status == 0


def test_what_a_user_may_not_see_is_told(kptrace: Kptrace) -> None:
    nobody = 65534
    with tempfile.TemporaryDirectory() as place:  # pytest's own are closed to others
        os.chmod(place, 0o777)
        directory = Path(place, "kernel")
        done = kptrace("doctor", "--export", str(directory), user=nobody)
        assert done.status == 0, done.error
        assert "WARNING: left out: /sys/kernel/tracing/events: Permission denied\n" in done.error
        assert "WARNING: left out: the addresses in kallsyms: hidden" in done.error
        assert "WARNING: left out: whether the kernel has " in done.error


def test_a_failed_export_leaves_nothing(
    kptrace: Kptrace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write = Path.write_text

    def full(path: Path, *rest: Any, **more: Any) -> int:
        if path.name == "features.json":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, *rest, **more)

    monkeypatch.setattr(Path, "write_text", full)
    done = kptrace("doctor", "--export", str(tmp_path / "kernel"))
    assert done.status == 2
    assert "No space left on device" in done.error
    assert not (tmp_path / "kernel").exists()


@pytest.mark.parametrize("text", ["[]", "null", '{"loop": "yes"}', "{"])
def test_features_that_are_none(kptrace: Kptrace, exported: Path, text: str) -> None:
    (exported / "features.json").write_text(text)
    done = kptrace("check", "--kernel", str(exported), "-e", SPEC)
    assert done.status == 2
    assert "holds no kernel" in done.error


def test_only_the_owner_may_look_into_it(exported: Path) -> None:
    assert exported.stat().st_mode & 0o077 == 0


def test_an_export_overwrites_nothing(kptrace: Kptrace, exported: Path) -> None:
    done = kptrace("doctor", "--export", str(exported))
    assert done.status == 2
    assert "File exists" in done.error


def test_a_directory_that_is_no_kernel(kptrace: Kptrace, tmp_path: Path) -> None:
    done = kptrace("check", "--kernel", str(tmp_path), "-e", SPEC)
    assert done.status == 2
    assert "holds no kernel" in done.error
    assert "doctor --export" in done.error


def test_a_full_or_closed_place_is_told(kptrace: Kptrace) -> None:
    done = kptrace("doctor", "--export", f"{os.devnull}/kernel")
    assert done.status == 2
    assert "cannot create" in done.error
