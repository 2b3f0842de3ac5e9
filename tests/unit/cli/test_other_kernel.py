# SPDX-License-Identifier: MIT
"""Specifications for kernels that do not run here."""

from __future__ import annotations

import json
import os
import shutil
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
