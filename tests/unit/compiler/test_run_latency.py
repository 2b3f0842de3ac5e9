# SPDX-License-Identifier: MIT
"""The latency idiom beside the hash map that it replaces, hit by hit in the same probes.

``@s`` is undeclared, so it is storage of the thread where the kernel is made for that; ``@h`` is
declared, so it is a hash. Whatever happens between start and end, both have to find the same.
``tests/kernel/test_latency.py`` has what needs functions of the kernel.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from kptrace.kernel import Kernel

LAST_NUMBER = Path("/proc/sys/kernel/ns_last_pid")
with Kernel() as _kernel:
    OWN = _kernel.makes_task_storage

START = "$now = nsecs; @s[tid] = $now; @h[tid] = $now; @starts = count();"
END = """
    if (@s[tid] != @h[tid]) { @differ = count(); }
    if (@s[tid]) { @found = count(); }
    if (@h[tid]) { @listed = count(); }
    delete(@s, tid);
    delete(@h, tid);
"""
MIGRATION = """
import os
for number in range(200):
    os.sched_setaffinity(0, {number % 2})
"""
SLEEPERS = """
import threading, time
threads = [threading.Thread(target=time.sleep, args=(2,)) for _ in range(150)]
for one in threads:
    one.start()
for one in threads:
    one.join()
"""
NOT_THE_LEADER = """
import os, threading
threading.Thread(target=os.execv, args=("/bin/true", ["true"])).start()
threading.Event().wait()
"""
REUSED = """
import os, threading
numbers = []

def run(work):
    def noted():
        numbers.append(threading.get_native_id())
        work()
    one = threading.Thread(target=noted)
    one.start()
    one.join()
    while os.path.exists(f"/proc/self/task/{numbers[-1]}"):
        pass

for _ in range(40):
    run(os.getppid)
    with open("/proc/sys/kernel/ns_last_pid", "w") as last:
        last.write(str(numbers[-1] - 1))
    run(lambda: os.getsid(0))
"""
INTERRUPTED = """
import os, socket, time
with socket.create_server(("127.0.0.1", 0)) as server:
    with socket.create_connection(server.getsockname()) as one, server.accept()[0] as other:
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            one.send(b"x")
            other.recv(1)
            os.getppid()
"""


@pytest.fixture
def of_a_child(run: Any, tmp_path: Path) -> Any:
    """``of_a_child(spec, script)``: the maps of a run over a Python program, and what they lost."""

    def once(spec: str, script: str) -> dict[str, Any]:
        path = tmp_path / "script.py"
        path.write_text(script)
        done = run(spec, "-f", "json", "-c", f"{sys.executable} {path}")
        assert (done.status, done.err) == (0, "")
        found: dict[str, Any] = {"maps": {}, "dropped": {}}
        for one in done.json:
            if one["type"] == "map":
                found["maps"] |= one["data"]
            elif one["type"] == "losses":
                losses = one["data"]["maps"].items()
                found["dropped"] = {name: lost["dropped"] for name, lost in losses}
        return found

    return once


def pair(start: str, end: str, condition: str, entries: int = 4096) -> str:
    """The idiom in both forms, from one probe to another."""
    return f"""
    let @h = hash({entries});
    {start} /{condition}/ {{ {START} }}
    {end} /{condition}/ {{ {END} }}
    end {{ clear(@h); }}"""


def calls(name: str, entries: int = 4096) -> str:
    """Over one system call of the child."""
    tracepoint = "tracepoint:syscalls:sys"
    return pair(f"{tracepoint}_enter_{name}", f"{tracepoint}_exit_{name}", "pid == cpid", entries)


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one CPU: nothing migrates")
def test_a_thread_that_migrates(of_a_child: Any) -> None:
    """It enters the kernel on one CPU and leaves it on the other."""
    spec = f"""
    tracepoint:syscalls:sys_enter_sched_setaffinity /pid == cpid/ {{ @on[tid] = cpu + 1; }}
    tracepoint:syscalls:sys_exit_sched_setaffinity /pid == cpid && @on[tid]/ {{
        if (@on[tid] != cpu + 1) {{ @migrated = count(); }}
        delete(@on, tid);
    }}
    {calls("sched_setaffinity")}"""
    maps = of_a_child(spec, MIGRATION)["maps"]
    assert maps["@migrated"] >= 199
    assert "@differ" not in maps
    assert maps["@starts"] == maps["@found"] == maps["@listed"] == 200


def test_more_threads_than_a_map_has_room_for(of_a_child: Any) -> None:
    """Each thread brings its own: only the hash is full, and says so."""
    found = of_a_child(calls("clock_nanosleep", entries=32), SLEEPERS)
    maps = found["maps"]
    assert maps["@starts"] == 150
    assert 0 < found["dropped"]["@h"] == 150 - maps["@listed"]
    if OWN:
        assert maps["@found"] == 150
        assert set(found["dropped"]) == {"@h"}


def test_a_thread_that_becomes_its_process(of_a_child: Any) -> None:
    """Whoever runs execve gets the number of the process: a hash loses its start, a thread not."""
    maps = of_a_child(calls("execve"), NOT_THE_LEADER)["maps"]
    assert maps["@starts"] == 2  # the child's own, by the leader, is the first
    assert maps["@listed"] == 1
    assert maps["@found"] == (2 if OWN else 1)


@pytest.mark.skipif(not LAST_NUMBER.exists(), reason="the kernel lets nobody choose a number")
def test_threads_that_end_in_between(of_a_child: Any) -> None:
    """A start goes with its thread: the next one with that number finds none, as a hash does."""
    enter = "tracepoint:syscalls:sys_enter"
    maps = of_a_child(pair(f"{enter}_getppid", f"{enter}_getsid", "pid == cpid"), REUSED)["maps"]
    assert maps["@starts"] == 40
    assert maps["@listed"] >= 1
    if OWN:
        assert "@found" not in maps


def test_interrupts_on_top_of_a_task(of_a_child: Any) -> None:
    """In an interrupt tid is the interrupted thread's: its maps serve both and mix nothing up.

    Not of idle CPUs: these share the number 0, and with it one entry of a hash.
    """
    spec = f"""
    let @hi = hash(4096);
    rawtracepoint:softirq_entry /tid/ {{ $now = nsecs; @si[tid] = $now; @hi[tid] = $now; }}
    rawtracepoint:softirq_exit /tid/ {{
        if (pid == cpid) {{ @interrupted = count(); }}
        if (@si[tid] != @hi[tid]) {{ @mixed = count(); }}
        delete(@si, tid);
        delete(@hi, tid);
    }}
    {calls("sendto")}
    end {{ clear(@hi); }}"""
    found = of_a_child(spec, INTERRUPTED)
    maps = found["maps"]
    assert maps["@interrupted"] > 1000
    # A thread cannot be given storage in the moment in which it is given some: that is told.
    assert maps.get("@mixed", 0) <= sum(found["dropped"].values()) <= 2
    assert "@differ" not in maps
    assert maps["@starts"] == maps["@found"] == maps["@listed"] > 1000
