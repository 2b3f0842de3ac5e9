# SPDX-License-Identifier: MIT
"""Captures of several hosts: one answer, or a reason why there is none."""

from __future__ import annotations

import itertools
import json
import os
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kptrace import types
from kptrace.aggregate import Ledger, ProbeLoss
from kptrace.capture import Capture, Header, Kind, Writer, content, frames
from kptrace.capture.content import End, Purpose
from kptrace.capture.header import pack_header

COMM = b"cat".ljust(16, b"\0")


def member(name: str, offset: int) -> types.Member:
    return types.Member(name, types.INT32, offset)


@dataclass(frozen=True, kw_only=True)
class Ran:
    status: int
    out: str
    err: str


def merge(*words: str | Path, command: str = "merge") -> Ran:
    done = subprocess.run(
        [sys.executable, "-m", "kptrace", command, *map(str, words)],
        capture_output=True,
        text=True,
        env=os.environ | {"TZ": "UTC"},
        timeout=60,
    )
    return Ran(status=done.returncode, out=done.stdout, err=done.stderr)


class Hosts:
    """Writes captures of hosts that ran the same."""

    def __init__(self, samples: ModuleType, directory: Path) -> None:
        self._samples = samples
        self._directory = directory
        self._number = itertools.count(1)

    def __call__(
        self,
        counts: Sequence[int] = (1, 100, 5000),
        *,
        header: dict[str, Any] | None = None,
        calls: int = 7,
        events_lost: int | None = 0,
        end: bool = True,
        interval: bool = False,
        symbol: int = 0xFFFF0010,
    ) -> Path:
        samples = self._samples
        number = next(self._number)
        path = self._directory / f"{number}.kpt"
        made: Header = replace(
            samples.HEADER,
            run=f"run {number}",
            host=replace(samples.HEADER.host, name=f"host-{number}"),
            **(header or {}),
        )
        empty = bytes(types.size_of(samples.HIST))
        series = samples.series_words((number, 10**10), (5, 12 * 10**9))
        values = (
            samples.entries((COMM, (samples.hist_words(*counts), empty))),
            samples.entries((struct.pack("<Q", symbol), (struct.pack("<q", calls), bytes(8)))),
            samples.entries((bytes(4), (series, bytes(len(series))))),
            samples.entries((struct.pack("<i16s", 7, b"sh"), (struct.pack("<q", number),))),
        )
        with Writer(str(path)) as writer:
            writer.append(Kind.HEADER, pack_header(made))
            writer.append(Kind.ANSWERS, content.pack_json([["ksym", [symbol], "do_it"]]))
            purpose = Purpose.FINAL if end else Purpose.INTERVAL
            if end or interval:
                for index, one in enumerate(values):
                    map_ = made.plan.maps[index]
                    for body in content.pack_map(index, map_, one, purpose, zeroed=False):
                        writer.append(Kind.MAP, body)
            if interval:
                writer.append(Kind.NOTE, content.pack_json({"interval": 1}))
            if end:
                loss = ProbeLoss(label="interval:ms:10", hits=calls, missed=0, recursion=0)
                ledger = Ledger(events=events_lost, probes=(loss,))
                last = End(ledger=ledger, status=0, reason="", wall_ns=0)
                writer.append(Kind.END, content.pack_end(last))
        return path


@pytest.fixture
def host(samples: ModuleType, tmp_path: Path) -> Hosts:
    return Hosts(samples, tmp_path)


def test_hosts_add_up(host: Hosts) -> None:
    left, right = host((1, 100, 5000)), host((1, 9000), symbol=0x1234)
    ran = merge(left, right)
    assert ran.status == 0
    assert "[1]                    2 |" in ran.out
    assert "p50 111  p99.9 9000  min 1  max 9000  mean 2820  n 5" in ran.out
    assert "@n[do_it]: 14\n" in ran.out  # a symbol lies elsewhere on each host
    assert "@s:" in ran.out
    assert "@t" not in ran.out
    assert "@t: values that a host has set are no sums; --by host shows them" in ran.err


def test_the_order_does_not_matter(host: Hosts) -> None:
    files = [host((number, 10 * number, 7), calls=number) for number in range(1, 5)]
    outputs = {merge(*order).out for order in (files, files[::-1], files[2:] + files[:2])}
    assert len(outputs) == 1


def test_merged_captures_are_merged_further(host: Hosts, tmp_path: Path) -> None:
    files = [host((number, 10 * number, 7), calls=number) for number in range(1, 5)]
    whole = merge(*files)
    left, right, all_ = (tmp_path / name for name in ("left.kpt", "right.kpt", "all.kpt"))
    assert merge(*files[:3], "-o", left).out == ""
    merge(files[3], "-o", right)
    assert merge(right, left).out == whole.out
    merge(right, left, "-o", all_)
    assert merge(all_, command="report").out == whole.out
    assert merge("--json", *files).out == merge("--json", right, left).out
    twice = merge(left, files[1])
    assert (twice.status, "would count twice" in twice.err) == (1, True)
    assert "cannot be told apart" in merge("--by", "host", left, right).err


