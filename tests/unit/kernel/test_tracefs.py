# SPDX-License-Identifier: MIT
from __future__ import annotations

from pathlib import Path

import pytest

from kptrace import types
from kptrace.errors import HostError
from kptrace.kernel import Kernel
from kptrace.kernel.tracefs import Tracefs, TracepointField
from kptrace.types import Array, Bool, Int, Pointer, String, Struct, Type


def field(kernel: Kernel, category: str, event: str, name: str) -> TracepointField:
    parsed = kernel.tracefs.format(category, event)
    assert parsed is not None
    found = parsed.field(name)
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["available_events", "no listing"])
def test_events(root: Path, name: str) -> None:
    if name != "available_events":
        (root / "sys/kernel/tracing/available_events").unlink()
    tracefs = Tracefs(root)
    assert tracefs.events("sched", "sched_switch") == [("sched", "sched_switch")]
    assert tracefs.events("s*", "s*") == [
        ("sched", "sched_switch"),
        ("syscalls", "sys_enter_openat"),
    ]
    assert tracefs.events("*", "*open*") == [("syscalls", "sys_enter_openat")]
    assert tracefs.events("sched", "switch") == []
    assert tracefs.events("sche.", "*") == []


def test_format(kernel: Kernel) -> None:
    parsed = kernel.tracefs.format("sched", "sched_switch")
    assert parsed is not None
    assert parsed.id == 314
    assert [one.name for one in parsed.fields if one.common] == [
        "common_type",
        "common_flags",
        "common_preempt_count",
        "common_pid",
    ]
    assert parsed.field("prev_comm") == TracepointField(
        name="prev_comm", type=String(16), offset=8, size=16
    )
    assert parsed.field("nothing") is None
    assert kernel.tracefs.format("sched", "nothing") is None
    assert kernel.tracefs.format("nothing", "sched_switch") is None


@pytest.mark.parametrize(
    ("event", "name", "expected"),
    [
        ("sched:sched_switch", "prev_pid", Int(4, True)),
        ("sched:sched_switch", "prev_state", Int(8, True)),
        # System calls: 8 bytes each, signed as the declared C type is.
        ("syscalls:sys_enter_openat", "dfd", Int(8, True)),
        ("syscalls:sys_enter_openat", "mode", Int(8, False)),
        ("syscalls:sys_enter_openat", "filename", Pointer(types.INT8)),
        ("odd:odd_fields", "addr", Array(Int(1, False), 6)),
        ("odd:odd_fields", "lead", Array(Int(1, False), 4)),
        ("odd:odd_fields", "args", Array(Int(8, False), 3)),
        ("odd:odd_fields", "rq", Pointer(Struct(kind="struct", name="request", size=-1))),
        ("odd:odd_fields", "cookie", Pointer(types.VOID)),
        ("odd:odd_fields", "next", Pointer(Pointer(Struct("struct", "trace_entry", -1)))),
        ("odd:odd_fields", "done", Bool()),
        ("odd:odd_fields", "zone", Int(4, False)),
        ("odd:odd_fields", "key", Array(Int(1, False), 8)),  # length printed by name
        ("odd:odd_fields", "sector", Int(8, False)),
        ("odd:odd_fields", "to", Struct(kind="struct", name="sockaddr_in", size=16)),
        ("odd:odd_fields", "buf", Array(Int(1, False), 0)),
        ("odd:odd_fields", "id", Array(Int(1, False), 16)),
    ],
)
def test_field_types(kernel: Kernel, event: str, name: str, expected: Type) -> None:
    category, _, event = event.partition(":")
    assert field(kernel, category, event, name).type == expected


def test_pointers_of_system_calls_are_user_space(kernel: Kernel) -> None:
    filename = field(kernel, "syscalls", "sys_enter_openat", "filename").type
    cookie = field(kernel, "odd", "odd_fields", "cookie").type
    assert isinstance(filename, Pointer)
    assert isinstance(cookie, Pointer)
    assert (filename.user, cookie.user) == (True, False)


def test_data_elsewhere(kernel: Kernel) -> None:
    name = field(kernel, "irq", "irq_handler_entry", "name")
    assert (name.type, name.size, name.data_loc, name.relative) == (types.UINT64, 4, True, False)
    tail = field(kernel, "odd", "odd_fields", "tail")
    assert (tail.data_loc, tail.relative) == (True, True)


def test_types_by_name_come_from_the_lookup(root: Path) -> None:
    known: dict[tuple[str, str], Type] = {
        ("struct", "request"): Struct(kind="struct", name="request", size=240),
        ("enum", "zone_type"): types.Enum("zone_type", 4, False),
        ("", "guid_t"): Struct(kind="struct", name="", size=16, btf_id=5),
        ("struct", "sockaddr_in"): Struct(kind="struct", name="sockaddr_in", size=99),
    }
    parsed = Tracefs(root, lambda keyword, name: known.get((keyword, name))).format(
        "odd", "odd_fields"
    )
    assert parsed is not None
    found = {one.name: one.type for one in parsed.fields}
    assert found["rq"] == Pointer(known["struct", "request"])
    assert found["zone"] == known["enum", "zone_type"]
    assert found["id"] == known["", "guid_t"]
    # A type of another size is not the one that the event stored.
    assert found["to"] == Struct(kind="struct", name="sockaddr_in", size=16)


def test_debugfs_is_the_second_place(root: Path) -> None:
    (root / "sys/kernel/tracing").rename(root / "sys/kernel/debug/tracing")
    tracefs = Tracefs(root)
    assert tracefs.available
    assert tracefs.path == root / "sys/kernel/debug/tracing"


def test_without_tracefs_nothing_is_known(tmp_path: Path) -> None:
    tracefs = Tracefs(tmp_path)
    assert not tracefs.available
    assert "not mounted" in tracefs.problem
    with pytest.raises(HostError, match="not mounted"):
        tracefs.events("*", "*")
    with pytest.raises(HostError, match="not mounted"):
        tracefs.format("sched", "sched_switch")
