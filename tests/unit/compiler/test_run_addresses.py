# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""Addresses and registers, on the running kernel (language §8.2)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from kptrace.compiler import Options, clang, compile_spec
from kptrace.kernel import Kernel
from kptrace.source import Source


def values(run: Any, *expressions: str, before: str = "") -> list[Any]:
    body = " ".join(f"print(({one}));" for one in expressions)
    ran = run(f"begin {{ {before} {body} }}", "-f", "json")
    assert (ran.status, ran.err) == (0, ""), ran.err
    return [one["data"] for one in ran.json if one["type"] == "value"]


def test_kaddr(run: Any) -> None:
    with open("/proc/kallsyms") as file:
        address = next(int(line.split()[0], 16) for line in file if line.endswith(" vfs_read\n"))
    value, read, narrow, name = values(
        run,
        'kaddr("vfs_read")',
        '*kaddr("vfs_read") != 0',
        '*(uint32 *)kaddr("vfs_read") == (*kaddr("vfs_read") & 0xffffffff)',
        'ksym(kaddr("vfs_read"))',
    )
    assert int(value) == address
    assert (read, narrow, name) == (True, True, "vfs_read")


def test_bswap(run: Any) -> None:
    assert values(
        run,
        "bswap($w)",
        "bswap($h)",
        "bswap($b)",
        "bswap($q) == 0x0102030405060708",
        "bswap((uint16)0x1234)",
        "bswap(5)",
        "bswap((uint8)200)",
        before="$w = (uint32)0x12345678; $h = 0x1234; $b = (uint8)7; $q = (uint64)0x0807060504030201;",
    ) == [0x78563412, 0x3412, 7, True, 0x3412, 5, 200]


def test_is_err(run: Any) -> None:
    assert values(
        run,
        "is_err(-2)",
        "is_err(curtask)",
        "is_err((void *)-4095)",
        "is_err((void *)-4096)",
        "is_err(0)",
        "is_err((void *)$n)",
        before="$n = (int64)-1;",
    ) == [True, False, True, False, False, True]


def test_cgroupid(run: Any, tmp_path: Path) -> None:
    assert values(run, f'cgroupid("{tmp_path}")') == [os.stat(tmp_path).st_ino]


def test_registers_of_a_timer(run: Any) -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("register names of x86-64")
    spec = 'interval:ms:1 { print((reg("sp") == ctx.regs.sp, reg("pc") == reg("ip"), reg("ip") == ctx->regs.ip, reg("cs") & 3, usermode)); exit(); }'
    ran = run(spec, "-f", "json")
    same, pc, ip, level, mode = ran.json[0]["data"]
    assert (same, pc, ip) == (True, True, True)
    assert (level == 3) == bool(mode)


def test_per_cpu_variables_become_externs() -> None:
    """Only that it compiles: a kernel need not list its variables in kallsyms."""
    spec = 'begin { print(percpu_kaddr("runqueues", cpu) != 0); print(((struct rq *)percpu_kaddr("runqueues")).cpu); print(percpu_kaddr("cpu_loops_per_jiffy")); }'
    with Kernel() as kernel:
        if kernel.btf is None or kernel.btf.variable("runqueues") is None:
            pytest.skip("no per-CPU variables in this BTF")
        kernel.symbols.__dict__["_content"] = (b"", "not read")
        made = compile_spec(Source(name="stdin", text=spec), kernel, Options())
        text = made.c("core")
    assert "extern const struct any_struct runqueues" in text
    assert "bpf_per_cpu_ptr(&runqueues, " in text
    assert "bpf_this_cpu_ptr(&runqueues)" in text
    assert clang.build(text, made.plan.arch)


def test_pton(run: Any) -> None:
    assert values(
        run,
        'pton("127.0.0.1")',
        'pton("::1")',
        'pton("123.125.34.92")[2]',
        'pton("10.0.0.1") == pton("10.0.0.1")',
        'pton("10.0.0.1") == pton("10.0.0.2")',
        'ntop(pton("10.9.8.7"))',
        'ntop(pton("fe80::1"))',
    ) == [[127, 0, 0, 1], [0] * 15 + [1], 34, True, False, "10.9.8.7", "fe80::1"]


def test_container_of(run: Any) -> None:
    assert values(
        run,
        "container_of($field, typeof(struct task_struct), comm)->pid == tid",
        before="$field = (uint64)curtask + offsetof(struct task_struct, comm);",
    ) == [True]


def test_lengths_of_the_library(run: Any) -> None:
    ran = run(
        "config = { max_strlen = 100 } begin { assert_str(comm); print(default_str_length); print(default_str_length()); }"
    )
    assert ran.lines[:2] == ["100", "100"]
