# SPDX-License-Identifier: MIT
"""`report` prints byte for byte what `run` printed: specifications over all kinds of events."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kptrace.plan import EventKind
from kptrace.session.recording import DONE, STORED

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="running programs needs root")

CALLED = f"/tmp/kptrace-called-{os.getpid()}"
CALLS = f"for n in 1 2 3 4 5; do {CALLED}; done"
"""A workload whose events can be counted: a program that nobody else executes."""
EXEC = "tracepoint:syscalls:sys_enter_execve"
MINE = f'/str(args.filename) == "{CALLED}"/'


@dataclass(frozen=True, kw_only=True)
class Ran:
    status: int
    out: bytes
    err: bytes


Command = Callable[..., Ran]


@pytest.fixture(autouse=True, scope="module")
def _called() -> Iterator[None]:
    os.symlink("/bin/true", CALLED)
    yield
    os.unlink(CALLED)


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Runs kptrace in a directory of its own."""

    def run(*words: str, user: str | None = None) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "kptrace", *words],
            capture_output=True,
            cwd=tmp_path,
            timeout=120,
            user=user,
            stdin=subprocess.DEVNULL,
        )
        return Ran(status=done.returncode, out=done.stdout, err=done.stderr)

    return run


SPECS = {
    "raw events": f'{EXEC} {MINE} {{ printf("%s %d\\n", comm, 5); }}',
    "raw events and maps": f"""{EXEC} {MINE} {{
        printf("%d\\n", 1); @n = count(); @h = hist(7); @k[1, "a"] = sum(3); @avg = avg(5);
        @st = stats(6); @min = min(4); @max = max(9); @v = 3; @l[2] = lhist(4, 0, 9, 1); }}""",
    "values": 'begin { print((1, "a", 3)); print(5); print("x"); @x[1] = (2, "b"); print(@x[1]); }',
    "messages": 'begin { warnf("careful %d", 3); errorf("wrong %s", "x"); printf("on\\n"); }',
    "maps in between": """
        begin { @x[1] = 1; @x[2] = 5; print(@x); print(@x, 1); clear(@x); print(@x); @x[3] = 1;
                @n = count(); print(@n); zero(@n); print(@n); clear(@n); }
        end { print(@n); @x[4] = 2; }""",
    "time": 'begin { time("%Y-%m\\n"); printf("%s\\n", strftime("%Y", nsecs)); }',
    "files": """begin { cat("/proc/sys/kernel/ostype"); cat("/no/such/%s", "file");
                       printf("behind\\n"); }""",
    "commands": 'begin { system("echo a %d", 3); printf("b\\n"); system("exit 3"); }',
    "symbols": 'begin { @a[ksym(kaddr("vfs_read"))] = count(); print(ksym(kaddr("vfs_read"))); }',
    "users and groups": f"""{EXEC} {MINE} {{ printf("%s\\n", username); @u[username] = 1;
                                            @c[cgroup_path(cgroup)] = count(); }}""",
    "exit": """interval:ms:10 { printf("once\\n"); if (1) { exit(3); } printf("never\\n"); }
               end { printf("end\\n"); }""",
    "exit in begin": 'begin { exit(); } interval:ms:10 { printf("never\\n"); } end { exit(4); }',
    "exit in begin, and an iterator": "begin { exit(3); } iter:task { @n = count(); }",
    "exit in begin, and a tracepoint": """begin { exit(); }
        tracepoint:raw_syscalls:sys_enter { @ = count(); }""",
    "exit in end": "interval:ms:10 { exit(); } end { exit(4); }",
    "nothing": "begin { }",
    "series": f'{EXEC} {MINE} {{ @t = tseries(1, 1h, 2, "sum"); }}',
    "flags": 'begin { printf("%gr\\n", 0xcc0); }',
    "enumerators": "begin { $e = (enum pid_type)1; print($e); @[(enum pid_type)2] = 1; }",
    "structs": f"{EXEC} {MINE} {{ print(curtask->rcu); }}",
    "a full map": """config = { max_map_keys = 1 } begin { @a[1] = 1; @a[2] = 2; @a[3] = 3; }""",
    "no maps at the end": "config = { print_maps_on_exit = false } begin { @a = 1; print(@a); }",
    "iterators": 'iter:task /pid == 1/ { printf("%s\\n", ctx.task->comm); @ = count(); }',
    "tuples": 'begin { @[(1, "x"), 2] = count(); print((1, (2, "y"))); }',
}
"""What is the same in every run."""

