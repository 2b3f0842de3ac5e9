# SPDX-License-Identifier: MIT
"""What is lost is counted: full maps, full rings, missed returns."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

from harness import Kptrace, kernel_has, run_as
from workloads import reads


def test_full_map(kptrace: Kptrace, file: Path) -> None:
    """Eleven keys do not fit into four: what the map holds and what it refused is everything."""
    sizes = [size for size in range(1, 12) for _ in range(13)]
    spec = """
    config = { max_map_keys = 4 }
    kprobe:vfs_read /comm == "reader"/ { @[arg2] = count(); }"""
    run = kptrace.during(lambda: run_as("reader", reads(file, sizes)), "-q", "-e", spec)
    assert run.maps["@"] == {str(size): 13 for size in range(1, 5)}
    assert run.losses["map_full"] == 7 * 13
    assert run.losses["maps"] == {"@": {"dropped": 7 * 13}}


def test_full_map_in_text_and_strict(kptrace: Kptrace, file: Path) -> None:
    """In text the loss is told on standard error, also when quiet; --strict is a status."""
    spec = """
    config = { max_map_keys = 2 }
    kprobe:vfs_read /comm == "reader"/ { @[arg2] = 1; }"""
    with kptrace.tracing("-q", "--strict", "-e", spec) as tracer:
        run_as("reader", reads(file, [1, 2, 3, 3, 3]))
        run = tracer.stop()
    assert run.status == 6
    assert "  @: 3 updates dropped at 2 keys\n" in run.err


def test_full_ring(kptrace: Kptrace, file: Path) -> None:
    """While kptrace stands still its ring overflows: what arrived and what was lost is all."""
    spec = """
    config = { perf_rb_pages = 1 }
    kprobe:vfs_read /comm == "reader"/ { printf("%d", arg2); }"""
    with kptrace.tracing("-f", "json", "-e", spec) as tracer:
        tracer.send(signal.SIGSTOP)
        run_as("reader", reads(file, list(range(1, 1010))))
        tracer.send(signal.SIGCONT)
        run = tracer.stop()
    received = [int(text) for text in run.printed]
    assert received == sorted(received)
    assert 0 < len(received) < 1009
    assert run.losses["events"] == 1009 - len(received)


def test_missed_returns(kptrace: Kptrace) -> None:
    """More sleepers at once than the kernel remembers: hits and misses are all of them."""
    sleepers = 61

    def work() -> None:
        threads = [threading.Thread(target=time.sleep, args=(3.0,)) for _ in range(sleepers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    spec = 'kretprobe:do_nanosleep /comm == "sleeper"/ { @ = count(); }'
    run = kptrace.during(lambda: run_as("sleeper", work), "-e", spec)
    seen = run.maps["@"]
    assert 0 < seen < sleepers
    if kernel_has("miss_count"):
        assert run.losses["probe_misses"] == sleepers - seen
    else:
        assert run.losses["probe_misses"] is None


def test_nothing_lost(kptrace: Kptrace, file: Path) -> None:
    """Where the kernel tells, no misses are 0; where it does not, they are unknown."""
    spec = 'kprobe:vfs_read /comm == "reader"/ { @ = count(); }'
    run = kptrace.during(lambda: run_as("reader", reads(file, [1] * 7)), "-e", spec)
    assert run.losses["probe_misses"] == (0 if kernel_has("miss_count") else None)
    assert run.losses["events"] == run.losses["map_full"] == 0


INTERRUPTS_OFF = """
rawtracepoint:sched_switch {
    $key = rand % 1000;
    @hist[$key] = hist($key);
    @count[$key] = count();
}
"""


def test_no_update_is_lost_for_want_of_memory(kptrace: Kptrace) -> None:
    """A big histogram gets its memory late, and where tasks switch there is often none at hand."""
    run = kptrace(*("run", "--percentiles", "--duration", "3", "-f", "json", "-e", INTERRUPTS_OFF))
    found = {key: sum(one["count"] for one in rows) for key, rows in run.maps["@hist"].items()}
    assert found
    assert found == run.maps["@count"]
    assert run.losses["map_full"] == 0
