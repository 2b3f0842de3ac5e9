# SPDX-License-Identifier: MIT
"""Kernels that are not running here: their facts in a directory, written by ``doctor --export``."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import click

from kptrace.cli.spec import open_kernel
from kptrace.errors import UsageError
from kptrace.kernel import Kernel
from kptrace.kernel.export import export, new_directory
from kptrace.runtime import features
from kptrace.runtime.loaded import raise_limits

FEATURES = "features.json"
"""What the kernel answered when it was tried; beside its files, which cannot tell."""

F = TypeVar("F", bound=Callable[..., Any])


def kernel_option(command: F) -> F:
    """Adds ``--kernel DIR``."""
    return click.option(
        "--kernel",
        "directory",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="Not for this kernel: for that of kptrace doctor --export DIR.",
    )(command)


def open_any(directory: Path | None, functions: str | None = None) -> Kernel:
    """The running kernel, or the one in a directory, whose features then answer.

    ``functions`` as in `spec.open_kernel`.
    """
    if directory is None:
        return open_kernel(functions)
    answer_for(directory)
    return Kernel(root=directory)


def answer_for(directory: Path) -> None:
    """From now on the features of the kernel in a directory answer. UsageError: it has none."""
    try:
        known = _features((directory / FEATURES).read_text())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"'{directory}' holds no kernel: {error}",
            hint="kptrace doctor --export DIR writes such a directory, on the host in question",
            code="usage",
        ) from None
    features.answer(known)


def _features(text: str) -> dict[str, bool | None]:
    """Every feature as the file answers for it, None where it does not. ValueError: no features."""
    known = json.loads(text)
    if not isinstance(known, dict):
        raise ValueError(f"{FEATURES} is no JSON object")
    found = {name: known.get(name) for name in features.names()}
    for name, can in found.items():
        if can not in (True, False, None):
            raise ValueError(f"{FEATURES} says {can!r} of {name}")
    return found


def write_kernel(directory: Path) -> list[str]:
    """Write this kernel's facts to a new directory; what could not be read."""
    raise_limits()
    with new_directory(directory), open_kernel() as kernel:
        problems = export(Path("/"), kernel.tracefs.path, kernel.arch, directory)
        answers = asdict(features.detect())
        try:
            (directory / FEATURES).write_text(f"{json.dumps(answers, indent=2)}\n")
        except OSError as error:
            message = f"cannot write '{directory / FEATURES}': {error.strerror}"
            raise UsageError(message) from None
    unknown = [name for name, can in answers.items() if can is None]
    if unknown:
        problems.append(f"whether the kernel has {', '.join(unknown)}: not found out")
    return problems
