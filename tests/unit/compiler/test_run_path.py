# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""path(), where this kernel can run it: in iterators (language §8.2)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest


def test_path_of_an_open_file(run: Any, tmp_path: Path) -> None:
    name = tmp_path / "an open file"
    with open(name, "w") as file:
        spec = f'iter:task_file /ctx.task.pid == {os.getpid()} && ctx.fd == {file.fileno()}/ {{ printf("%s|%s|\\n", path(ctx.file.f_path), path(ctx.file.f_path, 4)); }}'
        ran = run(spec)
    if "iter task_file not available" in ran.err:
        pytest.skip("this kernel has no iterator over files")
    assert (ran.status, ran.err) == (0, "")
    # a longer path loses its front
    assert f"{name}|ile|" in ran.out


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("path(ctx.file)", "path() only supports 'struct path' arguments (struct file * provided)"),
        ("path(5)", "path() only supports 'struct path' arguments (int8 provided)"),
        ("path(ctx.file.f_path, 0)", "path() expects a size from 1 to 1024 (0 provided)"),
        ("path(ctx.file.f_path, comm)", "path() expects an integer literal (string[16] provided)"),
        ("path()", "path() requires at least one argument (0 provided)"),
    ],
)
def test_wrong_arguments(run: Any, call: str, message: str) -> None:
    ran = run(f"iter:task_file {{ print({call}); }}")
    if "iter task_file not available" in ran.err:
        pytest.skip("this kernel has no iterator over files")
    assert ran.status != 0
    assert f"ERROR: {message}" in ran.err
