# SPDX-License-Identifier: MIT
"""What BCC said -> one error that a person can act on."""

from __future__ import annotations

import re
import sys
from typing import Any

from kptrace.errors import HostError, KptraceError, RunError
from kptrace.plan import Plan
from kptrace.runtime import verifier

_COMPILE_ERROR = re.compile(r"^(\S+:\d+:\d+): (?:fatal )?error: (.*)$", re.MULTILINE)
_SHOWN = 3


def no_headers(release: str) -> HostError:
    return HostError(
        f"no kernel headers for {release}, which bcc needs to compile",
        hint=f"install linux-headers-{release} (Debian, Ubuntu) or kernel-devel-{release} (Fedora,"
        " RHEL); with BTF and clang, --backend libbpf needs none",
        code="no-headers",
    )


def explain(reply: dict[str, Any], said: str, status: int, plan: Plan) -> KptraceError | None:
    """The error of a child's reply, or None when it succeeded.

    ``said``: everything that BCC, clang and the verifier printed; ``status``: the child's exit
    status, negative for a signal.
    """
    step = reply.get("step")
    if step is None:
        return None if status == 0 else _died(said, status)
    detail = str(reply["detail"])
    if step == "import":
        return HostError(
            f"{sys.executable} cannot import bcc: {detail}",
            hint="install python3-bpfcc (Debian, Ubuntu) or python3-bcc (Fedora, RHEL); a virtual"
            " environment sees it only when made with --system-site-packages",
            code="no-bcc",
        )
    if "Operation not permitted" in said + detail:
        return verifier.no_permission()
    if step == "compile":
        return _compile_error(detail, said)
    if step == "load":
        # "Failed to load BPF program b'name': Permission denied"
        reason = detail.rpartition(": ")[2]
        return verifier.program_error(str(reply["program"]), reason, said, plan)
    return KptraceError(f"BUG: {detail}")


def _compile_error(detail: str, said: str) -> RunError:
    found = _COMPILE_ERROR.findall(said)
    if not found:
        lines = [line for line in said.splitlines() if line.strip()]
        return RunError(
            "bcc cannot compile the specification:\n"
            + "\n".join(f"  {line}" for line in [detail, *lines[-_SHOWN:]]),
            code="compile",
        )
    shown = "\n".join(f"  {place}: {message}" for place, message in found[:_SHOWN])
    in_headers = all("/include/" in place for place, _ in found)
    return RunError(
        f"bcc cannot compile the specification:\n{shown}",
        hint="the headers are incomplete, or too new for this bcc: use --backend libbpf"
        if in_headers
        else "",
        code="compile",
    )


def _died(said: str, status: int) -> RunError:
    how = f"was killed by signal {-status}" if status < 0 else f"failed with status {status}"
    tail = "\n".join(f"  {line}" for line in said.splitlines()[-_SHOWN:])
    return RunError(f"the bcc process {how}:\n{tail}", code="bcc")
