# SPDX-License-Identifier: MIT
"""Which loader: clang and libbpf, else BCC, else an error that lists what is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from kptrace import store, toolchain
from kptrace.errors import HostError, KptraceError
from kptrace.plan import Plan
from kptrace.runtime import libbpf_loader
from kptrace.runtime.loaded import Loaded
from kptrace.runtime.mechanism import Mechanism
from kptrace.session.run import Load

if TYPE_CHECKING:
    from kptrace.compiler import Compilation

BACKENDS = ("auto", "libbpf", "bcc")


class StaleError(KptraceError):
    """The kernel refused an object that it took before."""


def loader(made: Compilation, backend: str, taken: Callable[[bytes], None] | None) -> Load:
    """How to load a compilation. Compiles now, so that errors come before anything runs.

    ``taken`` gets the object once the kernel has taken it.
    """
    if not uses_libbpf(backend):
        return _bcc(made)
    from kptrace.compiler import clang

    try:
        data = clang.build(made.c("core"), made.plan.arch, store.directory())
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
        loaded = libbpf_loader.load(data, made.plan, mechanisms)
        if taken is not None:
            taken(data)
        return loaded

    return load


def kept_loader(plan: Plan, data: bytes) -> Load:
    """How to load an object that there is."""

    def load(mechanisms: Mapping[str, Mechanism]) -> Loaded:
        return libbpf_loader.load(data, plan, mechanisms)

    return load


def reloader(plan: Plan, data: bytes) -> Load:
    """How to load an object that was kept. StaleError where the kernel does not take it now."""

    first = kept_loader(plan, data)

    def load(mechanisms: Mapping[str, Mechanism]) -> Loaded:
        try:
            return first(mechanisms)
        except KptraceError as error:
            raise StaleError("a plan that was kept does not load") from error

    return load


def uses_libbpf(backend: str) -> bool:
    """Whether clang and libbpf will be taken."""
    if backend == "auto":
        return toolchain.find_clang() is not None or not _bcc_can()
    return backend == "libbpf"


def _bcc_can() -> bool:
    """Whether BCC is installed and has the kernel's headers."""
    import importlib.util

    from kptrace.runtime import bcc_loader

    return importlib.util.find_spec("bcc") is not None and bool(bcc_loader.headers_place())


def _bcc(made: Compilation) -> Load:
    text = made.c("bcc")

    def load(mechanisms: Mapping[str, Mechanism]) -> Loaded:
        from kptrace.runtime import bcc_loader

        return bcc_loader.load(text, made.plan, mechanisms)

    return load
