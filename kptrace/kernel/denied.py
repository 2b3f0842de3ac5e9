# SPDX-License-Identifier: MIT
"""Functions that a wildcard never includes. Named exactly, they are tried."""

from __future__ import annotations

import re

from kptrace.kernel.files import wildcard

# What a probe itself runs through (a probe there recurses or deadlocks) and idle loops. The first
# five lines are the list that retsnoop enforces, the others are what our programs call.
_FUNCTIONS = (
    "migrate_enable", "migrate_disable", "preempt_count_add", "preempt_count_sub",
    "rcu_read_lock*", "rcu_read_unlock*", "__rcu_read_*", "bpf_spin_*",
    "bpf_get_smp_processor_id", "__bpf_prog_enter*", "__bpf_prog_exit*", "__bpf_tramp_*",
    "update_prog_stats", "inc_misses_counter", "bpf_prog_start_time",
    "arch_cpu_idle", "default_idle",
    "bpf_ktime_get_*", "ktime_get_mono_fast_ns", "bpf_get_current_*", "bpf_probe_read_*",
    "copy_from_kernel_nofault", "bpf_get_stack*", "bpf_map_*_elem", "htab_*", "__htab_*",
    "array_map_*", "percpu_array_*", "bpf_percpu_*", "bpf_perf_event_output*", "bpf_ringbuf_*",
    "trace_call_bpf", "kprobe_multi_link_*", "kprobe_perf_func", "kretprobe_perf_func",
)  # fmt: skip

# ".cold" parts accept a probe and almost never run; ".part." clones see some calls only; padding
# is no code. Weak functions that the linker overrode are listed under an invalid name since
# Linux 5.19 (b39181f7c690).
_PARTS = (r".*\.(?:cold|part)\b.*", r"(?:__pfx_|__cfi_|__ftrace_invalid_address___).*")

NEVER_BY_WILDCARD = re.compile(
    "|".join([*_PARTS, *(wildcard(name).decode() for name in _FUNCTIONS)])
)
"""Matches a whole name that is to be left out."""
