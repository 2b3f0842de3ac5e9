# SPDX-License-Identifier: MIT
"""The C that finds a histogram's bucket, run here: as bucket_index() for every number, and defined
by C for every number, so that no compiler may make something else of it."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from kptrace import types
from kptrace.compiler import prelude
from kptrace.histogram import bucket_index
from kptrace.toolchain import find_clang

_HEAD = """\
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef long long __s64;
#define __always_inline inline __attribute__((always_inline))
"""
_TRAPS = ("-fsanitize=undefined", "-fno-sanitize=signed-integer-overflow", "-fsanitize-trap=all")
NUMBERS = sorted(
    {sign * ((1 << bit) + step) for bit in range(63) for step in (-1, 0, 1) for sign in (1, -1)}
    | {-(1 << 63), (1 << 63) - 1}
)


def check(library: str, bits: int) -> None:
    """Compare all numbers; in a process of its own, which undefined behaviour ends."""
    add = ctypes.CDLL(library).add
    buckets = types.hist_buckets(bits)
    for number in NUMBERS:
        words = (ctypes.c_int64 * (4 + buckets))()
        add(words, ctypes.c_int64(number))
        assert [at for at, one in enumerate(words[4:]) if one] == [bucket_index(number, bits)]


@pytest.mark.parametrize("bits", [0, 5])
def test_every_number_has_its_bucket(tmp_path: Path, bits: int) -> None:
    hist = f"struct hist_{types.hist_buckets(bits)}"
    text = (
        f"{_HEAD}{hist} {{\n\t__u64 n;\n\t__s64 sum, min, max;\n"
        f"\t__u64 buckets[{types.hist_buckets(bits)}];\n}};\n{prelude.LOG2}{prelude.hist_add(bits)}"
        f"void add({hist} *hist, __s64 n)\n{{\n\thist_add_{bits}(hist, n);\n}}\n"
    )
    library = str(tmp_path / "hist.so")
    clang = find_clang()
    assert clang is not None
    line = [clang, "-O2", "-shared", "-fPIC", "-nostdlib", *_TRAPS, "-x", "c", "-", "-o", library]
    subprocess.run(line, input=text, text=True, check=True)
    subprocess.run([sys.executable, __file__, library, str(bits)], check=True)


if __name__ == "__main__":
    check(sys.argv[1], int(sys.argv[2]))
