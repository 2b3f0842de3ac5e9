# SPDX-License-Identifier: MIT
"""What BCC says, made readable. BCC itself runs in the kernel tests: it needs headers."""

from __future__ import annotations

import sys

import pytest

from kptrace.errors import HostError, KptraceError, RunError
from kptrace.plan import TRAMPOLINE_KINDS, Plan, ProbeKind, Program
from kptrace.runtime import bcc_errors, bcc_loader

PLAN = Plan(
    name="test",
    arch="",
    programs=(Program(name="p", kind=ProbeKind.KPROBE, label="kprobe:f", targets=(), line=3),),
)

COMPILE = """\
probe.bt:7:40: error: use of undeclared identifier 'x'
int p(struct pt_regs *ctx) { return x; }
                                    ^
1 error generated.
"""
VERIFIER = """\
bpf: Failed to load program: Permission denied
; if (!*on) return 0;
8: (61) r1 = *(u32 *)(r0 +0)
R0 invalid mem access 'map_value_or_null'
processed 9 insns (limit 1000000) max_states_per_insn 0 total_states 0
HINT: The 'map_value_or_null' error can happen if you dereference a pointer.
"""


def explain(step: str, detail: str = "", said: str = "", program: str = "") -> KptraceError:
    reply = {"step": step, "detail": detail, "program": program}
    error = bcc_errors.explain(reply, said, 0, PLAN)
    assert error is not None
    return error


def test_success_is_no_error() -> None:
    assert bcc_errors.explain({}, "warnings\n", 0, PLAN) is None


def test_compile_error_keeps_the_specifications_position() -> None:
    error = explain("compile", "Failed to compile BPF module", COMPILE)
    assert isinstance(error, RunError)
    assert "probe.bt:7:40: use of undeclared identifier 'x'" in str(error)
    assert error.diagnostics[0].hints == ()


def test_error_inside_headers_points_at_bcc() -> None:
    said = "/usr/src/linux/include/linux/kconfig.h:5:10: fatal error: 'x.h' file not found\n"
    assert "too new for this bcc" in explain("compile", "", said).diagnostics[0].hints[0]


def test_unknown_compile_failure_shows_what_bcc_said() -> None:
    assert "  out of luck" in str(explain("compile", "failed", "\nout of luck\n"))


def test_verifier_refusal() -> None:
    error = explain("load", "Failed to load BPF program b'p': Permission denied", VERIFIER, "p")
    lines = str(error).splitlines()
    assert lines[0] == (
        "the kernel's verifier refused the program of kprobe:f (line 3) (Permission denied):"
    )
    assert lines[-1].strip() == "R0 invalid mem access 'map_value_or_null'"
    assert "  ; if (!*on) return 0;" in lines


def test_missing_bcc_names_the_package_and_the_interpreter() -> None:
    error = explain("import", "No module named 'bcc'")
    assert isinstance(error, HostError)
    assert sys.executable in str(error)
    assert "python3-bpfcc" in error.diagnostics[0].hints[0]


def test_missing_right() -> None:
    said = "could not open bpf map: events, error: Operation not permitted\n"
    assert isinstance(explain("compile", "", said), HostError)


def test_killed_child() -> None:
    error = bcc_errors.explain({}, "a\nb\n", -9, PLAN)
    assert "was killed by signal 9" in str(error)


def test_missing_headers_are_found_out_before_bcc_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BCC_KERNEL_SOURCE", "/nonexistent")
    with pytest.raises(HostError, match="no kernel headers for") as caught:
        bcc_loader.load("", PLAN, {})
    assert "linux-headers-" in caught.value.diagnostics[0].hints[0]


def test_every_kind_has_a_program_type() -> None:
    """But those that BCC refuses when its C is written: they are loaded for a target."""
    refused = TRAMPOLINE_KINDS | {ProbeKind.ITER}
    assert set(ProbeKind) - refused == set(bcc_loader._PROGRAM_TYPES)
