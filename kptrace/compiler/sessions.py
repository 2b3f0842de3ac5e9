# SPDX-License-Identifier: MIT
"""Entry and return of the same functions in one program, on one kernel link (language §6.2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from kptrace.compiler.expand import Unit
from kptrace.compiler.providers.base import mentions
from kptrace.kernel import Kernel
from kptrace.plan import ProbeKind, Target

IS_RETURN = "bpf_session_is_return"
_SIDES = (ProbeKind.KPROBE, ProbeKind.KRETPROBE)


def pairs(units: Sequence[Unit]) -> dict[int, int]:
    """The index of the return unit by that of the entry unit.

    Only where no other block is on one of the functions: what hangs on a function by different
    mechanisms has no order.
    """
    sides = [one for one in units if one.kind in _SIDES]
    used = Counter((one.kind, target.name) for one in sides for target in one.targets)
    found: dict[int, int] = {}
    for entry in sides:
        if entry.kind is not ProbeKind.KPROBE or not _can_be(entry):
            continue
        names = [target.name for target in entry.targets]
        if any(used[kind, name] != 1 for kind in _SIDES for name in names):
            continue
        for other in sides:
            same = [target.name for target in other.targets] == names
            if other.kind is ProbeKind.KRETPROBE and same and _can_be(other):
                found[entry.index] = other.index
    return found


def _can_be(unit: Unit) -> bool:
    named = len(unit.probe.attach) == 1 and len(unit.point.parts) == 2  # without a module
    alone = named and (unit.multi or len(unit.targets) == 1)
    # only a kprobe by itself may replace what a function returns
    overrides = "override" in mentions((unit.probe.predicate, unit.probe.body))
    return alone and not overrides and all(map(_plain, unit.targets))


def _plain(target: Target) -> bool:
    return not (target.group or target.offset or target.address)


def declaration(kernel: Kernel) -> str:
    """The C of the kernel function that tells the sides apart; "" where the kernel has none.

    It takes the context since Linux 7.0, nothing before.
    """
    found = None if kernel.btf is None else kernel.btf.function(IS_RETURN, "vmlinux")
    if found is None:
        return ""
    parameter = "void *ctx" if found.params else "void"
    return f'extern _Bool {IS_RETURN}({parameter}) __attribute__((section(".ksyms")));\n'


def call(declared: str) -> str:
    """The C that is true on return."""
    return f"{IS_RETURN}({'ctx' if 'ctx' in declared else ''})"
