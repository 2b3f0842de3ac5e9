# SPDX-License-Identifier: MIT
"""From a given specification to a compiled one: shared by run, check and emit."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping

from kptrace import store
from kptrace.cli.spec import Given
from kptrace.compiler import Compilation, Options, compile_spec
from kptrace.compiler.cdefs import Search
from kptrace.errors import UsageError
from kptrace.kernel import Kernel
from kptrace.plan import ProbeKind
from kptrace.runtime import bpf_programs, features, kfuncs
from kptrace.runtime.loaded import raise_limits

_NONE: Mapping[tuple[str, str], str] = {}


def compile_given(
    given: Given,
    kernel: Kernel,
    *,
    percentiles: bool,
    only: str = "",
    search: tuple[str, ...] = (),
    include: tuple[str, ...] = (),
    unsafe: bool = False,
    report_failures: bool = False,
    mode: str = "",
    pid_filter: bool = False,
    cpid: int | None = None,
    session: bool = False,
    task_storage: bool = False,
    refused: Mapping[tuple[str, str], str] = _NONE,
    elsewhere: bool = False,
) -> Compilation:
    """Compile for a kernel; ``only`` is a regular expression for the names of probes.

    ``search`` are directories for ``#include``, ``include`` files to include first. ``mode``,
    ``pid_filter``, ``cpid``, ``refused`` and ``session`` (where the kernel has it) as in
    `compiler.Options`. ``elsewhere``: the kernel is not the one that runs here, which could be
    asked more than its files tell.
    """
    raise_limits()  # before the first feature is tried: on old kernels maps count against a limit
    options = Options(
        parameters=given.parameters,
        named=given.named,
        percentiles=percentiles,
        mode=mode,
        pid_filter=pid_filter,
        cpid=cpid,
        refused=refused,
        bpf_programs=nobody_knows if elsewhere else bpf_programs.loaded,
        task_storage=task_storage,
        session=session and bool(features.has("kprobe_session")),
        func_ip=features.may_have("get_func_ip"),
        percpu_lookup=features.may_have("lookup_percpu_elem"),
        has=features.may_have,
        calls=_called_elsewhere(kernel) if elsewhere else kfuncs.allowed,
        only=_expression(only),
        unsafe=unsafe,
        report_failures=report_failures,
        environment=os.environ,
        search=Search(directories=search, files=include, cache=store.directory()),
    )
    return compile_spec(given.source, kernel, options)


def nobody_knows() -> None:
    """Which BPF programs are loaded into a kernel that does not run here."""


def _called_elsewhere(kernel: Kernel) -> Callable[[ProbeKind, bool, str, str], bool | None]:
    """What of `kfuncs.allowed` the files of a kernel tell: a function that is not there, is not."""

    def calls(kind: ProbeKind, trusted: bool, target: str, function: str) -> bool | None:
        if kernel.btf is None:
            return None if kernel.host.has_btf else False
        return None if kernel.btf.function(function, "vmlinux") is not None else False

    return calls


def _expression(text: str) -> re.Pattern[str] | None:
    try:
        return re.compile(text) if text else None
    except re.error as error:
        raise UsageError(f"Invalid probe filter '{text}': {error}", code="usage") from None
