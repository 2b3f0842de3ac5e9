# SPDX-License-Identifier: MIT
"""The built-in values (language §7): one row each, typing rule and C beside each other."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kptrace import types
from kptrace.plan import TRAMPOLINE_KINDS, ProbeKind
from kptrace.types import UINT32, UINT64, Type

FUNCTIONS = TRAMPOLINE_KINDS | {ProbeKind.KPROBE, ProbeKind.KRETPROBE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Builtin:
    """``c`` is the C expression; for strings a statement that fills ``{to}``.

    ``probes``: where it can be used; None is everywhere.
    """

    type: Type
    c: str
    probes: frozenset[ProbeKind] | None = None


TASK = types.Struct("struct", "task_struct", -1)

BUILTINS: dict[str, Builtin] = {
    "pid": Builtin(type=UINT32, c="(__u32)(bpf_get_current_pid_tgid() >> 32)"),
    "tid": Builtin(type=UINT32, c="(__u32)bpf_get_current_pid_tgid()"),
    "uid": Builtin(type=UINT64, c="(bpf_get_current_uid_gid() & 0xffffffff)"),
    "gid": Builtin(type=UINT64, c="(bpf_get_current_uid_gid() >> 32)"),
    "comm": Builtin(type=types.COMM, c="bpf_get_current_comm({to}, 16);"),
    "elapsed": Builtin(type=UINT64, c="(bpf_ktime_get_boot_ns() - start_time_get())"),
    "numaid": Builtin(type=UINT64, c="(__u64)bpf_get_numa_node_id()"),
    "jiffies": Builtin(type=UINT64, c="bpf_jiffies64()"),
    "cpu": Builtin(type=UINT64, c="(__u64)bpf_get_smp_processor_id()"),
    "curtask": Builtin(type=types.Pointer(TASK), c="(__u64)bpf_get_current_task()"),
    "cgroup": Builtin(type=UINT64, c="bpf_get_current_cgroup_id()"),
    "rand": Builtin(type=UINT64, c="(__u64)bpf_get_prandom_u32()"),
    "username": Builtin(type=types.USERNAME, c="(bpf_get_current_uid_gid() & 0xffffffff)"),
    # The address is a constant where the program has one target (see check.py).
    "func": Builtin(type=types.KSYM, c="bpf_get_func_ip(ctx)", probes=FUNCTIONS),
}

ARGUMENT = re.compile(r"arg([0-9]+)")

LATER = {"dw_ustack": "kptrace traces the kernel only"}
