# SPDX-License-Identifier: MIT
"""The tracers that are measured, and how they and the producer are run."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build"
CPU = 1
"""Where the producer runs; on a host with one CPU it shares that one."""
CALLS = 5000
"""System calls in one round of the producer."""
PRODUCER = f"producer{os.getpid() % 10**7}"
"""Its name, in 15 characters: other producers may run at the same time."""
READY = "ready"
TRACEFS = Path("/sys/kernel/tracing")
_LONGEST_S = 180.0
_QUIET_S = 0.3
_FLUSH_S = 0.7  # on a busy machine; kptrace holds lines back for milliseconds
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def environment() -> dict[str, str]:
    """That of our processes: Python may write bytecode, which an installed package has."""
    given = dict(os.environ)
    given.pop("PYTHONDONTWRITEBYTECODE", None)
    return given


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tracer with bpftrace's options. ``rings``: what the number of pages of one CPU's ring is
    multiplied with in BPFTRACE_PERF_RB_PAGES."""

    name: str
    command: tuple[str, ...]
    version: str = ""
    rings: int = 1

    def run(self, spec: str, *options: str) -> list[str]:
        return [*self.command, *options, "-e", spec]

    def ring_pages(self, pages: int) -> dict[str, str]:
        return {"BPFTRACE_PERF_RB_PAGES": str(pages * self.rings)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What all parts are given. ``peer`` is bpftrace, if it is installed.

    ``quick`` is for tests: as little as shows that everything works.
    """

    rounds: int
    points: int
    kptrace: Tool
    peer: Tool | None
    quick: bool = False

    @property
    def tools(self) -> tuple[Tool, ...]:
        return (self.kptrace,) if self.peer is None else (self.kptrace, self.peer)

    @property
    def version(self) -> str:
        return "bpftrace is not installed" if self.peer is None else self.peer.version

    def size(self, full: int) -> int:
        """How much of some work to do."""
        return max(full // 100, 1) if self.quick else full


def kptrace() -> Tool:
    command = str(Path(sys.executable).with_name("kptrace"))
    # language §13: the number is that of all rings together
    return Tool(name="kptrace", command=(command,), rings=os.cpu_count() or 1)


def bpftrace() -> Tool | None:
    """Debian's, where a ring's size is that of one CPU."""
    found = shutil.which("bpftrace")
    if found is None:
        return None
    done = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
    version = done.stdout.strip().replace(" v", " ")
    numbers = tuple(int(one) for one in re.findall(r"\d+", version)[:2])
    # 0.22 changed the meaning of perf_rb_pages to all rings together
    rings = 1 if numbers < (0, 22) else os.cpu_count() or 1
    return Tool(name="bpftrace", command=(found,), version=version, rings=rings)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Of one process with its children.

    ``attached_s`` and ``line_s``: from its start until its probes counted, and until it printed the
    line `READY`; without these, until it ended, which is ``ended_s``.
    """

    attached_s: float
    line_s: float
    ended_s: float
    cpu_s: float
    peak_mib: float


_ATTACHED = re.compile(rb"Attached \d+ probe")
"""kptrace's word on standard error. Others say nothing once they are attached: there the line
`READY` tells, which an interval of 1 ms prints, and which kptrace may hold back for a while."""


def run(command: Sequence[str], extra: Mapping[str, str] | None = None) -> Usage:
    """Run a command to its end; it must succeed."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**environment(), **(extra or {})},
    )
    assert process.stdout is not None
    attached_s = line_s = None
    lines = []
    with process.stdout:
        for line in process.stdout:
            now = time.perf_counter() - start
            lines.append(line)
            if attached_s is None and _ATTACHED.match(line):
                attached_s = now
            elif line_s is None and line.strip() == READY.encode():
                line_s = now
    cpu_s, peak_mib = _end(process)
    ended = time.perf_counter() - start
    if process.returncode:
        raise SystemExit(f"failed: {' '.join(command)}\n{b''.join(lines).decode()}")
    line_s = ended if line_s is None else line_s
    return Usage(
        attached_s=line_s if attached_s is None else attached_s,
        line_s=line_s,
        ended_s=ended,
        cpu_s=cpu_s,
        peak_mib=peak_mib,
    )


def _end(process: subprocess.Popen[bytes]) -> tuple[float, float]:
    """Wait for the end of a process: its CPU seconds and peak MiB."""
    guard = threading.Timer(_LONGEST_S, process.kill)
    guard.start()
    _, status, usage = os.wait4(process.pid, 0)
    guard.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


@dataclass(slots=True)
class Session:
    """A tracer that is attached. ``cpu_s`` and ``peak_mib`` are known once it was stopped."""

    process: subprocess.Popen[bytes]
    output: Path
    cpu_s: float = 0.0
    peak_mib: float = 0.0
    stop_s: float = field(default=0.0)

    def spent_s(self) -> float:
        """CPU seconds so far, in the kernel's ticks."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * _TICK_S

    def wait_for_output(self) -> None:
        """Until the output has not grown for a while."""
        known = -1
        while known != (found := self.output.stat().st_size):
            known = found
            time.sleep(_FLUSH_S)

    def lines(self, mark: bytes) -> int:
        """How many lines of the output have a mark."""
        # line by line: the peak memory of the next child begins with ours
        with self.output.open("rb") as file:
            return sum(mark in line for line in file)

    def stop(self) -> None:
        """Interrupt and wait; ``stop_s`` is how long that took."""
        start = time.perf_counter()
        self.process.send_signal(signal.SIGINT)
        self.cpu_s, self.peak_mib = _end(self.process)
        self.stop_s = time.perf_counter() - start
        if self.process.returncode:
            raise SystemExit(f"a tracer failed:\n{self.output.read_bytes()[-2000:].decode()}")


@contextlib.contextmanager
def attached(tool: Tool, spec: str, extra: Mapping[str, str] | None = None) -> Iterator[Session]:
    """A tracer that counts; it is killed if the block does not stop it."""
    with tempfile.TemporaryDirectory() as place:
        output = Path(place) / "output"
        with output.open("wb") as file:
            process = subprocess.Popen(
                tool.run(spec),
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**environment(), **(extra or {})},
            )
        try:
            _wait_until_attached(process, output)
            yield Session(process=process, output=output)
        finally:
            if process.returncode is None:
                process.kill()
                process.wait()


