# SPDX-License-Identifier: MIT
"""What the C generator must know of a processor: where pt_regs keeps arguments and results."""

from __future__ import annotations

from dataclasses import dataclass

from kptrace.errors import HostError


@dataclass(frozen=True, slots=True, kw_only=True)
class Arch:
    """Indexes of 64-bit words in the kernel's struct pt_regs (its user ABI, so it never moves)."""

    clang: str
    arguments: tuple[int, ...]
    result: int
    registers: dict[str, int]
    """By the names that reg() knows."""


def _named(names: str) -> dict[str, int]:
    """Registers in the order in which struct pt_regs has them."""
    return {name: index for index, name in enumerate(names.split())}


_ARCHES = {
    # arch/x86/include/asm/ptrace.h: r15 r14 r13 r12 bp bx r11 r10 r9 r8 ax cx dx si di ...
    "x86_64": Arch(
        clang="x86",
        arguments=(14, 13, 12, 11, 9, 8),
        result=10,
        registers=_named(
            "r15 r14 r13 r12 bp bx r11 r10 r9 r8 ax cx dx si di orig_rax ip cs flags sp ss"
        )
        | {"pc": 16},
    ),
    # arch/arm64/include/asm/ptrace.h: x0 ... x30
    "aarch64": Arch(
        clang="arm64",
        arguments=(0, 1, 2, 3, 4, 5, 6, 7),
        result=0,
        registers=_named(f"{' '.join(f'r{number}' for number in range(31))} sp pc pstate"),
    ),
    # arch/powerpc/include/asm/ptrace.h: gpr[0] ... gpr[31]; arguments from r3
    "ppc64le": Arch(
        clang="powerpc",
        arguments=(3, 4, 5, 6, 7, 8, 9, 10),
        result=3,
        registers=_named(f"{' '.join(f'r{number}' for number in range(32))} nip msr"),
    ),
}


def of(machine: str) -> Arch:
    """The facts of a machine as ``uname -m`` names it."""
    try:
        return _ARCHES[machine]
    except KeyError:
        raise HostError(
            f"kptrace does not know the processor '{machine}'",
            hint=f"it knows {', '.join(_ARCHES)}",
            code="arch",
        ) from None
