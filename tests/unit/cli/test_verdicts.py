# SPDX-License-Identifier: MIT
"""Verdicts of doctor about hosts that are not this one."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from kptrace.cli.host_facts import BTF_PLACE, Facts, Tool
from kptrace.cli.verdicts import Ability, Check, Status, abilities, checks, usable_backends
from kptrace.kernel.host import CAPABILITIES, Host
from kptrace.plan import ProbeKind
from kptrace.runtime.features import Features

ALL: dict[str, Any] = {field.name: True for field in fields(Features)}
UNKNOWN: dict[str, Any] = dict.fromkeys(ALL)
NO_BPF = frozenset[str]()

HOST = Host(
    release="6.1.0-18-amd64",
    arch="x86_64",
    lockdown="none",
    perf_event_paranoid=2,
    kptr_restrict=0,
    jit=1,
    unprivileged_bpf_disabled=2,
    capabilities=frozenset(CAPABILITIES),
    has_kprobes=True,
    kprobe_pmu=8,
    retprobe_bit=0,
    has_tracefs=True,
    has_btf=True,
    headers="/lib/modules/6.1.0-18-amd64/source",
    online_cpus=(0,),
    possible_cpus=(0,),
    memory_available=1 << 30,
)
FACTS = Facts(
    host=HOST,
    features=Features(**ALL),
    user=0,
    processor_known=True,
    btf_place=BTF_PLACE,
    btf_problem="",
    iterators=True,
    tracefs_place="/sys/kernel/tracing",
    tracefs_problem="",
    kprobe_events_writable=True,
    modules_installed=True,
    cgroup_memory=None,
    locked_memory=8 << 20,
    libbpf=Tool(present=True, version="1.1"),
    clang=Tool(present=True, version="14.0.6", place="/usr/bin/clang"),
    bcc=Tool(present=True, version="0.26.0"),
)
NONE = Tool(present=False, problem="not installed")


def facts(
    features: dict[str, Any] | None = None, host: dict[str, Any] | None = None, **more: Any
) -> Facts:
    """A Debian host as root where everything works, but for what is given."""
    known = Features(**{**ALL, **(features or {})})
    return replace(FACTS, features=known, host=replace(HOST, **(host or {})), **more)


def check(of: Facts, name: str) -> Check:
    return next(one for one in checks(of) if one.name == name)


def ability(of: Facts, kind: str) -> Ability:
    return next(one for one in abilities(of) if kind in one.kinds)


def runnable(of: Facts) -> set[str]:
    return {kind for one in abilities(of) if one.can for kind in one.kinds}


def test_everything_works() -> None:
    assert {one.status for one in checks(FACTS)} == {Status.OK}
    assert runnable(FACTS) == {kind.value for kind in ProbeKind}
    assert not any(one.lacks for one in abilities(FACTS))
    by_libbpf = {
        kind for one in abilities(FACTS) if one.backends == ("libbpf",) for kind in one.kinds
    }
    assert by_libbpf == {"bench", "fentry", "fexit", "iter"}


def test_kernel_without_kprobes() -> None:
    """Only probes of functions are lost, and the remedy is a package."""
    bare = facts(host={"has_kprobes": False}, features={"kprobe": False, "kprobe_multi": False})
    assert ability(bare, "kprobe").lacks == ("kprobes",)
    assert runnable(bare) == {kind.value for kind in ProbeKind} - {"kprobe", "kretprobe"}
    assert check(bare, "kprobes").command == "apt install linux-image-amd64"
    assert not check(bare, "kprobe.multi").remedy, "there is one remedy, not two"


def test_package_names_follow_the_processor() -> None:
    bare = facts(host={"has_kprobes": False, "arch": "aarch64"})
    assert check(bare, "kprobes").command == "apt install linux-image-arm64"


def test_unreadable_kallsyms_is_unknown_not_missing() -> None:
    hidden = facts(host={"has_kprobes": None}, features={"kprobe": None, "kprobe_multi": False})
    assert check(hidden, "kprobes").status is Status.UNKNOWN
    assert ability(hidden, "kprobe").can is None


def test_unprivileged_user() -> None:
    """Nothing runs for want of rights; what could not be tried is unknown."""
    nobody = facts(
        UNKNOWN,
        host={"capabilities": NO_BPF, "has_tracefs": False},
        user=65534,
        tracefs_problem="cannot read /sys/kernel/tracing/events: Permission denied",
    )
    assert runnable(nobody) == set()
    assert all("rights" in one.lacks and not one.backends for one in abilities(nobody))
    assert ability(nobody, "begin").lacks == ("rights",)
    assert ability(nobody, "tracepoint").lacks == ("rights", "tracefs")
    assert check(nobody, "rights").command.startswith("sudo ")
    assert check(nobody, "kprobes").status is Status.OK
    assert check(nobody, "kprobe.multi").status is Status.UNKNOWN
    assert check(nobody, "tracefs").status is Status.LIMITED


def test_root_of_a_container_is_not_sent_to_sudo() -> None:
    confined = check(facts(UNKNOWN, host={"capabilities": NO_BPF}), "rights")
    assert not confined.command
    assert "container" in confined.remedy


def test_paranoid_level_needs_the_strongest_capability() -> None:
    """On Debian 3 keeps a user with CAP_BPF and CAP_PERFMON from every perf event."""
    held = {"capabilities": frozenset({"BPF", "PERFMON"}), "perf_event_paranoid": 3}
    refused = facts({"perf_link": None, "miss_count": None, "kprobe": None}, host=held, user=1)
    assert check(refused, "rights").status is Status.OK
    assert check(refused, "perf_event_paranoid").command == "sysctl kernel.perf_event_paranoid=2"
    assert all(
        one.lacks == ("perf_event_paranoid",)
        for one in abilities(refused)
        if "kprobe" not in one.kinds
    )
    assert runnable(refused) == set()


def test_paranoid_level_does_not_touch_root() -> None:
    assert check(facts(host={"perf_event_paranoid": 4}), "perf_event_paranoid").status is Status.OK


def test_confidentiality_leaves_raw_tracepoints_and_multi() -> None:
    locked = facts({"kprobe": None}, host={"lockdown": "confidentiality"})
    assert ability(locked, "tracepoint").lacks == ("lockdown",)
    assert "rawtracepoint" in runnable(locked)
    assert ability(locked, "kprobe").how == "only with --attach multi"
    neither = facts({"kprobe": None, "kprobe_multi": False}, host={"lockdown": "confidentiality"})
    assert ability(neither, "kprobe").lacks == ("lockdown",)


def test_old_kernel_makes_kprobes_by_tracefs() -> None:
    old = facts({"kprobe": False, "kprobe_multi": False})
    assert ability(old, "kprobe").how == "by tracefs"


def test_begin_needs_test_runs() -> None:
    old = facts({"test_run": False})
    assert ability(old, "begin").lacks == ("kernel",)
    assert "interval" in runnable(old)


@pytest.mark.parametrize(
    ("missing", "lacks", "left"),
    [
        ({"clang": NONE}, "clang", ("bcc",)),
        ({"libbpf": NONE}, "libbpf", ("bcc",)),
        ({"bcc": NONE}, "", ("libbpf",)),
        ({"clang": NONE, "bcc": NONE}, "clang", ()),
        ({"libbpf": NONE, "bcc": NONE}, "libbpf", ()),
    ],
)
def test_backends(missing: dict[str, Any], lacks: str, left: tuple[str, ...]) -> None:
    """One backend is enough; with none left, the preferred one's want is named."""
    host = facts(**missing)
    assert usable_backends(host) == left
    assert ability(host, "interval").backends == left
    assert ability(host, "interval").lacks == (() if left else (lacks,))


