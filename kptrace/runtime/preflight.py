# SPDX-License-Identifier: MIT
"""What can be known to fail before anything is loaded."""

from __future__ import annotations

from kptrace.errors import HostError
from kptrace.kernel import Kernel
from kptrace.plan import TRAMPOLINE_KINDS, Plan
from kptrace.runtime import features
from kptrace.runtime.mechanism import FUNCTION_KINDS, Has


def require_probes(plan: Plan, kernel: Kernel, has: Has = features.has) -> None:
    """Raise HostError if the plan needs probes of functions that this kernel was built without.

    Unknown (no right to test) passes: the attach will tell.
    """
    _require_kprobes(plan, kernel, has)
    _require_trampolines(plan, has)


def _require_kprobes(plan: Plan, kernel: Kernel, has: Has) -> None:
    wanted = [program for program in plan.programs if program.kind in FUNCTION_KINDS]
    if not wanted or has("kprobe") is not False:
        return
    if kernel.tracefs.problem or (kernel.tracefs.path / "kprobe_events").exists():
        return
    raise HostError(
        f"this kernel has no kprobes (CONFIG_KPROBE_EVENTS), needed for {wanted[0].label}",
        hint="tracepoint and rawtracepoint probes work here; kptrace doctor tells the rest",
        code="no-kprobes",
    )


def _require_trampolines(plan: Plan, has: Has) -> None:
    # other BPF programs can be traced without what the kernel's functions need
    wanted = [
        program
        for program in plan.programs
        if program.kind in TRAMPOLINE_KINDS and not all(one.bpf_id for one in program.targets)
    ]
    if not wanted or has("fentry") is not False:
        return
    raise HostError(
        "this kernel refuses programs that functions call (CONFIG_FUNCTION_TRACER), needed for"
        f" {wanted[0].label}",
        hint="kprobe and kretprobe see the same functions; kptrace doctor tells the rest",
        code="no-fentry",
    )
