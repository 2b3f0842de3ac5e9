# SPDX-License-Identifier: MIT
from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from kptrace import types
from kptrace.kernel import Kernel
from kptrace.kernel.base_types import base_type
from kptrace.kernel.btf import Btf, Param
from kptrace.types import Array, Bool, Enum, Int, Pointer, String, Struct

REQUEST = Struct(kind="struct", name="request", size=240)


def struct(btf: Btf, name: str, keyword: str = "struct") -> Struct:
    found = btf.type_named(keyword, name)
    assert isinstance(found, Struct)
    return found


def field_type(btf: Btf, name: str) -> types.Type:
    member = btf.field(struct(btf, "request"), name)
    assert member is not None
    return member.type


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tag", Int(4, True)),
        ("sector", Int(8, False)),
        ("name", String(16)),
        ("key", String(6)),
        ("signs", String(4)),
        ("done", Bool()),
        ("flags", Array(Bool(), 3)),
        ("matrix", Array(Array(Int(8, True), 3), 2)),
        ("color", Enum("color", 4, False)),
        ("real", types.Float(8)),
        ("list", Struct(kind="struct", name="list", size=16)),
        ("callback", Pointer(types.Function())),
        ("large", Array(Int(8, False), 2)),
        ("anything", Pointer(types.VOID)),
    ],
)
def test_field_types(btf: Btf, name: str, expected: types.Type) -> None:
    assert field_type(btf, name) == expected


def test_flexible_array_has_no_count(btf: Btf) -> None:
    tail = field_type(btf, "tail")
    assert isinstance(tail, Array)
    assert tail.count == 0
    assert types.size_of(tail.element) == 1


def test_pointer_tags(btf: Btf) -> None:
    buffer, protected, counters = (
        field_type(btf, name) for name in ("buffer", "protected", "counters")
    )
    assert isinstance(buffer, Pointer)
    assert isinstance(protected, Pointer)
    assert isinstance(counters, Pointer)
    assert (buffer.user, buffer.tag) == (True, "")
    assert (protected.user, protected.tag) == (False, "rcu")
    assert counters.tag == "percpu"


def test_members_keep_order_and_anonymous_ones(btf: Btf) -> None:
    members = btf.members(struct(btf, "request"))
    names = [member.name for member in members]
    assert names[:3] == ["tag", "sector", "name"]
    assert "" in names
    assert "inner" not in names
    offsets = [member.bit_offset for member in members]
    assert offsets == sorted(offsets)


def test_bit_fields(btf: Btf) -> None:
    request = struct(btf, "request")
    low, high = btf.field(request, "low"), btf.field(request, "high")
    assert low is not None
    assert high is not None
    assert (low.bit_size, high.bit_size) == (3, 13)
    assert high.bit_offset == low.bit_offset + 3
    tag = btf.field(request, "tag")
    assert tag is not None
    assert tag.bit_size == 0


def test_field_through_anonymous_members(btf: Btf) -> None:
    request = struct(btf, "request")
    inner, deep, alias = (btf.field(request, name) for name in ("inner", "deep", "alias"))
    assert inner is not None
    assert deep is not None
    assert alias is not None
    assert deep.bit_offset == alias.bit_offset == inner.bit_offset + 64
    assert deep.type == Int(8, True)
    assert btf.field(request, "nothing") is None


def test_recursive_struct(btf: Btf) -> None:
    one = struct(btf, "list")
    following = btf.field(one, "next")
    assert following is not None
    assert following.type == Pointer(one)


def test_forward_declaration_has_no_members(btf: Btf) -> None:
    elsewhere = field_type(btf, "elsewhere")
    assert elsewhere == Pointer(Struct(kind="struct", name="elsewhere", size=-1))
    assert isinstance(elsewhere, Pointer)
    assert isinstance(elsewhere.target, Struct)
    assert btf.members(elsewhere.target) == ()
    assert btf.field(elsewhere.target, "x") is None
    assert btf.type_named("struct", "elsewhere") == elsewhere.target
    assert btf.type_named("union", "elsewhere") is None


