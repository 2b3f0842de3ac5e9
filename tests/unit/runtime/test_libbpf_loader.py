# SPDX-License-Identifier: MIT
"""Loading objects, and what is said when that fails."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable

import pytest

from kptrace.errors import HostError, RunError
from kptrace.kernel import Kernel
from kptrace.plan import Plan, ProbeKind, Program
from kptrace.runtime import bpf, cpus, libbpf_loader, verifier
from kptrace.runtime.loaded import Loaded


def test_programs_and_maps_by_name(
    make_plan: Callable[..., Plan], load: Callable[..., Loaded]
) -> None:
    loaded = load(make_plan("begin"))
    assert {"begin", "end", "on_tracepoint", "on_raw", "on_tick"} == set(loaded.programs)
    assert {"events", "ledger", "control", "calls", "target"} <= set(loaded.maps)
    assert bpf.map_info(loaded.map("events")).max_entries == cpus.possible()
    with pytest.raises(Exception, match="BUG: the loaded object has no map 'nonsense'"):
        loaded.map("nonsense")


def test_verifier_refusal_names_probe_line_and_reason(
    build: Callable[[str], bytes], kernel: Kernel
) -> None:
    program = Program(name="unchecked", kind=ProbeKind.BEGIN, label="kprobe:f", targets=(), line=3)
    plan = Plan(name="test", arch="", programs=(program,))
    with pytest.raises(RunError) as caught:
        libbpf_loader.load(build("refused"), plan, {})
    message = str(caught.value)
    assert message.startswith("the kernel's verifier refused the program of kprobe:f (line 3)")
    assert "return *(int *)bpf_map_lookup_elem(&control, &key);" in message
    assert message.splitlines()[-1].strip() == "R0 invalid mem access 'map_value_or_null'"
    assert len(message.splitlines()) < 12


def test_garbage_is_no_object(make_plan: Callable[..., Plan], kernel: Kernel) -> None:
    with pytest.raises(RunError, match="is not a proper ELF object"):
        libbpf_loader.load(b"garbage", make_plan("begin"), {})


def test_no_permission_is_the_hosts_fault(
    build: Callable[[str], bytes], make_plan: Callable[..., Plan], kernel: Kernel
) -> None:
    object_bytes = build("probes")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setresuid(65534, 65534, 65534)
            libbpf_loader.load(object_bytes, make_plan("begin"), {})
        except HostError as error:
            status = 0 if "CAP_BPF" in error.diagnostics[0].hints[0] else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.usefixtures("_descriptors")
def test_closing_leaves_no_descriptor(
    make_plan: Callable[..., Plan], load: Callable[..., Loaded]
) -> None:
    load(make_plan("begin")).close()


@pytest.mark.parametrize(("user", "remedy"), [(0, "container"), (1000, "run as root")])
def test_no_permission_is_told_to_whom_it_is(
    monkeypatch: pytest.MonkeyPatch, user: int, remedy: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    error = verifier.load_error(errno.EPERM, "", Plan(name="test", arch="", programs=()))
    (told,) = error.diagnostics
    assert told.message == "no permission to load BPF programs"
    assert remedy in told.hints[0]
    assert ("run as root" in told.hints[0]) is (user != 0)
