# SPDX-License-Identifier: MIT
"""C in the core dialect to a BPF object, by clang, with a cache on disk.

The only part of the compiler that starts a process, and only when the cache has no answer. The
key covers the C text, kptrace's version and the identity of the clang binary.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from kptrace import __version__
from kptrace.compiler import arch
from kptrace.errors import Diagnostic, HostError, RunError

_CANDIDATES = ("clang", "clang-19", "clang-18", "clang-17", "clang-16", "clang-15", "clang-14")
_FLAGS = (
    "-target", "bpf", "-O2", "-g", "-mcpu=v3", "-fwrapv", "-Wall", "-Wno-unused-function",
    "-Wno-unused-value", "-Wno-address-of-packed-member", "-Wno-visibility",
    "-Wno-parentheses-equality", "-fbracket-depth=2048",
    "-Wno-gnu-variable-sized-type-not-at-end", "-x", "c", "-c", "-", "-o",
)  # fmt: skip
_MOST_KEPT = 128 << 20
"""Bytes of the cache beyond which what was not used for the longest time goes."""
_DIGEST_SIZE = hashlib.sha256().digest_size
_DIAGNOSTIC = re.compile(r"^(.*?):(\d+):(\d+): (error|fatal error): (.*)$", re.M)


def find_clang() -> str | None:
    """The clang to use: ``$KPTRACE_CLANG``, else the first one on the path."""
    chosen = os.environ.get("KPTRACE_CLANG")
    names = (chosen,) if chosen else _CANDIDATES
    found = next((path for name in names if (path := shutil.which(name))), None)
    return None if found is None else os.path.abspath(found)


def cache_directory() -> Path:
    """Where objects are kept: /var/cache/kptrace for root, else the user's cache directory."""
    if os.geteuid() == 0:
        return Path("/var/cache/kptrace")
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "kptrace"


def build(text: str, machine: str, cache: Path | None = None) -> bytes:
    """The object of a C text; from the cache, or compiled and then cached.

    ``cache`` None uses no cache. Raises HostError without clang, RunError when clang refuses
    the text (which is a fault of kptrace, not of the specification).
    """
    clang = find_clang()
    name = key(clang, machine, " ".join(_FLAGS), text)
    known = kept(cache, name)
    if known is not None:
        return known
    if clang is None:
        raise HostError(
            "clang is needed to compile this specification, and it is not installed",
            hint="apt install clang, or run with --backend bcc (apt install python3-bpfcc)",
            code="no-clang",
        )
    data = _compile(clang, text, machine)
    keep(cache, name, data)
    return data


def key(clang: str | None, *parts: str) -> str:
    """The name in the cache of what a clang makes of some texts."""
    identity = "none"
    if clang is not None:
        found = os.stat(clang)
        identity = f"{os.path.realpath(clang)} {found.st_size} {found.st_mtime_ns}"
    whole = "\0".join((__version__, identity, *parts))
    return hashlib.sha256(whole.encode("utf-8", "surrogateescape")).hexdigest()


def _is_private(cache: Path) -> bool:
    """Whether the cache is ours alone; creates it. Nobody else may plant what root loads."""
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = os.lstat(cache)
    except OSError:
        return False  # a read-only or missing file system only costs the compile
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    return ours and not found.st_mode & 0o022


def kept(cache: Path | None, name: str) -> bytes | None:
    """A whole object from the cache; a power cut can leave an empty or torn file."""
    if cache is None or not _is_private(cache):
        return None
    place = cache / f"{name}.o"
    try:
        data = place.read_bytes()
    except OSError:
        return None
    with contextlib.suppress(OSError):
        os.utime(place)  # when it was last used
    whole, digest = data[:-_DIGEST_SIZE], data[-_DIGEST_SIZE:]
    return whole if hashlib.sha256(whole).digest() == digest else None


def keep(cache: Path | None, name: str, data: bytes) -> None:
    """Write beside and rename: a reader sees a whole object or none."""
    if cache is None or not _is_private(cache):
        return
    file = None
    try:
        with tempfile.NamedTemporaryFile(dir=cache, delete=False) as file:
            file.write(data + hashlib.sha256(data).digest())
        os.replace(file.name, cache / f"{name}.o")
        _prune(cache)
    except OSError:  # a full disk must not stop a trace
        if file is not None:
            with contextlib.suppress(OSError):
                os.unlink(file.name)


def _prune(cache: Path) -> None:
    """Keep the cache within its limit; a quarter goes at once, so that this is rare."""
    known = []
    with os.scandir(cache) as entries:
        for entry in filter(os.DirEntry.is_file, entries):
            found = entry.stat(follow_symlinks=False)
            known.append((found.st_mtime_ns, found.st_size, entry.path))
    size = sum(one for _, one, _ in known)
    if size <= _MOST_KEPT:
        return
    for _, one, path in sorted(known):
        os.unlink(path)
        size -= one
        if size <= _MOST_KEPT * 3 // 4:
            return


def _compile(clang: str, text: str, machine: str) -> bytes:
    # the object comes by a pipe: a killed run leaves no file behind
    command = [clang, f"-D__TARGET_ARCH_{arch.of(machine).clang}", *_FLAGS, "-"]
    done = subprocess.run(
        command, input=text.encode("utf-8", "surrogateescape"), capture_output=True, check=False
    )
    if done.returncode == 0:
        return done.stdout
    complaint = done.stderr.decode("utf-8", "replace")
    raise RunError.of(
        [
            Diagnostic(
                code="clang",
                message=f"BUG: clang refused the generated C: {_first(complaint)}",
                hints=("kptrace emit --c shows the C; please report it with the specification",),
            )
        ]
    )


def _first(complaint: str) -> str:
    match = _DIAGNOSTIC.search(complaint)
    if match is None:
        return complaint.strip().splitlines()[0] if complaint.strip() else "no message"
    return f"{match[1]}:{match[2]}: {match[5]}"
