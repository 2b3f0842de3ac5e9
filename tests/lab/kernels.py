# SPDX-License-Identifier: MIT
"""The table of kernels, and how one of them gets onto the disk.

An unpacked kernel, `.lab/kernels/NAME`, doubles as the small root file system that the guest starts
from: the files of its packages plus busybox. The guest moves on to the host's root right away
(guest.sh); starting there instead would run the host's udev and tmpfiles, which costs 15 s under
emulation and makes a boot depend on what the host happens to have installed.
"""

from __future__ import annotations

import fcntl
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import tomllib
from packages import Apt, PackageError, unpack

CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = CHECKOUT / ".lab"
TABLE = Path(__file__).with_name("kernels.toml")
# What an image and its headers consist of: since Linux 7 the image package itself is empty.
PARTS = ("linux-base-", "linux-binary-", "linux-modules-", "linux-headers-", "linux-kbuild-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A row of the table; the name is the series, the first two numbers of its `uname -r`."""

    name: str
    suites: Sequence[str]
    matrix_only: bool = False

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
    """The newest image, and the headers with which BCC compiles in the guest; with their parts."""
    images = apt.names(image_pattern(kernel.name))
    if not images:
        raise PackageError(f"no build of Linux {kernel.name} in {', '.join(kernel.suites)}")
    image = newest(images)
    headers = image.replace("linux-image-", "linux-headers-")
    needs = [*apt.dependencies(image), *apt.dependencies(headers)]
    parts = (name for name in needs if name.startswith(PARTS))
    return list(dict.fromkeys((image, headers, *parts)))


def image_pattern(series: str) -> str:
    """What the names of the series' plain builds match: not the cloud and real-time flavours.

    `linux-image-6.1.0-49-amd64` until Debian 12, `linux-image-6.12.95+deb13-amd64` since.
    """
    return rf"^linux-image-{re.escape(series)}\.[^-]+(-[0-9]+)?-amd64$"


def newest(images: Iterable[str]) -> str:
    """The latest of one series' builds, whose names differ in numbers only."""

    def numbers(name: str) -> list[int]:
        return [int(digits) for digits in re.findall("[0-9]+", name.removesuffix("amd64"))]

    return max(images, key=numbers)


def _tidy(tree: Path) -> None:
    """One layout for all Debian releases: /boot, and /lib/modules with links that work in place."""
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
    image = modules / "vmlinuz"  # since Linux 7
    if image.exists():
        (tree / "boot").mkdir(exist_ok=True)
        image.rename(tree / "boot" / f"vmlinuz-{modules.name}")
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
