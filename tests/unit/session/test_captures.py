# SPDX-License-Identifier: MIT
"""Captures while they are written, cut off, too large, and read by others."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kptrace.capture import Capture, Kind

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="running programs needs root")

KPTRACE = (sys.executable, "-m", "kptrace")
BUSY = """interval:us:500 { printf("%d %s\\n", nsecs, comm); @n[nsecs % 50] = count();
                            @h = hist(nsecs % 1000); @s = sum(1); }"""
DECODED = BUSY + ' interval:ms:5 { time("%H:%M:%S\\n"); print(@h); system("true"); }'


def run(*words: str, **more: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*KPTRACE, *words], capture_output=True, timeout=120, **more)  # type: ignore[call-overload,no-any-return]


@contextlib.contextmanager
def recording(path: Path, *words: str, spec: str = BUSY) -> Iterator[subprocess.Popen[bytes]]:
    """A recording that has begun; it is killed behind the block."""
    ready = path.with_suffix(".ready")
    ready.unlink(missing_ok=True)
    command = [*KPTRACE, "record", "--unsafe", *words, "-e", spec, "-o", path]
    with subprocess.Popen(
        [*command, "--ready-file", ready], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        try:
            while not ready.exists() and child.poll() is None:
                time.sleep(0.01)
            yield child
        finally:
            child.kill()


def stop(child: subprocess.Popen[bytes]) -> tuple[int, bytes]:
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    return child.returncode, err


def test_a_report_needs_neither_privileges_nor_kernel(tmp_path: Path) -> None:
    path = tmp_path / "a.kpt"
    run("record", "-q", "-e", "begin { @[ksym(1)] = count(); print(1); }", "-o", str(path))
    own = run("report", str(path))
    script = """
import os, sys
sys.path[:0] = PATH
from kptrace.cli import execute
os.setgroups([]); os.setgid(65534); os.setuid(65534)
status = execute(["report", FILE])
others = ("runtime", "compiler", "kernel", "lang", "cli.run", "session.run")
mine = tuple(f"kptrace.{name}" for name in others)
print([name for name in sys.modules if name.startswith((*mine, "bcc", "ctypes"))], file=sys.stderr)
sys.exit(status)
"""
    with tempfile.NamedTemporaryFile() as file:  # where everybody may look
        file.write(path.read_bytes())
        file.flush()
        os.chmod(file.name, 0o644)
        text = script.replace("PATH", repr(sys.path)).replace("FILE", repr(file.name))
        done = subprocess.run([sys.executable, "-c", text], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout == own.stdout
    assert done.stderr.endswith(b"\n[]\n")


@pytest.mark.parametrize("spec", [BUSY, DECODED], ids=["raw", "decoded"])
def test_what_was_killed_reads_up_to_its_last_whole_frame(spec: str, tmp_path: Path) -> None:
    chance = random.Random(25)
    complete = 0
    for number in range(25):
        path = tmp_path / f"{number}.kpt"
        with recording(path, "--interval", "50ms", spec=spec) as child:
            time.sleep(chance.uniform(0, 0.3))
            child.send_signal(signal.SIGKILL)
            child.communicate()
        report = run("report", str(path))
        assert report.returncode == 0, report.stderr
        assert b"what came after 20" in report.stderr, report.stderr
        with Capture(str(path)) as capture:
            found = list(capture.frames())
            complete += bool(found)
            assert len(capture.warnings) == 1
        if any(b'"interval"' in one.body for one in found if one.kind == Kind.NOTE):
            assert b"its maps are those of 20" in report.stderr
            assert b"@s: " in report.stdout
        assert run("report", "--strict", str(path)).returncode == 6
    assert complete


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("spec", [BUSY, DECODED], ids=["raw", "decoded"])
@pytest.mark.parametrize("interval", [(), ("--interval", "10ms")], ids=["once", "often"])
def test_a_full_disk_ends_the_run_and_leaves_a_file(
    spec: str, interval: tuple[str, ...], small_disk: Path
) -> None:
    path = small_disk / "a.kpt"
    with recording(path, *interval, spec=spec) as child:
        _, err = child.communicate(timeout=120)
    assert child.returncode == 1
    assert f"ERROR: cannot write '{path}': No space left on device\n".encode() in err
    report = run("report", str(path))
    assert report.returncode == 0
    assert len(report.stdout) > 10_000
    assert f"WARNING: '{path}' could not be written any further".encode() in report.stderr
    assert b"\n@s: " in report.stdout
    assert {one.name for one in small_disk.iterdir()} == {"a.kpt", "a.ready"}


@contextlib.contextmanager
def following(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A report of a capture that grows."""
    command = [*KPTRACE, "report", "--follow", path]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    ) as reader:
        try:
            yield reader
        finally:
            reader.kill()


