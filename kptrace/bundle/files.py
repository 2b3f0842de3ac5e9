# SPDX-License-Identifier: MIT
"""The file of a bundle: `capture.frames` with a manifest, then a plan and an object per variant.

Whoever runs a bundle trusts it, as one trusts a script. What is read here is believed only as far
as it can be true all the same: a file that was damaged on its way is told, and takes no more memory
than `MOST_BYTES` and `MOST_JSON` allow.
"""

from __future__ import annotations

import os
import stat
from enum import IntEnum

from kptrace import plan as plans
from kptrace.bundle.content import (
    Bundle,
    Listed,
    Variant,
    digest,
    pack_manifest,
    pack_plan,
    unpack_manifest,
)
from kptrace.bundle.magic import MAGIC
from kptrace.capture.checks import check_plan
from kptrace.capture.frames import Form, FrameReader, Packing, pack_frame, pack_preamble
from kptrace.errors import BundleError, KptraceError

MOST_BYTES = 1 << 26
"""Of all its objects."""
MOST_JSON = 1 << 23
"""Of its manifest and its plans: their objects take many times as much."""

BUNDLE = Form(
    magic=MAGIC,
    major=1,
    minor=0,
    name="bundle",
    hint="kptrace build writes bundles",
    error=BundleError,
)


class Kind(IntEnum):
    """What a frame holds."""

    MANIFEST = 1  # always the first frame
    PLAN = 2
    PROGRAM = 3  # the object of the plan before it


def pack(bundle: Bundle) -> bytes:
    """The bytes of a bundle: the same for the same content. ValueError for too large plans."""
    manifest = pack_manifest(bundle)
    packed = [pack_plan(one.plan) for one in bundle.variants]
    if len(manifest) + sum(map(len, packed)) > MOST_JSON:
        raise ValueError(f"its plans are larger than {MOST_JSON >> 20} MB")
    parts = [pack_preamble(BUNDLE), _frame(Kind.MANIFEST, manifest)]
    for one, plan in zip(bundle.variants, packed, strict=True):
        parts += (_frame(Kind.PLAN, plan), _frame(Kind.PROGRAM, one.program))
    return b"".join(parts)


def write(bundle: Bundle, path: str) -> None:
    """Write beside and rename: a reader sees the whole or what was there before.

    Raises BundleError where it cannot, and for what is there and is no file: a device or a link
    would be replaced, too.
    """
    _refuse_other(path)
    beside = f"{path}.{os.getpid()}"
    try:
        with open(beside, "xb") as file:
            file.write(pack(bundle))
        os.replace(beside, path)
    except (OSError, ValueError) as error:
        if os.path.lexists(beside):
            os.unlink(beside)
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise BundleError(f"cannot write '{path}': {reason}", code="output") from None


def _refuse_other(path: str) -> None:
    try:
        mode = os.lstat(path).st_mode
    except (OSError, ValueError):  # writing tells what is wrong with it
        return
    if not stat.S_ISREG(mode):
        what = "a link" if stat.S_ISLNK(mode) else "no file"
        raise BundleError(
            f"cannot write '{path}': it is {what}",
            hint="a bundle is written to a regular file, and replaces what is there",
            code="output",
        )


def read(path: str) -> Bundle:
    """The bundle; raises BundleError for what is none, or is not whole."""
    with FrameReader(path, BUNDLE) as frames:
        try:
            room, texts = MOST_BYTES, MOST_JSON
            manifest = _body(frames, Kind.MANIFEST, texts)
            values, listed = unpack_manifest(manifest)
            texts -= len(manifest)
            variants = []
            for one in listed:
                plan = _body(frames, Kind.PLAN, texts, one.plan)
                program = _body(frames, Kind.PROGRAM, room, one.program)
                texts -= len(plan)
                room -= len(program)
                variants.append(_variant(one, plan, program))
            if frames.read() is not None or frames.cut is not None:
                raise ValueError("there is something behind its end")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            reason = str(error) or type(error).__name__
            raise BundleError(
                f"'{path}' is a damaged bundle: {reason}",
                hint="copy it again, or build it again: kptrace build",
                code="damaged-bundle",
            ) from None
        values["minor"] = frames.minor
    return Bundle(variants=tuple(variants), **values)


def _frame(kind: Kind, body: bytes) -> bytes:
    return pack_frame(kind, body, 0, Packing.ZLIB)


def _body(frames: FrameReader, kind: Kind, budget: int, wanted: str = "") -> bytes:
    frame = frames.read()
    if frame is None:
        damaged = frames.cut is not None and frames.cut.damaged
        raise ValueError(f"its {kind.name.lower()} is {'wrong' if damaged else 'cut off'}")
    if frame.kind != kind:
        raise ValueError(f"a frame of kind {frame.kind} where {kind} is due")
    if len(frame.body) > budget:
        raise ValueError("it is too large")
    if wanted and digest(frame.body) != wanted:
        raise ValueError(f"its {kind.name.lower()} is not the one of its manifest")
    return frame.body


def _variant(listed: Listed, body: bytes, program: bytes) -> Variant:
    try:
        plan = plans.from_json(body.decode())
    except KptraceError as error:  # a plan of another version
        raise ValueError(str(error)) from None
    check_plan(plan)
    return Variant(
        kernels=listed.kernels,
        features=listed.features,
        facts=listed.facts,
        wildcards=listed.wildcards,
        plan=plan,
        program=program,
    )
