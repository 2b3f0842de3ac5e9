# SPDX-License-Identifier: MIT
"""Real kernels for the tests and the demo: `python3 tests/lab/lab.py --help`."""

from __future__ import annotations

import argparse
import compileall
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import guest
from kernels import CHECKOUT, Kernel, fetch, table
from packages import PackageError

RUN_LIMIT = 600.0
HANG_LIMIT = 240.0
SILENCE_LIMIT = 360.0  # the longest wait in a test is 300 s
TEST_LIMIT = 2400.0  # on one kernel; an idle machine takes half of it
_EMULATORS_FAULT = (guest.GuestHungError, guest.GuestBootError, guest.GuestEmulationError)


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        return _dispatch(options)
    except (guest.GuestError, PackageError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _dispatch(options: argparse.Namespace) -> int:
    kernels = _chosen(options)
    for kernel in kernels:
        fetch(kernel)
    if options.action == "test":
        if len(kernels) == 1:
            return _test(kernels[0], options.arguments, options.timeout)
        return _abreast(kernels, options.arguments, options.timeout)
    if options.action == "run":
        return guest.run(kernels[0], options.command, timeout=options.timeout)
    if options.action == "shell":
        return guest.shell(kernels[0])
    return 0


def _chosen(options: argparse.Namespace) -> list[Kernel]:
    if options.kernel:
        return [table()[name] for name in options.kernel]
    usual_only = options.action == "test" and not options.all
    return [kernel for kernel in table().values() if not (usual_only and kernel.matrix_only)]


def _test(kernel: Kernel, arguments: Sequence[str], timeout: float) -> int:
    """Run the kernel tests on one kernel."""
    # Compiling takes a second here and half a minute in an emulated guest.
    for folder in ("kptrace", "tests/kernel"):
        compileall.compile_dir(CHECKOUT / folder, quiet=1)
    # One Python process per boot: starting one costs seconds in there.
    # A test that hangs shows where, before the guest's time is up.
    hang = f"faulthandler_timeout={HANG_LIMIT:.0f}"
    options = ["-p", "no:cacheprovider", "-o", hang]
    command = [".venv/bin/pytest", *options, "tests/kernel", *arguments]
    status, trouble = _verdict(kernel, command, timeout)
    for text in trouble:
        print(f"lab: {text}", file=sys.stderr)
    _tell(kernel, status)
    return status


def _tell(kernel: Kernel, status: int) -> None:
    verdict = "passed" if status == 0 else f"FAILED with exit status {status}"
    print(f"lab: kernel tests on Linux {kernel.name} {verdict}", file=sys.stderr)


def _abreast(kernels: Sequence[Kernel], arguments: Sequence[str], timeout: float) -> int:
    """Test kernels side by side: an emulated guest keeps one CPU busy.

    Each line of output stands behind the name of its kernel.
    """
    guests: list[subprocess.Popen[str]] = []

    def test(kernel: Kernel) -> int:
        options = ["--kernel", kernel.name, f"--timeout={timeout}", "--", *arguments]
        with subprocess.Popen(
            [sys.executable, __file__, "test", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as guest_log:
            guests.append(guest_log)
            assert guest_log.stdout is not None
            for line in guest_log.stdout:
                print(f"{kernel.name:>5} | {line}", end="", flush=True)
        return guest_log.returncode

    with ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
        try:
            statuses = list(pool.map(test, kernels))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for one in guests:
                one.terminate()
            raise
    for kernel, status in zip(kernels, statuses, strict=True):
        _tell(kernel, status)  # again at the end, where whoever reads a long log looks first
    return 1 if any(statuses) else 0


def _verdict(
    kernel: Kernel, command: Sequence[str], timeout: float
) -> tuple[int, tuple[guest.GuestError, ...]]:
    """How the tests ended, and what was wrong with the guest.

    An emulated guest hangs or panics once in dozens of boots, whatever runs in it, which is QEMU's
    fault; so it gets a second boot, and the first one's end is told. Tests that fail are not run
    again.
    """
    trouble: list[guest.GuestError] = []
    for _ in range(2):
        try:
            status = guest.run(kernel, command, timeout=timeout, silence=SILENCE_LIMIT)
            return status, tuple(trouble)
        except guest.GuestError as error:
            trouble.append(error)
            if not isinstance(error, _EMULATORS_FAULT):
                break
    return 1, tuple(trouble)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab.py", description="Run things on real kernels.")
    actions = parser.add_subparsers(dest="action", required=True)
    names = list(table())

    run = actions.add_parser("run", help="run one command in a guest: run --kernel 6.1 -- CMD...")
    run.add_argument("--kernel", action="append", choices=names, required=True)
    run.add_argument("--timeout", type=float, default=RUN_LIMIT, metavar="SECONDS")
    run.add_argument("command", nargs="+")

    test = actions.add_parser("test", help="run tests/kernel; what follows -- goes to pytest")
    which = test.add_mutually_exclusive_group()
    which.add_argument("--kernel", action="append", choices=names, help="default: the usual ones")
    which.add_argument("--all", action="store_true", help="also those that are matrix_only")
    test.add_argument("--timeout", type=float, default=TEST_LIMIT, metavar="SECONDS")
    test.add_argument("arguments", nargs="*", metavar="PYTEST-ARGUMENT")

    shell = actions.add_parser("shell", help="an interactive root prompt in a guest")
    shell.add_argument("--kernel", action="append", choices=names, required=True)

    download = actions.add_parser("fetch", help="download and unpack kernels")
    download.add_argument("--kernel", action="append", choices=names, help="default: all")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
