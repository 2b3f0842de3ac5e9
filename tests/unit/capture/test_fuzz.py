# SPDX-License-Identifier: MIT
"""Any bytes at all: what is whole, or a clear error; never anything else, and never more memory."""

from __future__ import annotations

import json
import random
import resource
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kptrace.capture import Capture, Writer, frames
from kptrace.errors import CaptureError
from kptrace.output import Format, Stream
from kptrace.output.json import JsonFormat
from kptrace.output.text import TextFormat
from kptrace.output.values import Style
from kptrace.session.merging import Part, Total
from kptrace.session.replay import Options, Replay
from kptrace.session.sink import Sink

ROUNDS = 2000
"""Of each of the five ways to make a wrong file."""
MEMORY = 300 << 20
MARKS = (0, 1, 0x7F, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 40, (1 << 64) - 1)

FORMS: tuple[Callable[[Style], Format], ...] = (
    lambda style: TextFormat(style=style, percentiles=(50.0,)),
    lambda style: JsonFormat(style=style),
)

Mutate = Callable[[random.Random, bytes], bytes]


class Nowhere(Sink):
    """Counts what is written."""

    size = 0

    def write(self, stream: Stream, data: bytes) -> None:
        self.size += len(data)

    def flush(self) -> None:
        """Nothing waits."""


def consume(path: Path, form: Callable[[Style], Format]) -> None:
    """Everything that a reader does with a capture."""
    with Capture(str(path)) as capture:
        options = Options(form=form, intervals=True)
        Replay(capture, options, Nowhere(color=False)).run()


def add(path: Path, form: Callable[[Style], Format]) -> None:
    """Everything that merging does with a capture."""
    total = Total()
    with Capture(str(path)) as capture:
        total.add(Part(capture))
        for found in (total.maps(),):
            form(total.style).final_maps(found)


def truncated(chance: random.Random, data: bytes) -> bytes:
    return data[: chance.randrange(len(data))]


def flipped(chance: random.Random, data: bytes) -> bytes:
    made = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 5, 50))):
        made[chance.randrange(len(made))] ^= 1 << chance.randrange(8)
    return bytes(made)


def foreign(chance: random.Random, data: bytes) -> bytes:
    """Bytes of something else, at times behind the start of a capture."""
    noise = chance.randbytes(chance.randrange(3000))
    start = chance.choice((b"", b"\x7fELF", b"PERFILE2", frames.MAGIC, frames.pack_preamble()))
    return chance.choice((start, data[: chance.randrange(len(data))])) + noise


def split(data: bytes) -> list[tuple[bytes, bytes]]:
    """Heads and bodies of the frames."""
    position, found = frames.PREAMBLE, []
    while position < len(data):
        (length,) = struct.unpack_from("<I", data, position)
        body = position + frames.FRAME_HEAD
        found.append((data[position:body], data[body : body + length]))
        position = body + length
    return found


def joined(pieces: list[tuple[bytes, bytes]]) -> bytes:
    """A file of these frames, with checksums that are right."""
    out = [frames.pack_preamble()]
    for head, body in pieces:
        start = struct.pack("<I", len(body)) + head[4:-4]
        out += (start, struct.pack("<I", zlib.crc32(body, zlib.crc32(start))), body)
    return b"".join(out)


def rewritten(chance: random.Random, data: bytes) -> bytes:
    """Frames whose checksums are right and whose contents are not."""
    pieces = split(data)
    for _ in range(chance.choice((1, 1, 3))):
        index = chance.randrange(1, len(pieces))
        head, body = pieces[index]
        made = bytearray(body)
        match chance.randrange(4):
            case 0 if made:
                made[chance.randrange(len(made))] ^= 1 << chance.randrange(8)
            case 1 if len(made) > 8:
                size = chance.choice((1, 2, 4, 8))
                place = chance.randrange(len(made) - size)
                mark = chance.choice(MARKS) & ((1 << 8 * size) - 1)
                made[place : place + size] = mark.to_bytes(size, "little")
            case 2:
                del made[chance.randrange(len(made) + 1) :]
            case _:
                other = chance.choice(pieces)
                pieces.insert(index, (other[0], other[1]))
        pieces[index] = (head, bytes(made))
    if chance.random() < 0.2:
        last = pieces[1:]
        chance.shuffle(last)
        pieces[1:] = last
    return joined(pieces)


def with_other_header(chance: random.Random, data: bytes) -> bytes:
    """A header of valid JSON in which some values are others."""
    pieces = split(data)
    document = json.loads(pieces[0][1])
    for _ in range(chance.choice((1, 1, 2, 5))):
        _change(chance, document)
    pieces[0] = (pieces[0][0], json.dumps(document).encode())
    return joined(pieces)


def _change(chance: random.Random, document: Any) -> None:
    """Replace or remove one value, somewhere."""
    place = document
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = chance.choice(keys)
        inner = place[key]
        if isinstance(inner, dict | list) and inner and chance.random() < 0.9:
            place = inner
            continue
        if chance.random() < 0.2:
            del place[key]
        else:
            other = (None, True, "", "x", -1, [], {}, 1.5, {"class": "type.Hist"}, "%d %s", *MARKS)
            place[key] = chance.choice(other)
        return


WAYS = (truncated, flipped, foreign, rewritten, with_other_header)


@pytest.mark.parametrize("mutate", WAYS, ids=lambda one: one.__name__)
def test_wrong_files_are_told(mutate: Mutate, sample: Path, samples: ModuleType) -> None:
    packed, merged = sample.parent / "packed.kpt", sample.parent / "merged.kpt"
    samples.write_sample(packed, frames.Packing.ZLIB)
    total = Total()
    with Capture(str(sample)) as capture, Writer(str(merged)) as writer:
        total.add(Part(capture))
        total.write(writer)
    plain = [one.read_bytes() for one in (sample, merged)]
    known = [*plain, packed.read_bytes()]
    chance = random.Random(mutate.__name__)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    wrong = sample.parent / "wrong.kpt"
    told = refused = 0
    for _ in range(ROUNDS):
        fitting = plain if mutate in (rewritten, with_other_header) else known
        wrong.write_bytes(mutate(chance, chance.choice(fitting)))
        try:
            chance.choice((consume, add))(wrong, chance.choice(FORMS))
        except CaptureError as error:
            refused += 1
            told += str(wrong) in str(error)
    assert told == refused > 0  # some of them cannot be read at all
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (after - before) << 10 < MEMORY
