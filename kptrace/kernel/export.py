# SPDX-License-Identifier: MIT
"""The facts of this kernel as a directory, from which specifications can be checked elsewhere.

The directory is a root as every reader of this package takes one. Kernel addresses are part of it
(functions are told apart by them), so only its owner may look into it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from kptrace.errors import HostError, UsageError
from kptrace.kernel.kallsyms import Symbols

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
    """Copy the facts under ``root`` to a directory; what could not be read, by name.

    ``tracefs`` is where that file system is mounted. Raises UsageError where the directory cannot
    be written, HostError where there is too little to check anything by.
    """
    problems: list[str] = []
    for source, place in _sources(root, tracefs, problems):
        try:
            _copy(source, to / place)
        except (FileNotFoundError, NotADirectoryError):
            continue  # this kernel has no such thing, and neither will the copy
        except OSError as error:
            if error.filename != str(source):
                raise UsageError(f"cannot write '{to / place}': {error.strerror}") from None
            problems.append(f"{source}: {error.strerror}")
    (to / "proc/sys/kernel").mkdir(parents=True, exist_ok=True)
    (to / "proc/sys/kernel/arch").write_text(f"{arch}\n")
    if not (to / "proc/kallsyms").exists():
        raise HostError(f"nothing to check by: {'; '.join(problems) or 'no symbols'}")
    if Symbols(to).addresses_hidden:
        problems.append("the addresses in kallsyms: hidden from this user, and so all zero")
    return problems


@contextlib.contextmanager
def new_directory(place: Path) -> Iterator[None]:
    """A directory for its owner only, which is there in the end if what fills it succeeds.

    Raises UsageError where it exists, or cannot be made.
    """
    try:
        place.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise UsageError(f"cannot create '{place}': {error.strerror}", code="usage") from None
    try:
        yield
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def _sources(root: Path, tracefs: Path, problems: list[str]) -> Iterator[tuple[Path, str]]:
    """What to copy, and its place in the directory."""
    for pattern in _FILES:
        for source in _matching(root, pattern.split("/"), problems):
            yield source, str(source.relative_to(root))
    for pattern in _TRACEFS_FILES:
        for source in _matching(tracefs, pattern.split("/"), problems):
            yield source, f"{_TRACEFS}/{source.relative_to(tracefs)}"


def _matching(top: Path, pattern: Sequence[str], problems: list[str]) -> Iterator[Path]:
    """Paths below a directory; unlike glob() it tells what it may not look into."""
    if not pattern:
        yield top
        return
    first, *rest = pattern
    names = [first]
    if first == "*":
        try:
            names = sorted(os.listdir(top))
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            problems.append(f"{top}: {error.strerror}")
            return
    for name in names:
        yield from _matching(top / name, rest, problems)


def _copy(source: Path, to: Path) -> None:
    """A file of a kernel's file system, whose size is told only by reading it."""
    with source.open("rb") as original:
        os.makedirs(to.parent, exist_ok=True)
        with to.open("wb") as copy:
            shutil.copyfileobj(original, copy)