def test_headers_are_what_bcc_lacks() -> None:
    bare = facts(host={"headers": ""}, clang=NONE)
    assert usable_backends(bare) == ()
    assert check(bare, "kernel headers").command == "apt install linux-headers-6.1.0-18-amd64"
    foreign = facts(host={"headers": ""}, modules_installed=False)
    assert not check(foreign, "kernel headers").command, "no package has headers of such a kernel"


def test_bcc_that_this_python_does_not_see() -> None:
    hidden = check(facts(bcc=Tool(present=True, problem="does not see")), "bcc")
    assert (hidden.status, hidden.command) == (
        Status.LIMITED,
        "python3 -m venv --system-site-packages VENV",
    )


def test_clang_that_cannot_compile_is_no_backend() -> None:
    broken = facts(clang=Tool(present=True, place="/opt/clang", problem="no BPF target"))
    assert check(broken, "clang").status is Status.LIMITED
    assert usable_backends(broken) == ("bcc",)


def test_btf() -> None:
    absent = facts(btf_problem="cannot use BTF")
    assert check(absent, "BTF").status is Status.MISSING
    assert ability(absent, "rawtracepoint").lacks == ("BTF",)
    unread = facts(btf_problem="cannot use BTF", libbpf=NONE)
    assert check(unread, "BTF").status is Status.UNKNOWN
    named = facts(btf_problem="cannot use BTF", btf_place="/tmp/btf")
    assert "BPFTRACE_BTF" in check(named, "BTF").remedy


