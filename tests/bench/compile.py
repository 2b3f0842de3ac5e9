# SPDX-License-Identifier: MIT
"""Milliseconds from text to C of a file, a line for each round; each reads the kernel anew.

A process of its own, so that what it imports does not count as memory of the commands that
``run.py`` starts.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from kptrace.compiler import Options, compile_spec
from kptrace.kernel import Kernel
from kptrace.source import Source


def main() -> None:
    path, rounds = Path(sys.argv[1]), int(sys.argv[2])
    source = Source(name=str(path), text=path.read_text())
    for number in range(rounds + 1):
        start = time.perf_counter()
        with Kernel() as kernel:
            compile_spec(source, kernel, Options()).c("core")
        if number:  # the first round fills the caches
            print((time.perf_counter() - start) * 1000)


if __name__ == "__main__":
    main()
