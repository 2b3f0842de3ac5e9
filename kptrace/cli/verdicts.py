# SPDX-License-Identifier: MIT
"""From the facts of a host to verdicts: what is in order, what can run, and what to change.

Pure: facts in, verdicts out. "Unknown" stays unknown; it never becomes "missing".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from kptrace.cli.host_facts import BTF_PLACE, Facts, Tool
from kptrace.kernel.host import CAPABILITIES

_DEBIAN_ARCH = {"x86_64": "amd64", "aarch64": "arm64", "ppc64le": "powerpc64le"}
_MIB = 1 << 20
_NEEDED_MEMORY = 64 * _MIB
"""A run from the cache takes 32 MB; as much again for what the kernel charges for its maps."""


class Status(str, Enum):
    OK = "ok"
    MISSING = "missing"
    LIMITED = "limited"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the table. ``remedy`` is a sentence, ``command`` what to type for it."""

    name: str
    status: Status
    found: str
    remedy: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ability:
    """Whether probes of some kinds can run here: with which backends, or for want of what.

    ``can`` None is unknown. ``lacks`` are names of checks; ``how`` tells what a user must add to
    make it work.
    """

    kinds: tuple[str, ...]
    can: bool | None
    backends: tuple[str, ...]
    lacks: tuple[str, ...] = ()
    how: str = ""


def checks(facts: Facts) -> tuple[Check, ...]:
    """All lines of the table, from the kernel outwards."""
    return (
        _kernel(facts),
        _rights(facts),
        _kprobes(facts),
        _kprobe_multi(facts),
        _kprobe_session(facts),
        _fentry(facts),
        _btf(facts),
        _tracefs(facts),
        _lockdown(facts),
        _paranoid(facts),
        _kptr_restrict(facts),
        _jit(facts),
        _memory(facts),
        _libbpf(facts.libbpf),
        _clang(facts.clang),
        _bcc(facts.bcc),
        _headers(facts),
    )


def abilities(facts: Facts) -> tuple[Ability, ...]:
    """What can run, by probe kind; every kind is in one of them."""
    features = facts.features
    return (
        _ability(facts, ("begin", "end", "self", "test"), features.test_run, "kernel"),
        _ability(facts, ("bench",), _benches(facts), "kernel", libbpf_only=True),
        _ability(facts, ("interval", "profile", "software"), True, ""),
        _ability(facts, ("tracepoint",), _tracepoints(facts), _tracepoint_lack(facts)),
        _ability(facts, ("rawtracepoint",), not facts.btf_problem, "BTF"),
        _functions(facts),
        _of_btf(facts, ("fentry", "fexit"), features.fentry, "fentry"),
        _of_btf(facts, ("iter",), facts.iterators, "kernel"),
    )


def usable_backends(facts: Facts, *, libbpf_only: bool = False) -> tuple[str, ...]:
    """The backends that have all they need; BCC cannot load programs of every kind."""
    found = []
    if facts.libbpf.works and facts.clang.works:
        found.append("libbpf")
    if facts.bcc.works and facts.host.headers and not libbpf_only:
        found.append("bcc")
    return tuple(found)


def _may_load(facts: Facts) -> bool:
    """Whether the kernel lets this user load tracing programs; the features' tests tried it."""
    return facts.features.get_func_ip is not None


def _may_open_perf_events(facts: Facts) -> bool:
    return facts.features.perf_link is not None


def _common_lacks(facts: Facts, libbpf_only: bool) -> Iterator[str]:
    """What no run can do without. The ring of events is a perf event, so every run needs those."""
    if not facts.processor_known:
        yield "kernel"
    if not _may_load(facts):
        yield "rights"
    elif not _may_open_perf_events(facts):
        yield "perf_event_paranoid"
    if not usable_backends(facts, libbpf_only=libbpf_only):
        yield "libbpf" if not facts.libbpf.works else "clang"


def _ability(
    facts: Facts,
    kinds: tuple[str, ...],
    own: bool | None,
    own_name: str,
    how: str = "",
    *,
    libbpf_only: bool = False,
) -> Ability:
    lacks = tuple(_common_lacks(facts, libbpf_only))
    # Without rights the kernel's features cannot be tried: then the rights are all that is known.
    if own is False or (own is None and not lacks):
        lacks = (*lacks, own_name)
    can = None if own is None and lacks == (own_name,) else not lacks
    backends = usable_backends(facts, libbpf_only=libbpf_only) if can else ()
    return Ability(kinds=kinds, can=can, backends=backends, lacks=lacks, how=how if can else "")


