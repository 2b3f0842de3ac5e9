# SPDX-License-Identifier: MIT
"""Facts about a host that decide what can be traced there, each read from one small file.

In: a root directory. Out: values, with None for what cannot be read. What follows from a fact,
and what to do about it, is told by ``kptrace doctor``; attaching is never tried here.
"""

from __future__ import annotations

import os
import re
import struct
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from kptrace.kernel.files import read, read_text
from kptrace.records import dataclass

if TYPE_CHECKING:
    from kptrace.kernel.kallsyms import Symbols
    from kptrace.kernel.tracefs import Tracefs

# include/uapi/linux/capability.h
CAPABILITIES = {
    "DAC_READ_SEARCH": 2,
    "IPC_LOCK": 14,
    "SYS_ADMIN": 21,
    "SYSLOG": 34,
    "PERFMON": 38,
    "BPF": 39,
}


_NOTE = struct.Struct("=III")  # Elf64_Nhdr: sizes of name and description, type
_BUILD_ID = 3  # NT_GNU_BUILD_ID

_INITIAL_PID_NAMESPACE = 0xEFFFFFFC
"""PROC_PID_INIT_INO, include/linux/proc_ns.h."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One host. None is "unknown"; for a sysctl also "this kernel does not have it".

    ``lockdown`` is "none", "integrity" or "confidentiality"; ``jit`` 0, 1 or 2 (with debugging);
    ``capabilities`` are the effective ones among `CAPABILITIES`. ``kprobe_pmu`` is the PMU type
    for perf_event_open and ``retprobe_bit`` the bit of its config that asks for a kretprobe.
    ``headers`` is where the headers of exactly this kernel are, "" where they are not.
    ``memory_available`` is in bytes.
    """

    release: str
    arch: str
    lockdown: str | None
    perf_event_paranoid: int | None
    kptr_restrict: int | None
    jit: int | None
    unprivileged_bpf_disabled: int | None
    capabilities: frozenset[str] | None
    has_kprobes: bool | None
    kprobe_pmu: int | None
    retprobe_bit: int | None
    has_tracefs: bool
    has_btf: bool
    headers: str
    online_cpus: tuple[int, ...] | None
    possible_cpus: tuple[int, ...] | None
    memory_available: int | None

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: sorted(value) if isinstance(value, frozenset | tuple) else value
            for name, value in values.items()
        }


def read_host(
    root: Path = Path("/"), symbols: Symbols | None = None, tracefs: Tracefs | None = None
) -> Host:
    """Read all facts."""
    from kptrace.kernel.kallsyms import Symbols
    from kptrace.kernel.tracefs import Tracefs

    sysctl = root / "proc/sys"
    pmu = root / "sys/bus/event_source/devices/kprobe"
    return Host(
        release=release(root),
        arch=arch(root),
        lockdown=lockdown(root),
        perf_event_paranoid=_number(sysctl / "kernel/perf_event_paranoid"),
        kptr_restrict=_number(sysctl / "kernel/kptr_restrict"),
        jit=_number(sysctl / "net/core/bpf_jit_enable"),
        unprivileged_bpf_disabled=_number(sysctl / "kernel/unprivileged_bpf_disabled"),
        capabilities=capabilities(root),
        has_kprobes=_has_kprobes(pmu, symbols or Symbols(root)),
        kprobe_pmu=_number(pmu / "type"),
        retprobe_bit=_number(pmu / "format/retprobe", "config:"),
        has_tracefs=(tracefs or Tracefs(root)).available,
        has_btf=os.access(root / "sys/kernel/btf/vmlinux", os.R_OK),
        headers=headers(root),
        online_cpus=cpu_list(read_text(root / "sys/devices/system/cpu/online")),
        possible_cpus=cpu_list(read_text(root / "sys/devices/system/cpu/possible")),
        memory_available=memory_available(root),
    )


def release(root: Path = Path("/")) -> str:
    """The kernel's release; the running kernel's where the root does not tell."""
    return read_text(root / "proc/sys/kernel/osrelease") or os.uname().release


