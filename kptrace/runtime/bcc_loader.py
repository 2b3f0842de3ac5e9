# SPDX-License-Identifier: MIT
"""C text -> Loaded, through BCC (BCC dialect), in a child process.

BCC brings a compiler of 130 MB, changes the directory of its whole process while it compiles, and
tells its errors on standard output. So a child does it: this module is the parent's side, and,
run as a program, the child's. Programs and maps come back as file descriptors.

Protocol: the request is one JSON document on the child's standard input. The reply comes over a
SOCK_SEQPACKET socket: one JSON message, then the descriptors in the order of the request.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import kptrace
from kptrace.errors import KptraceError
from kptrace.kernel.host import headers, release
from kptrace.plan import TIMER_KINDS, TRACER_KINDS, Plan, ProbeKind
from kptrace.runtime import bcc_errors
from kptrace.runtime.bpf import AttachType, ProgType
from kptrace.runtime.loaded import Loaded, raise_limits
from kptrace.runtime.mechanism import Mechanism

_FIXED_MAPS = ("events", "ledger", "control")
_FDS_PER_MESSAGE = 253  # SCM_MAX_FD
_LONGEST_REPLY = 1 << 16

_PROGRAM_TYPES = {
    ProbeKind.KPROBE: ProgType.KPROBE,
    ProbeKind.KRETPROBE: ProgType.KPROBE,
    ProbeKind.TRACEPOINT: ProgType.TRACEPOINT,
    ProbeKind.RAWTRACEPOINT: ProgType.RAW_TRACEPOINT,
    **dict.fromkeys(TIMER_KINDS, ProgType.PERF_EVENT),
    **dict.fromkeys(TRACER_KINDS, ProgType.RAW_TRACEPOINT),
}
"""All but those that BCC cannot load for their target; its dialect has refused these."""


def load(text: str, plan: Plan, mechanisms: Mapping[str, Mechanism]) -> Loaded:
    """Compile C text against this kernel's headers and load it.

    Takes about a second and 200 MB for as long as it lasts. Raises HostError when bcc, headers or
    rights are missing, RunError when the text does not compile or the kernel refuses a program.
    """
    if not headers_place():
        raise bcc_errors.no_headers(release())
    raise_limits()
    programs = [
        (one.name, _PROGRAM_TYPES[one.kind], _attach_type(mechanisms.get(one.name)))
        for one in plan.programs
    ]
    symbols = [
        *_FIXED_MAPS,
        *(one.symbol for one in plan.maps),
        *(one.symbol for one in plan.stack_maps),
    ]
    request = json.dumps({"text": text, "programs": programs, "maps": symbols})
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            child = subprocess.run(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                input=request.encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=[theirs.fileno()],
                env=_environment(),
                # "-m" looks for modules in the current directory first, which may be anybody's
                cwd="/",
                start_new_session=True,  # Ctrl-C on the terminal is for the run, not for its child
                check=False,
            )
        said = child.stdout.decode(errors="replace")
        reply: dict[str, Any] = json.loads(ours.recv(_LONGEST_REPLY) or b"{}")
        failure = bcc_errors.explain(reply, said, child.returncode, plan)
        if failure is not None:
            raise failure
        return _collect(ours, [one.name for one in plan.programs], symbols)


def _attach_type(mechanism: Mechanism | None) -> int:
    return AttachType.TRACE_KPROBE_MULTI if mechanism is Mechanism.MULTI else AttachType.NONE


def headers_place() -> str:
    """Where BCC will find headers: a named source tree, the build tree, or kheaders; "" nowhere."""
    named = os.environ.get("BCC_KERNEL_SOURCE")
    if named:
        return named if os.path.exists(Path(named, "include/linux/kconfig.h")) else ""
    # BCC loads the kheaders module by itself.
    modules = Path("/lib/modules", release(), "kernel/kernel")
    return headers() or next((str(one) for one in modules.glob("kheaders.ko*")), "")


def _environment() -> dict[str, str]:
    # The child finds the package where this process found it, installed or not.
    home = str(Path(kptrace.__file__).resolve().parent.parent)
    given = os.environ.get("PYTHONPATH", "").split(":")
    path = [home, *(os.path.abspath(one) for one in given if one)]
    changed = {"PYTHONPATH": ":".join(path), "LC_ALL": "C"}
    source = os.environ.get("BCC_KERNEL_SOURCE")
    if source:
        changed["BCC_KERNEL_SOURCE"] = os.path.abspath(source)
    return {**os.environ, **changed}


def _collect(reply: socket.socket, programs: Sequence[str], symbols: Sequence[str]) -> Loaded:
    fds: list[int] = []
    wanted = len(programs) + len(symbols)
    while len(fds) < wanted:
        message, received, _, _ = socket.recv_fds(reply, 1, _FDS_PER_MESSAGE)
        fds += received
        if not message:
            break
    loaded = Loaded(
        dict(zip(programs, fds, strict=False)),
        dict(zip(symbols, fds[len(programs) :], strict=False)),
    )
    if len(fds) != wanted:
        loaded.close()
        raise KptraceError(f"BUG: bcc returned {len(fds)} of {wanted} descriptors")
    return loaded


# The child's side


def _main() -> None:
    with socket.socket(fileno=int(sys.argv[1])) as reply:
        request = json.load(sys.stdin)
        try:
            # The module must live until its descriptors are sent.
            module = _compiled(request["text"])
            fds = [*_programs(module, request["programs"]), *_maps(module, request["maps"])]
        except _StepError as failed:
            reply.send(json.dumps(failed.reply).encode())
            return
        reply.send(b"{}")
        for start in range(0, len(fds), _FDS_PER_MESSAGE):
            socket.send_fds(reply, [b"."], fds[start : start + _FDS_PER_MESSAGE])


class _StepError(Exception):
    def __init__(self, step: str, detail: object, program: str = "") -> None:
        super().__init__(step)
        self.reply = {"step": step, "detail": str(detail), "program": program}


def _compiled(text: str) -> Any:
    try:
        from bcc import BPF
    except ImportError as error:
        raise _StepError("import", error) from error
    try:
        return BPF(text=text)
    except Exception as error:  # that is the class which bcc raises
        raise _StepError("compile", error) from error


def _programs(module: Any, wanted: list[tuple[str, int, int]]) -> Iterator[int]:
    for name, program_type, attach_type in wanted:
        # Older releases of bcc do not know attach_type.
        more = {"attach_type": attach_type} if attach_type else {}
        try:
            yield module.load_func(name, program_type, **more).fd
        except Exception as error:
            raise _StepError("load", error, name) from error


def _maps(module: Any, wanted: list[str]) -> Iterator[int]:
    from bcc.libbcc import lib

    for name in wanted:
        fd = lib.bpf_table_fd(module.module, name.encode())
        if fd < 0:
            raise _StepError("map", f"the object has no map '{name}'")
        yield fd


if __name__ == "__main__":
    _main()
