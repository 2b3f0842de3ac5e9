# SPDX-License-Identifier: MIT
"""Which functions of the kernel a program may call: the kernel is asked by a trial load."""

from __future__ import annotations

import functools
from pathlib import Path

from kptrace.kernel.files import is_shortage
from kptrace.kernel.libbpf import BtfFile, Kind
from kptrace.plan import TIMER_KINDS, TRACER_KINDS, TRAMPOLINE_KINDS, ProbeKind
from kptrace.records import dataclass
from kptrace.runtime import bpf
from kptrace.runtime.bpf import AttachType, ProgType

_RUNNING = Path("/sys/kernel/btf/vmlinux")
_ANY_FUNCTION = "bpf_fentry_test1"
"""It is in the kernel to be traced, and nothing else (net/bpf/test_run.c, 5.5 and later)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """A type of program; ``prefix`` and ``described`` find in BTF what it is loaded for."""

    type: ProgType
    attach: AttachType = AttachType.NONE
    prefix: str = ""
    described: Kind | None = None


_SHAPES = {
    ProbeKind.KPROBE: _Shape(type=ProgType.KPROBE),
    ProbeKind.KRETPROBE: _Shape(type=ProgType.KPROBE),
    ProbeKind.TRACEPOINT: _Shape(type=ProgType.TRACEPOINT),
    ProbeKind.RAWTRACEPOINT: _Shape(type=ProgType.RAW_TRACEPOINT),
    ProbeKind.FENTRY: _Shape(
        type=ProgType.TRACING, attach=AttachType.TRACE_FENTRY, described=Kind.FUNC
    ),
    ProbeKind.FEXIT: _Shape(
        type=ProgType.TRACING, attach=AttachType.TRACE_FEXIT, described=Kind.FUNC
    ),
    ProbeKind.ITER: _Shape(
        type=ProgType.TRACING,
        attach=AttachType.TRACE_ITER,
        prefix="bpf_iter_",
        described=Kind.FUNC,
    ),
    **dict.fromkeys(TIMER_KINDS, _Shape(type=ProgType.PERF_EVENT)),
    **dict.fromkeys(TRACER_KINDS, _Shape(type=ProgType.RAW_TRACEPOINT)),
}
_TRUSTED = _Shape(
    type=ProgType.TRACING,
    attach=AttachType.TRACE_RAW_TP,
    prefix="btf_trace_",
    described=Kind.TYPEDEF,
)
"""Of a raw tracepoint whose program is loaded for it."""


@functools.cache
def allowed(kind: ProbeKind, trusted: bool, target: str, function: str) -> bool | None:
    """Whether a probe's program may call a function of the core kernel. Cached.

    None where the kernel does not say: for want of rights, or because it loads no program for
    this target at all.
    """
    try:
        types = BtfFile(_RUNNING)
    except FileNotFoundError:
        return False  # without BTF no function can be named
    except OSError as error:
        is_shortage(error)
        return None
    try:
        called = types.find(function, Kind.FUNC)
        shape = _TRUSTED if trusted else _SHAPES[kind]
        wanted: int | None = 0
        if shape.described is not None:
            wanted = types.find(shape.prefix + target, shape.described)
        if wanted is None and kind in TRAMPOLINE_KINDS:  # of a module, or another BPF program
            wanted = types.find(_ANY_FUNCTION, Kind.FUNC)
    finally:
        types.close()
    if called is None:
        return False
    if wanted is None:
        return None
    try:
        return bpf.knows_kfunc(
            shape.type, function, called, expected_attach_type=shape.attach, target=wanted
        )
    except OSError as error:
        is_shortage(error)
        return None