def arch(root: Path = Path("/")) -> str:
    """The kernel's machine name: x86_64, aarch64, ppc64le, ..."""
    # The file exists since Linux 6.1 (bfca3dd3d068).
    return read_text(root / "proc/sys/kernel/arch") or os.uname().machine


def build_id(root: Path = Path("/")) -> str:
    """The kernel's GNU build id, in hex; "" where it does not tell."""
    data, position = read(root / "sys/kernel/notes").data or b"", 0
    while position + _NOTE.size <= len(data):
        name_size, size, kind = _NOTE.unpack_from(data, position)
        name = position + _NOTE.size
        start = name + -(-name_size // 4) * 4
        if kind == _BUILD_ID and data[name : name + name_size] == b"GNU\0":
            return data[start : start + size].hex()
        position = start + -(-size // 4) * 4
    return ""


def boot_id(root: Path = Path("/")) -> str:
    """What tells this boot from every other; "" where it is unknown."""
    return read_text(root / "proc/sys/kernel/random/boot_id") or ""


def pid_namespace(root: Path = Path("/")) -> tuple[int, int] | None:
    """Device and inode of the pid namespace of this process; None in the initial one."""
    try:
        found = (root / "proc/self/ns/pid").stat()
    except OSError:
        return None  # no pid namespaces in this kernel
    return None if found.st_ino == _INITIAL_PID_NAMESPACE else (found.st_dev, found.st_ino)


def fixed_addresses(root: Path = Path("/")) -> bool:
    """Whether address space layout randomization is off (sysctl kernel.randomize_va_space)."""
    return _number(root / "proc/sys/kernel/randomize_va_space") == 0


def lockdown(root: Path = Path("/")) -> str | None:
    """The active lockdown mode; "none" for a kernel without the feature."""
    directory = root / "sys/kernel/security"
    text = read_text(directory / "lockdown")
    if text is None:
        # securityfs is mounted but has no such file: the feature is not built in or not on.
        return "none" if (directory / "lsm").exists() else None
    active = re.search(r"\[(\w+)\]", text)
    return active[1] if active else None


def capabilities(root: Path = Path("/")) -> frozenset[str] | None:
    """Effective capabilities of this process, as far as tracing asks for them."""
    status = read_text(root / "proc/self/status") or ""
    mask = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.M)
    if mask is None:
        return None
    bits = int(mask[1], 16)
    return frozenset(name for name, bit in CAPABILITIES.items() if bits >> bit & 1)


def headers(root: Path = Path("/")) -> str:
    """The directory or archive with the headers of exactly this kernel, or ""."""
    modules = root / "lib/modules" / release(root)
    # Debian's build/ holds only the generated half; the common half is in source/. A package that
    # is half installed leaves directories without this file, which every unit includes first.
    for directory in (modules / "source", modules / "build"):
        # os.path answers where this user may not look; Path.exists() would raise
        if os.path.exists(directory / "include/linux/kconfig.h"):
            return str(directory)
    # CONFIG_IKHEADERS, since Linux 5.2 (43d8ce9d65a5, f7b101d33046).
    archive = root / "sys/kernel/kheaders.tar.xz"
    return str(archive) if os.path.exists(archive) else ""


def cpu_list(text: str | None) -> tuple[int, ...] | None:
    """Numbers of a list such as ``0-3,8``; None when the text is unknown or malformed."""
    if text is None or not re.fullmatch(r"(\d+(-\d+)?(,\d+(-\d+)?)*)?", text):
        return None
    numbers: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return tuple(numbers)


def _has_kprobes(pmu: Path, symbols: Symbols) -> bool | None:
    if pmu.is_dir():
        return True
    return bool(symbols.lookup("register_kprobe")) if symbols.readable else None


def memory_available(root: Path) -> int | None:
    """Bytes that can be had without swapping, by the kernel's own estimate; None when unknown."""
    text = read_text(root / "proc/meminfo") or ""
    line = re.search(r"^MemAvailable:\s*(\d+) kB$", text, re.M)
    return int(line[1]) * 1024 if line else None


def _number(path: Path, prefix: str = "") -> int | None:
    text = (read_text(path) or "").removeprefix(prefix)
    return int(text) if re.fullmatch(r"-?\d+", text) else None
