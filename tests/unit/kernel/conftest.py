# SPDX-License-Identifier: MIT
"""Kernels made of files: a small hand-written one, and BTF compiled from C."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kptrace.kernel import Kernel
from kptrace.kernel.btf import Btf

SMALL = Path(__file__).parents[2] / "data/kernel/small"
SOURCE = Path(__file__).parents[2] / "data/kernel/types.c"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A private copy of the small kernel, to be changed at will."""
    copy = tmp_path / "root"
    shutil.copytree(SMALL, copy)
    return copy


@pytest.fixture
def kernel(root: Path) -> Iterator[Kernel]:
    with Kernel(root) as one:
        yield one


@pytest.fixture(scope="session")
def btf_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with the BTF of types.c as vmlinux, and of a module ``tiny`` on top of it."""
    root = tmp_path_factory.mktemp("btf")
    compiled = root / "types.o"
    subprocess.run(
        ["clang", "-target", "bpf", "-g", "-O1", "-c", str(SOURCE), "-o", str(compiled)], check=True
    )
    directory = root / "sys/kernel/btf"
    directory.mkdir(parents=True)
    write_btf(compiled, directory)
    return root


@pytest.fixture(scope="session")
def btf(btf_root: Path) -> Iterator[Btf]:
    opened = Btf.open(btf_root)
    yield opened
    opened.close()


def write_btf(compiled: Path, directory: Path) -> None:
    """Write the BTF of an object file as vmlinux, and a split BTF as the module ``tiny``."""
    lib = ctypes.CDLL("libbpf.so.1")
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    lib.btf__parse.restype = lib.btf__new_empty_split.restype = lib.btf__raw_data.restype = pointer
    lib.btf__parse.argtypes = [text, pointer]
    lib.btf__new_empty_split.argtypes = [pointer]
    lib.btf__raw_data.argtypes = [pointer, pointer]
    lib.btf__find_by_name.argtypes = [pointer, text]
    for function in (lib.btf__add_ptr, lib.btf__add_func_proto):
        function.argtypes = [pointer, ctypes.c_int]
    for function in (lib.btf__add_struct, lib.btf__add_enum):
        function.argtypes = [pointer, text, ctypes.c_uint32]
    lib.btf__add_field.argtypes = [pointer, text, ctypes.c_int, ctypes.c_uint32, ctypes.c_uint32]
    lib.btf__add_enum_value.argtypes = [pointer, text, ctypes.c_int64]
    lib.btf__add_enum64.argtypes = [pointer, text, ctypes.c_uint32, ctypes.c_bool]
    lib.btf__add_enum64_value.argtypes = [pointer, text, ctypes.c_uint64]
    lib.btf__add_func_param.argtypes = [pointer, text, ctypes.c_int]
    lib.btf__add_func.argtypes = [pointer, text, ctypes.c_int, ctypes.c_int]
    lib.btf__add_typedef.argtypes = [pointer, text, ctypes.c_int]

    def save(handle: int, path: Path) -> None:
        size = ctypes.c_uint32()
        data = lib.btf__raw_data(handle, ctypes.byref(size))
        path.write_bytes(ctypes.string_at(data, size.value))

    base = lib.btf__parse(str(compiled).encode(), None)
    save(base, directory / "vmlinux")
    split = lib.btf__new_empty_split(base)
    number = lib.btf__find_by_name(base, b"int")
    request = lib.btf__find_by_name(base, b"request")
    device = lib.btf__add_struct(split, b"tiny_device", 16)
    lib.btf__add_field(split, b"id", number, 0, 0)
    lib.btf__add_field(split, b"rq", request, 64, 0)
    lib.btf__add_enum(split, b"tiny_state", 4)
    lib.btf__add_enum_value(split, b"TINY_LIVE", 7)
    lib.btf__add_enum(split, b"halved", 8)  # as it was before ENUM64
    lib.btf__add_enum_value(split, b"HALVED_ONE", 1)
    lib.btf__add_enum64(split, b"wide", 8, False)
    lib.btf__add_enum64_value(split, b"SMALL_ONE", 1)
    lib.btf__add_enum64_value(split, b"LARGE_ONE", 1 << 40)
    lib.btf__add_enum64(split, b"wide_sign", 8, True)
    lib.btf__add_enum64_value(split, b"LARGE_MINUS", (1 << 64) - (1 << 40))
    to_device = lib.btf__add_ptr(split, device)
    to_request = lib.btf__add_ptr(split, request)
    for name, params in (
        (b"tiny_start", [(b"device", to_device), (b"rq", to_request)]),
        (b"submit", [(b"device", to_device)]),  # vmlinux has a function of this name too
        (b"tiny_log", [(b"device", to_device), (None, 0)]),  # variadic
    ):
        proto = lib.btf__add_func_proto(split, number)
        for param, kind in params:
            lib.btf__add_func_param(split, param, kind)
        lib.btf__add_func(split, name, 0, proto)
    internal = lib.btf__add_ptr(split, 0)
    proto = lib.btf__add_func_proto(split, 0)
    lib.btf__add_func_param(split, None, internal)
    lib.btf__add_func_param(split, None, to_device)
    lib.btf__add_typedef(split, b"btf_trace_tiny_event", lib.btf__add_ptr(split, proto))
    save(split, directory / "tiny")
