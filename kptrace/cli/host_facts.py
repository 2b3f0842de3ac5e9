# SPDX-License-Identifier: MIT
"""What ``kptrace doctor`` finds on a host: the kernel's facts, its features, and the tools.

In: the running host. Out: one `Facts`. Everything that can be tried is tried (bcc is imported,
clang compiles, the kernel is asked to load a program), because a package that is installed and a
tool that works are two things. What follows from the facts is told in `kptrace.cli.verdicts`.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from kptrace import toolchain
from kptrace.cli.compiling import compile_given
from kptrace.cli.spec import Given
from kptrace.compiler import arch, clang
from kptrace.errors import KptraceError
from kptrace.kernel import Kernel
from kptrace.kernel.files import read_text
from kptrace.kernel.host import Host
from kptrace.runtime import bcc_loader, features
from kptrace.runtime.features import Features
from kptrace.runtime.loaded import raise_limits
from kptrace.source import Source

BTF_PLACE = "/sys/kernel/btf/vmlinux"
_PATIENCE_S = 120
"""A machine under emulation needs half a minute to start a program and import bcc."""

_DISTRIBUTION_BCC = Path("/usr/lib/python3/dist-packages/bcc")
_TRIAL = 'begin { printf("%d %s\\n", pid, comm); @ = hist(nsecs); }'


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A program or library that kptrace uses. It works when ``problem`` is empty.

    ``present``: it is installed, whether it works or not.
    """

    present: bool
    version: str = ""
    place: str = ""
    problem: str = ""

    @property
    def works(self) -> bool:
        return self.present and not self.problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One host as this user sees it.

    ``btf_problem`` and ``tracefs_problem`` are empty when there is none. ``iterators``: BTF has
    some. ``kprobe_events_writable`` tells whether kprobes can be made by tracefs.
    ``cgroup_memory`` is the limit in bytes of the control group that this process is in,
    ``locked_memory`` of the process (-1: unlimited).
    """

    host: Host
    features: Features
    user: int
    processor_known: bool
    btf_place: str
    btf_problem: str
    iterators: bool
    tracefs_place: str
    tracefs_problem: str
    kprobe_events_writable: bool
    modules_installed: bool
    cgroup_memory: int | None
    locked_memory: int
    libbpf: Tool
    clang: Tool
    bcc: Tool

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON; the host's own facts stand beside the others."""
        values = {name: value for name, value in asdict(self).items() if name != "host"}
        return {**self.host.as_dict(), **values}


def gather(kernel: Kernel) -> Facts:
    """Read and try everything; takes half a second."""
    raise_limits()  # below 5.11 the features' programs count against the locked memory
    host = replace(kernel.host, headers=bcc_loader.headers_place())  # what a run would use
    return Facts(
        host=host,
        features=features.detect(),
        user=os.geteuid(),
        processor_known=_processor_known(host.arch),
        btf_place=os.environ.get("BPFTRACE_BTF") or BTF_PLACE,
        btf_problem=kernel.btf_problem,
        iterators=has_iterators(kernel),
        tracefs_place=str(kernel.tracefs.path),
        tracefs_problem=kernel.tracefs.problem,
        kprobe_events_writable=os.access(kernel.tracefs.path / "kprobe_events", os.W_OK),
        modules_installed=os.path.isdir(Path("/lib/modules", host.release)),
        cgroup_memory=_cgroup_memory(),
        locked_memory=resource.getrlimit(resource.RLIMIT_MEMLOCK)[0],
        libbpf=_libbpf(),
        clang=_clang(kernel),
        bcc=_bcc(),
    )


def has_iterators(kernel: Kernel) -> bool:
    """Whether this kernel can run programs over its tasks; False also where BTF is unknown."""
    btf = kernel.btf
    return btf is not None and btf.type_named("struct", "bpf_iter__task") is not None


def _processor_known(machine: str) -> bool:
    try:
        arch.of(machine)
    except KptraceError:
        return False
    return True


def _libbpf() -> Tool:
    try:
        library = ctypes.CDLL("libbpf.so.1")
    except OSError as error:
        return Tool(present=False, problem=str(error))
    version = library.libbpf_version_string
    version.restype = ctypes.c_char_p
    return Tool(present=True, version=version().decode().removeprefix("v"), place="libbpf.so.1")


def _clang(kernel: Kernel) -> Tool:
    path = toolchain.find_clang()
    if path is None:
        chosen = os.environ.get("KPTRACE_CLANG")
        problem = f"KPTRACE_CLANG={chosen} is no program" if chosen else "not installed"
        return Tool(present=False, problem=problem)
    version = _said([path, "-dumpversion"])
    return Tool(present=True, version=version, place=path, problem=_clang_problem(kernel))


def _clang_problem(kernel: Kernel) -> str:
    """Compile a specification, without the cache: whether this clang takes what we generate."""
    try:
        given = Given(source=Source(name="doctor", text=_TRIAL), parameters=())
        made = compile_given(given, kernel, percentiles=False)
        clang.build(made.c("core"), made.plan.arch)
    except KptraceError as error:
        return error.diagnostics[0].message.removeprefix("BUG: ")
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _bcc() -> Tool:
    """Import bcc in a child: it takes 74 MB, and a broken one can end its process."""
    if importlib.util.find_spec("bcc") is None:
        if _DISTRIBUTION_BCC.is_dir():
            return Tool(present=True, problem=f"{sys.executable} does not see the installed bcc")
        return Tool(present=False, problem="not installed")
    done = _run([sys.executable, "-c", "import bcc; print(bcc.__version__)"])
    if done is None or done.returncode != 0:
        last = done.stderr.strip().rpartition("\n")[2] if done else "no answer"
        return Tool(present=True, problem=f"import fails: {last}")
    return Tool(present=True, version=done.stdout.strip(), place=sys.executable)


def _said(command: list[str]) -> str:
    done = _run(command)
    return done.stdout.strip() if done is not None and done.returncode == 0 else ""


def _run(command: list[str]) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
            cwd="/",  # "python -c" imports from the current directory first: it may be anybody's
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


def _cgroup_memory() -> int | None:
    """The smallest memory limit on the way up from our control group (version 2)."""
    for line in (read_text(Path("/proc/self/cgroup")) or "").splitlines():
        if line.startswith("0::"):
            top = Path("/sys/fs/cgroup")
            group = top / line.removeprefix("0::/")
            places = [group, *group.parents[: len(group.parts) - len(top.parts)]]
            limits = [read_text(place / "memory.max") or "" for place in places]
            return min((int(one) for one in limits if one.isdigit()), default=None)
    return None