MOMENTS = {
    "stacks": f"""{EXEC} {MINE} {{ @s[kstack] = count(); printf("%s", kstack(2));
                                  @p = kstack(perf); }}""",
    "stacks of processes": """tracepoint:syscalls:sys_enter_write
        { @[ustack(3)] = count(); @b[ustack(build_id)] = count(); print(ustack(raw)); }""",
    "samples": "profile:hz:99 { @[kstack, ustack, comm, cpu] = count(); }",
    "times": f"""{EXEC} {MINE} {{ printf("%d %s\\n", nsecs, strftime("%H:%M:%S.%k", nsecs));
                                  print(strftime("%H:%M:%S.%f", nsecs(sw_tai))); }}""",
    "joined": 'tracepoint:syscalls:sys_enter_execve { join(args.argv, "+"); }',
    "everybody": """rawtracepoint:sys_enter { @[comm, pid] = count(); @h[comm] = hist(nsecs % 999);
                    printf("%d %s %s\\n", tid, comm, username); }""",
    "a full buffer": """config = { perf_rb_pages = 1 } rawtracepoint:sys_enter
                        { for ($i : 0..50) { printf("%d %100s\\n", $i, comm); } }""",
}
"""What is never the same twice: one run is printed and recorded."""

WORKLOADS = {"exit": "sleep 10"}
"""What runs meanwhile, where it must not end before the specification does."""
FORMS = (("-f", "text"), ("-f", "json", "-q"))
"""The ledger of JSON counts what every process of this machine did: it is compared below."""


@pytest.mark.parametrize("name", SPECS)
def test_a_report_is_what_the_run_printed(name: str, command: Command) -> None:
    spec = SPECS[name]
    options = ("--unsafe", "-c", WORKLOADS.get(name, f"/bin/sh -c '{CALLS}'"))
    recorded = command("record", *options, "-e", spec, "-o", "a.kpt")
    for form in FORMS:
        ran = command("run", *options, *form, "-e", spec)
        report = command("report", *form, "a.kpt")
        assert report.status == 0, report.err
        assert report.out == ran.out
        assert ran.err.endswith(report.err)  # compiling has its say before
        assert recorded.status == ran.status
    assert recorded.out == b""


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("name", MOMENTS)
def test_a_report_is_what_was_printed_beside(name: str, form: str, tmp_path: Path) -> None:
    path = str(tmp_path / "a.kpt")
    workload = f"/bin/sh -c '{CALLS}; echo > /dev/null'"
    script = [sys.executable, Path(__file__).with_name("side_by_side.py")]
    ran = subprocess.run(
        [*script, MOMENTS[name], form, path, workload], capture_output=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    report = subprocess.run(
        [sys.executable, "-m", "kptrace", "report", "-f", form, path],
        capture_output=True,
        timeout=120,
    )
    assert report.stdout == ran.stdout
    assert ran.stderr.startswith(report.stderr)  # then comes what a recording tells itself
    assert len(ran.stdout) > 100


@pytest.mark.parametrize("verb", [("run",), ("record", "-o", "a.kpt")], ids=["run", "record"])
def test_exit_ends_a_run_beside_an_iterator_that_sends_nothing(
    verb: tuple[str, ...], command: Command
) -> None:
    spec = """iter:ksym { @begun = 1; for ($i : 0..200) { @n = count(); } }
              interval:us:100 /@begun/ { exit(7); } iter:task { @never = 1; }"""
    done = command(*verb, "-q", "-e", spec)
    assert done.status == 7, done.err
    out = done.out if verb[0] == "run" else command("report", "-q", "a.kpt").out
    assert b"@n: " in out
    assert b"@never" not in out


@pytest.mark.parametrize("verb", [("run",), ("record", "-o", "a.kpt")], ids=["run", "record"])
def test_the_status_of_an_end_block_needs_no_room_in_the_buffer(
    verb: tuple[str, ...], command: Command
) -> None:
    spec = """end { for ($i : 0..400) { printf("as long as that of exit\\n"); } exit(9); }"""
    done = command(*verb, "-q", "--buffer", "4K", "-e", spec)
    assert done.status == 9
    assert b"events lost" in done.err


def test_every_kind_of_event_is_stored_or_done() -> None:
    assert STORED.isdisjoint(DONE)
    assert {*STORED, *DONE} == {*EventKind}
