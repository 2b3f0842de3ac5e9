# SPDX-License-Identifier: MIT
"""Reading files for ``cat()``."""

from __future__ import annotations

import os
from pathlib import Path

from kptrace.session.actions import read_file


def test_a_limit_beyond_the_memory_of_any_machine(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 3_000_000)
    assert len(read_file(os.fsencode(file), 1 << 60)) == 3_000_000
    assert len(read_file(os.fsencode(file), 2_000_000)) == 2_000_000
