# SPDX-License-Identifier: MIT
"""iter probes: each object is looked at once, however much is printed about it."""

from __future__ import annotations

from typing import Any


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
