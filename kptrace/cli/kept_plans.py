# SPDX-License-Identifier: MIT
"""Plans that were compiled before: a specification that ran here starts without compiling.

An answer from here must be the one that compiling would give now. So a plan is kept under
everything that the compiler asks (the text, the options, the environment, the kernel's
`identity`, clang and kptrace's own files), and not at all where it asks for more: other files,
numbers of control groups and processes, BPF programs.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import kptrace
from kptrace import plan as plans
from kptrace import store, toolchain
from kptrace.cli.spec import OTHER_FILES, Given
from kptrace.kernel import Kernel
from kptrace.kernel.files import shortages
from kptrace.kernel.identity import identity
from kptrace.plan import Plan
from kptrace.records import dataclass

if TYPE_CHECKING:
    from kptrace.compiler import Compilation

_ASKS_MORE = re.compile(OTHER_FILES + r"|\b(?:cgroupid|cpid|has_cpid|bpf)\b")
"""Words without which nothing outside of the key is asked."""

_VARIABLES = ("BPFTRACE_", "KPTRACE_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of the compiler; ``key`` is all that the answer depends on, as text."""

    given: Given
    settings: Mapping[str, Any]
    others: tuple[object, ...]
    key: bytes

    @property
    def name(self) -> str:
        """What the plan is kept under; two keys may share it, and then one of them is kept."""
        return f"{zlib.crc32(self.key):08x}.plan"


def request(
    given: Given, settings: Mapping[str, Any], others: tuple[object, ...]
) -> Request | None:
    """The request for what `compile_given` makes with these settings; None: it must be compiled.

    ``others``: what else it depends on.
    """
    if "BPFTRACE_BTF" in os.environ or settings["include"]:
        return None
    if any(map(_ASKS_MORE.search, (given.source.text, *given.parameters))):
        return None
    here = identity()
    if here is None:
        return None
    whole = (
        _kptrace(),
        toolchain.identity(toolchain.find_clang()),
        tuple(sorted(one for one in os.environ.items() if one[0].startswith(_VARIABLES))),
        (given.source.name, given.source.text, given.parameters, tuple(given.named.items())),
        # the number of a command's process says nothing where the specification does not ask
        tuple({**settings, "cpid": settings["cpid"] is not None}.items()),
        others,
        here,
    )
    return Request(given=given, settings=settings, others=others, key=ascii(whole).encode())


def find(wanted: Request) -> tuple[Plan, bytes] | None:
    """The plan and the object that were kept for a request."""
    data = store.kept(store.directory(), wanted.name)
    if data is None:
        return None
    key, plan, program = data.split(b"\0", 2)  # the first two are ASCII
    return (plans.from_json(plan.decode()), program) if key == wanted.key else None


def keep(wanted: Request, made: Compilation, kernel: Kernel, program: bytes) -> None:
    """Keep what was compiled, unless it depends on what may be another next time."""
    if made.warnings or kernel.btf is None or kernel.symbols.met_passing or shortages:
        return
    now = request(wanted.given, wanted.settings, wanted.others)
    if now is None or now.key != wanted.key:  # what came meanwhile may be in the plan or not
        return
    data = b"\0".join((wanted.key, plans.to_json(made.plan).encode(), program))
    store.keep(store.directory(), wanted.name, data)


def forget(wanted: Request) -> None:
    """The kernel did not take what was kept."""
    store.forget(store.directory(), wanted.name)


def _kptrace() -> tuple[object, ...]:
    """This kptrace: its version and the state of its files."""
    return kptrace.__version__, *_states(os.path.dirname(kptrace.__file__))


def _states(directory: str) -> Iterator[tuple[str, int, int]]:
    with os.scandir(directory) as entries:
        for one in sorted(entries, key=lambda entry: entry.name):
            if one.name.endswith(".py"):
                found = one.stat()
                yield one.name, found.st_size, found.st_mtime_ns
            elif one.is_dir() and one.name != "__pycache__":
                yield from _states(one.path)
