# SPDX-License-Identifier: MIT
"""Whose capture a file is: the first frame, as JSON.

Names of the JSON object's members are those of the classes here. A member that a newer minor
version adds is not read.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

from kptrace import plan as plans
from kptrace.capture.checks import check_plan
from kptrace.capture.content import Malformed, text
from kptrace.errors import CaptureError, KptraceError
from kptrace.plan import Plan
from kptrace.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """What makes the time of day, in ns of the epoch, of a reading of each clock, in ns.

    ``boot`` and ``tai`` are those of the host, which events read. ``monotonic`` is that of the
    process which writes, as is the time of frames (in a time namespace it is not the host's).
    """

    monotonic: int
    boot: int
    tai: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Where a capture was made. ``cpus`` are the possible ones."""

    name: str
    release: str
    version: str
    arch: str
    build_id: str
    boot_id: str
    cpus: int
    byte_order: str = "little"


@dataclass(frozen=True, slots=True, kw_only=True)
class Specification:
    """What was asked. ``named`` are pairs of getopt()'s names and values."""

    name: str
    text: str
    parameters: tuple[str, ...] = ()
    named: tuple[tuple[str, str | None], ...] = ()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first frame of a capture.

    ``run`` is the same in all files of one run (``--rotate``), and only there; ``part`` counts
    them from 0. ``interval_ns``: how far snapshots of the maps are apart, 0 without. ``kptrace``
    is the version that wrote it. ``percentiles`` are those that a run would have printed.
    ``gfp_flags`` are names and masks of the kernel's allocation flags, where a format needs them.
    ``probe_filter`` and ``pid`` are those options of the run: "" and 0 select everything.
    """

    plan: Plan
    run: str
    host: Host
    clocks: Clocks
    specification: Specification
    kptrace: str
    part: int = 0
    interval_ns: int = 0
    percentiles: tuple[float, ...] = ()
    gfp_flags: tuple[tuple[str, int], ...] = ()
    merged: bool = False
    probe_filter: str = ""
    pid: int = 0


_MOST = 1 << 24
"""Bytes: a plan tells of each place where a probe attaches, and there may be thousands."""
_MOST_CPUS = 1 << 13
"""NR_CPUS of the largest configuration of any architecture."""
_PARTS = {"host": Host, "clocks": Clocks, "specification": Specification}


def pack_header(header: Header) -> bytes:
    """The body of the frame."""
    document = {
        one.name: getattr(header, one.name)
        for one in dataclasses.fields(header)
        if one.name not in ("plan", *_PARTS)
    }
    for name, cls in _PARTS.items():
        part = getattr(header, name)
        document[name] = {one.name: getattr(part, one.name) for one in dataclasses.fields(cls)}
    document["specification"]["sha256"] = header.specification.sha256
    document["plan"] = json.loads(plans.to_json(header.plan))
    return json.dumps(document).encode()


def unpack_header(body: bytes, path: str) -> Header:
    """The header back; raises CaptureError where it is none that could have been written."""
    try:
        if len(body) > _MOST:
            raise ValueError(f"{len(body)} bytes of JSON")
        document = json.loads(body)
        values = members(Header, document, skip=("plan", *_PARTS))
        for name, cls in _PARTS.items():
            values[name] = cls(**members(cls, document[name]))
        if document["specification"]["sha256"] != values["specification"].sha256:
            raise ValueError("the text of the specification is not that of its checksum")
        if not 0 <= values["host"].cpus <= _MOST_CPUS:
            raise ValueError(f"a host of {values['host'].cpus} CPUs")
        plan = _plan(document["plan"])
    except KptraceError as error:  # a plan of another version
        raise CaptureError(f"cannot read '{path}': {error}", code="capture-plan") from None
    except Malformed as error:
        reason = str(error) or type(error).__name__
        raise CaptureError(
            f"'{path}' has no header that kptrace could have written: {reason}",
            code="damaged-capture",
        ) from None
    return Header(plan=plan, **values)


_last: list[tuple[Any, Plan]] = []
"""The plan that was read before: captures of many hosts have the same."""


def _plan(document: Any) -> Plan:
    if not _last or _last[0][0] != document:
        plan = plans.from_json(json.dumps(document))
        check_plan(plan)
        _last[:] = [(document, plan)]
    return _last[0][1]


def members(cls: Any, document: dict[str, Any], skip: tuple[str, ...] = ()) -> dict[str, Any]:
    """The members that the class has a field for, in the types of these.

    Raises ValueError, LookupError, TypeError or AttributeError where the document has others.
    """
    found = {}
    for one in dataclasses.fields(cls):
        if one.name in skip:
            continue
        if one.name not in document and one.default is not dataclasses.MISSING:
            continue
        found[one.name] = _READ[str(one.type)](document[one.name])
    return found


def _exactly(cls: type) -> Any:
    def read(value: Any) -> Any:
        if type(value) is not cls:
            raise TypeError(f"{value!r:.40} is no {cls.__name__}")
        return value

    return read


def _int(value: Any) -> int:
    if type(value) is not int or value.bit_length() > 64:
        raise TypeError(f"{value!r:.40} is no number of 64 bits")
    return value


def _level(value: Any) -> float:
    if type(value) not in (int, float) or not 0 < value <= 100:
        raise ValueError(f"{value!r:.40} is no percentile")
    return float(value)


_READ = {
    "str": text,
    "int": _int,
    "bool": _exactly(bool),
    "tuple[str, ...]": lambda value: tuple(map(text, value)),
    "tuple[tuple[str, ...], ...]": lambda value: tuple(tuple(map(text, one)) for one in value),
    "tuple[float, ...]": lambda value: tuple(map(_level, value)),
    "tuple[tuple[str, int], ...]": lambda value: tuple(
        (text(name), _int(mask)) for name, mask in value
    ),
    "tuple[tuple[str, str | None], ...]": lambda value: tuple(
        (text(name), None if given is None else text(given)) for name, given in value
    ),
}
"""How the JSON form of a field's type is read; a value of another type is refused."""
