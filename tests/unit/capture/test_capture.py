# SPDX-License-Identifier: MIT
"""The file: what was written is read, and what is missing is told."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import signal
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kptrace import types
from kptrace.aggregate import Ledger, MapLoss, joined, snapshot
from kptrace.capture import Capture, Frame, Header, Kind, Packing, Writer, content, frames
from kptrace.capture.content import Purpose
from kptrace.capture.header import pack_header, unpack_header
from kptrace.errors import CaptureError


def read(path: Path) -> tuple[list[Frame], list[str]]:
    with Capture(str(path)) as capture:
        found = list(capture.frames())
        return found, [one.message for one in capture.warnings]


def test_what_was_written_is_read(sample: Path, samples: ModuleType) -> None:
    with Capture(str(sample)) as capture:
        assert capture.header == samples.HEADER
        found = list(capture.frames())
        assert not capture.warnings
        assert capture.ended
    kinds = [Kind(one.kind) for one in found]
    assert kinds[:4] == [Kind.NOTE, Kind.ANSWERS, Kind.RECORDS, Kind.MAP]
    records = content.unpack_records(found[2].body)
    assert [(time, number) for time, number, _ in records] == [(100 + n, 0) for n in range(5)]
    end = content.unpack_end(found[-1].body)
    assert end.ledger == samples.LEDGER
    lost = next(one for one in found if one.kind == Kind.LOST)
    assert content.unpack_lost(lost.body) == 3


def test_maps_are_whole_again(sample: Path, samples: ModuleType) -> None:
    found, _ = read(sample)
    maps = samples.MAPS
    parts = [one.body for one in found if one.kind == Kind.MAP]
    final = [body for body in parts if content.unpack_map(body).purpose is Purpose.FINAL]
    assert len(final) == len(maps)
    for one, entries, body in zip(maps, samples.map_entries(), final, strict=True):
        told = content.unpack_map(body)
        assert (maps[told.index], told.last, told.zeroed) == (one, True, False)
        again = content.map_entries(body, maps)
        assert joined(one, again) == snapshot(one, entries)


def test_a_map_of_many_entries_takes_several_frames(samples: ModuleType) -> None:
    one = samples.MAPS[3]
    rows = [(struct.pack("<i16s", n, b""), (struct.pack("<q", n),)) for n in range(100_000)]
    entries = samples.entries(*rows)
    bodies = list(content.pack_map(3, one, entries, Purpose.FINAL, zeroed=False))
    assert len(bodies) > 1
    assert [content.unpack_map(body).last for body in bodies] == [False] * (len(bodies) - 1) + [
        True
    ]
    again = [part for body in bodies for part in content.map_entries(body, samples.MAPS)]
    assert [row for part in again for row in part.rows()] == rows


def test_rings_are_kept_as_they_are() -> None:
    body = content.pack_rings(77, [b"a" * 16, b"", b"b" * 8])
    assert content.unpack_rings(body) == (77, [b"a" * 16, b"", b"b" * 8])


def test_packing_makes_it_smaller_and_changes_nothing(
    sample: Path, samples: ModuleType, tmp_path: Path
) -> None:
    packed = tmp_path / "packed.kpt"
    samples.write_sample(packed, Packing.ZLIB)
    assert packed.stat().st_size < sample.stat().st_size
    assert [(one.kind, one.body) for one in read(packed)[0]] == [
        (one.kind, one.body) for one in read(sample)[0]
    ]


def whole_ends(data: bytes) -> Iterator[int]:
    """Where each whole frame ends."""
    position = frames.PREAMBLE
    while position < len(data):
        (length,) = struct.unpack_from("<I", data, position)
        position += frames.FRAME_HEAD + length
        yield position


def test_a_cut_file_reads_up_to_its_last_whole_frame(sample: Path, tmp_path: Path) -> None:
    data = sample.read_bytes()
    ends = list(whole_ends(data))
    assert ends[-1] == len(data)
    cut = tmp_path / "cut.kpt"
    near = {end + step for end in ends for step in (-1, 0, 1, frames.FRAME_HEAD)}
    for length in sorted({*range(0, len(data), 61), *near} & {*range(len(data))}):
        cut.write_bytes(data[:length])
        if length < ends[0]:
            with pytest.raises(CaptureError):
                read(cut)
            continue
        found, told = read(cut)
        whole = [end for end in ends if end <= length]
        assert len(found) == len(whole) - 1
        (text,) = told
        rest = length - whole[-1]
        if rest:
            assert f"of its last frame {rest} bytes are there" in text
        else:
            assert "was not written" in text
        assert "what came after 20" in text
        if rest >= frames.FRAME_HEAD:
            assert text.endswith(f"{ends[len(whole)] - length} are missing")


def test_a_changed_bit_is_noticed(sample: Path, tmp_path: Path) -> None:
    data = bytearray(sample.read_bytes())
    ends = list(whole_ends(bytes(data)))
    data[ends[3] - 1] ^= 4
    other = tmp_path / "flipped.kpt"
    other.write_bytes(data)
    found, (text,) = read(other)
    assert len(found) == 2
    assert f"is damaged at byte {ends[2]}: its last {len(data) - ends[2]} bytes" in text


def test_bytes_behind_the_end_are_told(sample: Path) -> None:
    with sample.open("ab") as file:
        file.write(b"more")
    found, (text,) = read(sample)
    assert found[-1].kind == Kind.END
    assert "goes on behind its end" in text


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"#!/bin/sh\n", "is no capture of kptrace"),
        (frames.MAGIC + b"\1", "is cut off in its first bytes"),
        (frames.pack_preamble()[:-1] + b"\0", "is damaged in its first bytes"),
        (frames.pack_preamble(), "ends before its header is whole"),
    ],
)
def test_what_is_no_capture_is_told(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "foreign"
    path.write_bytes(data)
    with pytest.raises(CaptureError, match=message):
        read(path)


def test_directories_pipes_and_missing_files_are_no_captures(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for name in ("fifo", "nothing", "."):
        with pytest.raises(CaptureError):
            read(tmp_path / name)
    with pytest.raises(CaptureError):
        Writer(str(tmp_path / "fifo"))
    with pytest.raises(CaptureError):
        Writer(str(tmp_path / "no/such/directory"))


def versioned(data: bytes, major: int, minor: int) -> bytes:
    start = frames.MAGIC + struct.pack("<HH", major, minor)
    return start + struct.pack("<I", zlib.crc32(start)) + data[frames.PREAMBLE :]


def test_another_major_version_is_refused_and_a_newer_minor_told(
    sample: Path, tmp_path: Path
) -> None:
    data = sample.read_bytes()
    path = tmp_path / "other.kpt"
    path.write_bytes(versioned(data, frames.MAJOR + 1, 0))
    with pytest.raises(CaptureError, match=rf"format {frames.MAJOR + 1}\.0"):
        read(path)
    path.write_bytes(versioned(data, frames.MAJOR, frames.MINOR + 1))
    found, (text,) = read(path)
    assert "is left out" in text
    assert found == read(sample)[0]


def with_frame(data: bytes, kind: int) -> bytes:
    """One more frame, of another kind, behind the header."""
    first = next(whole_ends(data))
    body = b"what is not known"
    head = struct.pack("<IBBHQ", len(body), kind, 0, 0, 5)
    frame = head + struct.pack("<I", zlib.crc32(body, zlib.crc32(head))) + body
    return data[:first] + frame * 2 + data[first:]


def test_frames_of_unknown_kinds(sample: Path, tmp_path: Path) -> None:
    data = with_frame(sample.read_bytes(), 200)
    path = tmp_path / "other.kpt"
    path.write_bytes(data)
    with pytest.raises(CaptureError, match="unknown kind 200"):
        read(path)
    path.write_bytes(versioned(data, frames.MAJOR, frames.MINOR + 1))
    found, told = read(path)
    assert found == read(sample)[0]
    assert sum("kind 200" in text for text in told) == 1  # once, however many


def test_a_growing_file_is_followed(sample: Path, tmp_path: Path) -> None:
    data = sample.read_bytes()
    grows = tmp_path / "grows.kpt"
    first = next(whole_ends(data))
    grows.write_bytes(data[:first])
    position = first

    def more() -> bool:
        nonlocal position
        with grows.open("ab") as file:
            file.write(data[position : position + 10])
        position += 10
        return position < len(data) + 10

    with Capture(str(grows)) as capture:
        assert list(capture.frames(more)) == read(sample)[0]
        assert not capture.warnings


def test_its_writer_is_known_to_be_there(samples: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "live.kpt"
    with Writer(str(path)) as writer:
        writer.append(Kind.HEADER, pack_header(samples.HEADER))
        with Capture(str(path)) as capture:
            assert capture.live()
            assert list(capture.frames()) == []
            (warning,) = capture.warnings
            assert "is still being written" in warning.message
        with pytest.raises(CaptureError, match="another process uses it"):
            Writer(str(path))
    with Capture(str(path)) as capture:
        assert not capture.live()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_leaves_whole_frames(samples: ModuleType, tmp_path: Path) -> None:
    old_handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    path = tmp_path / "full.kpt"
    try:
        with Writer(str(path)) as writer:
            writer.append(Kind.HEADER, pack_header(samples.HEADER))
            writer.append(Kind.LOST, content.pack_lost(1))
            size = writer.size
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + 30, hard))
            with pytest.raises(CaptureError, match="File too large"):
                writer.append(Kind.NOTE, b"{}" * 100)
            assert path.stat().st_size == size
            writer.append(Kind.LOST, b"")  # what is small enough fits
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old_handler)
    assert [one.kind for one in read(path)[0]] == [Kind.LOST, Kind.LOST]


@pytest.mark.parametrize("field", ["run", "host", "clocks", "specification", "plan", "percentiles"])
def test_a_header_with_something_missing_or_wrong_is_told(field: str, samples: ModuleType) -> None:
    document = json.loads(pack_header(samples.HEADER))
    for wrong in (3, None, [["x"]], {"class": "Field"}):
        with pytest.raises(CaptureError, match=r"f\.kpt"):
            unpack_header(json.dumps(document | {field: wrong}).encode(), "f.kpt")
    del document[field]
    if field != "percentiles":
        with pytest.raises(CaptureError):
            unpack_header(json.dumps(document).encode(), "f.kpt")


def test_the_text_of_the_specification_is_the_one_of_its_checksum(samples: ModuleType) -> None:
    body = pack_header(samples.HEADER).replace(b"interval:ms:10 { }", b"interval:ms:11 { }")
    with pytest.raises(CaptureError, match="checksum"):
        unpack_header(body, "f.kpt")


def other_plans(header: Header) -> Iterator[Header]:
    plan = header.plan
    text, *events = plan.events
    (field,) = text.fields
    for kind in (
        types.String(1 << 40),
        types.Array(types.Array(types.VOID, 1 << 20), 1 << 20),
        types.Array(types.INT8, 1 << 40),
        types.Int(3, True),
        types.Count(),
        types.Int(True, True),  # type: ignore[arg-type]
    ):
        other = replace(text, fields=(replace(field, type=kind),), size=1 << 20)
        yield replace(header, plan=replace(plan, events=(other, *events)))
        keyed = replace(plan.maps[0], key=kind)
        yield replace(header, plan=replace(plan, maps=(keyed, *plan.maps[1:])))
    for size in (0, 8, 23, 1 << 40):
        other = replace(text, size=size)
        yield replace(header, plan=replace(plan, events=(other, *events)))
    for value in (
        types.Hist(40, 2),
        types.LHist(0, 1 << 60, 1),
        types.LHist(0, 10, 0),
        types.TSeries(0, 5, "avg", True),
        types.TSeries(5, 1 << 30, "avg", True),
        types.TSeries(5, 5, "median", True),
    ):
        other_map = replace(plan.maps[0], value=value)
        yield replace(header, plan=replace(plan, maps=(other_map, *plan.maps[1:])))
    yield replace(header, plan=replace(plan, events=(text, text)))
    yield replace(header, plan=replace(plan, maps=(plan.maps[0], plan.maps[0])))
    yield replace(header, plan=replace(plan, events=(replace(events[0], map="@none"),)))


def test_a_plan_that_asks_for_too_much_is_refused(samples: ModuleType) -> None:
    for header in other_plans(samples.HEADER):
        with pytest.raises(CaptureError):
            unpack_header(pack_header(header), "f.kpt")


def of_host(name: str) -> Callable[[Any], None]:
    return lambda document: document["host"].update(name=name)


@pytest.mark.parametrize(
    "change",
    [
        of_host("\ud800"),
        lambda document: document.update(percentiles=[10**400]),
        lambda document: document.update(percentiles=[float("nan")]),
        lambda document: document.update(percentiles=[-1]),
        lambda document: document["plan"]["events"][0].update(text="\ud800"),
    ],
    ids=["name", "large percentile", "no number", "negative percentile", "plan"],
)
def test_what_cannot_be_printed_is_refused(
    change: Callable[[Any], None], samples: ModuleType
) -> None:
    document = json.loads(pack_header(samples.HEADER))
    change(document)
    with pytest.raises(CaptureError, match="could have written"):
        unpack_header(json.dumps(document).encode(), "a.kpt")


def test_bytes_that_are_no_text_are_kept(samples: ModuleType) -> None:
    host = replace(samples.HEADER.host, name=b"\xff".decode("utf-8", "surrogateescape"))
    header = replace(samples.HEADER, host=host)
    assert unpack_header(pack_header(header), "a.kpt") == header


def test_labels_of_a_ledger_are_texts() -> None:
    document = content.ledger_document(Ledger(maps=(MapLoss(name="@", dropped=1, max_entries=1),)))
    for wrong in (7, "\ud800"):
        document["maps"][0][0] = wrong
        with pytest.raises(content.Malformed):
            content.ledger_from(document)


def test_a_file_that_is_replaced_is_its_owners_alone(samples: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "a.kpt"
    path.touch(0o644)
    samples.write_sample(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_writer_may_be_closed_twice(tmp_path: Path) -> None:
    with Writer(str(tmp_path / "a.kpt")) as writer:
        writer.close()


def test_a_lock_of_a_moment_does_not_stop_a_writer(samples: ModuleType, tmp_path: Path) -> None:
    """A reader has one while it looks whether there is a writer."""
    path = tmp_path / "a.kpt"
    samples.write_sample(path)
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        with pytest.raises(CaptureError, match="another process uses it"):
            Writer(str(path))
        timer = threading.Timer(0.05, fcntl.flock, (file, fcntl.LOCK_UN))
        timer.start()
        Writer(str(path)).close()
        timer.join()
