# SPDX-License-Identifier: MIT
"""Compile for the guest: clang takes half a minute in there, and less than a second here.

The guest's `clang` (guest_clang.sh) leaves what it was asked in the job folder: `N.text` is the
standard input, `N.request` the arguments, separated by NUL. The same compiler then runs here with
the same arguments and text, and leaves what it wrote in `N.o`, `N.err` and, last, `N.status`. Only
the headers of the guest's kernel have another place here.
"""

from __future__ import annotations

import subprocess
import threading
import traceback
from pathlib import Path
from types import TracebackType

COMPILER = "clang"
INTERVAL = 0.05  # seconds between looks into the folder
LIMIT = 60.0  # seconds for one compilation
MODULES = "/lib/modules/"  # with a kernel's headers


class CompileServer:
    """Serves one guest, whose kernel is unpacked in `tree`, while it is entered."""

    def __init__(self, job: Path, tree: Path) -> None:
        self._folder = job / "compile"
        self._tree = tree
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> CompileServer:
        self._folder.mkdir()
        # In the guest not only root compiles.
        self._folder.parent.chmod(0o711)
        self._folder.chmod(0o777)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _serve(self) -> None:
        while not self._ended.wait(INTERVAL):
            for request in self._folder.glob("*.request"):
                answer(request, self._tree)


def answer(request: Path, tree: Path) -> None:
    """Answer one request, whatever comes of it: the guest waits."""
    try:
        complaint, status = compile_one(request, tree)
    except Exception:
        complaint, status = traceback.format_exc().encode(), 1
    request.unlink(missing_ok=True)
    request.with_suffix(".err").write_bytes(complaint)
    draft = request.with_suffix(".answer")
    draft.write_text(f"{status}\n")
    draft.rename(request.with_suffix(".status"))


def compile_one(request: Path, tree: Path) -> tuple[bytes, int]:
    """What clang said, and its status."""
    asked = request.read_bytes().decode().split("\0")[:-1]
    arguments = [one.replace(MODULES, f"{tree}{MODULES}") for one in asked]
    with request.with_suffix(".text").open("rb") as text:
        done = subprocess.run(
            [COMPILER, *arguments], stdin=text, capture_output=True, check=False, timeout=LIMIT
        )
    request.with_suffix(".o").write_bytes(done.stdout)
    return done.stderr, done.returncode