def test_a_live_capture_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "a.kpt"
    with recording(path) as child, following(path) as reader:
        assert reader.stdout is not None
        first = reader.stdout.read(100)
        assert child.poll() is None  # it came while the file grew
        assert b"is still being written" in run("report", str(path)).stderr
        status, _ = stop(child)
        rest, _ = reader.communicate(timeout=60)
    assert (status, reader.returncode) == (0, 0)
    report = run("report", str(path))
    assert first + rest == report.stdout
    assert b"is still being written" not in report.stderr


def test_following_ends_by_a_signal(tmp_path: Path) -> None:
    path = tmp_path / "a.kpt"
    with recording(path), following(path) as reader:
        assert reader.stdout is not None
        reader.stdout.read(1)
        reader.send_signal(signal.SIGINT)
        _, err = reader.communicate(timeout=60)
    assert reader.returncode == 0
    assert b"is still being written" in err


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A whole capture whose report is much more than a pipe holds."""
    path = tmp_path / "a.kpt"
    spec = 'begin { for ($i : 0..9000) { printf("%0100d\\n", $i); } @n = 1; }'
    assert run("record", "--buffer", "4M", "-e", spec, "-o", str(path)).returncode == 0
    return path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_report(large: Path, number: signal.Signals) -> None:
    """At once, and what was cut short has neither maps nor anything to say of the capture."""
    command = ["env", "--default-signal", *KPTRACE, "report", large]  # else a background job fails
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    ) as reader:
        assert reader.stdout is not None
        reader.stdout.read(1)  # it prints, and waits for a reader
        reader.send_signal(number)
        out, err = reader.communicate(timeout=60)
    assert reader.returncode in (128 + number, -number)  # a shell says 128 + n for both
    assert b"@n: 1" not in out
    assert err.strip() == b"Attached 1 probe"


def test_a_second_signal_ends_a_report_that_follows(large: Path) -> None:
    with following(large) as reader:
        assert reader.stdout is not None
        reader.stdout.read(1)
        reader.send_signal(signal.SIGINT)
        time.sleep(0.2)
        assert reader.poll() is None  # what is in the file is printed to its end
        reader.send_signal(signal.SIGTERM)
        out, err = reader.communicate(timeout=60)
    assert reader.returncode == 128 + signal.SIGTERM
    assert b"@n: 1" not in out
    assert err == b"Attached 1 probe\n"


def test_maps_at_intervals(tmp_path: Path) -> None:
    path = tmp_path / "a.kpt"
    with recording(path, "--interval", "100ms", spec="interval:ms:10 { @ = count(); }") as child:
        time.sleep(0.6)
        stop(child)
    plain = run("report", str(path)).stdout
    text = run("report", "--by-interval", str(path)).stdout
    assert text.endswith(plain)
    lines = [line for line in text.splitlines() if line]
    assert lines[0].startswith(b"Interval 1, until 20")
    counts = [int(line.removeprefix(b"@: ")) for line in lines if line.startswith(b"@: ")]
    assert len(counts) >= 4
    assert counts == sorted(counts)
    found = [
        json.loads(line)
        for line in run("report", "-q", "--by-interval", "--json", str(path)).stdout.splitlines()
    ]
    assert [one["type"] for one in found[:2]] == ["interval", "map"]
    assert found[0]["data"]["number"] == 1


def test_a_snapshot_that_was_asked_for_is_in_the_report(tmp_path: Path) -> None:
    path = tmp_path / "a.kpt"
    with recording(path, spec="begin { @ = 7; } interval:s:100 { }") as child:
        child.send_signal(signal.SIGUSR1)
        time.sleep(0.5)
        stop(child)
    assert run("report", str(path)).stdout == b"\n\n@: 7\n\n\n@: 7\n"


def test_a_capture_that_is_full_ends_the_run(tmp_path: Path) -> None:
    path = tmp_path / "a.kpt"
    with recording(path, "--max-size", "64K") as child:
        _, err = child.communicate(timeout=60)
    assert child.returncode == 0
    told = f"WARNING: the run ended because '{path}' has the size of --max-size\n"
    assert told.encode() in err
    assert 64 << 10 <= path.stat().st_size < 256 << 10
    report = run("report", str(path))
    assert report.returncode == 0
    assert f"WARNING: '{path}' has the size of --max-size".encode() in report.stderr


def test_a_size_must_have_room_for_something(tmp_path: Path) -> None:
    path = tmp_path / "a.kpt"
    failed = run("record", "--max-size", "1K", "-e", BUSY, "-o", str(path))
    assert failed.returncode == 2
    assert b"--max-size is too small: a capture of this specification begins with" in failed.stderr
    assert not path.exists()


def test_a_file_that_is_taken_away_meanwhile_is_somebody_elses(tmp_path: Path) -> None:
    path = tmp_path / "a.kpt"
    with recording(path, "--max-size", "32K", "--rotate", "2") as child:
        for number in range(3):
            os.rename(path, tmp_path / f"mine.{number}")
            while not path.exists() and child.poll() is None:
                time.sleep(0.01)
        status, err = stop(child)
    assert (status, b"ERROR" in err) == (0, False)
    assert run("report", str(path)).returncode == 0


def test_a_file_that_cannot_be_renamed_is_told(tmp_path: Path) -> None:
    path, older = tmp_path / "a.kpt", tmp_path / "a.kpt.1"
    older.mkdir()
    with recording(path, "--max-size", "32K", "--rotate", "2") as child:
        _, err = child.communicate(timeout=60)
    assert child.returncode == 1
    assert f"ERROR: cannot rename '{path}' to '{older}': Is a directory\n".encode() in err


def test_files_of_a_run_replace_each_other(tmp_path: Path) -> None:
    path = tmp_path / "a.kpt"
    with recording(path, "--max-size", "32K", "--rotate", "3") as child:
        while not (tmp_path / "a.kpt.2").exists() and child.poll() is None:
            time.sleep(0.05)
        status, _ = stop(child)
    assert status == 0
    assert {one.name for one in tmp_path.iterdir()} == {
        "a.kpt",
        "a.kpt.1",
        "a.kpt.2",
        "a.ready",
    }
    parts, lines = [], []
    for name in ("a.kpt.2", "a.kpt.1", "a.kpt"):
        with Capture(str(tmp_path / name)) as capture:
            parts.append((capture.header.run, capture.header.part))
            list(capture.frames())
            assert capture.ended
        report = run("report", str(tmp_path / name))
        assert (b"is not the last file of its run" in report.stderr) == (name != "a.kpt")
        assert (b"is not the first file of its run" in report.stderr) == bool(parts[-1][1])
        lines += [line for line in report.stdout.splitlines() if line[:1].isdigit()]
    runs, numbers = zip(*parts, strict=True)
    assert len(set(runs)) == 1
    assert list(numbers) == list(range(numbers[0], numbers[0] + 3))
    times = [int(line.split()[0]) for line in lines]
    assert times == sorted(times)


def test_a_compressed_capture_is_smaller(tmp_path: Path) -> None:
    path = tmp_path / "a.kpt"
    with recording(path, "--compress", "zlib") as child:
        time.sleep(0.5)
        stop(child)
    report = run("report", str(path))
    assert path.stat().st_size < len(report.stdout)


def test_a_run_that_fails_early_destroys_nothing(tmp_path: Path) -> None:
    kept, new = tmp_path / "kept.kpt", tmp_path / "new.kpt"
    run("record", "-q", "-e", "begin { }", "-o", str(kept))
    before = kept.read_bytes()
    for path in (kept, new):
        failed = run("record", "--buffer", "512G", "-e", "begin { print(1); }", "-o", str(path))
        assert failed.returncode == 3, failed.stderr
    assert kept.read_bytes() == before
    assert not new.exists()


def test_what_cannot_be_asked_for_is_told(tmp_path: Path) -> None:
    spec = ("-e", "begin { }")
    assert b"--rotate needs --max-size" in run("record", *spec, "-o", "x", "--rotate", "2").stderr
    assert b"is no size" in run("record", *spec, "-o", "x", "--max-size", "much").stderr
    missing = run("record", *spec, "-o", str(tmp_path / "no/a.kpt"))
    assert (missing.returncode, b"cannot write" in missing.stderr) == (1, True)
    other = tmp_path / "other"
    other.write_text("begin { }")
    report = run("report", str(other))
    assert (report.returncode, report.stderr.count(b"\n")) == (1, 2)
    assert b"is no capture of kptrace" in report.stderr


def test_what_a_command_writes_may_be_much(tmp_path: Path) -> None:
    path = tmp_path / "a.kpt"
    command = "head -c 40000000 /dev/zero | tr '\\\\0' a; echo end"
    spec = f'begin {{ system("{command}"); printf("on\\n"); }}'
    assert run("record", "--unsafe", "-q", "-e", spec, "-o", str(path)).returncode == 0
    found = run("report", "-q", str(path)).stdout
    assert found.endswith(b"aend\n\non\n\n\n")
    assert found.count(b"a") == 40_000_000


def test_a_capture_tells_how_probes_were_attached(tmp_path: Path) -> None:
    path = tmp_path / "a.kpt"
    run("record", "-q", "-e", "rawtracepoint:sys_enter { exit(); }", "-o", str(path))
    with Capture(str(path)) as capture:
        notes = [json.loads(one.body) for one in capture.frames() if one.kind == Kind.NOTE]
        (name,) = (one.name for one in capture.header.plan.programs)
    (mechanisms,) = (one["mechanisms"] for one in notes if "mechanisms" in one)
    assert mechanisms[name].startswith("raw tracepoint")


def test_a_capture_tells_what_was_selected(tmp_path: Path) -> None:
    """So that what was selected differently is not added up."""
    spec = "begin { @ = count(); } interval:ms:1 { exit(); } interval:s:100 { }"
    every, some, one, bundle = (tmp_path / name for name in ("every", "some", "one", "some.kpb"))
    run("record", "-q", "-e", spec, "-o", str(every))
    run("build", "--probe-filter", "ms", "-e", spec, "-o", str(bundle))
    run("record", "-q", str(bundle), "-o", str(some))
    run("record", "-q", "-p", str(os.getpid()), "-e", spec, "-o", str(one))
    for other, what in ((some, b"probes (--probe-filter)"), (one, b"processes (--pid)")):
        ran = run("merge", str(every), str(other))
        assert (ran.returncode, what in ran.stderr) == (1, True), ran.stderr
    run("record", "-q", "--probe-filter", "ms", "-e", spec, "-o", str(every))
    assert run("merge", str(every), str(some)).stdout.strip() == b"@: 2"


def test_files_of_a_run_do_not_replace_its_specification(tmp_path: Path) -> None:
    spec, path = tmp_path / "a.2", tmp_path / "a"
    spec.write_text("begin { }")
    failed = run("record", "--max-size", "1M", "--rotate", "3", str(spec), "-o", str(path))
    assert (failed.returncode, b"a.2' is read, and would be" in failed.stderr) == (2, True)
