# SPDX-License-Identifier: MIT
"""The probe types, one file for each family: attach point -> targets (language §6.1).

In: a `base.Request`. Out: what the attach point resolves to on this kernel; findings go to the
request's report. Nothing here attaches.
"""

from __future__ import annotations

from kptrace.compiler.providers import (
    blocks,
    events,
    functions,
    hooks,
    iterators,
    timers,
    trampolines,
)
from kptrace.compiler.providers.base import Provider

SHORT = {
    "k": "kprobe",
    "kr": "kretprobe",
    "t": "tracepoint",
    "rt": "rawtracepoint",
    "i": "interval",
    "p": "profile",
    "f": "fentry",
    "kfunc": "fentry",
    "fr": "fexit",
    "kretfunc": "fexit",
    "s": "software",
    "it": "iter",
    "u": "uprobe",
    "ur": "uretprobe",
    "U": "usdt",
    "h": "hardware",
    "w": "watchpoint",
}
"""Short names are exact; full names ignore case."""

PROVIDERS: dict[str, Provider] = {
    "begin": blocks.once,
    "end": blocks.once,
    "self": blocks.itself,
    "test": blocks.trial,
    "bench": blocks.trial,
    "interval": timers.timer,
    "profile": timers.timer,
    "software": timers.software,
    "tracepoint": events.tracepoint,
    "rawtracepoint": events.rawtracepoint,
    "fentry": trampolines.trampoline,
    "fexit": trampolines.trampoline,
    "iter": iterators.iterator,
    "kprobe": functions.function,
    "kretprobe": functions.function,
}
PROVIDERS["hook"] = hooks.hook(PROVIDERS)
KERNEL = ("kprobe", "kretprobe", "fentry", "fexit", "tracepoint", "rawtracepoint", "software")
"""What a wildcard in the provider stands for (language §6.2)."""

_KERNEL_ONLY = "kptrace traces the kernel only"
LATER = {
    "uprobe": _KERNEL_ONLY,
    "uretprobe": _KERNEL_ONLY,
    "usdt": _KERNEL_ONLY,
    "hardware": "kptrace has no hardware counters, profile probes sample by time",
    "watchpoint": "kptrace has no hardware breakpoints",
}
"""Providers of the language that kptrace does not have, and why."""


def long_name(word: str) -> str:
    """The provider's name as the plan has it; an unknown word in lower case."""
    return SHORT.get(word, word.lower())
