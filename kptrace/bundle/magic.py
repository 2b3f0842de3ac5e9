# SPDX-License-Identifier: MIT
"""Whether a file is a bundle; apart, because every start with a file asks."""

from __future__ import annotations

import os
import stat

MAGIC = b"\x89KPB\r\n\x1a\n"


SUFFIX = ".kpb"


def names_bundle(word: str) -> bool:
    """Whether a word of a command line is a bundle: the name says so, and the file does.

    A bare name may be one of the library, and what lies in the current directory is anybody's.
    """
    return ("/" in word or word.endswith(SUFFIX)) and is_bundle(word)


def is_bundle(path: str) -> bool:
    """Whether a file says that it is one. False for what cannot be read: who reads it tells."""
    try:
        # a FIFO must not make us wait for its writer
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with open(path, "rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):
        return False
