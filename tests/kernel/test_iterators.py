# SPDX-License-Identifier: MIT
"""iter probes on a live kernel: every object once, nothing lost, and then the run ends."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Kptrace, kernel_has


@pytest.fixture
def pins(tmp_path: Path) -> Iterator[Path]:
    """A BPF file system, on which nothing stays."""
    where = tmp_path / "pins"
    where.mkdir()
    subprocess.run(["mount", "-t", "bpf", "bpf", where], check=True)
    yield where
    subprocess.run(["umount", where], check=True)


def test_every_task_once(kptrace: Kptrace) -> None:
    """More output than the kernel's buffer holds, and the counts agree with it."""
    spec = """
    iter:task {
        printf("%d %s %500s", ctx->task->pid, ctx->task->comm, "");
        @ = count();
        @hits[ctx.meta.session_id] = count();
        return 7;
    }"""
    run = kptrace("-f", "json", "-e", spec)
    assert (run.status, run.err) == (0, "")
    lines = [line.split() for line in run.printed]
    tasks = {int(words[0]) for words in lines}
    threads = {int(path.name) for path in Path("/proc").glob("[0-9]*/task/[0-9]*")}
    assert len(tasks) == len(lines)
    assert os.getpid() in tasks
    assert len(tasks & threads) > 20
    assert run.maps["@"] == len(lines)
    assert list(run.maps["@hits"].values()) == [len(lines)]


def test_files_of_tasks(kptrace: Kptrace, file: Path) -> None:
    """Several objects in one context; the file that this process holds is among them."""
    fd = os.open(file, os.O_RDONLY)
    spec = f"""
    iter:task_file /ctx->task->tgid == {os.getpid()}/ {{
        @[ctx.fd] = str(ctx->file->f_path.dentry->d_name.name);
    }}"""
    run = kptrace("-f", "json", "-e", spec)
    os.close(fd)
    assert (run.status, run.err) == (0, "")
    assert run.maps["@"][str(fd)] == file.name


def test_exit_ends_it(kptrace: Kptrace) -> None:
    spec = 'iter:task { printf("%d", ctx->task->pid); exit(3); } end { printf("end"); }'
    run = kptrace("-f", "json", "-e", spec)
    assert run.status == 3
    assert run.printed == ["1", "end"]


def test_two_iterators_and_a_timer(kptrace: Kptrace) -> None:
    """The run ends when all iterators have run, whatever else it has."""
    spec = """
    begin { printf("begin"); }
    iter:task { @tasks = count(); }
    iter:bpf_map { @maps = count(); }
    interval:s:100 { }"""
    run = kptrace("-f", "json", "-e", spec)
    assert (run.status, run.err) == (0, "")
    assert run.printed == ["begin"]
    assert run.maps["@tasks"] > 20
    assert run.maps["@maps"] > 2


_LOOP = "for $i : 0..1 { printf(FORMAT, @n, comm, 65); }"
_LINES = [
    "printf(FORMAT, @n, comm, 65);",
    pytest.param(
        _LOOP, marks=pytest.mark.skipif(not kernel_has("loop"), reason="tested where it is")
    ),
]


@pytest.mark.parametrize("line", _LINES)
def test_pinned_once(kptrace: Kptrace, pins: Path, line: str) -> None:
    """More text than the kernel's buffer holds: an object that does not fit waits for the next
    buffer, before it has changed anything."""
    pin = pins / "tasks"
    text = line.replace("FORMAT", r'"%d %800s \x01%c\n"')
    run = kptrace("-e", f"iter:task:{pin} {{ @n++; {text} }}")
    assert (run.status, run.out) == (0, f"Program pinned to {pin}\n\n\n")
    lines = [one.split() for one in (pin.read_bytes() + pin.read_bytes()).splitlines()]
    pin.unlink()
    assert len(lines) > 60
    assert [int(one[0]) for one in lines] == list(range(1, len(lines) + 1))
    assert {one[-1] for one in lines} == {b"\x01A"}
