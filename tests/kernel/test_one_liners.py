# SPDX-License-Identifier: MIT
"""latency, count, stack and trace give right answers for known workloads."""

from __future__ import annotations

import json
from pathlib import Path

from harness import Kptrace, Worker, run_as
from workloads import folders, reads


def test_count_by_function(kptrace: Kptrace, tmp_path: Path) -> None:
    """A wildcard counts each function by itself; nobody else makes folders here."""
    run = kptrace.during(folders(tmp_path, 53), "count", "security_inode_*dir")
    (counts,) = run.maps.values()
    assert counts == {"security_inode_mkdir": 53, "security_inode_rmdir": 53}


def test_count_as_text(kptrace: Kptrace, file: Path) -> None:
    """Text output is one line for each key."""
    with kptrace.tracing("count", "vfs_read", "--by", "comm") as tracer:
        run_as("reader", reads(file, [1] * 101))
        run = tracer.stop()
    assert run.status == 0
    assert "@[reader]: 101\n" in run.out
    assert run.err == "Attached 1 probe\n"


def test_stack(kptrace: Kptrace, tmp_path: Path) -> None:
    """All stacks begin at the function and come from its system call."""
    run = kptrace.during(folders(tmp_path, 47), "stack", "vfs_mkdir")
    (stacks,) = run.maps.values()
    assert sum(stacks.values()) == 47
    for stack in stacks:
        names = [frame.partition("+")[0].strip() for frame in stack.split("\n") if frame.strip()]
        assert names[0] == "vfs_mkdir"
        assert names[1].endswith("mkdirat")  # do_mkdirat, filename_mkdirat: that changes
        assert names.index("do_syscall_64") > 1


def test_trace_prints_fields_of_structures(kptrace: Kptrace, file: Path) -> None:
    """A line for every call of one process, in order, with a name reached through three structs."""
    sizes = [*range(1, 24), 4096, 65536]
    worker = Worker("reader", reads(file, sizes))
    run = kptrace.during(
        worker.run,
        *("trace", "vfs_read", "--filter", f"pid == {worker.pid}"),
        *("str(args.file.f_path.dentry.d_name.name)", "args.count"),
    )
    assert [line.split() for line in run.printed] == [
        ["reader", str(worker.pid), file.name, str(size)] for size in sizes
    ]


def test_trace_as_text(kptrace: Kptrace, tmp_path: Path) -> None:
    """Text has a heading."""
    with kptrace.tracing("trace", "security_inode_rmdir", "--filter", 'comm == "maker"') as tracer:
        worker = Worker("maker", folders(tmp_path, 3))
        worker.run()
        run = tracer.stop()
    heading, *lines = run.out.strip().splitlines()
    assert heading.split() == ["COMMAND", "PID"]
    assert [line.split() for line in lines] == [["maker", str(worker.pid)]] * 3


def test_latency_by_command(kptrace: Kptrace, file: Path) -> None:
    """Every call is in the histogram, and its percentiles agree with it."""
    run = kptrace.during(
        lambda: run_as("reader", reads(file, [1] * 499)), "latency", "vfs_read", "--by", "comm"
    )
    assert sum(bucket["count"] for bucket in run.maps["@ns"]["reader"]) == 499
    (line,) = (one for one in run.objects if one["type"] == "percentiles")
    figures = line["data"]["@ns"]["reader"]
    assert figures["count"] == 499
    assert figures["min"] <= figures["p50"] <= figures["p99"] <= figures["max"], json.dumps(figures)
