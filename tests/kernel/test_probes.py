# SPDX-License-Identifier: MIT
"""Every kind of probe, and what it offers, on a live kernel."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from harness import Kptrace, Worker, kernel_has, run_as, set_comm
from workloads import disk_io, folders, reads

AT_FDCWD = -100
EISDIR = 21


@pytest.mark.parametrize("attach", ["auto", "kprobe"])
def test_wildcard(kptrace: Kptrace, tmp_path: Path, attach: str) -> None:
    """One program on many functions: `func` tells them apart, with and without kprobe.multi."""
    worker = Worker("maker", folders(tmp_path, 31))
    spec = f"kprobe:security_inode_*dir /pid == {worker.pid}/ {{ @[func] = count(); }}"
    run = kptrace.during(worker.run, "--attach", attach, "-e", spec)
    assert run.maps["@"] == {"security_inode_mkdir": 31, "security_inode_rmdir": 31}


def test_wildcard_is_one_link(kptrace: Kptrace) -> None:
    """Where the kernel has kprobe.multi, a hundred functions hang on one link."""
    with kptrace.tracing("-q", "-e", "kprobe:vfs_* { @ = count(); }") as tracer:
        links = _link_types(tracer.pid)
        assert tracer.stop().status == 0
    if kernel_has("kprobe_multi"):
        assert links == ["kprobe_multi"]
    elif kernel_has("perf_link"):
        assert len(links) > 30
        assert set(links) == {"perf"}
    else:
        assert links == []


def _link_types(pid: int) -> list[str]:
    """What kinds of BPF link a process holds, from the kernel's description of its files."""
    texts = [path.read_text() for path in Path(f"/proc/{pid}/fdinfo").iterdir()]
    lines = [line.split() for text in texts for line in text.splitlines()]
    return [words[1] for words in lines if words and words[0] == "link_type:"]


def test_several_attach_points(kptrace: Kptrace, tmp_path: Path) -> None:
    """One block on entries and returns: `func` and `probe` are those of each."""
    spec = """
    kprobe:vfs_mkdir, kprobe:security_inode_rmdir, kretprobe:security_inode_rmdir
    /comm == "maker"/ { @[func, probe] = count(); }"""
    run = kptrace.during(lambda: run_as("maker", folders(tmp_path, 29)), "-e", spec)
    assert run.maps["@"] == {
        "vfs_mkdir,kprobe:vfs_mkdir": 29,
        "security_inode_rmdir,kprobe:security_inode_rmdir": 29,
        "security_inode_rmdir,kretprobe:security_inode_rmdir": 29,
    }


def test_offset(kptrace: Kptrace, file: Path) -> None:
    """A probe on the first instruction behind the function's entry sees every call."""
    # The entry is a call of 5 bytes, with a landing pad of 4 before it where indirect branches
    # are tracked.
    offset = 9 if _entry_offset("vfs_read") else 5
    spec = f'kprobe:vfs_read+{offset} /comm == "reader"/ {{ @ = count(); }}'
    run = kptrace.during(lambda: run_as("reader", reads(file, [1] * 37)), "-e", spec)
    assert run.maps["@"] == 37


def _entry_offset(name: str) -> int:
    """How far behind a function's symbol the kernel's function tracer stands; 0 or 4."""
    path = Path("/sys/kernel/tracing/available_filter_functions_addrs")
    if not path.exists():  # before Linux 6.5, whose builds had no landing pads
        return 0
    traced = {line.split()[1]: line.split()[0] for line in path.read_text().splitlines()}
    for line in Path("/proc/kallsyms").read_text().splitlines():
        address, _, symbol, *_ = line.split()
        if symbol == name:
            return int(traced[name], 16) - int(address, 16)
    raise AssertionError(name)


def test_return_values(kptrace: Kptrace, file: Path, tmp_path: Path) -> None:
    """Sizes, the end of the file, and an error as the negative number that it is."""
    descriptor = os.open(file, os.O_RDONLY)
    folder = os.open(tmp_path, os.O_RDONLY)

    def work() -> None:
        for _ in range(13):
            os.pread(descriptor, 7, 0)
        for _ in range(11):
            os.pread(descriptor, 7, 1 << 20)
        for _ in range(5):
            with pytest.raises(IsADirectoryError):
                os.pread(folder, 1, 0)

    spec = 'kretprobe:vfs_read /comm == "reader"/ { @[(int64)retval] = count(); }'
    run = kptrace.during(lambda: run_as("reader", work), "-e", spec)
    assert run.maps["@"] == {"7": 13, "0": 11, str(-EISDIR): 5}


def test_function_of_a_module(kptrace: Kptrace) -> None:
    """The NVMe driver is a module; each direct read is one command."""
    spec = 'kprobe:nvme_core:nvme_setup_cmd /comm == "disk"/ { @[func] = count(); }'
    run = kptrace.during(lambda: run_as("disk", disk_io("/dev/nvme0n1", 43, 0)), "-e", spec)
    assert run.maps["@"] == {"nvme_setup_cmd": 43}


