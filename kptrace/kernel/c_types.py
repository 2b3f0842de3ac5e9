# SPDX-License-Identifier: MIT
"""Types of a BTF file as C that compiles, with all that they are made of; libbpf writes it.

In: an open BTF file and ids of its types. Out: text in the order that a compiler wants; what only
stands behind a pointer is declared, not defined.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable

from kptrace.kernel.libbpf import BtfFile, library

# A va_list is a pointer, or passed as one, on every architecture that kptrace knows.
_PRINT = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)


def definitions(file: BtfFile, type_ids: Iterable[int]) -> str:
    """The C text. Raises OSError where libbpf cannot write it."""
    libc = ctypes.CDLL(None)
    libc.vasprintf.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    libc.free.argtypes = (ctypes.c_void_p,)
    parts: list[bytes] = []

    def collect(_: object, form: bytes, arguments: int) -> None:
        made = ctypes.c_char_p()
        if libc.vasprintf(ctypes.byref(made), form, arguments) >= 0:
            parts.append(made.value or b"")
            libc.free(made)

    callback = _PRINT(collect)
    libbpf = library()
    libbpf.btf_dump__new.restype = ctypes.c_void_p
    libbpf.btf_dump__new.argtypes = (ctypes.c_void_p, _PRINT, ctypes.c_void_p, ctypes.c_void_p)
    libbpf.btf_dump__dump_type.argtypes = (ctypes.c_void_p, ctypes.c_uint32)
    libbpf.btf_dump__free.argtypes = (ctypes.c_void_p,)
    writer = libbpf.btf_dump__new(file.handle, callback, None, None)
    if not writer:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    try:
        for type_id in type_ids:
            error = libbpf.btf_dump__dump_type(writer, type_id)
            if error:
                raise OSError(-error, os.strerror(-error))
    finally:
        libbpf.btf_dump__free(writer)
    return b"".join(parts).decode("utf-8", "replace")
