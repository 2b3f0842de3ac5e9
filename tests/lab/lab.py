# SPDX-License-Identifier: MIT
"""Real kernels for the tests and the demo: `python3 tests/lab/lab.py --help`."""

from __future__ import annotations

import argparse
import compileall
import signal
import sys
from collections.abc import Sequence

import guest
from kernels import CHECKOUT, Kernel, fetch, table
from packages import PackageError

RUN_LIMIT = 600.0
HANG_LIMIT = 240.0
SILENCE_LIMIT = 360.0  # the longest wait in a test is 300 s
TEST_LIMIT = 1800.0  # on one kernel; an idle machine takes half of it
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
        return _test(kernels, options.arguments, options.timeout)
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


def _test(kernels: Sequence[Kernel], arguments: Sequence[str], timeout: float) -> int:
    """Run the kernel tests on each kernel; every kernel gets its turn, also after a failure.

    One after the other: an emulated guest keeps more than one CPU busy, and tests that measure
    time want it to have them.
    """
    # Compiling takes a second here and half a minute in an emulated guest.
    for folder in ("kptrace", "tests/kernel"):
        compileall.compile_dir(CHECKOUT / folder, quiet=1)
    # One Python process per boot: starting one costs seconds in there.
    # A test that hangs shows where, before the guest's time is up.
    hang = f"faulthandler_timeout={HANG_LIMIT:.0f}"
    options = ["-p", "no:cacheprovider", "-o", hang]
    command = [".venv/bin/pytest", *options, "tests/kernel", *arguments]
    verdicts = [_verdict(kernel, command, timeout) for kernel in kernels]
    for kernel, (status, trouble) in zip(kernels, verdicts, strict=True):
        # At the end, where whoever reads a long log looks first.
        for text in trouble:
            print(f"lab: {text}", file=sys.stderr)
        verdict = "passed" if status == 0 else f"FAILED with exit status {status}"
        print(f"lab: kernel tests on Linux {kernel.name} {verdict}", file=sys.stderr)
    return 1 if any(status for status, _ in verdicts) else 0


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
