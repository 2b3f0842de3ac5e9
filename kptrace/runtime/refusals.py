# SPDX-License-Identifier: MIT
"""Why the kernel refused an attach: errno and probe -> one error with a reason and a remedy."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from kptrace.errors import Diagnostic, HostError, Severity
from kptrace.kernel.files import read_text
from kptrace.plan import TRAMPOLINE_KINDS, Program, Target
from kptrace.runtime.mechanism import FUNCTION_KINDS

_FUNCTION_REASONS = {
    errno.ENOENT: "this kernel has no such function, or its module is not loaded",
    errno.ESRCH: "this kernel has no such function, or does not trace it",
    errno.EINVAL: "the kernel allows no probe there: inlined, notrace, blacklisted or __init code",
    errno.EADDRNOTAVAIL: "several functions have this name",
    errno.EILSEQ: "the offset is not the start of an instruction",
    errno.EOPNOTSUPP: "this kernel cannot do this kind of probe",
    errno.EBUSY: "another tracer holds this function",
    errno.ENODEV: "the CPU went offline",
}
_FUNCTION_HINTS = {
    errno.EADDRNOTAVAIL: "name the module: kprobe:MODULE:FUNCTION",
}
_TRACEPOINT_REASONS = {
    errno.ENOENT: "this kernel has no such tracepoint, or its module is not loaded",
    errno.E2BIG: "too many programs are on this tracepoint already",
}
_ANY_REASONS = {
    errno.EMFILE: "too many open files",
    errno.ENOMEM: "out of memory",
}
_ANY_HINTS = {
    errno.EMFILE: "raise the limit of open files (ulimit -n, LimitNOFILE=)",
}


def diagnostic(program: Program, target: Target, code: int, *, missing_probes: str) -> Diagnostic:
    """The finding for one refused probe (language §6.3)."""
    function = program.kind in FUNCTION_KINDS | TRAMPOLINE_KINDS
    reasons = _FUNCTION_REASONS if function else _TRACEPOINT_REASONS
    reason = reasons.get(code) or _ANY_REASONS.get(code) or "the kernel refused it"
    hints = [f"{reason} ({errno.errorcode.get(code, code)}: {os.strerror(code)})"]
    hint = (_FUNCTION_HINTS.get(code) if function else None) or _ANY_HINTS.get(code)
    if hint:
        hints.append(hint)
    if missing_probes == "error":
        tail = " If this is expected, set the 'missing_probes' config variable to 'warn'."
        severity = Severity.ERROR
    else:
        tail = " Skipping."
        severity = Severity.WARNING
    return Diagnostic(
        code="attach",
        severity=severity,
        message=f"Unable to attach probe: {program.named(target)}.{tail}",
        hints=tuple(hints),
    )


def no_right(program: Program, target: Target) -> HostError:
    """EPERM or EACCES: not about this probe, so `missing_probes` does not apply."""
    lockdown = read_text(Path("/sys/kernel/security/lockdown")) or ""
    if "[confidentiality]" in lockdown:
        hint = (
            "the kernel is locked down (confidentiality), which forbids kprobes: use rawtracepoint"
        )
    elif os.geteuid() != 0:
        level = read_text(Path("/proc/sys/kernel/perf_event_paranoid"))
        hint = (
            "run as root, or with CAP_BPF, CAP_PERFMON and kernel.perf_event_paranoid <= 2"
            f" (now {level or 'unknown'}; above 2 CAP_SYS_ADMIN is needed)"
        )
    else:
        hint = "this root has too few capabilities: is it a container?"
    message = f"no permission to attach {program.named(target)}"
    return HostError(message, hint=hint, code="permission")
