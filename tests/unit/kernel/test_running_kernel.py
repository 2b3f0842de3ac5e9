# SPDX-License-Identifier: MIT
"""The readers against the kernel that runs the tests, where it has the files."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kptrace import types
from kptrace.kernel import Kernel
from kptrace.kernel.btf import Btf
from kptrace.kernel.libbpf import BtfFile, Kind
from kptrace.types import Int, Pointer, String, Struct

VMLINUX = Path("/sys/kernel/btf/vmlinux")
pytestmark = pytest.mark.skipif(
    not VMLINUX.exists() and "KPTRACE_LAB" not in os.environ, reason="this kernel has no BTF"
)


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with Kernel() as one:
        yield one


@pytest.fixture(scope="module")
def btf(kernel: Kernel) -> Btf:
    assert kernel.btf is not None, kernel.btf_problem
    return kernel.btf


def test_task_struct(btf: Btf) -> None:
    task = btf.type_named("struct", "task_struct")
    assert isinstance(task, Struct)
    comm, pid = btf.field(task, "comm"), btf.field(task, "pid")
    assert comm is not None
    assert pid is not None
    assert (comm.type, pid.type) == (String(16), Int(4, True))
    members = btf.members(task)
    assert len(members) > 100
    assert all(0 <= one.bit_offset <= task.size * 8 for one in members)


def test_vfs_read(btf: Btf) -> None:
    found = btf.function("vfs_read")
    assert found is not None
    assert [one.name for one in found.params] == ["file", "buf", "count", "pos"]
    file = found.params[0].type
    assert isinstance(file, Pointer)
    assert isinstance(file.target, Struct)
    place = file.target
    for name in ("f_path", "dentry", "d_name", "name"):
        member = btf.field(place, name)
        assert member is not None
        kind = member.type.target if isinstance(member.type, Pointer) else member.type
        if isinstance(kind, Struct):
            place = kind
    assert isinstance(kind, Int)
    assert kind.size == 1


def test_sched_switch(btf: Btf) -> None:
    found = btf.raw_tracepoint("sched_switch")
    assert found is not None
    assert [one.name for one in found.params][:3] == ["preempt", "prev", "next"]
    assert ("sched_switch", "") in btf.raw_tracepoints()


def test_enumerator(btf: Btf) -> None:
    found = btf.enumerator("BPF_PROG_TYPE_KPROBE")
    assert found is not None
    assert (found[0].name, found[1]) == ("bpf_prog_type", 2)


def test_every_sampled_name_is_found_again() -> None:
    file = BtfFile(VMLINUX)
    sample = random.Random(1).sample(range(1, file.end_id), 2000)
    checked = 0
    for type_id in sample:
        record = file.record(type_id)
        name = file.name(record.name_offset)
        if name and record.kind in (Kind.STRUCT, Kind.FUNC, Kind.TYPEDEF):
            found = file.find(name, Kind(record.kind))
            assert found is not None
            assert file.name(file.record(found).name_offset) == name
            checked += 1
    assert checked > 100
    file.close()


def test_types_of_all_sampled_ids_convert(btf: Btf) -> None:
    file = BtfFile(VMLINUX)
    names = {
        file.name(record.name_offset)
        for type_id in random.Random(2).sample(range(1, file.end_id), 3000)
        if (record := file.record(type_id)).kind == Kind.STRUCT
    }
    for name in names - {""}:
        struct = btf.type_named("struct", name)
        assert isinstance(struct, Struct)
        for member in btf.members(struct):
            if not member.bit_size and not isinstance(member.type, types.Void):
                # Nothing reaches behind the end of its struct, except a flexible array's start.
                assert member.bit_offset // 8 + types.size_of(member.type) <= struct.size, member
    file.close()


def test_symbols_resolve_to_themselves(kernel: Kernel) -> None:
    symbols = kernel.symbols
    if not symbols.readable or symbols.addresses_hidden:
        pytest.skip("this process may not see kernel addresses")
    text = Path("/proc/kallsyms").read_text()
    lines = re.findall(r"^([0-9a-f]+) [tT] (\S+)$", text, re.M)
    for number, _ in random.Random(3).sample(lines, 500):
        address = int(number, 16)
        found = symbols.resolve(address)
        if found is not None:
            assert (found[0].address, found[1]) == (address, 0)
    assert symbols.resolve(symbols.lookup("vfs_read")[0].address + 1) is not None
