# SPDX-License-Identifier: MIT
"""Hooks that read alike on every kernel, by what is known to have happened."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import struct

from disks import broken_disk
from harness import Kptrace
from workloads import disk_io

from kptrace.kernel import hooks

_NVME_IO_COMMAND = 0xC0484E43
"""NVME_IOCTL_IO_CMD of <linux/nvme_ioctl.h>."""
_NVME_FLUSH = struct.pack("BBH17I", 0, 0, 0, 1, *[0] * 16)
"""struct nvme_passthru_cmd: a flush of the first namespace."""


def test_all_hooks_check_without_a_warning(kptrace: Kptrace) -> None:
    blocks = []
    for one in hooks.HOOKS.values():
        uses = " ".join(f"print(args.{name});" for name in one.args)
        blocks.append(f"hook:{one.name} {{ @ = count(); {uses} }}")
    spec = "\n".join(("config = { missing_probes = ignore }", *blocks))
    run = kptrace("check", "-e", spec)
    assert (run.status, run.err) == (0, "")
    assert len(run.out.splitlines()) > len(blocks) / 2


def test_errors_are_minus_the_errno(kptrace: Kptrace) -> None:
    """Before 5.16 the kernel passes an errno, since then a status of its own."""
    with broken_disk() as disk:
        spec = f"""
            hook:block:io_end /args.disk == "{disk}"/ {{ @end[args.error] = count(); }}
            hook:block:io_complete /args.disk == "{disk}"/ {{ @complete[args.error] = count(); }}"""

        def read() -> None:
            fd = os.open(f"/dev/{disk}", os.O_RDONLY | os.O_DIRECT)
            buffer = [mmap.mmap(-1, 4096)]
            for at in (4096, 0, 0, 0):
                with contextlib.suppress(OSError):
                    os.preadv(fd, buffer, at)
            os.close(fd)

        run = kptrace.during(read, "run", "-e", spec)
    assert run.maps["@end"][str(-errno.EIO)] == 1
    assert run.maps["@end"]["0"] >= 3
    assert run.maps["@complete"] == run.maps["@end"]


def test_commands_for_the_driver_are_no_io(kptrace: Kptrace) -> None:
    spec = """
        hook:block:io_start /args.disk == "nvme0n1"/ { @started[args.op] = count(); }
        hook:block:io_issue /args.op >= 32/ { @issued = count(); }"""

    def work() -> None:
        disk_io("/dev/nvme0n1", 31, 0)()
        fd = os.open("/dev/nvme0n1", os.O_RDWR)
        for _ in range(5):
            fcntl.ioctl(fd, _NVME_IO_COMMAND, _NVME_FLUSH)
        os.close(fd)

    run = kptrace.during(work, "run", "-e", spec)
    assert run.maps["@started"] == {"0": 31}
    assert run.maps["@issued"] >= 5