def test_one_capture_is_its_report(host: Hosts) -> None:
    file = host()
    maps = [line for line in merge(file, command="report").out.splitlines() if "@t" not in line]
    assert merge(file).out.splitlines() == maps


def test_losses_add_up(host: Hosts) -> None:
    known = [host(events_lost=3), host(events_lost=4)]
    assert "events lost          7" in merge(*known).err
    assert merge("--strict", *known).status == 6
    data = json.loads(merge("--json", *known, host(events_lost=None)).out.splitlines()[-1])
    assert data["type"] == "losses"
    assert data["data"]["events"] == 7  # a loss that is known is not hidden by one that is not
    assert data["data"]["probes"]["interval:ms:10"]["hits"] == 21
    unknown = merge("--json", host(), host(events_lost=None)).out.splitlines()[-1]
    assert json.loads(unknown)["data"]["events"] is None


def test_hosts_side_by_side(host: Hosts) -> None:
    files = [host((100, 110, 120), calls=10 + number) for number in range(6)]
    files.append(host((100, 110, 90_000), calls=500))
    ran = merge("--by", "host", *files)
    assert ran.status == 0
    lines = [line.split() for line in ran.out.splitlines()]
    start = lines.index("@h by host (error of percentiles <= 25.0%):".split())
    assert lines[start + 1] == ["host", "count", "mean", "p50", "p90", "p99", "p99.9", "min", "max"]
    assert lines[start + 2][:3] == ["host-1", "3", "110"]
    assert lines[start + 8][0] == "host-7"
    assert [cell for cell in lines[start + 8] if cell.endswith("*")] == [
        "30070*",
        "90000*",
        "90000*",
        "90000*",
    ]
    assert ["host-7", "500*"] in lines
    assert ["@t[7,", "sh]:", "3"] in lines
    found = [json.loads(line) for line in merge("--by", "host", "--json", *files).out.splitlines()]
    tables = [one["data"] for one in found if one["type"] == "hosts"]
    assert tables[0]["@h"]["host-1"]["error"] == 0.25
    assert tables[1]["@n"]["host-7"] == {"count": 500, "outlier": ["count"]}
    assert tables[1]["@n"]["host-1"] == {"count": 10, "outlier": []}
    assert {one["data"] for one in found if one["type"] == "host"} == {
        f"host-{number}" for number in range(1, 8)
    }


def test_what_cannot_be_merged_names_both_files(host: Hosts, samples: ModuleType) -> None:
    first = host()
    header = samples.HEADER
    text = replace(header.specification, text="interval:ms:11 { }")
    parameters = replace(header.specification, parameters=("2",))
    maps = header.plan.maps

    def with_map(**changes: Any) -> dict[str, Any]:
        return {"plan": replace(header.plan, maps=(replace(maps[0], **changes), *maps[1:]))}

    for changes, reason in (
        ({"specification": text}, "different specifications"),
        ({"specification": parameters}, "different parameters"),
        ({"probe_filter": "vfs"}, "different probes (--probe-filter)"),
        ({"pid": 7}, "different processes (--pid)"),
        (with_map(name="@other"), "different maps"),
        (with_map(value=types.Hist(2, 2)), "@h has other values or buckets"),
        (with_map(key=types.Buffer(12)), "@h has other keys"),
    ):
        events = () if "@other" in str(changes) else header.plan.events
        if "plan" in changes:
            changes["plan"] = replace(changes["plan"], events=events)
        other = host(header=changes)
        ran = merge(first, other)
        assert ran.status == 1
        assert f"ERROR: '{first}' and '{other}' can't be merged: " in ran.err
        assert reason in ran.err
        assert ran.out == ""


def test_a_run_counts_once(host: Hosts) -> None:
    file = host()
    ran = merge(file, file)
    assert (ran.status, "would count twice" in ran.err) == (1, True)


def test_a_capture_that_was_cut_off_is_told(host: Hosts) -> None:
    whole = host()
    ran = merge(whole, host(end=False, interval=True))
    assert ran.status == 0
    assert "@n[do_it]: 14\n" in ran.out
    assert "is not complete" in ran.err
    assert "its maps are those of 2" in ran.err
    assert merge("--strict", whole, host(end=False, interval=True)).status == 6
    nothing = merge(whole, host(end=False))
    assert (nothing.status, "there is nothing to merge" in nothing.err) == (1, True)


def test_time_series_meet_by_the_time_of_day(host: Hosts, samples: ModuleType) -> None:
    clocks = samples.HEADER.clocks
    # the second host has not set its TAI: it is behind by 37 s, and its wall clock is right
    other = {"clocks": replace(clocks, tai=clocks.tai + 10**9)}
    left, right = host(), host(header=other)
    assert merge(left, right).out == merge(right, left).out
    uneven = {"clocks": replace(clocks, tai=clocks.tai + 5 * 10**8)}
    ran = merge(left, host(header=uneven))
    assert (ran.status, "begin the intervals of @s at different times" in ran.err) == (1, True)


