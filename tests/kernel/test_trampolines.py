# SPDX-License-Identifier: MIT
"""fentry and fexit on a live kernel: typed arguments and results, order, refusals."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from harness import Kptrace, Worker, kernel_has
from workloads import disk_io, folders, reads

AT_FDCWD = -100
ENOENT = 2


def test_arguments_and_result(kptrace: Kptrace, file: Path) -> None:
    """Typed by BTF at both ends; `func` and `probe` are those of the function."""
    sizes = [100, 200, 300, 70000]
    worker = Worker("reader", reads(file, sizes))
    spec = f"""
    fentry:vfs_read /pid == {worker.pid}/ {{
        @asked[func, probe] = sum(args.count);
        @name[str(args.file.f_path.dentry.d_name.name)] = count();
    }}
    fexit:vmlinux:vfs_read /pid == {worker.pid}/ {{
        @got[probe] = sum(retval);
        @both = sum(args.count - (uint64)retval);
        @stack[kstack(1)] = count();
    }}"""
    run = kptrace.during(worker.run, "-e", spec)
    assert run.maps["@asked"] == {"vfs_read,fentry:vfs_read": sum(sizes)}
    assert run.maps["@name"] == {file.name: len(sizes)}
    assert run.maps["@got"] == {"fexit:vmlinux:vfs_read": 600 + (1 << 16)}
    assert run.maps["@both"] == 70000 - (1 << 16)
    assert sum(run.maps["@stack"].values()) == len(sizes)


def test_result_is_signed(kptrace: Kptrace, tmp_path: Path) -> None:
    """An int is an int: errors are negative."""

    def work() -> None:
        for _ in range(7):
            with contextlib.suppress(FileNotFoundError):
                os.open(tmp_path / "nothing", os.O_RDONLY)

    worker = Worker("opener", work)
    spec = f"fexit:do_sys_openat2 /pid == {worker.pid}/ {{ @[retval, args.dfd] = count(); }}"
    run = kptrace.during(worker.run, "-e", spec)
    assert run.maps["@"] == {f"-{ENOENT},{AT_FDCWD}": 7}


def test_wildcard(kptrace: Kptrace, tmp_path: Path) -> None:
    """Every match is a program of its own."""
    worker = Worker("maker", folders(tmp_path, 13))
    spec = f"""
    fentry:security_inode_*dir /pid == {worker.pid}/ {{ @[probe, func] = count(); }}
    fexit:vfs_mkdir, fexit:security_inode_rmdir /pid == {worker.pid}/ {{
        @exit[probe] = count();
    }}"""
    run = kptrace.during(worker.run, "-e", spec)
    assert run.maps["@"] == {
        "fentry:security_inode_mkdir,security_inode_mkdir": 13,
        "fentry:security_inode_rmdir,security_inode_rmdir": 13,
    }
    assert run.maps["@exit"] == {"fexit:vfs_mkdir": 13, "fexit:security_inode_rmdir": 13}


def test_order_of_blocks(kptrace: Kptrace, tmp_path: Path) -> None:
    """Several blocks on one function run in source order, at entry and at exit."""
    worker = Worker("maker", folders(tmp_path, 1))
    spec = "".join(
        f'{kind}:vfs_mkdir /pid == {worker.pid}/ {{ printf("{kind} {number}"); }}'
        for kind in ("fentry", "fexit")
        for number in range(3)
    )
    run = kptrace.during(worker.run, "-e", spec)
    assert run.printed == [f"{kind} {n}" for kind in ("fentry", "fexit") for n in range(3)]


def test_function_of_a_module(kptrace: Kptrace) -> None:
    """Found in the module's own BTF; where modules have none (before Linux 5.11), that is told."""
    spec = (
        "fentry:nvme:nvme_irq { @[args.irq > 0] = count(); }"
        " fexit:nvme_irq { @exit = max((uint64)retval); }"
    )
    if not Path("/sys/kernel/btf/nvme").exists():
        run = kptrace("-e", spec)
        assert run.status == 4
        assert "nvme_irq has no BTF prototype; kprobe and kretprobe probes need no BTF" in run.err
        return
    run = kptrace.during(disk_io("/dev/nvme0n1", 5, 4), "-e", spec)
    assert set(run.maps["@"]) == {"true"}
    assert run.maps["@"]["true"] >= 9
    assert run.maps["@exit"] == 1  # IRQ_HANDLED


