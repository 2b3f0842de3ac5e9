# SPDX-License-Identifier: MIT
"""kptrace and bpftrace agree, map by map, on the same text about the same workload.

Both run at the same time, with the same file. bpftrace takes long to start here, so there is one
run of each, and a test for each map.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from harness import Kptrace, Worker, set_comm

SPEC = Path(__file__).with_name("differential.bt")
MAPS = sorted(set(re.findall(r"@(\w+)", SPEC.read_text())))
EMPTIED = {"asked", "last"}
READS = 1009
FOLDERS = 61
RENAMES = 43
START_LIMIT_S = 300.0
_MARK = "__BPFTRACE_NOTIFY_PROBES_ATTACHED"

Maps = dict[str, Any]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Maps, Maps]:
    """The maps of kptrace and of bpftrace."""
    folder = tmp_path_factory.mktemp("differential")
    worker = Worker("differ", lambda: _work(folder))
    with Bpftrace(folder) as peer:
        # warnings (on 5.10: parts of vfs_rmdir are called directly) are no part of the comparison
        run = Kptrace(folder).during(lambda: _both_see(peer, worker), "--no-warnings", str(SPEC))
        return run.maps, peer.stop()


def _both_see(peer: Bpftrace, worker: Worker) -> None:
    peer.wait_ready()
    worker.run()


def _work(folder: Path) -> None:
    """Reads of many sizes from two files, some beyond the end, and things with folders."""
    for name in ("first", "second"):
        (folder / name).write_bytes(bytes(1500))
    files = [os.open(folder / name, os.O_RDONLY) for name in ("first", "second")]
    path = str(folder / "made")
    for number in range(READS):
        os.pread(files[number % 3 == 0], number * 7 % 2039, number % 11 * 100)
    for _ in range(FOLDERS):
        os.mkdir(path, 0o751)
        os.rmdir(path)
        os.symlink("nowhere", path)
        os.unlink(path)
    for number in range(RENAMES):
        set_comm("differs" if number % 2 == 0 else "differ")


@pytest.mark.parametrize("name", MAPS)
def test_map(both: tuple[Maps, Maps], name: str) -> None:
    """The same entries with the same values."""
    ours, theirs = both
    if name in EMPTIED:
        assert f"@{name}" not in ours
        assert not theirs.get(f"@{name}")
    elif "stack" in name:
        assert _without_blanks(ours[f"@{name}"]) == _without_blanks(theirs[f"@{name}"])
    else:
        assert ours[f"@{name}"] == theirs[f"@{name}"]


def _without_blanks(entries: Maps) -> Maps:
    """bpftrace 0.17 indents the frames in keys; language §11 has no blanks in keys."""
    return {key.replace(" ", ""): value for key, value in entries.items()}


def test_the_workload_was_seen(both: tuple[Maps, Maps]) -> None:
    """Agreeing about nothing would prove nothing."""
    ours, _ = both
    assert ours["@count"] == READS
    assert sum(bucket["count"] for bucket in ours["@hist"]) == READS
    assert ours["@wild"] == 2 * FOLDERS
    assert ours["@probes"] == {"kprobe:vfs_symlink": FOLDERS, "kretprobe:vfs_unlink": FOLDERS}
    assert sum(ours["@renamed"].values()) == (RENAMES + 1) // 2
    assert ours["@mode"] == 0o751


class Bpftrace:
    """The distribution's bpftrace, running the same file."""

    def __init__(self, folder: Path) -> None:
        self._out = folder / "bpftrace.json"
        with self._out.open("wb") as out:
            self._process = subprocess.Popen(
                ["bpftrace", "-f", "json", str(SPEC)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                # bpftrace finds BTF by its id, which the kernel's own has since Linux 5.11 only.
                env={**os.environ, _MARK: "1", "BPFTRACE_BTF": "/sys/kernel/btf/vmlinux"},
            )

    def __enter__(self) -> Bpftrace:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def wait_ready(self) -> None:
        deadline = time.monotonic() + START_LIMIT_S
        while _MARK not in self._out.read_text():
            assert self._process.poll() is None, self._out.read_text()
            assert time.monotonic() < deadline, self._out.read_text()
            time.sleep(0.1)

    def stop(self) -> Maps:
        """End it and give its maps, without the one line that is not JSON."""
        self._process.terminate()
        assert self._process.wait(60) == 0, self._out.read_text()
        found: Maps = {}
        for line in self._out.read_text().splitlines():
            if line.startswith("{"):
                one = json.loads(line, object_pairs_hook=_joined)
                if one["type"] in ("map", "hist", "stats"):
                    found |= one["data"]
        return found


def _joined(pairs: list[tuple[str, Any]]) -> Maps:
    """An object whose equal keys are one, with their counts added.

    bpftrace 0.17 leaves what is behind a string in a key as it was: one text may be two keys.
    """
    found: Maps = {}
    for key, value in pairs:
        found[key] = found[key] + value if key in found and isinstance(value, int) else value
    return found
