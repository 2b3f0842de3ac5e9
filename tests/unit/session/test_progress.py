# SPDX-License-Identifier: MIT
from __future__ import annotations

import struct

import pytest

from kptrace.output import Stream
from kptrace.session import progress
from kptrace.session.progress import Progress, human
from kptrace.session.sink import Sink


class Terminal(Sink):
    """Standard error is a terminal, and what is written to it is kept."""

    def __init__(self) -> None:
        super().__init__(color=False)
        self.error_is_terminal = True
        self.shown = b""

    def write(self, stream: Stream, data: bytes) -> None:
        assert stream is Stream.ERROR
        self.shown += data


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [10.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_rates_are_shown_once_a_second(clock: list[float]) -> None:
    terminal = Terminal()
    shown = Progress(terminal)
    shown.count(3000)
    clock[0] += 0.5
    shown.show(10)
    assert terminal.shown == b""
    clock[0] += 1.5
    shown.lost(7)
    shown.show(5 << 20)
    assert terminal.shown == b"\r\x1b[K1,500 events/s, 5.0 MiB, 7 lost"
    terminal.shown = b""
    shown.finish("a.kpt", 6 << 20)
    assert terminal.shown == b"\r\x1b[Ka.kpt: 6.0 MiB\n"


def test_events_that_nobody_decodes_are_guessed(clock: list[float]) -> None:
    record = struct.pack("<IHHI", 9, 0, 40, 28) + bytes(28)
    terminal = Terminal()
    shown = Progress(terminal)
    shown.count_rings(record * 10_000)
    clock[0] += 1
    shown.show(1)
    assert b"about 10,000 events/s" in terminal.shown


def test_nothing_is_shown_elsewhere(clock: list[float]) -> None:
    for terminal, quiet in ((Terminal(), True), (Sink(color=False), False)):
        if not quiet:
            terminal.error_is_terminal = False
        shown = Progress(terminal, quiet=quiet)
        shown.count_rings(bytes(8))
        clock[0] += 5
        shown.show(1)
        shown.finish("a.kpt", 1)
        assert getattr(terminal, "shown", b"") == b""


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (3 << 29, "1.5 GiB"),
        (1 << 60, "1048576.0 TiB"),
    ],
)
def test_sizes_are_for_people(size: int, text: str) -> None:
    assert human(size) == text
