# SPDX-License-Identifier: MIT
"""Boot a kernel of the table in QEMU with virtme-ng, and run one command in it.

The guest's half is guest.sh. The two halves share a folder, the job: the host puts the command
there, the guest its exit status. No status means that the guest died, whatever QEMU says.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import pty
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time
import tty
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from compiler import CompileServer
from kernels import CACHE, CHECKOUT, Kernel
from progress import Progress

CPUS = 2
MEMORY = "2G"
DISK_BYTES = 1 << 30
CONSOLE_TAIL = 60  # lines of the console that explain a death
KVM_LIMIT = 10.0  # seconds; with working KVM the kernel's first line takes less than one


class GuestError(Exception):
    """The guest did not deliver an exit status."""


class GuestHungError(GuestError):
    """The guest stands still."""


class GuestBootError(GuestError):
    """The guest died while it booted; the command has not begun."""


class GuestEmulationError(GuestError):
    """The emulated guest ran a breakpoint that its kernel had patched away already, and died."""


def run(
    kernel: Kernel, command: Sequence[str], *, timeout: float, silence: float = math.inf
) -> int:
    """Run `command` in a guest, pass its output on as it comes, and return its exit status.

    Raises GuestHungError when there was no output for `silence` seconds.
    """
    with tempfile.TemporaryDirectory(prefix="kptrace-lab-") as name:
        job = Path(name)
        _write_job(job, kernel)
        (job / "command").write_text(f"exec {shlex.join(command)}\n")
        os.mkfifo(job / "output")
        with CompileServer(job, kernel.tree):
            return _Boot(kernel, job, timeout, silence).run()


def shell(kernel: Kernel) -> int:
    """Give an interactive root prompt in a guest; Ctrl-D ends it."""
    with tempfile.TemporaryDirectory(prefix="kptrace-lab-") as name:
        job = Path(name)
        _write_job(job, kernel)
        start = [*_vng(kernel, job), "--shell", "/run/job/guest.sh"]
        return subprocess.run(start, check=False, env=_environment(job)).returncode


class _Boot:
    """One guest's life, from the start of QEMU to its end."""

    def __init__(self, kernel: Kernel, job: Path, timeout: float, silence: float) -> None:
        self._kernel = kernel
        self._job = job
        self._timeout = timeout
        self._silence = silence
        self._console = job / "console"

    def run(self) -> int:
        how = "" if kvm_works(self._kernel) else " in emulation: /dev/kvm does not work here"
        progress = Progress(f"lab: booting Linux {self._kernel.release}{how}")
        # Opened for writing too, so that it never reads as closed while QEMU is not there yet.
        output = os.open(self._job / "output", os.O_RDWR | os.O_NONBLOCK)
        terminal, process = self._start()
        try:
            return self._watch(process, terminal, output, progress)
        finally:
            progress.clear()
            # A group of its own holds virtme-ng and QEMU, and nothing else; it may have ended.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            os.close(terminal)
            os.close(output)
            shutil.copy(self._console, _console_log(self._kernel))

    def _start(self) -> tuple[int, subprocess.Popen[bytes]]:
        """Start virtme-ng on a terminal: it wants one, and QEMU ends with it if we are killed."""
        terminal, theirs = pty.openpty()
        tty.setraw(theirs)
        process = subprocess.Popen(
            [*_vng(self._kernel, self._job), "--verbose", "--exec", "sh /run/job/guest.sh"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=_environment(self._job),
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        return terminal, process

    def _watch(
        self, process: subprocess.Popen[bytes], terminal: int, output: int, progress: Progress
    ) -> int:
        status = self._job / "status"
        heard = time.monotonic()
        deadline = heard + self._timeout
        with self._console.open("wb", buffering=0) as console:
            sinks = {terminal: console, output: sys.stdout.buffer}
            while True:
                # Asked before the reading: what was written before the end is read after it.
                ended = status.exists() or process.poll() is not None
                readable, _, _ = select.select(list(sinks), [], [], 0.0 if ended else 0.2)
                if not readable and ended:
                    break
                if output in readable:
                    heard = time.monotonic()
                for fd in readable:
                    if not _copy(fd, sinks[fd]):
                        del sinks[fd]
                if (self._job / "ready").exists():
                    progress.done()
                else:
                    progress.tick()
                if time.monotonic() > deadline:
                    raise GuestError(self._died(f"no end within {self._timeout:.0f} s"))
                if time.monotonic() > heard + self._silence:
                    raise GuestHungError(self._died(f"no output for {self._silence:.0f} s"))
        if not (self._job / "ready").exists():
            raise GuestBootError(self._died("the guest stopped while it booted"))
        if not status.exists():
            text = self._died("the guest stopped before the command had ended")
            # A breakpoint that is there belongs to a probe or a patch, and is no fault.
            stale = "int3: 0000 [#" in text and not kvm_works(self._kernel)
            raise (GuestEmulationError if stale else GuestError)(text)
        return int(status.read_text())

    def _died(self, why: str) -> str:
        text = self._console.read_bytes().decode(errors="replace").replace("\r", "")
        head = f"Linux {self._kernel.name}: {why}; its console"
        head += f" (all of it: {_console_log(self._kernel)}) ends:"
        return "\n".join([head, *text.splitlines()[-CONSOLE_TAIL:]])


def _console_log(kernel: Kernel) -> Path:
    """The console of the last boot of `kernel`, for whoever wants to see more than its end."""
    return CACHE / f"console-{kernel.name}.log"


def kvm_works(kernel: Kernel) -> bool:
    """Whether KVM really runs a guest here: /dev/kvm may exist in a nested guest and hang.

    The answer holds until the next boot of the host, so it is kept under the host's boot id.
    """
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    known = CACHE / f"kvm-{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}"
    if not known.exists():
        known.write_text("yes" if _boots_with_kvm(kernel) else "no")
    return known.read_text() == "yes"


def _boots_with_kvm(kernel: Kernel) -> bool:
    """Boot the bare kernel: without a root file system it prints, panics and stops at once."""
    bare = "-m 512 -nodefaults -display none -no-reboot -serial stdio".split()
    boot = ["-kernel", str(kernel.image), "-append", "console=ttyS0 panic=-1"]
    try:
        done = subprocess.run(
            ["qemu-system-x86_64", "-machine", "pc,accel=kvm", *bare, *boot],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=KVM_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return b"Linux version" in done.stdout


def _write_job(job: Path, kernel: Kernel) -> None:
    settings = {
        "kernel": kernel.name,
        "release": kernel.release,
        "checkout": str(CHECKOUT),
        "modules": str(kernel.tree / "lib" / "modules" / kernel.release),
        "term": os.environ.get("TERM", "dumb"),
    }
    lines = (f"{name}={shlex.quote(value)}\n" for name, value in settings.items())
    (job / "settings").write_text("".join(lines))
    shutil.copy(Path(__file__).with_name("guest.sh"), job)  # keeps the mode: --shell executes it
    for disk in ("virtio.img", "nvme.img"):
        with (job / disk).open("wb") as file:
            file.truncate(DISK_BYTES)  # sparse


def _environment(job: Path) -> dict[str, str]:
    """virtme-ng finds its parts on PATH; its temporary files go with the job, even if killed."""
    path = f"{CHECKOUT}/.venv/bin:{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    return {**os.environ, "PATH": path, "TMPDIR": str(job)}


def _vng(kernel: Kernel, job: Path) -> list[str]:
    """The virtme-ng command line, up to what runs in the guest."""
    qemu = [
        # The host's root, mounted by guest.sh with a cache.
        "-fsdev local,id=root,path=/,security_model=none,readonly=on,multidevs=remap",
        "-device virtio-9p-pci,fsdev=root,mount_tag=lab.root",
        # Two disks behind two drivers. What is on them is thrown away, so flushes may be no-ops.
        f"-drive if=none,id=virtio,format=raw,cache=unsafe,file={job}/virtio.img",
        "-device virtio-blk-pci,drive=virtio,serial=virtio",
        f"-drive if=none,id=nvme,format=raw,cache=unsafe,file={job}/nvme.img",
        "-device nvme,drive=nvme,serial=nvme",
    ]
    if (job / "output").exists():
        qemu += [
            f"-chardev file,id=output,path={job}/output",
            "-device virtio-serial-pci -device virtserialport,chardev=output,name=lab.output",
        ]
    return [
        str(CHECKOUT / ".venv" / "bin" / "vng"),
        *("--run", str(kernel.image), "--root", str(kernel.tree), "--user", "root"),
        *("--cpus", str(CPUS), "--memory", MEMORY, "--rwdir", f"/run/job={job}"),
        # virtiofs and microvm want a newer QEMU than Debian 12's, and KVM.
        *("--force-9p", "--disable-microvm"),
        *([] if kvm_works(kernel) else ["--disable-kvm"]),
        *("--append", "oops=panic"),  # a fault in the kernel is a failed run
        f"--qemu-opts={' '.join(qemu)}",
    ]


def _copy(source: int, sink: IO[bytes]) -> bool:
    """Pass on what there is to read; false when a terminal's other end is gone."""
    try:
        data = os.read(source, 1 << 16)
    except OSError:
        return False
    sink.write(data)
    sink.flush()
    return True
