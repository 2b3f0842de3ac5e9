# SPDX-License-Identifier: MIT
"""BPF programs that are loaded now, as targets of ``fentry:bpf:PROG``."""

from __future__ import annotations

import os
from pathlib import Path

from kptrace.kernel.libbpf import BtfFile
from kptrace.runtime import bpf


def loaded() -> list[tuple[int, str]] | None:
    """Id and name of every program whose types are known; None without the right to ask."""
    found = []
    try:
        for number in bpf.program_ids():
            name = _name(number)
            if name:
                found.append((number, name))
    except PermissionError:
        return None
    return found


def _name(number: int) -> str:
    """The program's function; "" when it has no types, or has gone."""
    try:
        program = bpf.program_fd(number)
    except FileNotFoundError:
        return ""
    try:
        types, function = bpf.program_function(program)
    finally:
        os.close(program)
    return _function_name(types, function) if types else ""


def _function_name(types: int, function: int) -> str:
    fd = os.memfd_create("kptrace-btf")
    try:
        os.write(fd, bpf.btf_bytes(types))
        file = BtfFile(Path(f"/proc/self/fd/{fd}"))
    except OSError:
        return ""
    finally:
        os.close(fd)
    try:
        return file.name(file.record(function).name_offset)
    finally:
        file.close()
