# SPDX-License-Identifier: MIT
"""Whole runs on the running kernel, from loading to the exit status."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kptrace import types
from kptrace.errors import AttachError, Exit
from kptrace.kernel import Kernel
from kptrace.output.json import JsonFormat
from kptrace.output.text import TextFormat
from kptrace.plan import Config, Event, EventKind, Field, Plan
from kptrace.runtime.loaded import Loaded
from kptrace.session.run import Options, Result, run
from kptrace.session.sink import Buffering, Sink

Make = Callable[..., Plan]
BEGIN, CALL, TICK, END = range(4)
SIZES = (16, 28, 16, 16)
NUMBER = Field(name="number", type=types.UINT64, offset=16)


def event(number: int, kind: EventKind, **more: Any) -> Event:
    return Event(id=number, kind=kind, size=SIZES[number], **more)


@dataclass
class Output:
    """What a run wrote, as it comes."""

    result: Result | None = None
    text: bytes = b""
    errors: bytes = b""
    started: threading.Event = field(default_factory=threading.Event)


Runner = Callable[..., Output]


@pytest.fixture
def runner(load: Callable[..., Loaded], kernel: Kernel) -> Iterator[Runner]:
    """Runs a plan to its end; ``during`` runs in a thread once the probes are attached."""

    def start(plan: Plan, during: Callable[[], None] | None = None, **more: Any) -> Output:
        output = Output()
        out_reader, out_writer = os.pipe()
        error_reader, error_writer = os.pipe()

        def collect(fd: int, name: str) -> None:
            with os.fdopen(fd, "rb", buffering=0) as file:
                while data := file.read(65536):
                    setattr(output, name, getattr(output, name) + data)
                    output.started.set()

        def act() -> None:
            assert output.started.wait(10)
            assert during is not None
            during()

        threads = [
            threading.Thread(target=collect, args=(out_reader, "text")),
            threading.Thread(target=collect, args=(error_reader, "errors")),
        ]
        if during is not None:
            threads.append(threading.Thread(target=act))
        for thread in threads:
            thread.start()
        more.setdefault("form", lambda style: TextFormat(style=style))
        sink = Sink(out_writer, error_writer, more.pop("buffering", Buffering.LINE))
        try:
            output.result = run(plan, lambda mechanisms: load(plan), kernel, Options(**more), sink)
        finally:
            os.close(out_writer)
            os.close(error_writer)
            for thread in threads:
                thread.join()
        return output

    return start


def calls(count: int = 11) -> None:
    for _ in range(count):
        os.getppid()


def stop(number: int = signal.SIGINT) -> None:
    time.sleep(0.15)
    os.kill(os.getpid(), number)


def test_begin_and_end_blocks_only(runner: Runner, make_plan: Make) -> None:
    output = runner(make_plan("begin", "end"))
    assert output.text == b"begin\nend\n\n\n"
    assert output.errors == b"Attached 2 probes\n"
    assert output.result is not None
    assert output.result.status == Exit.OK


def test_exit_ends_the_run_and_drops_what_follows(runner: Runner, make_plan: Make) -> None:
    code = Field(name="code", type=types.UINT64, offset=16)
    plan = make_plan(
        "begin",
        "on_tracepoint",
        "on_tick",
        "end",
        events=(event(CALL, EventKind.EXIT, fields=(code,)),),
    )
    output = runner(plan, during=lambda: calls(1000))
    assert output.result is not None
    assert output.result.status == 1  # the number of the first call
    lines = output.text.split(b"\n")
    assert lines[0] == b"begin"
    assert lines.count(b"end") == 1
    assert b"call " not in output.text


def test_exit_in_begin_still_announces_and_runs_end(runner: Runner, make_plan: Make) -> None:
    plan = make_plan("begin", "on_tick", "end", events=(event(BEGIN, EventKind.EXIT),))
    output = runner(plan)
    assert output.text.startswith(b"end\n\n\n")
    assert output.errors.startswith(b"Attached 3 probes\n")


def test_events_and_maps_are_exact(runner: Runner, make_plan: Make) -> None:
    plan = make_plan("on_tracepoint", "on_raw")

    def during() -> None:
        calls(97)
        stop()

    output = runner(plan, during=during)
    lines = output.text.decode().splitlines()
    assert sum(line.startswith("call ") for line in lines) == 97
    assert output.result is not None
    assert output.result.snapshot is not None
    ledger = output.result.snapshot.ledger
    assert [one.hits for one in ledger.probes] == [97, 97]
    kept = sum(int(line.rpartition(" ")[2]) for line in lines if line.startswith("@calls["))
    assert kept + (ledger.map_full or 0) == 97
    assert ledger.events == 0


def test_print_clear_and_zero_take_effect_in_order(
    runner: Runner, make_plan: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    plan = make_plan(
        "on_tracepoint",
        "begin",
        "end",
        events=(
            event(BEGIN, EventKind.CLEAR, map="@calls"),
            event(CALL, EventKind.PRINT, fields=(NUMBER,)),
            event(END, EventKind.ZERO, map="@calls"),
        ),
    )

    def during() -> None:
        time.sleep(0.15)  # the clear is asynchronous
        calls(1)
        stop()

    notify = "__BPFTRACE_NOTIFY_PROBES_ATTACHED"
    os.environ[notify] = "1"
    try:
        output = runner(plan, during=during)
    finally:
        del os.environ[notify]
    # on standard output, whatever the run writes to
    assert capfd.readouterr().out == f"{notify}\n"
    number, *rest = output.text.decode().splitlines()
    assert rest == ["", "", f"@calls[{number}]: 0"]


def test_print_map_with_top(runner: Runner, make_plan: Make) -> None:
    plan = make_plan(
        "on_tracepoint", "end", events=(event(END, EventKind.PRINT_MAP, map="@calls", top=1),)
    )

    def during() -> None:
        calls(50)
        stop()

    output = runner(plan, during=during)
    printed = output.text.split(b"\n\n\n")[0].splitlines()
    assert sum(line.startswith(b"@calls[") for line in printed) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_prints_the_result(number: int, runner: Runner, make_plan: Make) -> None:
    before = signal.getsignal(number)
    output = runner(make_plan("on_raw", "end"), during=lambda: stop(number))
    assert output.result is not None
    assert output.result.status == Exit.OK
    assert output.text == b"end\n\n\n"
    assert signal.getsignal(number) is before


def test_duration(runner: Runner, make_plan: Make) -> None:
    start = time.monotonic()
    output = runner(make_plan("on_raw", "end"), duration_s=0.25)
    assert time.monotonic() - start >= 0.25
    assert output.text == b"end\n\n\n"


def test_usr1_prints_a_snapshot(runner: Runner, make_plan: Make) -> None:
    plan = make_plan("on_tracepoint", "on_raw")

    def during() -> None:
        calls(1)
        time.sleep(0.25)
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(0.25)
        stop()

    output = runner(plan, during=during)
    assert output.text.count(b"@calls[") == 2


def test_quiet_says_nothing_but_losses(runner: Runner, make_plan: Make) -> None:
    assert runner(make_plan("begin"), quiet=True).errors == b""
    plan = make_plan("on_tracepoint", "begin", config=Config(perf_rb_pages=1))

    def during() -> None:
        calls(5000)
        stop()

    output = runner(plan, during=during, quiet=True, buffering=Buffering.NONE)
    assert b"Attached" not in output.errors
    assert b"Losses:\n  events lost" in output.errors


def test_strict_makes_loss_an_exit_status(runner: Runner, make_plan: Make) -> None:
    plan = make_plan("on_tracepoint")  # eight keys for a map of four

    def during() -> None:
        calls(1000)
        stop()

    output = runner(plan, during=during, strict=True)
    assert output.result is not None
    assert output.result.status == Exit.LOST


def test_dry_run_attaches_and_says_nothing(runner: Runner, make_plan: Make) -> None:
    output = runner(make_plan("begin", "on_raw", "end"), dry_run=True)
    assert (output.text, output.errors) == (b"", b"")


def test_json_ends_with_the_ledger(runner: Runner, make_plan: Make) -> None:
    output = runner(make_plan("begin", "end"), form=lambda style: JsonFormat(style=style))
    lines = [json.loads(line) for line in output.text.splitlines()]
    assert [line["type"] for line in lines] == ["attached_probes", "printf", "printf", "losses"]
    assert output.errors == b""


def test_runtime_warning_names_the_failed_helper(runner: Runner, make_plan: Make) -> None:
    returned = Field(name="map_update_elem", type=types.UINT32, offset=12)
    plan = make_plan(
        "begin",
        events=(
            event(
                BEGIN,
                EventKind.WARNING,
                text="Map full.",
                place="x.bt:1:2-3",
                excerpt="code\n ~\n",
                fields=(returned,),
            ),
        ),
    )
    errors = runner(plan, quiet=True).errors
    assert errors == (
        b"x.bt:1:2-3: WARNING: Map full.\n"
        b"Additional Info - helper: map_update_elem, retcode: 0\ncode\n ~\n"
    )


def test_time_is_local_time_when_handled(runner: Runner, make_plan: Make) -> None:
    plan = make_plan("begin", events=(event(BEGIN, EventKind.TIME, text="%Y\n"),))
    assert runner(plan).text.split(b"\n")[0] == time.strftime("%Y").encode()


def test_attach_failure_leaves_nothing_and_says_nothing(runner: Runner, make_plan: Make) -> None:
    plan = make_plan("begin", "on_raw", "on_tick", config=Config(max_probes=1))
    with pytest.raises(AttachError):
        runner(plan)


def test_ready_file_and_service_manager(
    runner: Runner, make_plan: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        runner(make_plan("begin"), ready_file=str(tmp_path / "ready"))
        assert manager.recv(100) == b"READY=1"
    assert (tmp_path / "ready").read_text() == f"{os.getpid()}\n"


def test_broken_pipe_ends_quietly(
    load: Callable[..., Loaded], kernel: Kernel, make_plan: Make
) -> None:
    plan = make_plan("begin", "on_tick")
    reader, writer = os.pipe()
    os.close(reader)
    options = Options(form=lambda style: TextFormat(style=style), quiet=True, duration_s=30)
    start = time.monotonic()
    result = run(plan, lambda mechanisms: load(plan), kernel, options, Sink(writer))
    os.close(writer)
    assert result == Result(status=Exit.OK)
    assert time.monotonic() - start < 10


CHILD = """
import sys
from kptrace.kernel import Kernel
from kptrace.output.text import TextFormat
from kptrace import plan as plans
from kptrace.runtime import libbpf_loader
from kptrace.session.run import Options, run
from kptrace.session.sink import Sink
plan = plans.from_json(open(sys.argv[1]).read())
load = lambda mechanisms: libbpf_loader.load(open(sys.argv[2], "rb").read(), plan, mechanisms)
options = Options(form=lambda style: TextFormat(style=style))
sys.exit(run(plan, load, Kernel(), options, Sink()).status)
"""


@pytest.fixture
def child(
    make_plan: Make, build: Callable[[str], bytes], kernel: Kernel, tmp_path: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A run in a process of its own, attached and ready."""
    from kptrace import plan as plans

    plan = make_plan("begin", "on_tracepoint", "on_raw", "on_tick")
    (tmp_path / "plan").write_text(plans.to_json(plan))
    (tmp_path / "object").write_bytes(build("probes"))
    process = subprocess.Popen(
        ["python3", "-c", CHILD, str(tmp_path / "plan"), str(tmp_path / "object")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(types.__file__).parents[1])},
    )
    with process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"Attached 4 probes\n"
        yield process
        process.kill()


def programs_named(name: str) -> int:
    listing = subprocess.run(["bpftool", "prog", "show"], capture_output=True, check=True)
    return listing.stdout.count(f" name {name} ".encode())


def test_kill_leaves_nothing(child: subprocess.Popen[bytes]) -> None:
    assert programs_named("on_tracepoint") >= 1
    before = programs_named("on_tracepoint")
    child.kill()
    child.wait()
    deadline = time.monotonic() + 5  # the kernel frees programs after a grace period
    while programs_named("on_tracepoint") >= before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert programs_named("on_tracepoint") == before - 1


def test_second_signal_ends_at_once(child: subprocess.Popen[bytes]) -> None:
    # A stopped process gets both signals before it can react to the first.
    os.kill(child.pid, signal.SIGSTOP)
    os.kill(child.pid, signal.SIGTERM)
    os.kill(child.pid, signal.SIGINT)
    os.kill(child.pid, signal.SIGCONT)
    assert child.wait(10) in (128 + signal.SIGTERM, 128 + signal.SIGINT)