def test_struct_by_name_alone(btf: Btf) -> None:
    """A struct that comes out of a stored plan has no id."""
    tag = btf.field(Struct(kind="struct", name="request", size=0), "tag")
    assert tag is not None
    assert tag.type == Int(4, True)


@pytest.mark.parametrize(
    ("keyword", "name", "expected"),
    [
        ("", "size_t", Int(8, False)),
        ("", "sector_t", Int(8, False)),
        ("", "u8", Int(1, False)),
        ("", "char", Int(1, True)),
        ("", "unsigned int", Int(4, False)),
        ("", "long unsigned int", Int(8, False)),
        ("", "unsigned long long", Int(8, False)),
        ("", "short", Int(2, True)),
        ("", "nothing_t", None),
        ("", "request", None),
        ("struct", "request", REQUEST),
        ("union", "request", None),
        ("union", "either", Struct(kind="union", name="either", size=8)),
        ("struct", "nothing", None),
        ("enum", "color", Enum("color", 4, False)),
        ("enum", "wide", Enum("wide", 8, False)),
    ],
)
def test_type_named(btf: Btf, keyword: str, name: str, expected: types.Type | None) -> None:
    found = btf.type_named(keyword, name)
    if isinstance(expected, Struct) and expected.name == "request":
        assert isinstance(found, Struct)
        assert (found.kind, found.name, found.module) == ("struct", "request", "")
        assert found.btf_id
    else:
        assert found == expected


def test_base_type_knows_only_c_words() -> None:
    assert base_type("unsigned") == Int(4, False)
    assert base_type("signed char") == Int(1, True)
    assert base_type("char") is None
    assert base_type("uint") is None
    assert base_type("") is None


@pytest.mark.parametrize(
    ("name", "enum", "value"),
    [
        ("RED", "color", 0),
        ("GREEN", "color", 5),
        ("LAST", "color", 0x80000000),
        ("MINUS", "sign", -1),
        ("LARGE_ONE", "wide", 1 << 40),
        ("LARGE_MINUS", "wide_sign", -(1 << 40)),
    ],
)
def test_enumerators(btf: Btf, name: str, enum: str, value: int) -> None:
    found = btf.enumerator(name)
    assert found is not None
    assert (found[0].name, found[1]) == (enum, value)
    assert (name, value) in found[0].variants


@pytest.mark.parametrize(
    ("name", "cut"), [("GREEN", False), ("LARGE_ONE", False), ("HALVED_ONE", True)]
)
def test_enumerators_of_64_bits(btf: Btf, name: str, cut: bool) -> None:
    """Which is not known of those that were written as 32 bits: the upper half is gone."""
    found = btf.enumerator(name)
    assert found is not None
    assert found[0].cut is cut


@pytest.mark.parametrize("name", ["request", "tag", "NOTHING", "submit", ""])
def test_no_enumerator(btf: Btf, name: str) -> None:
    assert btf.enumerator(name) is None


def test_function(btf: Btf) -> None:
    found = btf.function("submit")
    assert found is not None
    assert [param.name for param in found.params] == ["rq", "why", "count"]
    assert found.params[0].type == Pointer(struct(btf, "request"))
    assert found.params[2] == Param(name="count", type=Int(8, False))
    assert found.result == Int(4, True)
    assert (found.variadic, found.module) == (False, "")
    assert btf.function("request") is None


def test_variadic_function(btf: Btf) -> None:
    found = btf.function("tiny_log")
    assert found is not None
    assert found.variadic
    assert [param.name for param in found.params] == ["device"]


def test_raw_tracepoint_has_names_and_no_internal_parameter(btf: Btf) -> None:
    found = btf.raw_tracepoint("block_start")
    assert found is not None
    assert [param.name for param in found.params] == ["rq", "bytes"]
    assert found.params[1].type == Int(4, False)
    assert btf.raw_tracepoint("nothing") is None


# Modules


