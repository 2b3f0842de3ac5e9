# SPDX-License-Identifier: MIT
"""Command lines run in this process, or in one of their own where signals or users matter.

They run for real on whatever kernel this is: they need root, clang and tracefs, no kprobes.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

import kptrace as package
from kptrace.cli import MAX_RECURSION, execute
from kptrace.runtime import features

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a command line printed and left with."""

    status: int
    output: str
    error: str


@pytest.fixture
def kptrace(tmp_path: Path) -> Callable[..., Outcome]:
    """Run a command line in a fork of this process: as fresh as a new one, and quicker.

    ``user`` is who runs it. Such a user need not be able to read the checkout.
    """

    def run(*arguments: str, user: int = 0) -> Outcome:
        places = tmp_path / "stdout", tmp_path / "stderr"
        child = os.fork()
        if child == 0:
            _become(arguments, *places, user)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        output, error = (place.read_bytes().decode("utf-8", "replace") for place in places)
        return Outcome(status=status, output=output, error=error)

    return run


def _become(arguments: Sequence[str], output: Path, error: Path, user: int) -> NoReturn:
    """Be the command line, with its descriptors in files; never comes back."""
    status = 99
    try:
        with output.open("w") as sys.stdout, error.open("w") as sys.stderr:
            os.dup2(sys.stdout.fileno(), 1)
            os.dup2(sys.stderr.fileno(), 2)
            sys.setrecursionlimit(MAX_RECURSION)
            if user:
                _drop_rights(user)
            status = execute(arguments)
    finally:
        os._exit(status)


def _drop_rights(user: int) -> None:
    """Be another user; everything that it cannot import afterwards is imported before."""
    for module in pkgutil.walk_packages(package.__path__, "kptrace."):
        if module.name != "kptrace.__main__":
            importlib.import_module(module.name)
    features.has.cache_clear()  # what root could do is not what this user can
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a command line in a process of its own; the rest goes to Popen."""
    started: list[subprocess.Popen[bytes]] = []

    def run(*arguments: str, **more: Any) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "kptrace", *arguments],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more},
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        with process:  # closes its pipes and waits for it
            pass
