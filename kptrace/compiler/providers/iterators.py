# SPDX-License-Identifier: MIT
"""Probes that run over all objects of one kind: iter."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from kptrace.compiler.providers.base import ATTACH, Found, Request
from kptrace.errors import did_you_mean
from kptrace.kernel.btf import Btf
from kptrace.plan import Target

_PINS = "/sys/fs/bpf"
"""Where a pin without a leading / goes."""


def iterator(request: Request) -> Iterator[Found]:
    """iter:NAME[:pin]"""
    if not request.count(1, 2):
        return
    if not request.alone:
        request.error("iter probe only supports one attach point.")
        return
    name, *pin = request.parts
    if any("*" in one for one in request.parts):
        request.error("iter probe type does not support wildcards")
        return
    btf = request.kernel.btf
    if btf is None or btf.function(f"bpf_iter_{name}") is None:
        message = f"iter {name} not available for your kernel version."
        hints = (request.kernel.btf_problem,) if btf is None else did_you_mean(name, known(btf))
        request.error(message, hints, code=ATTACH)
        return
    text = ":".join(("iter", name, *pin))
    path = os.path.join(_PINS, pin[0]) if pin else ""
    target = Target(probe=request.point.name or text, name=name, pin=path)
    yield Found(targets=(target,), prototype=btf.function(f"bpf_iter_{name}"))


def known(btf: Btf) -> list[str]:
    """The names of all iterators of a kernel."""
    # the context of iter:NAME is a struct bpf_iter__NAME
    found = re.findall(rb"\0bpf_iter__([a-z0-9_]+)(?=\0)", btf.strings())
    return sorted(name.decode() for name in found)
