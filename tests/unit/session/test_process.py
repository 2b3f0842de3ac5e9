# SPDX-License-Identifier: MIT
"""The command of ``-c``: refused by the kernel, killed early, with the signals it should have."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from kptrace.errors import RunError
from kptrace.session.process import open_process


def test_a_command_that_the_kernel_refuses(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("echo no interpreter\n")
    script.chmod(0o755)
    with open_process(None, str(script)) as process:
        assert process is not None
        with pytest.raises(RunError, match="cannot run '.*script': Exec format error"):
            process.start()


def test_a_command_that_was_killed_before_it_could_start() -> None:
    with open_process(None, "sleep 60") as process:
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        assert process.ended(5)
        process.start()


def test_the_command_has_the_signals_of_kptraces_caller(tmp_path: Path) -> None:
    out = tmp_path / "out"
    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    old_user = signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # as the command line does
    try:
        with open_process(None, f"sh -c 'grep SigIgn /proc/$$/status > {out}'") as process:
            assert process is not None
            process.start()
            assert process.ended(5)
    finally:
        signal.signal(signal.SIGHUP, old)
        signal.signal(signal.SIGUSR1, old_user)
    ignored = int(out.read_text().split()[1], 16)
    assert ignored >> signal.SIGHUP - 1 & 1
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGUSR1):
        assert not ignored >> number - 1 & 1


def test_nothing_stays_open_or_undead() -> None:
    before = os.listdir("/proc/self/fd")
    with open_process(None, "sleep 60") as process:
        assert process is not None
        pid = process.pid
        process.start()
    assert os.listdir("/proc/self/fd") == before
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