def test_only_one_process(kptrace: Kptrace, tmp_path: Path) -> None:
    """-p is a filter in front of every kind that fires in any process."""
    other = Worker("other", folders(tmp_path / "other", 5))
    wanted = Worker("wanted", folders(tmp_path / "wanted", 5))
    for name in ("other", "wanted"):
        (tmp_path / name).mkdir()
    spec = """
    fentry:vfs_mkdir { @fentry[comm] = count(); }
    fexit:vfs_mkdir { @fexit[comm] = count(); }
    kprobe:vfs_mkdir { @kprobe[comm] = count(); }
    kretprobe:vfs_mkdir { @kretprobe[comm] = count(); }
    kprobe:security_inode_*dir { @wildcard[comm] = count(); }
    tracepoint:syscalls:sys_enter_mkdir { @tracepoint[comm] = count(); }"""
    with kptrace.tracing("-f", "json", "-p", str(wanted.pid), "-e", spec) as tracer:
        other.run()
        wanted.run()
        run = tracer.wait()  # it ends with the process
    assert (run.status, run.err) == (0, "")
    for name in ("fentry", "fexit", "kprobe", "kretprobe", "tracepoint"):
        assert run.maps[f"@{name}"] == {"wanted": 5}, name
    assert run.maps["@wildcard"] == {"wanted": 10}


def test_command(kptrace: Kptrace, tmp_path: Path) -> None:
    """-c runs the command while the probes count, and ends with it."""
    spec = "fexit:security_inode_mkdir /pid == cpid/ { @[comm, retval] = count(); }"
    run = kptrace("-f", "json", "-c", f"mkdir {tmp_path}/new", "-e", spec)
    assert (run.status, run.err) == (0, "")
    assert run.maps["@"] == {"mkdir,0": 1}


def test_refusals(kptrace: Kptrace) -> None:
    run = kptrace("-e", "fexit:do_exit { }")
    assert run.status == 4
    assert "do_exit never returns" in run.err
    run = kptrace("-e", "fentry:notifier_call_chain { }")
    assert run.status == 4
    assert "blacklist" in run.err
    run = kptrace("-q", "-e", "fentry:nosuch, fentry:vfs_read { exit(); } interval:s:9 { }")
    assert "No matches for fentry nosuch." in run.err


def test_bpf_programs(kptrace: Kptrace, tmp_path: Path) -> None:
    """Programs of other tracers, by name and by id."""
    worker = Worker("maker", folders(tmp_path, 6))
    entry = "fentry:bpf:probe_0 { @in[probe, pid] = count(); }"
    result = "fexit:bpf:*:probe_0 { @out[pid, retval] = count(); }"
    other = f"tracepoint:syscalls:sys_enter_mkdir /pid == {worker.pid}/ {{ @ = count(); }}"
    with kptrace.tracing("-q", "-e", other) as target:
        if has_result := kernel_has("get_func_ret"):
            run = kptrace.during(worker.run, "-e", entry + result)
        else:
            run = kptrace("-e", result)
            assert run.status == 3
            assert "Missing required kernel feature: get_func_ret" in run.err
            run = kptrace.during(worker.run, "-e", entry)
        target.stop()
    key = f"fentry:bpf:probe_0,{worker.pid}"
    assert run.maps["@in"][key] == 6
    if has_result:
        assert run.maps["@out"] == {f"{worker.pid},1": 6}


def test_no_such_bpf_program(kptrace: Kptrace) -> None:
    run = kptrace("-e", "fentry:bpf:nosuch { }")
    assert run.status == 4
    assert "No matches for fentry bpf:nosuch." in run.err