def test_module_function_refers_to_both_objects(btf: Btf) -> None:
    found = btf.function("tiny_start")
    assert found is not None
    assert found.module == "tiny"
    device, request = (param.type for param in found.params)
    assert isinstance(device, Pointer)
    assert isinstance(device.target, Struct)
    assert isinstance(request, Pointer)
    assert isinstance(request.target, Struct)
    assert (device.target.name, device.target.module) == ("tiny_device", "tiny")
    assert (request.target.name, request.target.module) == ("request", "")
    assert request.target.btf_id == struct(btf, "request").btf_id
    member = btf.field(device.target, "rq")
    assert member is not None
    assert member.bit_offset == 64
    assert member.type == request.target


def test_same_function_in_vmlinux_and_module(btf: Btf) -> None:
    core, module = btf.function("submit"), btf.function("submit", "tiny")
    assert core is not None
    assert module is not None
    assert (len(core.params), len(module.params)) == (3, 1)
    assert btf.function("submit", "vmlinux") == core
    assert btf.function("tiny_start", "vmlinux") is None
    assert btf.function("use", "tiny") is None
    assert btf.function("submit", "not_loaded") is None


def test_types_and_enumerators_of_modules(btf: Btf) -> None:
    device = struct(btf, "tiny_device")
    assert (device.size, device.module) == (16, "tiny")
    found = btf.enumerator("TINY_LIVE")
    assert found is not None
    assert (found[0].name, found[1]) == ("tiny_state", 7)


def test_raw_tracepoint_of_a_module(btf: Btf) -> None:
    found = btf.raw_tracepoint("tiny_event")
    assert found is not None
    assert found.module == "tiny"
    assert [param.name for param in found.params] == ["arg0"]
    assert btf.raw_tracepoints() == [("block_start", ""), ("tiny_event", "tiny")]


def test_one_file_has_no_modules(btf_root: Path) -> None:
    with Kernel(btf_root, btf_file=btf_root / "types.o") as kernel:
        assert kernel.btf is not None
        assert kernel.btf.type_named("struct", "request") is not None
        assert kernel.btf.function("tiny_start") is None


# Failures


def test_no_btf(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path)
    assert kernel.btf is None
    assert "sys/kernel/btf/vmlinux" in kernel.btf_problem


@pytest.mark.parametrize("content", [b"", b"not BTF at all", b"\x9f\xeb\x01\x00\x18\x00"])
def test_broken_btf_counts_as_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "sys/kernel/btf/vmlinux"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    kernel = Kernel(tmp_path)
    assert kernel.btf is None
    assert str(path) in kernel.btf_problem


def test_broken_module_is_left_out(btf_root: Path, tmp_path: Path) -> None:
    directory = tmp_path / "sys/kernel/btf"
    directory.mkdir(parents=True)
    (directory / "vmlinux").write_bytes((btf_root / "sys/kernel/btf/vmlinux").read_bytes())
    whole = (btf_root / "sys/kernel/btf/tiny").read_bytes()
    (directory / "bad").write_bytes(whole[:12] + b"\xff\xff\xff\xff" + whole[16:])
    btf = Btf.open(tmp_path)
    assert btf.function("tiny_start") is None
    assert btf.function("submit") is not None
    btf.close()


def test_what_was_used_or_absent_is_asked_of_other_kernels(btf_root: Path) -> None:
    with contextlib.closing(Btf.open(btf_root)) as btf:
        for name in ("GREEN", "TINY_LIVE", "NONE"):
            btf.enumerator(name)
        for keyword, name, member in (
            ("struct", "request", "tag"),
            ("struct", "request", "none"),
            ("struct", "tiny_device", "id"),
        ):
            btf.field(struct(btf, name, keyword), member)
        assert btf.asked == {
            ("enumerator", "GREEN"),
            ("of a module", "enumerator", "TINY_LIVE"),
            ("enumerator", "NONE"),
            ("field", "struct", "request", "tag"),
            ("field", "struct", "request", "none"),
            ("of a module", "field", "struct", "tiny_device", "id"),
        }
