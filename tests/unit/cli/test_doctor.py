# SPDX-License-Identifier: MIT
"""`kptrace doctor` on this host, as a person and as a program read it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
Start = Callable[..., "subprocess.Popen[bytes]"]
WORDS = ("ok", "missing", "limited", "unknown")


def test_text_fits_the_terminal(kptrace: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is wider than the terminal, nor than 100 columns on a wide one."""
    for columns, widest in (("70", 70), ("300", 100)):
        monkeypatch.setenv("COLUMNS", columns)
        done = kptrace("doctor")
        assert done.status == 0
        assert max(map(len, done.output.splitlines())) <= widest


def test_text_has_a_status_for_every_need(kptrace: Command) -> None:
    table, can, *_ = kptrace("doctor").output.split("\n\n")
    statuses = [line.split()[1] for line in table.splitlines() if line.startswith(("BTF", "clang"))]
    assert statuses == ["ok", "ok"]
    assert "begin, end" in can
    assert "--backend libbpf" in can


def test_json_has_the_same_facts(kptrace: Command) -> None:
    done = kptrace("doctor", "-f", "json")
    told = json.loads(done.output)
    assert done.status == 0
    assert told["can_run"] is True
    assert told["facts"]["release"] == os.uname().release
    assert {one["status"] for one in told["checks"]} <= set(WORDS)
    text = kptrace("doctor").output
    assert [one["name"] for one in told["checks"]] == [
        line.split("  ")[0] for line in text.split("\n\n")[0].splitlines() if line[0] != " "
    ]
    probes = {one["kind"]: one["can_run"] for one in told["probes"]}
    assert probes["begin"] is True
    assert probes["kprobe"] is told["facts"]["has_kprobes"]


def test_no_compiler_is_status_3(kptrace: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without clang and with a bcc that has no headers, nothing runs; the remedy comes first."""
    monkeypatch.setenv("KPTRACE_CLANG", "/nonexistent")
    done = kptrace("doctor", "-f", "json")
    told = json.loads(done.output)
    if told["facts"]["headers"]:
        assert (done.status, told["backends"]) == (0, ["bcc"])
        return
    assert (done.status, told["can_run"], told["backends"]) == (3, False, [])
    assert "To run anything: correct KPTRACE_CLANG" in kptrace("doctor").output


def test_clang_is_tried(kptrace: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A clang without the BPF target is installed and of no use."""
    useless = tmp_path / "clang"
    useless.write_text("#!/bin/sh\necho 'error: unable to create target' >&2\nexit 1\n")
    useless.chmod(0o755)
    monkeypatch.setenv("KPTRACE_CLANG", str(useless))
    told = json.loads(kptrace("doctor", "-f", "json").output)
    assert "libbpf" not in told["backends"]
    clang = next(one for one in told["checks"] if one["name"] == "clang")
    assert clang["status"] == "limited"
    assert "unable to create target" in clang["found"]


def test_unprivileged_user(kptrace: Command) -> None:
    """Nothing can run, the reason is the rights, and nothing is called missing for that."""
    ran = kptrace("doctor", "-f", "json", user=65534)
    assert ran.error == ""
    told = json.loads(ran.output)
    status = {one["name"]: one["status"] for one in told["checks"]}
    assert told["can_run"] is False
    assert all("rights" in one["lacks"] for one in told["probes"])
    assert (status["rights"], status["tracefs"], status["kprobe.multi"]) == (
        "missing",
        "limited",
        "unknown",
    )