def _of_btf(facts: Facts, kinds: tuple[str, ...], own: bool | None, own_name: str) -> Ability:
    """Kinds whose programs are loaded for a target that BTF names."""
    if facts.btf_problem:
        return _ability(facts, kinds, False, "BTF", libbpf_only=True)
    return _ability(facts, kinds, own, own_name, libbpf_only=True)


def _benches(facts: Facts) -> bool | None:
    found = facts.features
    return None if None in (found.test_run, found.loop) else found.test_run and found.loop


def _tracepoints(facts: Facts) -> bool:
    return not facts.tracefs_problem and facts.host.lockdown != "confidentiality"


def _tracepoint_lack(facts: Facts) -> str:
    return "lockdown" if facts.host.lockdown == "confidentiality" else "tracefs"


def _functions(facts: Facts) -> Ability:
    kinds = ("kprobe", "kretprobe")
    if facts.features.kprobe or not facts.host.has_kprobes or not _may_load(facts):
        return _ability(facts, kinds, facts.host.has_kprobes, "kprobes")
    # This kernel has kprobes and refuses them as perf events: old, or locked down.
    if facts.features.kprobe_multi:
        return _ability(facts, kinds, True, "", how="only with --attach multi")
    if facts.host.lockdown == "confidentiality":
        return _ability(facts, kinds, False, "lockdown")
    return _ability(facts, kinds, facts.kprobe_events_writable or None, "tracefs", "by tracefs")


def _kernel(facts: Facts) -> Check:
    found = f"{facts.host.release} {facts.host.arch}"
    if not facts.processor_known:
        return Check(
            name="kernel",
            status=Status.MISSING,
            found=f"{found}: kptrace does not know this processor",
            remedy="kptrace traces x86_64, aarch64 and ppc64le",
        )
    if facts.features.test_run is False:
        return Check(
            name="kernel",
            status=Status.LIMITED,
            found=f"{found}: cannot run begin and end blocks",
            remedy="begin and end blocks need Linux 5.10 or later",
        )
    if facts.features.loop is False:
        return Check(
            name="kernel",
            status=Status.LIMITED,
            found=f"{found}: no loops in programs, so no bench",
            remedy="loops over ranges and bench need Linux 5.17 or later",
        )
    return Check(name="kernel", status=Status.OK, found=found)


def _rights(facts: Facts) -> Check:
    held = facts.host.capabilities
    if held is None:
        found = "the capabilities of this process cannot be read"
    elif held >= CAPABILITIES.keys():
        found = "all that tracing asks for"
    else:
        found = ", ".join(f"CAP_{one}" for one in sorted(held)) or "no capabilities"
    if _may_load(facts):
        return Check(name="rights", status=Status.OK, found=found)
    root = facts.user == 0
    return Check(
        name="rights",
        status=Status.MISSING,
        found=f"{found}: the kernel lets this user load no programs",
        remedy="this root is confined: run kptrace on the host, not in a container"
        if root
        else "run as root (or with CAP_BPF and CAP_PERFMON)",
        command="" if root else "sudo kptrace doctor",
    )


def _kprobes(facts: Facts) -> Check:
    match facts.host.has_kprobes:
        case None:
            return Check(
                name="kprobes", status=Status.UNKNOWN, found="/proc/kallsyms is unreadable"
            )
        case False:
            return Check(
                name="kprobes",
                status=Status.MISSING,
                found="this kernel is built without CONFIG_KPROBES",
                remedy="boot a kernel with CONFIG_KPROBES, such as Debian's; tracepoints need none",
                command=f"apt install linux-image-{_debian(facts)}",
            )
        case True:
            if facts.features.kprobe or not _may_load(facts):
                return Check(name="kprobes", status=Status.OK, found="this kernel has them")
            found = "this kernel has them, but refuses them as perf events"
            return Check(name="kprobes", status=Status.LIMITED, found=found)


def _kprobe_multi(facts: Facts) -> Check:
    name = "kprobe.multi"
    if facts.features.kprobe_multi:
        return Check(name=name, status=Status.OK, found="many functions attach at once")
    if facts.features.kprobe_multi is None:
        return Check(name=name, status=Status.UNKNOWN, found="not tried for want of rights")
    if facts.host.has_kprobes is False:
        return Check(name=name, status=Status.MISSING, found="needs kprobes")
    return Check(
        name=name,
        status=Status.MISSING,
        found="many functions attach slowly, one by one",
        remedy="Linux 5.18 brought it, with CONFIG_FPROBE",
    )


