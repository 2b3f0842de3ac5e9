# SPDX-License-Identifier: MIT
"""C in the core dialect to a BPF object, by clang, with a cache on disk.

The only part of the compiler that starts a process, and only when the cache has no answer. The
key covers the C text, kptrace's version and the identity of the clang binary.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

from kptrace import __version__, store, toolchain
from kptrace.compiler import arch
from kptrace.errors import Diagnostic, HostError, RunError

_FLAGS = (
    "-target", "bpf", "-O2", "-g", "-mcpu=v3", "-fwrapv", "-Wall", "-Wno-unused-function",
    "-Wno-unused-value", "-Wno-address-of-packed-member", "-Wno-visibility",
    "-Wno-parentheses-equality", "-fbracket-depth=2048",
    "-Wno-gnu-variable-sized-type-not-at-end", "-x", "c", "-c", "-", "-o",
)  # fmt: skip
_DIAGNOSTIC = re.compile(r"^(.*?):(\d+):(\d+): (error|fatal error): (.*)$", re.M)


def build(text: str, machine: str, cache: Path | None = None) -> bytes:
    """The object of a C text; from the cache, or compiled and then cached.

    ``cache`` None uses no cache. Raises HostError without clang, RunError when clang refuses
    the text (which is a fault of kptrace, not of the specification).
    """
    clang = toolchain.find_clang()
    name = key(clang, machine, " ".join(_FLAGS), text)
    known = store.kept(cache, name)
    if known is not None:
        return known
    if clang is None:
        raise HostError(
            "clang is needed to compile this specification, and it is not installed",
            hint="apt install clang, or run with --backend bcc (apt install python3-bpfcc)",
            code="no-clang",
        )
    data = _compile(clang, text, machine)
    store.keep(cache, name, data)
    return data


def key(clang: str | None, *parts: str) -> str:
    """The name in the cache of what a clang makes of some texts."""
    whole = "\0".join((__version__, toolchain.identity(clang), *parts))
    return hashlib.sha256(whole.encode("utf-8", "surrogateescape")).hexdigest() + ".o"


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
