# SPDX-License-Identifier: MIT
"""What can be known to fail before anything is loaded."""

from __future__ import annotations

from kptrace.errors import HostError
from kptrace.kernel import Kernel
from kptrace.plan import Plan
from kptrace.runtime import features
from kptrace.runtime.mechanism import FUNCTION_KINDS, Has


def require_kprobes(plan: Plan, kernel: Kernel, has: Has = features.has) -> None:
    """Raise HostError if the plan needs kprobes and this kernel was built without them.

    Unknown (no right to test) passes: the attach will tell.
    """
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
