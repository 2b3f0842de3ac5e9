# SPDX-License-Identifier: MIT
"""The file of a bundle: whole, or a clear error; those of released versions are read for ever.

What `tests/data/bundles` holds stays as it is; a bundle of a newer version is added beside it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import random
import resource
from pathlib import Path
from typing import Any

import pytest

from kptrace.bundle import content, files
from kptrace.bundle.content import Bundle
from kptrace.bundle.files import BUNDLE, Kind, pack, read, write
from kptrace.bundle.magic import MAGIC, is_bundle
from kptrace.capture.frames import MAX_BODY, Packing, pack_frame, pack_preamble
from kptrace.errors import BundleError

KEPT = Path(__file__).parents[2] / "data/bundles"
ROUNDS = 1500
MEMORY = 300 << 20
JUNK: tuple[Any, ...] = (
    None, True, -1, 1 << 70, 1e300, "", "x" * 1000, "\udcff", [], {}, [[]], {"class": "Plan"},
)  # fmt: skip


@pytest.fixture
def bundle() -> Bundle:
    return read(str(KEPT / "biolatency-1.0.kpb"))


def refused(path: Path, data: bytes) -> str:
    """The error for a file with these bytes."""
    path.write_bytes(data)
    with pytest.raises(BundleError) as caught:
        read(str(path))
    return str(caught.value)


def test_what_is_written_is_read(bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "a.kpb"
    write(bundle, str(path))
    again = read(str(path))
    assert again == bundle
    assert pack(again) == path.read_bytes()
    assert is_bundle(str(path))
    assert [one.name for one in tmp_path.iterdir()] == ["a.kpb"]


def test_kept_bundles_are_read_for_ever(bundle: Bundle) -> None:
    assert [one.made_for for one in bundle.variants] == ["6.18.44-fc-v669, 6.12.118+deb13-amd64"]
    first = bundle.variants[0]
    assert bundle.arch == "x86_64"
    assert bundle.specification.name == "biolatency.bt"
    assert bundle.percentiles == (50.0, 90.0, 99.0, 99.9)
    assert [one.label for one in first.plan.programs][1].startswith("hook:block:bio_request by")
    assert ("uint32", "field", "struct", "request", "cmd_flags") in first.facts
    assert first.program.startswith(b"\x7fELF")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"#!/bin/sh\n", "is no bundle of kptrace"),
        (MAGIC[:5], "is no bundle of kptrace"),
        (MAGIC, "is cut off in its first bytes"),
        (pack_preamble(BUNDLE), "its manifest is cut off"),
        (pack_preamble(dataclasses.replace(BUNDLE, major=2)), "is a bundle of format 2.0"),
        (pack_preamble(BUNDLE) + pack_frame(Kind.PLAN, b"{}", 0), "a frame of kind 2"),
    ],
)
def test_what_is_no_bundle(tmp_path: Path, data: bytes, message: str) -> None:
    assert message in refused(tmp_path / "a.kpb", data)


def test_what_is_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none", Path("/dev/zero"), Path("a\0b")):
        assert not is_bundle(str(path))
        with pytest.raises(BundleError):
            read(str(path))


def test_something_behind_the_end(bundle: Bundle, tmp_path: Path) -> None:
    assert "behind its end" in refused(tmp_path / "a.kpb", pack(bundle) + b"x")


def test_an_object_of_another_bundle(bundle: Bundle, tmp_path: Path) -> None:
    first = bundle.variants[0]
    other = dataclasses.replace(first, program=first.program + b"x")
    manifest = files._frame(Kind.MANIFEST, content.pack_manifest(bundle))
    rest = pack(dataclasses.replace(bundle, variants=(other, *bundle.variants[1:])))
    begin = len(pack_preamble(BUNDLE))
    changed = files._frame(
        Kind.MANIFEST,
        content.pack_manifest(
            dataclasses.replace(bundle, variants=(other, *bundle.variants[1:])),
        ),
    )
    data = rest[:begin] + manifest + rest[begin + len(changed) :]
    assert "its program is not the one of its manifest" in refused(tmp_path / "a.kpb", data)


def test_a_failed_write_leaves_nothing(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="cannot write"):
        write(bundle, str(tmp_path / "none" / "a.kpb"))
    with pytest.raises(BundleError, match="cannot write"):
        write(bundle, str(tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("target", [None, "/dev/null", "gone"])
def test_nothing_but_a_file_is_replaced(bundle: Bundle, tmp_path: Path, target: str | None) -> None:
    path = tmp_path / "a.kpb"
    if target is None:
        os.mkfifo(path)
    else:
        path.symlink_to(target)
    before = path.lstat()
    with pytest.raises(BundleError, match="it is (no file|a link)"):
        write(bundle, str(path))
    assert path.lstat() == before
    with pytest.raises(BundleError, match="it is no file"):
        write(bundle, "/dev/null")


def test_much_text_is_neither_written_nor_read(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.kpb"
    data = pack(bundle)
    manifest = len(content.pack_manifest(bundle))
    plan = len(content.pack_plan(bundle.variants[0].plan))
    monkeypatch.setattr(files, "MOST_JSON", manifest + plan - 1)
    assert "it is too large" in refused(path, data)
    path.unlink()
    with pytest.raises(BundleError, match="its plans are larger"):
        write(bundle, str(path))


def test_a_newer_minor_version_is_known(bundle: Bundle, tmp_path: Path) -> None:
    newer = pack_preamble(dataclasses.replace(BUNDLE, minor=BUNDLE.minor + 1))
    path = tmp_path / "a.kpb"
    path.write_bytes(newer + pack(bundle)[len(newer) :])
    assert read(str(path)) == dataclasses.replace(bundle, minor=BUNDLE.minor + 1)


@pytest.mark.parametrize("text", ["\033[2J", "\udcff", "\u202e"])
def test_a_fact_that_no_kernel_gives(bundle: Bundle, tmp_path: Path, text: str) -> None:
    (variant,) = bundle.variants
    other = dataclasses.replace(variant, facts=((text, "enumerator", "A"),))
    path = tmp_path / "a.kpb"
    data = pack(dataclasses.replace(bundle, variants=(other,)))
    assert "a fact that no kernel gives" in refused(path, data)


def test_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    bomb = pack_frame(Kind.MANIFEST, b"[" * MAX_BODY, 0, Packing.ZLIB)
    path = tmp_path / "a.kpb"
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "damaged" in refused(path, pack_preamble(BUNDLE) + bomb)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) << 10 < MEMORY


def damaged(chance: random.Random, data: bytes) -> bytes:
    made = bytearray(data)
    if chance.random() < 0.3:
        return bytes(made[: chance.randrange(len(made))])
    for _ in range(chance.choice((1, 1, 5, 50))):
        made[chance.randrange(len(made))] ^= 1 << chance.randrange(8)
    return bytes(made)


def test_damaged_bytes(bundle: Bundle, tmp_path: Path) -> None:
    chance, data = random.Random(1), pack(bundle)
    path = tmp_path / "a.kpb"
    for _ in range(ROUNDS):
        made = damaged(chance, data)
        if made != data:
            assert str(path) in refused(path, made)


def altered(chance: random.Random, document: Any) -> Any:
    """The document with something else somewhere."""
    while True:
        if not isinstance(document, dict | list) or not document or chance.random() < 0.1:
            return chance.choice(JUNK)
        made = document.copy()
        place = chance.choice(list(made) if isinstance(made, dict) else range(len(made)))
        if chance.random() < 0.1:
            del made[place]
        else:
            made[place] = altered(chance, made[place])
        return made


def test_foreign_content(bundle: Bundle, tmp_path: Path) -> None:
    """Whole frames of what no kptrace has written: read as far as it can be true, or refused."""
    chance = random.Random(2)
    path = tmp_path / "a.kpb"
    first = bundle.variants[0]
    manifest = json.loads(content.pack_manifest(dataclasses.replace(bundle, variants=(first,))))
    plan = json.loads(content.pack_plan(first.plan))
    read_whole = refusals = 0
    for _ in range(ROUNDS):
        of_plan = chance.random() < 0.6
        body = json.dumps(altered(chance, plan) if of_plan else plan).encode()
        document = dict(
            manifest, variants=[dict(manifest["variants"][0], plan=content.digest(body))]
        )
        if not of_plan:
            document = altered(chance, document)
        path.write_bytes(
            pack_preamble(BUNDLE)
            + files._frame(Kind.MANIFEST, json.dumps(document).encode())
            + files._frame(Kind.PLAN, body)
            + files._frame(Kind.PROGRAM, first.program)
        )
        try:
            read(str(path))
            read_whole += 1
        except BundleError:
            refusals += 1
    assert read_whole
    assert refusals