def _kprobe_session(facts: Facts) -> Check:
    name = "kprobe.session"
    if facts.features.kprobe_session:
        found = "a kprobe and a kretprobe on one function share one link"
        return Check(name=name, status=Status.OK, found=found)
    if facts.features.kprobe_session is None:
        return Check(name=name, status=Status.UNKNOWN, found="not tried for want of rights")
    if facts.host.has_kprobes is False:
        return Check(name=name, status=Status.MISSING, found="needs kprobes")
    return Check(
        name=name,
        status=Status.MISSING,
        found="entry and return of a function attach one by one",
        remedy="Linux 6.10 brought it, with CONFIG_FPROBE",
    )


def _fentry(facts: Facts) -> Check:
    name = "fentry"
    if facts.features.fentry:
        return Check(name=name, status=Status.OK, found="functions call programs directly")
    if not _may_load(facts):
        return Check(name=name, status=Status.UNKNOWN, found="not tried for want of rights")
    if facts.features.fentry is None:
        found = "the kernel's function to try it with is not in BTF"
        return Check(name=name, status=Status.UNKNOWN, found=found)
    return Check(
        name=name,
        status=Status.MISSING,
        found="this kernel refuses programs that functions call",
        remedy="boot a kernel with CONFIG_FUNCTION_TRACER, such as Debian's; kprobe and kretprobe"
        " see the same functions",
        command=f"apt install linux-image-{_debian(facts)}",
    )


def _btf(facts: Facts) -> Check:
    if not facts.btf_problem:
        return Check(name="BTF", status=Status.OK, found=facts.btf_place)
    if not facts.libbpf.works and facts.host.has_btf:
        return Check(
            name="BTF", status=Status.UNKNOWN, found="libbpf.so.1, which reads it, is missing"
        )
    found = f"{facts.btf_problem}; fields of kernel structs are unknown"
    if facts.btf_place != BTF_PLACE:
        remedy, command = "unset BPFTRACE_BTF, or name a file with this kernel's BTF", ""
    else:
        remedy = "boot a kernel with CONFIG_DEBUG_INFO_BTF, such as Debian's"
        command = f"apt install linux-image-{_debian(facts)}"
    return Check(name="BTF", status=Status.MISSING, found=found, remedy=remedy, command=command)


def _tracefs(facts: Facts) -> Check:
    if not facts.tracefs_problem:
        return Check(name="tracefs", status=Status.OK, found=facts.tracefs_place)
    if "not mounted" in facts.tracefs_problem:
        return Check(
            name="tracefs",
            status=Status.MISSING,
            found=facts.tracefs_problem,
            remedy="mount it",
            command="mount -t tracefs tracefs /sys/kernel/tracing",
        )
    return Check(
        name="tracefs",
        status=Status.LIMITED,
        found=facts.tracefs_problem,
        remedy="run as root, or open tracefs to a group",
        command=f"mount -o remount,gid=GROUP,mode=750 {facts.tracefs_place}",
    )


def _lockdown(facts: Facts) -> Check:
    match facts.host.lockdown:
        case None:
            return Check(name="lockdown", status=Status.UNKNOWN, found="securityfs is not mounted")
        case "confidentiality":
            return Check(
                name="lockdown",
                status=Status.LIMITED,
                found="confidentiality: no tracepoints, few kprobes, no reading of memory",
                remedy="boot with lockdown=integrity (or without Secure Boot)",
            )
        case mode:
            return Check(name="lockdown", status=Status.OK, found=mode)


def _paranoid(facts: Facts) -> Check:
    level = facts.host.perf_event_paranoid
    name, found = "perf_event_paranoid", "unreadable" if level is None else str(level)
    if _may_load(facts) and not _may_open_perf_events(facts):
        return Check(
            name=name,
            status=Status.MISSING,
            found=f"{found}: this user may open no perf events",
            remedy="run as root, or lower it",
            command="sysctl kernel.perf_event_paranoid=2",
        )
    if level is None:
        return Check(name=name, status=Status.UNKNOWN, found=found)
    if level > 2 and "SYS_ADMIN" not in (facts.host.capabilities or ()):
        return Check(name=name, status=Status.LIMITED, found=f"{found}: needs CAP_SYS_ADMIN")
    return Check(name=name, status=Status.OK, found=found)


