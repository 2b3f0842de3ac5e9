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


def _mapped(root: Path, lines: str) -> None:
    (root / "proc/7").mkdir(parents=True, exist_ok=True)
    (root / "proc/7/maps").write_text(lines)


def test_a_damaged_elf_has_no_symbols(tmp_path: Path) -> None:
    data = bytearray(Path("/proc/self/exe").read_bytes()[:4096])
    data[32:48] = b"\xff" * 16  # where its tables are
    (tmp_path / "x.so").write_bytes(data)
    _mapped(tmp_path, "00001000-00002000 r-xp 00000000 08:01 5 /x.so\n")
    assert UserSymbols(tmp_path).resolve(7, 0x1010) == (None, "/x.so")


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.so")
    _mapped(tmp_path, "00001000-00002000 r-xp 00000000 08:01 5 /x.so\n")
    assert UserSymbols(tmp_path).resolve(7, 0x1010) == (None, "/x.so")


def test_what_is_known_of_a_process_stays_when_it_ends(tmp_path: Path) -> None:
    (tmp_path / "x.so").write_bytes(b"no elf")
    _mapped(tmp_path, "00001000-00002000 r-xp 00000000 08:01 5 /x.so\n")
    symbols = UserSymbols(tmp_path)
    assert symbols.resolve(7, 0x1010)[1] == "/x.so"
    _mapped(tmp_path, "")
    assert symbols.resolve(7, 0x9000) == (None, None)
    assert symbols.resolve(7, 0x1010)[1] == "/x.so"


def test_generated_code_is_a_known_mapping(tmp_path: Path) -> None:
    """Each of its addresses would else have the list of mappings read once more."""
    _mapped(tmp_path, "00001000-00002000 rwxp 00000000 00:00 0\n")
    symbols = UserSymbols(tmp_path)
    assert symbols.resolve(7, 0x1010) == (None, None)
    _mapped(tmp_path, "00001000-00002000 r-xp 00000000 08:01 5 /x.so\n")
    assert symbols.resolve(7, 0x1020) == (None, None)
