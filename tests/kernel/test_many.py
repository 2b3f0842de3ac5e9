# SPDX-License-Identifier: MIT
"""One block on many functions."""

from __future__ import annotations

import os
from pathlib import Path

from harness import Kptrace, kernel_has

from kptrace.runtime import bpf

LINK = "bpf_link"


def test_many_functions_by_one_program(kptrace: Kptrace) -> None:
    """Although the block asks which function it is in; and by one link, where there is that."""
    spec = "kprobe:vfs_* { @[func] = count(); }"
    before = set(bpf.program_ids())
    with kptrace.tracing("-f", "json", "-e", spec) as tracer:
        programs = set(bpf.program_ids()) - before
        held = Path(f"/proc/{tracer.pid}/fd")
        links = sum(LINK in os.readlink(one) for one in held.iterdir())
        run = tracer.stop()
    (attached,) = (one["count"] for one in run.objects if one["type"] == "attached_probes")
    assert attached > 40
    # a program that cannot ask knows it by being the function's own
    assert len(programs) == (1 if kernel_has("get_func_ip") else attached)
    assert sum(run.maps["@"].values()) > 0
    if kernel_has("kprobe_multi"):
        assert links == 1
