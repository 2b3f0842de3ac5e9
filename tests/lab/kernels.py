# SPDX-License-Identifier: MIT
"""The table of kernels, and how one of them gets onto the disk.

An unpacked kernel, `.lab/kernels/NAME`, doubles as the small root file system that the guest starts
from: the files of its packages plus busybox. The guest moves on to the host's root right away
(guest.sh); starting there instead would run the host's udev and tmpfiles, which costs 15 s under
emulation and makes a boot depend on what the host happens to have installed.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import tomllib
from packages import Apt, unpack

CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = CHECKOUT / ".lab"
TABLE = Path(__file__).with_name("kernels.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A row of the table."""

    name: str
    suites: Sequence[str]
    package: str

    @property
    def tree(self) -> Path:
        """Where its packages are unpacked."""
        return CACHE / "kernels" / self.name

    @property
    def release(self) -> str:
        """What `uname -r` will say; known once the kernel is fetched."""
        return self.image.name.removeprefix("vmlinuz-")

    @property
    def image(self) -> Path:
        """The bootable image."""
        (image,) = (self.tree / "boot").glob("vmlinuz-*")
        return image


def table() -> dict[str, Kernel]:
    """All kernels by name, in the order of the file."""
    rows = tomllib.loads(TABLE.read_text())["kernels"]
    return {name: Kernel(name=name, **row) for name, row in rows.items()}


def fetch(kernel: Kernel) -> None:
    """Make sure that `kernel.tree` is there; uses the network only the first time."""
    with _lock():
        if kernel.tree.exists():
            return
        print(f"lab: fetching Linux {kernel.name} ({kernel.suites[0]})", file=sys.stderr)
        apt = Apt(home=CACHE / "apt" / kernel.name, suites=kernel.suites)
        apt.update()
        draft = CACHE / "kernels" / f"{kernel.name}.part"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        unpack(apt.download(_packages(apt, kernel), apt.home / "debs"), draft)
        _tidy(draft)
        _make_bootable(draft)
        draft.rename(kernel.tree)
        shutil.rmtree(apt.home)


def _packages(apt: Apt, kernel: Kernel) -> list[str]:
    """The image, and the headers with which BCC compiles in the guest."""
    stem = kernel.package.removesuffix("amd64")
    image = next(name for name in apt.dependencies(kernel.package) if name.startswith(stem))
    headers = image.replace("linux-image-", "linux-headers-")
    parts = ("linux-headers-", "linux-kbuild-")
    return [image, headers, *(n for n in apt.dependencies(headers) if n.startswith(parts))]


def _tidy(tree: Path) -> None:
    """One layout for all Debian releases: /lib/modules, with links that work in place."""
    merged = tree / "usr" / "lib" / "modules"  # since Debian 13
    if merged.exists():
        (tree / "lib").mkdir()
        merged.rename(tree / "lib" / "modules")
    (modules,) = (tree / "lib" / "modules").iterdir()
    for name in ("build", "source"):
        link = modules / name
        target = link.readlink().name
        link.unlink()
        link.symlink_to(f"../../../usr/src/{target}")
    subprocess.run(["depmod", "--basedir", tree, modules.name], check=True)


def _make_bootable(tree: Path) -> None:
    """Add the little that virtme-ng's init wants to find in a root file system."""
    for folder in "bin dev etc home mnt opt proc root run srv sys tmp var".split():
        (tree / folder).mkdir(exist_ok=True)
    (tree / "sbin").symlink_to("bin")
    (tree / "etc" / "fstab").touch()
    (tree / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    busybox = Path(shutil.which("busybox") or "/bin/busybox")
    shutil.copy(busybox, tree / "bin" / "busybox")
    applets = subprocess.run([busybox, "--list"], text=True, capture_output=True, check=True)
    for applet in {*applets.stdout.split(), "bash"} - {"busybox"}:
        (tree / "bin" / applet).symlink_to("busybox")


@contextmanager
def _lock() -> Iterator[None]:
    """One fetch at a time: two labs may start together."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