def _wait_until_attached(process: subprocess.Popen[bytes], output: Path) -> None:
    """Until the process has BPF programs and opened nothing for a while.

    That is the same for every tracer and adds nothing to the specification; a line that a begin
    block prints comes before the probes count.
    """
    deadline = time.monotonic() + _LONGEST_S
    known: list[str] = []
    since = time.monotonic()
    while True:
        if process.poll() is not None or time.monotonic() > deadline:
            text = output.read_bytes()[-2000:].decode()
            raise SystemExit(f"not attached: {process.args!r}\n{text}")
        found = _open_files(process.pid)
        if found != known:
            known, since = found, time.monotonic()
        elif "anon_inode:bpf-prog" in known and time.monotonic() - since > _QUIET_S:
            return
        time.sleep(0.01)


def _open_files(pid: int) -> list[str]:
    found = []
    folder = f"/proc/{pid}/fd"
    for name in sorted(os.listdir(folder)):
        with contextlib.suppress(FileNotFoundError):  # closed since
            found.append(os.readlink(f"{folder}/{name}"))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Produced:
    """What the producer did: ns per call in its rounds, and calls per second in all."""

    low_ns: float
    tenth_ns: float
    median_ns: float
    calls: int
    seconds: float


def build_producer() -> Path:
    """The producer, compiled anew when its source changed."""
    source, made = HERE / "producer.c", BUILD / "bench/producer"
    if not made.exists() or made.stat().st_mtime < source.stat().st_mtime:
        compiler = shutil.which("cc") or shutil.which("clang")
        if compiler is None:
            raise SystemExit("no C compiler: apt install clang")
        made.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([compiler, "-O2", "-Wall", "-o", str(made), str(source)], check=True)
    return made


def call_number() -> int:
    """The number of the system call that the producer makes."""
    done = subprocess.run([build_producer(), "number"], capture_output=True, check=True)
    return int(done.stdout)


def produce(rounds: int, rate: int = 0) -> Produced:
    """Rounds of `CALLS` system calls, ``rate`` calls a second (0: flat out)."""
    cpu = CPU if CPU in os.sched_getaffinity(0) else 0
    with tempfile.TemporaryDirectory() as place:
        named = Path(place) / PRODUCER
        named.symlink_to(build_producer())
        command = [str(named), str(cpu), str(rounds), str(rate)]
        done = subprocess.run(command, capture_output=True, check=True)
    low, tenth, median, seconds = (float(one) for one in done.stdout.split())
    return Produced(
        low_ns=low, tenth_ns=tenth, median_ns=median, calls=rounds * CALLS, seconds=seconds
    )
