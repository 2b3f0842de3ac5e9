# SPDX-License-Identifier: MIT
"""Formats of time and strftime."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from kptrace import types
from kptrace.output.times import time_renderer
from kptrace.output.values import Style, text_value


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


NS = 1_700_000_000_012_345_678  # 2023-11-14 22:13:20 UTC


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%H:%M:%S", "22:13:20"),
        ("%F %T.%f", "2023-11-14 22:13:20.012345"),
        ("%l-%k-%l", "012-012345678-012"),
        ("%%f %%%f", "%f %012345"),
        ("%f", "012345"),
        ("", ""),
        ("no conversion\n", "no conversion\n"),
        ("ends here\0%H", "ends here"),
        ("50%", "50%"),
        ("é \udcff %S", "é \udcff 20"),
    ],
)
def test_formats(form: str, text: str) -> None:
    assert time_renderer(form)(NS) == text.encode("utf-8", "surrogateescape")


def test_time_knows_no_fractions() -> None:
    assert time_renderer("%k%%", fractions=False)(NS) == b"22%"  # strftime(3): the hour


def test_seconds_change() -> None:
    render = time_renderer("%S.%l")
    assert [render(NS + step * 500_000_000) for step in range(3)] == [
        b"20.012", b"20.512", b"21.012",
    ]  # fmt: skip


def test_late_values(style: Style) -> None:
    texts = Style(resolver=style.resolver, texts=("%S", "h*"))

    def stamp(ns: int, clock: int) -> bytes:
        return ns.to_bytes(8, "little") + clock.to_bytes(4, "little") + bytes(4)

    assert text_value(types.TIMESTAMP, stamp(5 * 10**9, 0), texts) == b"05"
    assert text_value(types.TIMESTAMP, stamp(5 * 10**9, 1), texts) == b"42"
    assert text_value(types.TIMESTAMP, stamp(0, 0), texts) == b"(?)"
    assert text_value(types.USERNAME, 0, texts) == b"root"
    assert text_value(types.USERNAME, 7, texts) == b""

    def group(number: int, wanted: int) -> bytes:
        return number.to_bytes(8, "little") + wanted.to_bytes(8, "little")

    assert text_value(types.CGROUP_PATH, group(3, 0), texts) == b"h1:/a,unified:/b"
    assert text_value(types.CGROUP_PATH, group(3, 2), texts) == b"h1:/a"
    assert text_value(types.CGROUP_PATH, group(4, 0), texts) == b""
