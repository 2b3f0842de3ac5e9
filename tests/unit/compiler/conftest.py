# SPDX-License-Identifier: MIT
"""Runs specifications on the running kernel: probes that every tracing kernel has."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What one run of the command gave."""

    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]


Run = Callable[..., Ran]


@pytest.fixture(scope="session")
def run() -> Run:
    """``run(spec, *options)``: quiet, so that standard error has only what went wrong."""
    if os.geteuid() != 0:
        pytest.skip("running programs needs root")

    def once(
        spec: str,
        *options: str,
        words: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "kptrace", "run", "-q", *options, "-e", spec, *words],
            capture_output=True,
            timeout=60,
            check=False,
            env={**os.environ, **(environment or {})},
        )
        return Ran(
            status=done.returncode,
            out=done.stdout.decode("utf-8", "surrogateescape"),
            err=done.stderr.decode("utf-8", "surrogateescape"),
        )

    return once
