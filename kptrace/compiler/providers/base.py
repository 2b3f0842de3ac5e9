# SPDX-License-Identifier: MIT
"""What every provider shares: the attach point as it is resolved, and its findings."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from kptrace.errors import Report
from kptrace.kernel import Kernel
from kptrace.kernel.btf import Prototype
from kptrace.kernel.tracefs import TracepointFormat
from kptrace.lang import nodes as n
from kptrace.plan import Target

ATTACH = "attach"
"""Code of findings that mean: this kernel cannot serve the attach point (exit status 4)."""


def _every(feature: str) -> bool:
    return True


def _no_types(request: Request, found: Found, value: n.Expr) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """``missing`` is error, warn or ignore; ``func_ip``: a program can ask for its function;
    ``clones``: the compiler's variants of a function may stand in for it.

    ``only``: what the names of probes must match; begin and end are always kept. ``unsafe``:
    addresses, and functions that the kernel does not list, are tried. ``bpf_programs``: id and
    name of the BPF programs that are loaded, None where that is not known. ``refused``: why the
    kernel did not let candidates of hooks attach, by hook and candidate. ``has``: what this kernel
    can do, as in `compiler.Options`. ``typed``: the type of an expression at a target, "" where it
    is wrong.
    """

    missing: str = "error"
    max_programs: int = 1024
    max_probes: int = 1024
    func_ip: bool = True
    clones: bool = True
    parameters: tuple[str, ...] = ()
    only: re.Pattern[str] | None = None
    unsafe: bool = False
    bpf_programs: Callable[[], Sequence[tuple[int, str]] | None] = tuple
    refused: Mapping[tuple[str, str], str] = field(default_factory=dict)
    has: Callable[[str], bool] = _every
    typed: Callable[[Request, Found, n.Expr], str] = _no_types

    def keeps(self, probe: str) -> bool:
        return self.only is None or bool(self.only.search(probe))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one attach point resolves to, before units are numbered.

    Of a hook: ``provider`` is that of the place it was found at, ``probe`` the block as it reads
    there, ``label`` what people call it, ``notes`` why this place, and what it does not see.
    """

    targets: tuple[Target, ...]
    multi: bool = False
    prototype: Prototype | None = None
    format: TracepointFormat | None = None
    provider: str = ""
    probe: n.Probe | None = None
    label: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One attach point to resolve: its provider in long form, and its parts behind that.

    ``alone``: its probe has no other attach point. ``taken``: the names of tests and benches that
    the specification has used so far.
    """

    kernel: Kernel
    policy: Policy
    report: Report
    probe: n.Probe
    point: n.AttachPoint
    provider: str
    parts: tuple[str, ...]
    alone: bool = True
    taken: set[str] = field(default_factory=set)

    def error(self, message: str, hints: tuple[str, ...] = (), *, code: str = "probe") -> None:
        self.report.error(self.point.span, message, code=code, hints=hints)

    def count(self, *allowed: int) -> bool:
        """Whether the number of parts is allowed; says so if not."""
        if len(self.parts) in allowed:
            return True
        numbers = " or ".join(map(str, allowed))
        plural = "" if allowed == (1,) else "s"
        self.error(
            f"{self.provider} probe type requires {numbers} argument{plural},"
            f" found {len(self.parts)}"
        )
        return False

    def missing(self, name: str, hints: tuple[str, ...] = ()) -> None:
        """Report what matches nothing, by the missing_probes policy (language §6.3)."""
        if "*" in name and not self.alone:
            return  # a wildcard without match beside other attach points is dropped
        if self.policy.missing == "error":
            what = f"{self.provider} {name}" if name else self.point.text
            self.error(f"No matches for {what}.", hints, code=ATTACH)
        elif self.policy.missing == "warn":
            message = f"No matches for {self.point.text}. Skipping."
            self.report.warning(self.point.span, message, hints=hints)

    def not_loaded(self, module: str, name: str) -> None:
        """Report a module that is not there, whatever the policy (language §6.3)."""
        message = (
            f"specified module {module} in probe {self.provider}:{module}:{name} is not loaded."
        )
        self.error(message, (f"load it first: modprobe {module}",), code=ATTACH)


Provider: TypeAlias = Callable[[Request], Iterator[Found]]


def mentions(node: object) -> Iterator[str]:
    """Every built-in name and function name in a tree."""
    if isinstance(node, n.Name | n.Call):
        yield node.name
    if isinstance(node, tuple):
        for one in node:
            yield from mentions(one)
    elif isinstance(node, n.Node):
        for one in dataclasses.fields(node):
            if one.name != "span":
                yield from mentions(getattr(node, one.name))
