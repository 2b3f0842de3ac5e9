# SPDX-License-Identifier: MIT
"""What is in a bundle: one specification, and its variants."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any

from kptrace import plan as plans
from kptrace.capture.header import Specification, members
from kptrace.plan import Plan
from kptrace.records import dataclass

MOST_VARIANTS = 64
_UNPACKED = ("specification", "variants", "minor")
"""Members of `Bundle` that are kept in another way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """One that a variant was made for. ``types``: the digest of its BTF, "" where it has none."""

    release: str
    types: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A plan and its object, and what they take for granted of a kernel.

    ``features`` are names of `runtime.features`. Each of the ``facts`` is an answer and, behind
    it, the question of `kernel.questions` that it was the answer to. ``wildcards`` are the attach
    points that were resolved by what those kernels have.
    """

    kernels: tuple[Kernel, ...]
    features: tuple[str, ...]
    facts: tuple[tuple[str, ...], ...]
    wildcards: tuple[str, ...]
    plan: Plan
    program: bytes

    @property
    def made_for(self) -> str:
        """The kernels, for people."""
        return ", ".join(one.release for one in self.kernels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """One specification. ``kptrace`` is the version that built it.

    ``percentiles``: those that a run prints; its histograms are fine enough for any if there are
    some. ``unsafe`` and ``report_failures`` as in `compiler.Options`. ``cpus``: with more possible
    CPUs a host reads too little of its maps. ``from_library`` as in `cli.spec.Given`.
    ``probe_filter``: the option of the build, "" for all probes. ``minor``: the file's version.
    """

    specification: Specification
    arch: str
    kptrace: str
    cpus: int
    variants: tuple[Variant, ...]
    percentiles: tuple[float, ...] = ()
    unsafe: bool = False
    report_failures: bool = False
    from_library: bool = False
    probe_filter: str = ""
    minor: int = 0


def pack_manifest(bundle: Bundle) -> bytes:
    """Everything but plans and objects, as JSON; these by their digests."""
    document = {
        one.name: getattr(bundle, one.name)
        for one in dataclasses.fields(bundle)
        if one.name not in _UNPACKED
    }
    found = bundle.specification
    document["specification"] = {
        **{one.name: getattr(found, one.name) for one in dataclasses.fields(found)},
        "sha256": found.sha256,
    }
    document["variants"] = [
        {
            "kernels": [{"release": it.release, "types": it.types} for it in one.kernels],
            "features": one.features,
            "facts": one.facts,
            "wildcards": one.wildcards,
            "plan": digest(pack_plan(one.plan)),
            "program": digest(one.program),
        }
        for one in bundle.variants
    ]
    return json.dumps(document).encode()


def pack_plan(plan: Plan) -> bytes:
    return plans.to_json(plan).encode()


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A variant as the manifest has it; ``plan`` and ``program`` are digests."""

    kernels: tuple[Kernel, ...]
    features: tuple[str, ...]
    facts: tuple[tuple[str, ...], ...]
    wildcards: tuple[str, ...]
    plan: str
    program: str


def unpack_manifest(body: bytes) -> tuple[dict[str, Any], tuple[Listed, ...]]:
    """The fields of `Bundle`, and its variants as they are listed.

    Raises ValueError, LookupError, TypeError or AttributeError where it is none that could have
    been written.
    """
    document = json.loads(body)
    values = members(Bundle, document, skip=_UNPACKED)
    found = document["specification"]
    values["specification"] = Specification(**members(Specification, found))
    if found["sha256"] != values["specification"].sha256:
        raise ValueError("the text of the specification is not that of its checksum")
    listed = document["variants"]
    if type(listed) is not list or not 0 < len(listed) <= MOST_VARIANTS:
        raise ValueError("no list of variants")
    return values, tuple(map(_listed, listed))


def _listed(document: dict[str, Any]) -> Listed:
    kernels = tuple(Kernel(**members(Kernel, one)) for one in document["kernels"])
    values = members(Listed, document, skip=("kernels",))
    if not all(len(one) > 1 for one in values["facts"]):
        raise ValueError("a fact without a question")
    if not all(text.isascii() and text.isprintable() for one in values["facts"] for text in one):
        raise ValueError("a fact that no kernel gives")
    return Listed(kernels=kernels, **values)
