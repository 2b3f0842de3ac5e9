# SPDX-License-Identifier: MIT
"""The main job: a latency histogram of a kernel function counts every call, with both loaders."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import Kptrace, run_as
from workloads import reads

SPEC = """
kprobe:vfs_read { @start[tid] = nsecs; }
kretprobe:vfs_read /@start[tid]/ {
    @ns[comm] = hist(nsecs - @start[tid]);
    delete(@start, tid);
}
"""


@pytest.mark.parametrize("backend", ["libbpf", "bcc"])
def test_latency_of_every_read(kptrace: Kptrace, file: Path, backend: str) -> None:
    """The buckets of a process hold exactly its 1009 reads, and all took some time."""
    run = kptrace.during(
        lambda: run_as("reader", reads(file, [10] * 1009)), "--backend", backend, "-e", SPEC
    )
    buckets = run.maps["@ns"]["reader"]
    assert sum(bucket["count"] for bucket in buckets) == 1009
    assert buckets[0]["min"] > 0
