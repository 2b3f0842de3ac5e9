# SPDX-License-Identifier: MIT
"""What can make the same question about this kernel have another answer, from this process.

A kernel's types, functions and tracepoints stay for as long as it runs, but for its modules and
for events that users define; what of it can be seen and tried depends on rights and settings.
Everything here is read from small files: nothing is tried, and no list of symbols is read.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from kptrace.kernel.files import read

_BOOT = "proc/sys/kernel/random/boot_id"
_TYPES = "sys/kernel/btf/vmlinux"
"""Where it is missing, types come from a file that can be replaced at any time."""

CONTENTS = (
    "proc/sys/kernel/osrelease",
    "proc/sys/kernel/version",
    "proc/sys/kernel/arch",
    "proc/sys/kernel/kptr_restrict",
    "proc/sys/kernel/perf_event_paranoid",
    "proc/sys/kernel/unprivileged_bpf_disabled",
    "proc/sys/kernel/ftrace_enabled",
    "proc/sys/kernel/randomize_va_space",
    "proc/sys/net/core/bpf_jit_enable",
    "sys/kernel/security/lockdown",
    "sys/fs/selinux/enforce",
    "sys/devices/system/cpu/possible",
    "sys/kernel/tracing/dynamic_events",
)
"""Settings, and the events that users define."""

_PLACES = (
    _TYPES,
    "sys/kernel/tracing",
    "sys/kernel/debug",
    "sys/kernel/debug/tracing",
    "proc/kallsyms",
    "proc/self/ns/user",
    "proc/self/ns/pid",
)
"""What may not be mounted, not be visible to this user, or be another's."""

_RIGHTS = re.compile(rb"^(?:Uid|Gid|Groups|Cap\w+|NoNewPrivs|Seccomp):.*$", re.M)
_MODULE = re.compile(rb"^(\S+) (\S+) \S+ \S+ (\S+) (\S+)", re.M)
"""Name, size, state and address; how often and by whom it is used says nothing."""


def identity(root: Path = Path("/")) -> tuple[object, ...] | None:
    """A value that is the same as long as nothing has changed; None when that is not known.

    A module that was loaded anew is another: its directory in sysfs is (kernfs gives every node
    a number of its own, since 5.5, 67c0496e87d1).
    """
    boot = read(root / _BOOT).data
    directories = _directories(root / "sys/module")
    if boot is None or directories is None or not (root / _TYPES).exists():
        return None
    modules = read(root / "proc/modules").data
    return (
        boot,
        tuple(os.uname())[2:],
        tuple(read(root / one).data for one in CONTENTS),
        tuple(_place(root / one) for one in _PLACES),
        tuple(_RIGHTS.findall(read(root / "proc/self/status").data or b"")),
        None if modules is None else tuple(_MODULE.findall(modules)),
        directories,
    )


def _place(path: Path) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mode, found.st_uid, found.st_gid


def _directories(path: Path) -> tuple[tuple[str, int], ...] | None:
    try:
        with os.scandir(path) as entries:
            return tuple(sorted((one.name, one.inode()) for one in entries))
    except OSError:
        return None
