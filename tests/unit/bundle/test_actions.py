# SPDX-License-Identifier: MIT
"""What an object may do is read from its instructions; what cannot be read is not harmless."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from kptrace.bundle.actions import acts, constants
from kptrace.bundle.files import read

KEPT = Path(__file__).parents[2] / "data/bundles"
LOOKS = read(str(KEPT / "biolatency-1.0.kpb")).variants[0].program
ROUNDS = 300


def test_what_only_looks() -> None:
    assert acts(LOOKS) == ()


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ((0x85, 0, 0, 36), "bpf_probe_write_user"),
        ((0x85, 0, 0, 58), "bpf_override_return"),
        ((0x85, 0, 0, 109), "bpf_send_signal"),
        ((0x85, 0, 0, 117), "bpf_send_signal_thread"),
        ((0x85, 0x20, 0, 1234), "a function of the kernel by its number"),
    ],
)
def test_calls(call: tuple[int, int, int, int], told: str) -> None:
    read_kernel = struct.pack("<BBhi", 0x85, 0, 0, 113)
    assert read_kernel in LOOKS
    assert acts(LOOKS.replace(read_kernel, struct.pack("<BBhi", *call), 1)) == (told,)


@pytest.mark.parametrize("kind", ["lsm/xx", "fmod_r", "?fexit"])
def test_kinds_of_programs(kind: str) -> None:
    assert b"raw_tp\0" in LOOKS
    (told,) = acts(LOOKS.replace(b"raw_tp\0", kind.encode() + b"\0"))
    assert told == f"a program of kind {kind}"


@pytest.mark.parametrize(
    "program", [b"", b"no object", LOOKS[:64], LOOKS[:-1], b"\x7fELF\x02\x02" + LOOKS[6:]]
)
def test_what_cannot_be_read(program: bytes) -> None:
    assert acts(program) == ("something that cannot be read",)


def test_damage_is_no_fault() -> None:
    chance = random.Random(1)
    for _ in range(ROUNDS):
        made = bytearray(LOOKS)
        for _ in range(chance.choice((1, 5, 50))):
            made[chance.choice((chance.randrange(64), chance.randrange(len(made))))] ^= 255
        acts(bytes(made))


def test_constants_are_whole() -> None:
    assert all(0 <= one < 1 << 64 for one in constants(LOOKS))