def _kptr_restrict(facts: Facts) -> Check:
    level = facts.host.kptr_restrict
    if level is None:
        return Check(name="kptr_restrict", status=Status.UNKNOWN, found="unreadable")
    if level > 1:
        return Check(
            name="kptr_restrict",
            status=Status.LIMITED,
            found=f"{level}: addresses are hidden even from root, stacks have no names",
            remedy="show addresses to root",
            command="sysctl kernel.kptr_restrict=1",
        )
    if facts.host.capabilities is not None and "SYSLOG" not in facts.host.capabilities:
        found = f"{level}: addresses are hidden without CAP_SYSLOG, stacks have no names"
        return Check(name="kptr_restrict", status=Status.LIMITED, found=found)
    return Check(name="kptr_restrict", status=Status.OK, found=str(level))


def _jit(facts: Facts) -> Check:
    match facts.host.jit:
        case None:
            return Check(name="JIT", status=Status.UNKNOWN, found="unreadable")
        case 1:
            return Check(name="JIT", status=Status.OK, found="on")
        case 0:
            found = "off: programs are interpreted, many times slower"
        case level:
            found = f"{level}: debugging, every program is written to the kernel log"
    return Check(
        name="JIT",
        status=Status.LIMITED,
        found=found,
        remedy="switch the JIT on, and its debugging off",
        command="sysctl net.core.bpf_jit_enable=1",
    )


def _memory(facts: Facts) -> Check:
    available = facts.host.memory_available
    parts = ["unknown" if available is None else f"{_amount(available)} available"]
    if facts.cgroup_memory is not None:
        parts.append(f"control group limited to {_amount(facts.cgroup_memory)}")
    locked = "unlimited" if facts.locked_memory < 0 else _amount(facts.locked_memory)
    parts.append(f"locked memory {locked}")
    found = ", ".join(parts)
    known = [one for one in (available, facts.cgroup_memory) if one is not None]
    if not known:
        return Check(name="memory", status=Status.UNKNOWN, found=found)
    if min(known) < _NEEDED_MEMORY:
        return Check(
            name="memory",
            status=Status.LIMITED,
            found=found,
            remedy="a run needs 64 MiB (raise MemoryMax= of the service, or free some)",
        )
    return Check(name="memory", status=Status.OK, found=found)


def _libbpf(tool: Tool) -> Check:
    if tool.works:
        return Check(name="libbpf", status=Status.OK, found=tool.version)
    return Check(
        name="libbpf",
        status=Status.MISSING,
        found=tool.problem,
        remedy="install it",
        command="apt install libbpf1",
    )


def _clang(tool: Tool) -> Check:
    if tool.works:
        return Check(name="clang", status=Status.OK, found=f"{tool.version} {tool.place}")
    if tool.present:
        return Check(
            name="clang",
            status=Status.LIMITED,
            found=f"{tool.place} {tool.version} cannot compile: {tool.problem}",
            remedy="install a working clang, or name one in KPTRACE_CLANG",
            command="apt install clang",
        )
    return Check(
        name="clang",
        status=Status.MISSING,
        found=tool.problem,
        remedy="correct KPTRACE_CLANG" if "KPTRACE_CLANG" in tool.problem else "install it",
        command="" if "KPTRACE_CLANG" in tool.problem else "apt install clang",
    )


def _bcc(tool: Tool) -> Check:
    if tool.works:
        return Check(name="bcc", status=Status.OK, found=f"{tool.version} in {tool.place}")
    if not tool.present:
        return Check(
            name="bcc",
            status=Status.MISSING,
            found=tool.problem,
            remedy="only for --backend bcc",
            command="apt install python3-bpfcc",
        )
    return Check(
        name="bcc",
        status=Status.LIMITED,
        found=tool.problem,
        remedy="make the virtual environment anew so that it sees the distribution's packages",
        command="python3 -m venv --system-site-packages VENV",
    )


def _headers(facts: Facts) -> Check:
    if facts.host.headers:
        return Check(name="kernel headers", status=Status.OK, found=facts.host.headers)
    missing = f"none for {facts.host.release}"
    if not facts.modules_installed:
        return Check(
            name="kernel headers",
            status=Status.MISSING,
            found=missing,
            remedy="only for --backend bcc; this kernel is from no package, so its headers must"
            " come from whoever built it (CONFIG_IKHEADERS, or BCC_KERNEL_SOURCE=DIR)",
        )
    return Check(
        name="kernel headers",
        status=Status.MISSING,
        found=missing,
        remedy="only for --backend bcc",
        command=f"apt install linux-headers-{facts.host.release}",
    )


def _debian(facts: Facts) -> str:
    return _DEBIAN_ARCH.get(facts.host.arch, facts.host.arch)


def _amount(size: int) -> str:
    return f"{size / _MIB / 1024:.1f} GiB" if size >= 1024 * _MIB else f"{size // _MIB} MiB"
