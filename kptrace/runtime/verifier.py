# SPDX-License-Identifier: MIT
"""Why a load failed: errno and the loader's messages -> one error that a person can act on."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

from kptrace.errors import CandidateError, HostError, KptraceError, RunError
from kptrace.plan import Plan

_KEPT_LINES = 8
_NOISE = re.compile(
    r"^[;\s]*$|^processed \d+ insns|^verification time|^stack depth|^-- (BEGIN|END) PROG LOAD LOG|"
    r"^HINT: |^max_states_per_insn|^mark_precise|^from \d+ to \d+:|^(live )?regs="
)
_PROGRAM = re.compile(r"prog '([^']+)': BPF program load failed")
_NOT_THERE = (errno.EINVAL, errno.EOPNOTSUPP, 524)
"""524 is ENOTSUPP, which no kernel should tell, but does."""
_LACKING = re.compile(r"(?:unknown|invalid) func|cannot use helper|address of function .* cannot")
"""What the verifier says of helpers, fields and functions that a kernel does not have."""
_BEGIN, _END = "-- BEGIN PROG LOAD LOG --\n", "-- END PROG LOAD LOG --"


def load_error(code: int, messages: str, plan: Plan) -> KptraceError:
    """The error to raise when libbpf failed with an errno and these messages."""
    log = _verifier_log(messages)
    if log is None:
        return _refused(code, messages, plan)
    program = _PROGRAM.search(messages)
    return program_error(program.group(1) if program else "", _reason(code), log, plan)


def program_error(name: str, reason: str, log: str, plan: Plan) -> KptraceError:
    """The verifier refused a program (C name; "" if unknown) and wrote this log.

    CandidateError where it is a hook's, and the kernel lacks something: it may not elsewhere.
    """
    lines = _tail(log)
    tail = "\n".join(f"  {line}" for line in lines)
    made = RunError(
        f"the kernel's verifier refused the program of {_label(name, plan)} ({reason}):\n{tail}",
        hint=_hint(log),
        code="verifier",
    )
    lacking = [line for line in lines if _LACKING.search(line)]
    refused = _candidates(name, plan)
    if lacking and refused:
        why = f"the kernel's verifier refused its program: {lacking[-1].strip()}"
        return CandidateError(made.diagnostics, dict.fromkeys(refused, why))
    return made


def _candidates(name: str, plan: Plan) -> list[tuple[str, str]]:
    """The hook and the candidate that a program is for; none where it is for no hook."""
    targets = [target for one in plan.programs if one.name == name for target in one.targets]
    return [(target.hook, target.candidate) for target in targets if target.hook]


def no_permission() -> HostError:
    who = (
        "this root has too few capabilities (is it a container?), or the kernel refuses this kind"
        " of program to all: kptrace doctor tells"
        if os.geteuid() == 0
        else "run as root, or with CAP_BPF and CAP_PERFMON (kernel 5.8 and later)"
    )
    return HostError(
        "no permission to load BPF programs",
        hint=f"{who}; before 5.11 EPERM can also mean that the memlock limit is too low"
        " (ulimit -l)",
        code="permission",
    )


def _refused(code: int, messages: str, plan: Plan) -> KptraceError:
    if code == errno.EPERM:
        return no_permission()
    for one in plan.maps:
        if f"map '{one.symbol}': failed to create" in messages:
            return RunError(
                f"the kernel refuses the map {one.name} of {one.max_entries} entries:"
                f" {_reason(code)}",
                hint="set a smaller max_map_keys, or declare the map: let @m = hash(1000);",
                code="load",
            )
    program = _PROGRAM.search(messages)
    if code in _NOT_THERE and program and (refused := _candidates(program[1], plan)):
        made = RunError(f"the kernel refused the program of {_label(program[1], plan)}")
        why = f"the kernel refused its program ({_reason(code)})"
        return CandidateError(made.diagnostics, dict.fromkeys(refused, why))
    lines = [line.strip() for line in messages.splitlines() if line.strip()]
    detail = "; ".join(line.removeprefix("libbpf: ") for line in lines[-3:])
    return RunError(
        f"the BPF object cannot be loaded: {detail or _reason(code)}",
        hint=_object_hint(messages),
        code="load",
    )


def _verifier_log(messages: str) -> str | None:
    start = messages.rfind(_BEGIN)
    if start == -1:
        return None
    end = messages.find(_END, start)
    log = messages[start + len(_BEGIN) : end if end != -1 else None]
    return log if log.strip() else None


def _tail(log: str) -> list[str]:
    """The last lines that say something, and the source line that they belong to."""
    lines = [line.rstrip() for line in log.splitlines() if not _NOISE.match(line)]
    kept = lines[-_KEPT_LINES:]
    if not any(line.startswith(";") for line in kept):
        source = next((line for line in reversed(lines) if line.startswith(";")), None)
        if source is not None:
            kept.insert(0, source)
    return kept


def _label(name: str, plan: Plan) -> str:
    for program in plan.programs:
        if program.name == name:
            return f"{program.label} (line {program.line})" if program.line else program.label
    return name or plan.name


def _hint(log: str) -> str:
    if "invalid func unknown#195896080" in log or "failed to resolve CO-RE" in log:
        return "a field or type that the specification reads is not in this kernel's BTF"
    if "BPF program is too large" in log or "too many instructions" in log:
        return "the verifier's limit is one million steps: shorten loops or split the probe"
    if "infinite loop detected" in log or "jumps is too complex" in log:
        return "the verifier cannot see the end of a while loop: use for $i : 0..N instead"
    if "combined stack size" in log or "invalid stack" in log:
        return "the BPF stack has 512 bytes: use fewer or shorter strings in one probe"
    if "unknown func" in log or "invalid func" in log:
        return "the program calls a kernel helper that this kernel does not have"
    return ""


def _object_hint(messages: str) -> str:
    if "vmlinux" in messages and "BTF" in messages:
        if not Path("/sys/kernel/btf/vmlinux").exists():
            return "this kernel has no BTF (CONFIG_DEBUG_INFO_BTF): use --backend bcc"
        return "the kernel's BTF could not be used: try --backend bcc"
    return ""


def _reason(code: int) -> str:
    return os.strerror(code) if code else "unknown reason"
