# SPDX-License-Identifier: MIT
"""The lab's compile server answers every request: who asks waits for it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

PATH = Path(__file__).parents[2] / "lab/compiler.py"


@pytest.fixture(scope="module")
def server() -> ModuleType:
    found = importlib.util.spec_from_file_location("lab_compiler", PATH)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def _request(folder: Path, arguments: str, text: str | None) -> Path:
    if text is not None:
        (folder / "7.text").write_text(text)
    request = folder / "7.request"
    request.write_text(arguments)
    return request


def test_an_object_comes_back(server: ModuleType, tmp_path: Path) -> None:
    request = _request(tmp_path, "-target\0bpf\0-c\0-xc\0-\0-o\0-\0", "int one;")
    server.answer(request, tmp_path)
    assert (tmp_path / "7.status").read_text() == "0\n"
    assert (tmp_path / "7.o").read_bytes().startswith(b"\x7fELF")
    assert not request.exists()


@pytest.mark.parametrize(("arguments", "text"), [("", "int one;"), ("-c\0x\0", None)])
def test_a_broken_request_is_answered(
    server: ModuleType, tmp_path: Path, arguments: str, text: str | None
) -> None:
    server.answer(_request(tmp_path, arguments, text), tmp_path)
    assert (tmp_path / "7.status").read_text() == "1\n"
    assert "error" in (tmp_path / "7.err").read_text().lower()
