# SPDX-License-Identifier: MIT
"""iter probes: each object is looked at once, however much is printed about it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def _spec(times: int) -> str:
    loop = f'for $i : 0..{times} {{ printf("line %d\\n", $i); }}'
    return f"iter:task {{ @before = count(); {loop} @after = count(); }}"


def test_the_buffer_does_not_make_objects_run_twice(run: Any) -> None:
    """100 tasks and more: several times the kernel's buffer of 32 KiB."""
    ran = run(_spec(100), "-f", "json")
    data = [one["data"] for one in ran.json if one["type"] == "map"]
    printed = sum(one["type"] == "printf" for one in ran.json)
    tasks = printed // 100
    assert printed == 100 * tasks
    assert data == [{"@after": tasks}, {"@before": tasks}]


def test_too_much_about_one_object(run: Any) -> None:
    ran = run(_spec(5000))
    assert ran.status == 1
    assert "the events about one object of an iter probe need more than" in ran.err


@pytest.fixture
def pins(tmp_path: Path) -> Iterator[Path]:
    """A BPF file system of the test's own."""
    place = tmp_path / "bpf"
    place.mkdir()
    subprocess.run(["mount", "-t", "bpf", "bpf", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_pinned_iterator_is_for_others_to_run(run: Any, pins: Path) -> None:
    """The run ends without running it; each read of the file shows all tasks, as text."""
    line = (
        'printf("%d|%-3s|%x|%c%%\\n", ctx.task.pid, "ab", (uint8)254, 65); printf("end %d\\n", -1);'
    )
    ran = run(f'iter:task:{pins}/tasks {{ {line} for $i : 0..1 {{ printf("loop\\n"); }} }}', "-q")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out == f"Program pinned to {pins}/tasks\n\n\n"
    for _ in range(2):
        shown = (pins / "tasks").read_text().splitlines()
        assert f"{os.getpid()}|ab |fe|A%" in shown
        assert shown[1:3] == ["end -1", "loop"]
    again = run(f"iter:task:{pins}/tasks {{ {line} }}")
    assert again.status == 1
    assert f"cannot pin to {pins}/tasks: File exists\nHINT: remove the file" in again.err
    assert json.loads(run(f"iter:task:{pins}/2 {{ }}", "-q", "-f", "json").out.splitlines()[0]) == {
        "type": "pinned",
        "data": f"{pins}/2",
    }


def test_pins_are_on_a_bpf_file_system(run: Any, tmp_path: Path) -> None:
    ran = run(f'iter:task:{tmp_path}/tasks {{ printf("x"); }}')
    assert ran.status == 1
    assert "HINT: it must be on a BPF file system" in ran.err


def test_a_run_that_fails_leaves_no_pin(run: Any, pins: Path, tmp_path: Path) -> None:
    spec = f'iter:task:{pins}/one {{ printf("x"); }} iter:task:{tmp_path}/two {{ printf("y"); }}'
    ran = run(spec)
    assert ran.status == 1
    assert "cannot pin to" in ran.err
    assert not (pins / "one").exists()
