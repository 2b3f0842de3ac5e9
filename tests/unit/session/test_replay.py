# SPDX-License-Identifier: MIT
"""What waits for older events, and for how long."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from kptrace.capture import Capture, Kind, Writer, content
from kptrace.capture.content import Purpose
from kptrace.capture.header import pack_header
from kptrace.output import Stream
from kptrace.output.text import TextFormat
from kptrace.session import answers, stored
from kptrace.session.replay import Options, Replay
from kptrace.session.sink import Sink
from kptrace.session.stored import StoredMaps


class Kept(Sink):
    """What was written to the output."""

    def __init__(self) -> None:
        super().__init__(color=False)
        self.out = self.err = b""

    def write(self, stream: Stream, data: bytes) -> None:
        self.out += data if stream is Stream.OUTPUT else b""
        self.err += data if stream is Stream.ERROR else b""

    def flush(self) -> None:
        """Nothing waits."""


def printed(samples: ModuleType, path: Path, *frames: tuple[int, list[list[int]]]) -> list[int]:
    """The numbers of the events of frames: a horizon, and for each ring the times of its events,
    which are their numbers, too."""
    with Writer(str(path)) as writer:
        writer.append(Kind.HEADER, pack_header(samples.HEADER))
        for horizon, rings in frames:
            chunks = [
                b"".join(
                    samples.sample(samples.payload(0, time, struct.pack("<q", time)))
                    for time in ring
                )
                for ring in rings
            ]
            writer.append(Kind.RINGS, content.pack_rings(horizon, chunks))
    sink = Kept()
    with Capture(str(path)) as capture:
        Replay(capture, Options(form=lambda style: TextFormat(style=style)), sink).run()
    return [int(line.split()[1]) for line in sink.out.splitlines()]


def test_events_of_several_rings_are_in_order(samples: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "a.kpt"
    assert printed(samples, path, (9, [[1, 4, 7], [2, 3]])) == [1, 2, 3, 4, 7]


def test_what_is_newer_than_the_horizon_waits(samples: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "a.kpt"
    assert printed(samples, path, (5, [[1, 7], [2]]), (10, [[8], [6]])) == [1, 2, 6, 7, 8]


def test_a_batch_may_have_several_frames(samples: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "a.kpt"
    assert printed(samples, path, (0, [[4, 5]]), (9, [[1, 2]]), (9, [[3]])) == [1, 2, 4, 5, 3]


def test_nothing_waits_for_ever(samples: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "a.kpt"
    late = [(1, [[1 << 30]]), *((time, [[time]]) for time in range(2, 50))]
    assert printed(samples, path, *late) == [2, 1 << 30, *range(3, 50)]


def test_many_small_frames_take_no_longer(samples: ModuleType, tmp_path: Path) -> None:
    frames = [(time, [[time, (1 << 30) + time]]) for time in range(1, 4000)]
    found = printed(samples, tmp_path / "a.kpt", *frames)
    assert len(found) == 2 * len(frames)


@pytest.mark.parametrize("shown", [True, False])
def test_maps_of_a_cut_capture_are_those_that_a_run_prints(
    shown: bool, samples: ModuleType, tmp_path: Path
) -> None:
    header = samples.HEADER
    config = replace(header.plan.config, print_maps_on_exit=shown)
    path = tmp_path / "a.kpt"
    with Writer(str(path)) as writer:
        plan = replace(header.plan, config=config)
        writer.append(Kind.HEADER, pack_header(replace(header, plan=plan)))
        samples.write_maps(writer, Purpose.INTERVAL)
        writer.append(Kind.NOTE, content.pack_json({"interval": 1}))
    sink = Kept()
    with Capture(str(path)) as capture:
        replay = Replay(capture, Options(form=lambda style: TextFormat(style=style)), sink)
        replay.run()
    assert (b"@n" in sink.out) == shown
    assert (replay.maps_ns is not None) == shown


def test_a_map_that_was_printed_is_not_kept(samples: ModuleType) -> None:
    maps = StoredMaps(samples.HEADER.plan, 2)
    found = samples.map_entries()[0]
    for body in content.pack_map(0, samples.MAPS[0], found, Purpose.PRINT, zeroed=False):
        maps.take(body)
    assert maps.snapshot("@h").entries
    assert not maps.snapshot("@h").entries


def test_a_file_cannot_say_how_much_memory_is_needed(
    samples: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps = StoredMaps(samples.HEADER.plan, 1)
    found = samples.map_entries()

    def bodies(index: int, copies: int, count: int = 1) -> Iterator[bytes]:
        one = replace(found[index], copies=copies, count=count)
        return content.pack_map(index, samples.MAPS[index], one, Purpose.FINAL, zeroed=False)

    with pytest.raises(ValueError, match="values of 9 CPUs"):
        maps.take(next(bodies(1, 9)))
    (body,) = content.pack_map(0, samples.MAPS[0], found[0], Purpose.FINAL, zeroed=False)
    fewer = body[:8] + bytes(2) + body[10:]
    with pytest.raises(ValueError, match="more values of an entry than CPUs"):
        list(content.map_entries(fewer, samples.MAPS))
    monkeypatch.setattr(stored, "MOST_KEPT", 4 * len(body))
    for _ in range(10):  # one takes the place of the other
        maps.take(body)
    waiting = body[:3] + bytes(1) + body[4:]
    for _ in range(3):  # each says that more follows
        maps.take(waiting)
    with pytest.raises(ValueError, match="at one time"):
        maps.take(waiting)


def test_a_run_knows_only_so_many_names(
    samples: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = answers.Answers(samples.HEADER.clocks, ())
    known.add([["stack", [1, 1024, 0, 0], [7] * 1024]])
    with pytest.raises(ValueError, match="no stack"):
        known.add([["stack", [1, 127, 0, 0], [7] * 1025]])
    monkeypatch.setattr(answers, "_MOST_KNOWN", 5)
    known.add([["user", [number], "x"] for number in (1, 2, 3, 4, 1, 2)])
    with pytest.raises(ValueError, match="more names"):
        known.add([["user", [5], "x"]])


def test_what_a_run_was_told_does_not_control_the_terminal(
    samples: ModuleType, tmp_path: Path
) -> None:
    path = tmp_path / "a.kpt"
    with Writer(str(path)) as writer:
        writer.append(Kind.HEADER, pack_header(samples.HEADER))
        told = "a.bt:1:1-2: WARNING: \x1b[2J\ud800\n\tx\n"
        writer.append(Kind.NOTE, content.pack_json({"warnings": [told]}))
    sink = Kept()
    with Capture(str(path)) as capture:
        Replay(capture, Options(form=lambda style: TextFormat(style=style)), sink).run()
    assert b"a.bt:1:1-2: WARNING: \\x1b[2J\\ud800\n\tx\n" in sink.err