@pytest.mark.parametrize(
    ("host", "name", "status"),
    [
        ({"lockdown": None}, "lockdown", Status.UNKNOWN),
        ({"lockdown": "integrity"}, "lockdown", Status.OK),
        ({"kptr_restrict": 2}, "kptr_restrict", Status.LIMITED),
        ({"kptr_restrict": None}, "kptr_restrict", Status.UNKNOWN),
        ({"perf_event_paranoid": None}, "perf_event_paranoid", Status.UNKNOWN),
        ({"jit": 0}, "JIT", Status.LIMITED),
        ({"jit": None}, "JIT", Status.UNKNOWN),
        ({"memory_available": 10 << 20}, "memory", Status.LIMITED),
        ({"memory_available": None}, "memory", Status.UNKNOWN),
    ],
)
def test_one_fact_one_line(host: dict[str, Any], name: str, status: Status) -> None:
    changed = checks(facts(host=host))
    assert [one.name for one in changed if one.status is not Status.OK] == (
        [] if status is Status.OK else [name]
    )
    assert next(one for one in changed if one.name == name).status is status


def test_memory_of_the_control_group_counts() -> None:
    assert check(facts(cgroup_memory=32 << 20), "memory").status is Status.LIMITED


def test_unmounted_tracefs_is_missing() -> None:
    bare = facts(tracefs_problem="tracefs is not mounted on /sys/kernel/tracing")
    assert check(bare, "tracefs").command == "mount -t tracefs tracefs /sys/kernel/tracing"
    assert "tracepoint" not in runnable(bare)


@pytest.mark.parametrize(
    ("features", "status", "can"),
    [({}, Status.OK, True), ({"fentry": False}, Status.MISSING, False),
     ({"fentry": None}, Status.UNKNOWN, None)],
)  # fmt: skip
def test_trampolines(features: dict[str, Any], status: Status, can: bool | None) -> None:
    host = facts(features)
    assert check(host, "fentry").status is status
    assert (ability(host, "fexit").can, ability(host, "iter").can) == (can, True)


def test_kinds_that_need_btf() -> None:
    absent = facts({"fentry": None}, btf_problem="cannot use BTF", iterators=False)
    assert [ability(absent, kind).lacks for kind in ("fentry", "iter")] == [("BTF",)] * 2


def test_kinds_that_bcc_cannot_load() -> None:
    host = facts(clang=NONE)
    assert ability(host, "iter").lacks == ("clang",)
    assert ability(host, "profile").backends == ("bcc",)


def test_bench_needs_loops() -> None:
    old = facts({"loop": False})
    assert (ability(old, "bench").lacks, ability(old, "test").can) == (("kernel",), True)
    assert check(old, "kernel").status is Status.LIMITED
