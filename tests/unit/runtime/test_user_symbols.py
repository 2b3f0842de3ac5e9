# SPDX-License-Identifier: MIT
"""Symbols of ELF files and of processes."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from kptrace.runtime.user_symbols import ElfSymbols, UserSymbols


def test_an_address_of_this_process() -> None:
    function = ctypes.cast(ctypes.CDLL(None).getppid, ctypes.c_void_p).value
    assert function is not None
    symbol, path = UserSymbols().resolve(os.getpid(), function + 1)
    assert symbol is not None
    assert symbol.endswith("getppid+1")
    assert path is not None
    assert "libc" in path


def test_what_is_not_known() -> None:
    symbols = UserSymbols()
    assert symbols.resolve(os.getpid(), 16) == (None, None)
    assert symbols.resolve(2**22 + 1, 16) == (None, None)


def test_a_file_that_is_no_elf(tmp_path: Path) -> None:
    root = tmp_path
    (root / "proc/7").mkdir(parents=True)
    (root / "lib").mkdir()
    (root / "lib/x.so").write_bytes(b"no elf at all")
    (root / "lib/y.so").write_bytes(b"\x7fELF\x02\x01 cut")
    (root / "proc/7/maps").write_text(
        "00001000-00002000 r-xp 00000000 08:01 5                          /lib/x.so\n"
        "00003000-00004000 r-xp 00000000 08:01 6                          /lib/y.so\n"
        "00005000-00006000 r-xp 00000000 08:01 7                          /lib/absent.so\n"
    )
    symbols = UserSymbols(root)
    assert symbols.resolve(7, 0x1010) == (None, "/lib/x.so")
    assert symbols.resolve(7, 0x3010) == (None, "/lib/y.so")
    assert symbols.resolve(7, 0x5010) == (None, "/lib/absent.so")
    assert ElfSymbols(b"").at(0) is None
