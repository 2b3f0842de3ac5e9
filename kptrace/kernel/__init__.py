# SPDX-License-Identifier: MIT
"""Facts about one kernel, read-only: its types, symbols, tracepoints, and what can be probed.

In: a root directory (``/``, or a directory with copies of the files, as tests use), and
optionally a BTF file and a file with the functions that can be traced. Out: the readers below.
Every fact is read when first asked for, once.
"Unknown" and "absent" differ everywhere: what cannot be read is never reported as empty.
Nothing here attaches, loads, or writes.

``libbpf`` -> ``btf_object`` -> ``btf``: types; ``kallsyms``: symbols; ``tracefs``: tracepoints;
``probeable`` (with the table ``denied``): all of them answer "can this be probed?";
``host``: facts for doctor; ``identity``: whether this is still the kernel that was asked;
``questions``: whether another kernel is the same where it matters;
``files``: reading where unknown must not look like empty.
"""

from __future__ import annotations

import copy
import os
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from kptrace.kernel import host
from kptrace.kernel.files import read_text
from kptrace.types import Struct, Type

if TYPE_CHECKING:
    from kptrace.kernel.btf import Btf
    from kptrace.kernel.cgroups import Cgroups
    from kptrace.kernel.gfp import Flags
    from kptrace.kernel.kallsyms import Symbols
    from kptrace.kernel.libbpf import BtfFile
    from kptrace.kernel.probeable import Probeable
    from kptrace.kernel.tracefs import Tracefs

# A reader is imported when it is first asked: a plan that is kept asks hardly any.


class Kernel:
    """One kernel. A context manager, because its BTF is memory that libbpf holds."""

    def __init__(
        self,
        root: Path = Path("/"),
        btf_file: Path | None = None,
        functions_file: Path | None = None,
    ) -> None:
        self._root = root
        self._btf_file = btf_file
        self._functions_file = functions_file

    def __enter__(self) -> Kernel:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the BTF; types that came from it stay valid, but not their members."""
        opened = self.__dict__.pop("_opened", None)
        if opened is not None and opened[0] is not None:
            opened[0].close()

    def defining(self, own: BtfFile | None) -> Kernel:
        """This kernel for a specification with types of its own, which hide the kernel's.

        It lives as long as this one, which has to be closed, and as ``own``.
        """
        if own is None:
            return self
        from kptrace.kernel.btf import Btf

        made = copy.copy(self)
        made.__dict__["symbols"] = self.symbols  # what they meet is known to both
        made.__dict__["_opened"] = Btf.defining(own, self.btf), ""
        return made

    @property
    def root(self) -> Path:
        """The directory that its files are under."""
        return self._root

    @cached_property
    def _opened(self) -> tuple[Btf | None, str]:
        from kptrace.kernel.btf import Btf

        try:
            return Btf.open(self._root, self.release, self._btf_file), ""
        except OSError as error:
            # A BTF that this libbpf cannot parse is as good as none: newer kernels may use kinds
            # that an older library does not know.
            what = error.filename or "libbpf.so.1"
            return None, f"cannot use BTF from {what}: {error.strerror or error}"

    @property
    def btf(self) -> Btf | None:
        """The kernel's types, or None; then `btf_problem` says why."""
        return self._opened[0]

    @property
    def btf_problem(self) -> str:
        return self._opened[1]

    @cached_property
    def types_digest(self) -> str:
        """SHA-256 of the core kernel's types as the kernel itself has them, "" without."""
        import hashlib

        found = hashlib.sha256()
        try:
            with open(self._root / "sys/kernel/btf/vmlinux", "rb") as file:
                while part := file.read(1 << 16):  # megabytes, which nobody else needs
                    found.update(part)
        except OSError:
            return ""
        return found.hexdigest()

    @cached_property
    def headers(self) -> Path | None:
        """The directory of the headers of exactly this kernel, where they are installed."""
        found = Path(host.headers(self._root) or "/dev/null")
        return found if found.is_dir() else None  # else none, or the archive that nobody unpacks

    @cached_property
    def symbols(self) -> Symbols:
        from kptrace.kernel.kallsyms import Symbols

        return Symbols(self._root)

    def has_function(self, name: str) -> bool:
        """Whether the core kernel has a function; BTF answers sooner than the symbols."""
        if self.btf is not None and self.btf.function(name, "vmlinux") is not None:
            return True
        return bool(self.symbols.lookup(name, "vmlinux"))

    @cached_property
    def makes_task_storage(self) -> bool:
        """Whether a program can give a task storage wherever it runs.

        That is so where its memory comes from BPF's own allocator (since 6.4, commit
        08a7ce384e33) or from a kmalloc that takes no lock (7.0, f484f4a3e058; in 7.2 elements
        have a state besides): before, a probe inside the slab allocator could deadlock.
        """
        return any(
            self._has_field(struct, name)
            for struct, name in (
                ("bpf_local_storage_map", "selem_ma"),
                ("bpf_local_storage_map", "use_kmalloc_nolock"),
                ("bpf_local_storage_elem", "state"),
            )
        )

    def _has_field(self, struct: str, name: str) -> bool:
        kind = None if self.btf is None else self.btf.type_named("struct", struct)
        if self.btf is None or not isinstance(kind, Struct):
            return False
        return self.btf.field(kind, name) is not None

    @cached_property
    def tracefs(self) -> Tracefs:
        from kptrace.kernel.tracefs import Tracefs

        return Tracefs(self._root, self._type_named)

    @cached_property
    def probeable(self) -> Probeable:
        from kptrace.kernel.probeable import Probeable

        return Probeable(
            self._root, self.symbols, self.tracefs, lambda: self.btf, self._functions_file
        )

    @cached_property
    def host(self) -> host.Host:
        return host.read_host(self._root, self.symbols, self.tracefs)

    @cached_property
    def possible_cpus(self) -> int | None:
        """One more than the highest CPU number that this kernel can have; None when unknown."""
        found = host.cpu_list(read_text(self._root / "sys/devices/system/cpu/possible"))
        return max(found) + 1 if found else None

    @cached_property
    def gfp_flags(self) -> Flags:
        """None are known where tracefs cannot be read."""
        from kptrace.kernel.gfp import gfp_flags

        return gfp_flags(self.tracefs.format_text("kmem", "kmalloc") or "")

    @cached_property
    def cgroups(self) -> Cgroups:
        from kptrace.kernel.cgroups import Cgroups

        return Cgroups(self._root)

    @cached_property
    def pid_namespace(self) -> tuple[int, int] | None:
        """Device and inode of this process's pid namespace; None in the initial one."""
        return host.pid_namespace(self._root)

    @cached_property
    def fixed_addresses(self) -> bool:
        """Whether programs are always loaded at the same addresses: no ASLR."""
        return host.fixed_addresses(self._root)

    @property
    def fixed_symbols(self) -> bool:
        """Whether what runs is for this boot only, in which symbols stay where they are."""
        return True

    def cgroup_id(self, path: str) -> int:
        """The id of a cgroup v2 directory, which is its inode; OSError where there is none."""
        return os.stat(self._root / path.lstrip("/")).st_ino

    @cached_property
    def arch(self) -> str:
        """Machine name as uname prints it: x86_64, aarch64, ..."""
        return host.arch(self._root)

    @cached_property
    def release(self) -> str:
        return host.release(self._root)

    def _type_named(self, keyword: str, name: str) -> Type | None:
        return None if self.btf is None else self.btf.type_named(keyword, name)
