# SPDX-License-Identifier: MIT
"""hand.py -e NAME: run ``hand/NAME.bpf.c``, built for it, by libbpf alone until it is interrupted.

What a careful person writes, without any of what kptrace has around it. Prints how often the
program counted, which is what its map ``result`` adds up to.
"""

from __future__ import annotations

import argparse
import array
import ctypes
import os
import shutil
import signal
import subprocess
from ctypes import c_char_p, c_int, c_size_t, c_uint, c_uint64, c_void_p
from pathlib import Path

HERE = Path(__file__).parent
SOURCES = HERE / "hand"
_BUILT = HERE.parents[1] / "build/bench"
_CPUS = Path("/sys/devices/system/cpu/possible")
_FUNCTIONS: dict[str, tuple[type | None, tuple[type, ...]]] = {
    "bpf_object__open_file": (c_void_p, (c_char_p, c_void_p)),
    "bpf_object__load": (c_int, (c_void_p,)),
    "bpf_object__next_program": (c_void_p, (c_void_p, c_void_p)),
    "bpf_object__find_map_by_name": (c_void_p, (c_void_p, c_char_p)),
    "bpf_program__attach": (c_void_p, (c_void_p,)),
    "bpf_map__value_size": (c_uint, (c_void_p,)),
    "bpf_map__lookup_elem": (c_int, (c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_uint64)),
}


def build(name: str) -> Path:
    """The object, compiled anew when a source changed."""
    source, made = SOURCES / f"{name}.bpf.c", _BUILT / f"{name}.bpf.o"
    newest = max(path.stat().st_mtime for path in (source, SOURCES / "bpf.h"))
    if not made.exists() or made.stat().st_mtime < newest:
        compiler = shutil.which("clang")
        if compiler is None:
            raise SystemExit("no C compiler: apt install clang")
        made.parent.mkdir(parents=True, exist_ok=True)
        flags = ["-target", "bpf", "-O2", "-g", "-Wall", "-Werror", "-fno-builtin"]
        subprocess.run([compiler, *flags, "-c", str(source), "-o", str(made)], check=True)
    return made


def _libbpf() -> ctypes.CDLL:
    library = ctypes.CDLL("libbpf.so.1", use_errno=True)
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _sure(result: int | None, what: str) -> int:
    if not result:
        raise SystemExit(f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


def _counted(libbpf: ctypes.CDLL, found: int) -> int:
    """The sum of a map's words over all CPUs."""
    last = int(_CPUS.read_text().rpartition("-")[2].rpartition(",")[2])
    size = libbpf.bpf_map__value_size(found) * (last + 1)
    key, value = c_uint(0), ctypes.create_string_buffer(size)
    if libbpf.bpf_map__lookup_elem(found, ctypes.byref(key), 4, value, size, 0):
        raise SystemExit(f"result: {os.strerror(ctypes.get_errno())}")
    return sum(array.array("Q", value.raw))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-e", dest="name", required=True)
    name = parser.parse_args().name
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    libbpf = _libbpf()
    opened = _sure(libbpf.bpf_object__open_file(os.fsencode(build(name)), None), name)
    if libbpf.bpf_object__load(opened):
        raise SystemExit(f"{name} cannot be loaded: {os.strerror(ctypes.get_errno())}")
    program = None
    while program := libbpf.bpf_object__next_program(opened, program):
        _sure(libbpf.bpf_program__attach(program), f"attach {name}")
    signal.sigwait({signal.SIGINT})
    if result := libbpf.bpf_object__find_map_by_name(opened, b"result"):
        print("counted", _counted(libbpf, result))


if __name__ == "__main__":
    main()
