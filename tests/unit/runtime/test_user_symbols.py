# SPDX-License-Identifier: MIT
"""Symbols of ELF files and of processes."""

from __future__ import annotations

import ctypes
import mmap
import os
from pathlib import Path

import pytest

from kptrace.runtime import elf_symbols, user_symbols
from kptrace.runtime.elf_symbols import ElfSymbols
from kptrace.runtime.user_symbols import UserSymbols

SELF = Path("/proc/self/exe")


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
    (root / "lib").mkdir()
    (root / "lib/x.so").write_bytes(b"no elf at all")
    (root / "lib/y.so").write_bytes(b"\x7fELF\x02\x01 cut")
    _mapped(
        root,
        "00001000-00002000 r-xp 00000000 08:01 5                          /lib/x.so\n"
        "00003000-00004000 r-xp 00000000 08:01 6                          /lib/y.so\n"
        "00005000-00006000 r-xp 00000000 08:01 7                          /lib/absent.so\n",
    )
    symbols = UserSymbols(root)
    assert symbols.resolve(7, 0x1010) == (None, "/lib/x.so")
    assert symbols.resolve(7, 0x3010) == (None, "/lib/y.so")
    assert symbols.resolve(7, 0x5010) == (None, "/lib/absent.so")
    assert ElfSymbols(lambda offset, size: b"").at(0) is None


def _mapped(root: Path, lines: str) -> None:
    (root / "proc/7").mkdir(parents=True, exist_ok=True)
    (root / "proc/7/maps").write_text(lines)
    if not (root / "proc/7/root").exists():
        (root / "proc/7/root").symlink_to(root)


def test_a_damaged_elf_has_no_symbols(tmp_path: Path) -> None:
    data = bytearray(SELF.read_bytes()[:4096])
    _mapped(tmp_path, "00001000-00002000 r-xp 00000000 08:01 5 /x.so\n")
    for tables in (b"\xff" * 16, b"\xff" * 7 + b"\x7f" + b"\xff" * 7 + b"\x7f"):
        data[32:48] = tables  # where they are
        (tmp_path / "x.so").write_bytes(data)
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


def _library() -> tuple[bytes, int, str]:
    """libc's bytes, and a place in its file with what stands there."""
    function = ctypes.cast(ctypes.CDLL(None).getppid, ctypes.c_void_p).value
    assert function is not None
    for line in Path("/proc/self/maps").read_text().splitlines():
        spans, _, offset, _, _, *path = line.split()
        start, end = (int(one, 16) for one in spans.split("-"))
        if start <= function < end:
            place = function - start + int(offset, 16)
            symbol, _ = UserSymbols().resolve(os.getpid(), function)
            assert symbol is not None
            return Path(path[0]).read_bytes(), place, symbol
    raise AssertionError("getppid is mapped nowhere")


def test_every_cut_of_a_file_is_no_crash() -> None:
    """A file may be cut off between any two reads; mapped, that would end the tracer."""
    data, place, symbol = _library()
    whole = ElfSymbols(lambda offset, size: data[offset : offset + size])
    assert whole.at(place) == symbol
    for reads in range(6):
        left = [reads]

        def read(offset: int, size: int, left: list[int] = left) -> bytes:
            left[0] -= 1
            return data[offset : offset + size] if left[0] >= 0 else b""

        ElfSymbols(read).at(place)
    for end in range(0, len(data), len(data) // 50):
        ElfSymbols(lambda offset, size, end=end: data[:end][offset : offset + size]).at(place)  # type: ignore[misc]


def test_a_file_with_too_much_has_no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    data, place, _ = _library()
    monkeypatch.setattr(elf_symbols, "LARGEST_TABLES", 1000)
    assert ElfSymbols(lambda offset, size: data[offset : offset + size]).at(place) is None


def _two_libraries(root: Path) -> int:
    """A process that maps libc twice, by two files; gives a place in it."""
    data, place, _ = _library()
    size = len(data)
    (root / "a.so").write_bytes(data)
    (root / "b.so").write_bytes(data)
    _mapped(
        root,
        f"10000000-{0x10000000 + size:x} r-xp 00000000 08:01 5 /a.so\n"
        f"20000000-{0x20000000 + size:x} r-xp 00000000 08:01 6 /b.so\n",
    )
    return place


def test_a_file_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = _two_libraries(tmp_path)
    symbols = UserSymbols(tmp_path)
    first = symbols.resolve(7, 0x10000000 + place)
    assert first[0] is not None
    monkeypatch.setattr(os, "open", None)
    assert symbols.resolve(7, 0x10000000 + place) == first


def test_the_cache_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = _two_libraries(tmp_path)
    monkeypatch.setattr(user_symbols, "_CACHE_BYTES", 1000)
    symbols = UserSymbols(tmp_path)
    for start in (0x10000000, 0x20000000, 0x10000000):
        assert symbols.resolve(7, start + place)[0] is not None
        assert len(symbols._files) == 1


def test_a_file_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    place = _two_libraries(tmp_path)
    symbols = UserSymbols(tmp_path)
    assert symbols.resolve(7, 0x10000000 + place)[0] is not None
    (tmp_path / "a.so").write_bytes(b"something else")
    maps = (tmp_path / "proc/7/maps").read_text()
    _mapped(tmp_path, maps + "30000000-30001000 r-xp 00000000 08:01 5 /a.so\n")
    assert symbols.resolve(7, 0x30000010) == (None, "/a.so")


def test_a_mapped_file_is_found_when_its_name_is_gone(tmp_path: Path) -> None:
    """An upgraded library is deleted under the processes that use it."""
    data, place, symbol = _library()
    gone = tmp_path / "gone.so"
    gone.write_bytes(data)
    with gone.open("rb") as file, mmap.mmap(
        file.fileno(), 0, prot=mmap.PROT_READ | mmap.PROT_EXEC, flags=mmap.MAP_PRIVATE
    ) as mapped:  # fmt: skip
        gone.unlink()
        line = next(
            one for one in Path("/proc/self/maps").read_text().splitlines() if "gone.so" in one
        )
        start = int(line.split("-")[0], 16)
        found, path = UserSymbols().resolve(os.getpid(), start + place)
        assert mapped
    assert found == symbol
    assert path is not None
    assert path.endswith("gone.so (deleted)")