def test_signed_argument(kptrace: Kptrace, file: Path, tmp_path: Path) -> None:
    """`args.dfd` is an int: the current folder's -100 and a descriptor's own number."""
    folder = os.open(tmp_path, os.O_RDONLY)

    def work() -> None:
        for _ in range(17):
            os.close(os.open(file, os.O_RDONLY))
        for _ in range(19):
            os.close(os.open(file.name, os.O_RDONLY, dir_fd=folder))

    spec = """
    kprobe:do_sys_openat2 /comm == "opener"/ {
        @[args.dfd] = count();
        @below = args.dfd < 0 ? 1 : 0;
        @lowest = min(args.dfd);
    }"""
    run = kptrace.during(lambda: run_as("opener", work), "-e", spec)
    assert run.maps["@"] == {str(AT_FDCWD): 17, str(folder): 19}
    assert run.maps["@below"] == 0
    assert run.maps["@lowest"] == AT_FDCWD


def test_kernel_stack_of_limited_depth(kptrace: Kptrace, tmp_path: Path) -> None:
    """Two frames: the function and its caller."""
    spec = 'kprobe:vfs_mkdir /comm == "maker"/ { @[kstack(2), comm] = count(); }'
    run = kptrace.during(lambda: run_as("maker", folders(tmp_path, 23)), "-e", spec)
    ((stack, count),) = run.maps["@"].items()
    frames = [frame.strip() for frame in stack.split("\n") if frame.strip()]
    assert count == 23
    function, caller = (frame.partition("+")[0] for frame in frames[:2])
    assert function == "vfs_mkdir"
    assert caller.endswith("mkdirat")  # do_mkdirat, filename_mkdirat: that changes
    assert frames[2:] == [",maker"]


def _rename_often() -> None:
    for number in range(41):
        set_comm(f"name-{number % 2}")


def test_tracepoint(kptrace: Kptrace) -> None:
    """Strings of a tracepoint: a process that takes two names in turn."""
    worker = Worker("renamer", _rename_often)
    spec = f"""
    tracepoint:task:task_rename /args.pid == {worker.pid}/ {{
        @[str(args.oldcomm), args.newcomm] = count();
    }}"""
    run = kptrace.during(worker.run, "-e", spec)
    assert run.maps["@"] == {"renamer,name-0": 1, "name-0,name-1": 20, "name-1,name-0": 20}


def test_raw_tracepoint(kptrace: Kptrace) -> None:
    """The same event's raw arguments, typed by BTF."""
    worker = Worker("renamer", _rename_often)
    spec = f"""
    rawtracepoint:task_rename /args.task.tgid == {worker.pid}/ {{
        @[args.task.comm, str(args.comm)] = count();
    }}"""
    run = kptrace.during(worker.run, "-e", spec)
    assert run.maps["@"] == {"renamer,name-0": 1, "name-0,name-1": 20, "name-1,name-0": 20}


def test_tracepoint_with_a_string_of_any_length(kptrace: Kptrace) -> None:
    """The file name of an exec, which lies behind the tracepoint's fixed fields."""

    def work() -> None:
        for _ in range(3):
            os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)

    spec = "tracepoint:sched:sched_process_exec { @[str(args.filename), comm] = count(); }"
    run = kptrace.during(lambda: run_as("spawner", work), "-e", spec)
    assert run.maps["@"] == {"/bin/true,true": 3}


def test_interval_and_exit(kptrace: Kptrace) -> None:
    """A timer counts to seven and ends the run with a status of its own."""
    start = time.monotonic()
    run = kptrace(
        *("-f", "json", "-e"),
        'interval:ms:100 { @n += 1; if (@n == 7) { printf("%d", elapsed > 600000000); exit(3) } }',
    )
    assert run.status == 3, run
    assert run.maps["@n"] >= 7
    assert run.printed == ["1"]
    assert time.monotonic() - start > 0.7


def test_begin_and_end(kptrace: Kptrace) -> None:
    """A spec of nothing else runs and ends, with parameters and arithmetic on the way."""
    run = kptrace(
        *(
            "-e",
            'begin { @x[$1, "a"] = -7 / 2; } end { printf("%s %d\\n", str($2), @x[$1, "a"]); }',
        ),
        *("42", "word"),
    )
    assert (run.status, run.out) == (0, "word -3\n\n\n@x[42, a]: -3\n"), run


def test_named_block(kptrace: Kptrace, file: Path) -> None:
    """The name of a block stands in the ledger, with exactly its hits."""
    worker = Worker("reader", reads(file, [1] * 59))
    spec = f"""
    // name: page_reads
    kprobe:vfs_read /pid == {worker.pid}/ {{ @ = count(); }}
    kprobe:vfs_mkdir {{ @never = count(); }}"""
    run = kptrace.during(worker.run, "-e", spec)
    assert run.maps == {"@": 59}
    (named,) = (loss for name, loss in run.losses["probes"].items() if "page_reads" in name)
    assert named["hits"] >= 59
