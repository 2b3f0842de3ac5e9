# SPDX-License-Identifier: MIT
"""The latency idiom over functions: storage of the thread beside a hash, in the same probes.

``tests/unit/compiler/test_run_latency.py`` has what tracepoints can show.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from cgroups import ROOT, cgroup, enter, memory_of
from harness import Kptrace, Worker
from workloads import folders

from kptrace.kernel import Kernel
from kptrace.types import Struct

THREADS = 600


def _pair(function: str, condition: str, names: str = "sh") -> str:
    """The idiom in both forms; ``names``: what the undeclared and the declared map are called."""
    own, listed = (f"@{name}" for name in names)
    return f"""
    let {listed} = hash(4096);
    kprobe:{function} /{condition}/ {{
        $now = nsecs;
        {own}[tid] = $now;
        {listed}[tid] = $now;
        {own}_calls = count();
    }}
    kretprobe:{function} /{condition}/ {{
        {own}_returns = count();
        if ({own}[tid] != {listed}[tid]) {{ {own}_differ = count(); }}
        if ({own}[tid]) {{ {own}_found = count(); }}
        delete({own}, tid);
        delete({listed}, tid);
    }}
    end {{ clear({listed}); }}"""


@contextlib.contextmanager
def _stacked(folder: Path) -> Iterator[Path]:
    """An overlay: its file operations call the same functions again for the file system below."""
    memory, seen = folder / "memory", folder / "seen"
    for place in (memory, seen):
        place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(memory)], check=True)
    lower, upper, work = (memory / name for name in ("lower", "upper", "work"))
    for place in (lower, upper, work):
        place.mkdir()
    layers = f"lowerdir={lower},upperdir={upper},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "-o", layers, "overlay", str(seen)], check=True)
    try:
        yield seen
    finally:
        for place in (seen, memory):
            subprocess.run(["umount", str(place)], check=True)


def test_a_function_that_calls_itself(kptrace: Kptrace, tmp_path: Path) -> None:
    """The inner call takes the start, its return ends it, and the outer return finds none."""
    with _stacked(tmp_path) as seen:
        worker = Worker("maker", folders(seen, 30))
        run = kptrace.during(worker.run, "-e", _pair("vfs_mkdir", f"pid == {worker.pid}"))
    maps = run.maps
    assert maps["@s_calls"] == maps["@s_returns"] == 60
    assert maps["@s_found"] == 30
    assert "@s_differ" not in maps


def _echo(count: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        one = socket.create_connection(server.getsockname())
        other, _ = server.accept()
        with one, other:
            for _ in range(count):
                one.sendall(b"x")
                other.recv(1)


def test_a_softirq_within_a_call(kptrace: Kptrace) -> None:
    """What a thread sends to itself arrives before it has returned, under the same number."""
    worker = Worker("sender", lambda: _echo(200))
    spec = _pair("tcp_sendmsg", f"pid == {worker.pid}") + _pair(
        "tcp_v4_rcv", f"pid == {worker.pid}", "ri"
    )
    run = kptrace.during(worker.run, "-e", spec)
    maps = run.maps
    assert maps["@s_calls"] == maps["@s_found"] == 200
    assert maps["@r_calls"] == maps["@r_found"] >= 200
    assert not {"@s_differ", "@r_differ"} & set(maps)


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """This process, and what it starts, in a cgroup: the memory of a map is its maker's."""
    enter(folder, os.getpid())
    try:
        yield
    finally:
        enter(ROOT, os.getpid())


def _sleep(threads: int, meanwhile: Callable[[], int]) -> int:
    """``meanwhile`` while so many threads live that have slept."""
    slept, end = threading.Semaphore(0), threading.Event()

    def work() -> None:
        time.sleep(0)
        slept.release()
        end.wait()

    started = [threading.Thread(target=work) for _ in range(threads)]
    for one in started:
        one.start()
    for _ in started:
        slept.acquire()
    found = meanwhile()
    end.set()
    for one in started:
        one.join()
    return found


def test_the_memory_of_threads_that_end(kptrace: Kptrace) -> None:
    """Each has a start that nothing ends: the kernel frees the storage when it frees the thread."""
    spec = f"""
    kprobe:do_nanosleep /pid == {os.getpid()}/ {{ @s[tid] = nsecs; @starts = count(); }}
    kretprobe:vfs_mkdir /@s[tid]/ {{ delete(@s, tid); }}"""
    with cgroup("latency") as folder, contextlib.ExitStack() as stack:
        with _inside(folder):
            tracer = stack.enter_context(kptrace.tracing("-f", "json", "-e", spec))
        before = memory_of(folder, "stat")["slab"]

        def grown() -> int:
            return memory_of(folder, "stat")["slab"] - before

        most = [_sleep(THREADS, grown) for _ in range(5)]
        deadline = time.monotonic() + 30
        while grown() > most[0] and time.monotonic() < deadline:
            time.sleep(0.2)  # it is freed after a grace period, and some is kept for the next
        run = tracer.stop()
    with Kernel() as kernel:
        own = kernel.makes_task_storage
        assert kernel.btf is not None
        maps = kernel.btf.type_named("struct", "bpf_local_storage_map")
        assert isinstance(maps, Struct)
        # without BPF's own allocator (7.0, f484f4a3e058) the storage is charged to no cgroup
        charged = own and kernel.btf.field(maps, "selem_ma") is not None
    assert run.maps["@starts"] >= 5 * THREADS
    if own:
        assert run.losses["map_full"] == 0
    if charged:
        assert most[0] > THREADS * 100
        assert max(most) < 2 * most[0], most