def test_memory_does_not_grow_with_the_files(host: Hosts) -> None:
    def peak(files: list[Path]) -> int:
        command = [sys.executable, "-m", "kptrace", "merge", *map(str, files)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as child:
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0
        return usage.ru_maxrss

    files = [host((number, 10 * number, 7)) for number in range(400)]
    assert peak(files) < peak(files[:4]) + 2048  # KiB


def test_wrong_words(host: Hosts, tmp_path: Path) -> None:
    file = host()
    assert merge().status == 2
    assert "is read, and would be overwritten" in merge(file, "-o", file).err
    assert "one of them" in merge(file, "--by", "host", "-o", tmp_path / "x").err


def with_key(samples: ModuleType, key: types.Type) -> dict[str, Any]:
    """A header whose plan has another key in @n."""
    header, (first, second, *more) = samples.HEADER, samples.HEADER.plan.maps
    maps = (first, replace(second, key=key), *more)
    return {"plan": replace(header.plan, maps=maps)}


@pytest.mark.parametrize(
    ("left", "right", "name"),
    [
        (
            (types.Enum("state", 8, False, (("IDLE", 1), ("BUSY", 2))), 2),
            (types.Enum("state", 8, False, (("NEW", 1), ("IDLE", 2), ("BUSY", 3))), 3),
            "BUSY",
        ),
        (
            (types.Struct("struct", "s", 8, members=(member("x", 0), member("y", 4))), 5),
            (types.Struct("struct", "s", 8, members=(member("y", 0), member("x", 4))), 5 << 32),
            "{ .x = 5, .y = 0 }",
        ),
    ],
    ids=["enum", "struct"],
)
def test_keys_meet_by_what_they_mean_on_each_host(
    left: tuple[types.Type, int],
    right: tuple[types.Type, int],
    name: str,
    host: Hosts,
    samples: ModuleType,
    tmp_path: Path,
) -> None:
    """Kernels number an enumerator and place a member differently."""
    files = [
        host(header=with_key(samples, key), symbol=value, calls=calls)
        for (key, value), calls in ((left, 3), (right, 4))
    ]
    merged = tmp_path / "merged.kpt"
    merge(*files, "-o", merged)
    if isinstance(left[0], types.Enum):
        assert f"@n[{name}]: 7\n" in merge(*files).out
        assert f"@n[{name}]: 7\n" in merge(merged, command="report").out
    else:  # a struct is printed in the order of its members
        assert f"@n[{name}]: 3\n" in merge(*files).out
        assert "@n[{ .y = 0, .x = 5 }]: 4\n" in merge(*files).out


def test_captures_of_one_process_each_add_up(host: Hosts) -> None:
    assert merge(host(header={"pid": 7}), host(header={"pid": 8})).status == 0


def test_percentiles_are_those_of_all(host: Hosts) -> None:
    files = [host(header={"percentiles": levels}) for levels in ((50.0, 99.0), (90.0, 50.0))]
    assert "p50 111  p90 5000  p99 5000  min" in merge(*files).out


def test_damage_in_the_head_of_a_map_hides_no_map(host: Hosts) -> None:
    whole, other = host(), host()
    data = bytearray(other.read_bytes())
    position = frames.PREAMBLE
    while data[position + 4] != Kind.MAP:
        position += frames.FRAME_HEAD + int.from_bytes(data[position : position + 4], "little")
    data[position + 4] = Kind.RINGS  # which a merge does not look into
    other.write_bytes(data)
    ran = merge(whole, other)
    assert (ran.status, f"'{other}' ends before its maps were read" in ran.err) == (1, True)


@pytest.mark.parametrize("key", ["", "00", "00" * 17])
def test_a_key_of_another_size_is_told(key: str, host: Hosts, tmp_path: Path) -> None:
    merged, wrong = tmp_path / "merged.kpt", tmp_path / "wrong.kpt"
    merge(host(), "-o", merged)
    with Capture(str(merged)) as capture, Writer(str(wrong)) as writer:
        writer.append(Kind.HEADER, pack_header(capture.header))
        for frame in capture.frames():
            body = frame.body.replace(COMM.hex().encode(), key.encode())
            writer.append(Kind(frame.kind), body)
    for command in ("merge", "report"):
        ran = merge(wrong, command=command)
        assert (ran.status, "a key of @h of another size" in ran.err) == (1, True)


def test_a_host_name_does_not_control_the_terminal(host: Hosts, samples: ModuleType) -> None:
    file = host()
    with Capture(str(file)) as capture:
        bodies = [(Kind(one.kind), one.body) for one in capture.frames()]
        named = replace(capture.header.host, name="\x1b[2Jdb")
        header = replace(capture.header, host=named)
    with Writer(str(file)) as writer:
        for kind, body in ((Kind.HEADER, pack_header(header)), *bodies):
            writer.append(kind, body)
    ran = merge("--by", "host", file)
    assert ran.status == 0
    assert "\\x1b[2Jdb" in ran.out
    assert "\x1b" not in ran.out
    assert "\x1b" not in merge("--by", "host", "--json", file).out
