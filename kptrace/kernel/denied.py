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

NORETURN = frozenset(
    """
    do_exit do_group_exit make_task_dead rewind_stack_and_make_dead kthread_exit
    kthread_complete_and_exit __module_put_and_kthread_exit __kunit_abort kunit_try_catch_throw
    __x64_sys_exit __x64_sys_exit_group __ia32_sys_exit __ia32_sys_exit_group __arm64_sys_exit
    __arm64_sys_exit_group panic nmi_panic_self_stop machine_real_restart cpu_startup_entry
    """.split()
)
"""Functions that never return: a trampoline for their exit leaks, and newer kernels refuse it
(noreturn_deny in kernel/bpf/verifier.c, since Linux 6.16)."""

# ".cold" parts accept a probe and almost never run; padding is no code. Weak functions that the
# linker overrode are listed under an invalid name since Linux 5.19 (b39181f7c690).
_PARTS = (r".*\.cold\b.*", r"(?:__pfx_|__cfi_|__ftrace_invalid_address___).*")

NEVER_BY_WILDCARD = re.compile(
    "|".join([*_PARTS, *(wildcard(name).decode() for name in _FUNCTIONS)])
)
"""Matches a whole name that is to be left out."""

PARTIAL = re.compile(r".*\.part\b.*")
"""Matches functions that see only some of the calls: a wildcard has them where nothing else
matches, or where it names them itself."""
