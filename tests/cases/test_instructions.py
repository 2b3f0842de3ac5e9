# SPDX-License-Identifier: MIT
"""What a hit costs, without a clock: the instructions of each program for fixed specifications.

``idioms/*.bt`` are what people write most. ``instructions.txt`` has what clang made of each when
it was last looked at; more instructions are a regression to be explained, fewer a gain to be
kept, and ``pytest tests/cases --update-golden`` writes either down.
"""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

from kptrace.compiler import clang
from kptrace.kernel import Kernel

from .test_cases import cases, check_file

TABLE = Path(__file__).with_name("instructions.txt")
_INSTRUCTION = 8  # bytes
_SYMTAB, _FUNCTION = 2, 2


def functions(data: bytes) -> dict[str, int]:
    """Bytes of every function of a BPF object (ELF64, little-endian), by name."""
    (table,) = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, table + i * size) for i in range(count)]
    found = {}
    for kind, offset, length, link in ((s[1], s[4], s[5], s[6]) for s in sections):
        if kind != _SYMTAB:
            continue
        names = sections[link][4]
        for info in range(offset, offset + length, 24):
            name, kinds, _, _, _, size = struct.unpack_from("<IBBHQQ", data, info)
            if kinds & 15 == _FUNCTION:
                end = data.index(b"\0", names + name)
                found[data[names + name : end].decode()] = size
    return found


def test_instructions(golden_kernel: Kernel, pytestconfig: pytest.Config) -> None:
    version = subprocess.run(["clang", "--version"], capture_output=True, text=True, check=True)
    lines = [version.stdout.splitlines()[0]]
    for case in cases("idioms"):
        made = case.compile(golden_kernel)
        sizes = functions(clang.build(made.c("core"), made.plan.arch))
        assert set(sizes) == {one.name for one in made.plan.programs}
        for one in made.plan.programs:
            lines.append(f"{case.name:24} {one.label:36} {sizes[one.name] // _INSTRUCTION:5}")
    update = pytestconfig.getoption("--update-golden")
    text = "\n".join(lines) + "\n"
    if not update and TABLE.read_text().splitlines()[0] != lines[0]:
        pytest.skip(f"counted with another compiler: {TABLE.read_text().splitlines()[0]}")
    check_file(TABLE, text, update=update)
