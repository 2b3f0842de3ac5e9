# SPDX-License-Identifier: MIT
"""Which loader: clang and libbpf, else BCC, else an error that lists what is missing."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping

from kptrace.compiler import Compilation, clang
from kptrace.errors import HostError
from kptrace.runtime import libbpf_loader
from kptrace.runtime.loaded import Loaded
from kptrace.runtime.mechanism import Mechanism
from kptrace.session.run import Load

BACKENDS = ("auto", "libbpf", "bcc")


def loader(made: Compilation, backend: str) -> Load:
    """How to load a compilation. Compiles now, so that errors come before anything runs."""
    if not uses_libbpf(backend):
        return _bcc(made)
    try:
        data = clang.build(made.c("core"), made.plan.arch, clang.cache_directory())
    except HostError as error:
        if backend == "auto" and error.diagnostics[0].code == "no-clang":
            raise HostError(
                "this specification must be compiled, and this host has neither clang nor what BCC"
                " needs",
                hint="apt install clang (preferred), or apt install python3-bpfcc and the headers"
                " of this kernel",
                code="no-compiler",
            ) from None
        raise

    def load(mechanisms: Mapping[str, Mechanism]) -> Loaded:
        return libbpf_loader.load(data, made.plan, mechanisms)

    return load


def uses_libbpf(backend: str) -> bool:
    """Whether clang and libbpf will be taken."""
    if backend == "auto":
        return clang.find_clang() is not None or not _bcc_can()
    return backend == "libbpf"


def _bcc_can() -> bool:
    """Whether BCC is installed and has the kernel's headers."""
    from kptrace.runtime import bcc_loader

    return importlib.util.find_spec("bcc") is not None and bool(bcc_loader.headers_place())


def _bcc(made: Compilation) -> Load:
    text = made.c("bcc")

    def load(mechanisms: Mapping[str, Mechanism]) -> Loaded:
        from kptrace.runtime import bcc_loader

        return bcc_loader.load(text, made.plan, mechanisms)

    return load
