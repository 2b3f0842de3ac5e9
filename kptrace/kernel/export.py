# SPDX-License-Identifier: MIT
"""The facts of this kernel as a directory, from which specifications can be checked elsewhere.

The directory is a root as every reader of this package takes one. Kernel addresses are part of it
(functions are told apart by them), so only its owner may look into it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from kptrace.errors import HostError, UsageError

_FILES = (
    "proc/kallsyms",
    "proc/modules",
    "proc/sys/kernel/osrelease",
    "proc/sys/kernel/kptr_restrict",
    "sys/bus/event_source/devices/kprobe/format/retprobe",
    "sys/bus/event_source/devices/kprobe/type",
    "sys/devices/system/cpu/online",
    "sys/devices/system/cpu/possible",
    "sys/kernel/btf/*",
    "sys/kernel/debug/kprobes/blacklist",
    "sys/kernel/security/lockdown",
    "sys/kernel/security/lsm",
)
_TRACEFS = "sys/kernel/tracing"
_TRACEFS_FILES = (
    "available_events",
    "available_filter_functions",
    "available_filter_functions_addrs",
    "events/*/*/format",
)


def export(root: Path, tracefs: Path, arch: str, to: Path) -> list[str]:
    """Copy the facts under ``root`` to a new directory; what could not be read, by name.

    ``tracefs`` is where that file system is mounted. Raises UsageError where the directory exists
    or cannot be written, HostError where there is too little to check anything by.
    """
    try:
        to.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise UsageError(f"cannot create '{to}': {error.strerror}", code="usage") from None
    problems: list[str] = []
    for source, place in _sources(root, tracefs):
        try:
            _copy(source, to / place)
        except FileNotFoundError:
            continue  # this kernel has no such thing, and neither will the copy
        except OSError as error:
            if error.filename != str(source):
                raise UsageError(f"cannot write '{to / place}': {error.strerror}") from None
            problems.append(f"{source}: {error.strerror}")
    (to / "proc/sys/kernel").mkdir(parents=True, exist_ok=True)
    (to / "proc/sys/kernel/arch").write_text(f"{arch}\n")
    if not (to / "proc/kallsyms").exists():
        raise HostError(f"nothing to check by: {'; '.join(problems) or 'no symbols'}")
    return problems


def _sources(root: Path, tracefs: Path) -> Iterator[tuple[Path, str]]:
    """What to copy, and its place in the directory."""
    for pattern in _FILES:
        for source in sorted(root.glob(pattern)):
            yield source, str(source.relative_to(root))
    for pattern in _TRACEFS_FILES:
        for source in sorted(tracefs.glob(pattern)):
            yield source, f"{_TRACEFS}/{source.relative_to(tracefs)}"


def _copy(source: Path, to: Path) -> None:
    """A file of a kernel's file system, whose size is told only by reading it."""
    with source.open("rb") as original:
        os.makedirs(to.parent, exist_ok=True)
        with to.open("wb") as copy:
            shutil.copyfileobj(original, copy)
