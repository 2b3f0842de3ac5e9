# SPDX-License-Identifier: MIT
"""Which program attaches how, on which kernel."""

from __future__ import annotations

import pytest

from kptrace.errors import HostError
from kptrace.plan import Plan, ProbeKind, Program, Target
from kptrace.runtime.mechanism import Mechanism, choose, reason

MODERN = frozenset({"kprobe", "perf_link", "kprobe_multi"})
DEBIAN_6_1 = MODERN - {"kprobe_multi"}
OLD = frozenset({"kprobe"})


def probe(
    name: str, *functions: str, kind: ProbeKind = ProbeKind.KPROBE, multi: bool = False, **more: int
) -> Program:
    targets = tuple(Target(probe=one, name=one, **more) for one in functions)
    return Program(name=name, kind=kind, label=name, targets=targets, multi=multi)


def chosen(programs: list[Program], has: frozenset[str], wanted: str = "auto") -> list[str]:
    plan = Plan(name="test", arch="", programs=tuple(programs))
    found = choose(plan, lambda name: name in has, wanted)
    return [found[program.name].value for program in programs]


@pytest.mark.parametrize(
    ("has", "mechanism"),
    [(MODERN, "perf link"), (OLD, "perf ioctl"), (frozenset[str](), "tracefs")],
)
def test_single_function(has: frozenset[str], mechanism: str) -> None:
    programs = [probe("a", "vfs_read"), probe("b", "vfs_read", kind=ProbeKind.KRETPROBE)]
    assert chosen(programs, has) == [mechanism] * 2


def test_many_functions_share_one_link_where_the_kernel_can() -> None:
    programs = [probe("a", "vfs_read", "vfs_write", multi=True), probe("b", "vfs_open")]
    assert chosen(programs, MODERN) == ["kprobe.multi", "perf link"]
    assert chosen(programs, DEBIAN_6_1) == ["perf link", "perf link"]


def test_blocks_on_one_function_use_one_mechanism() -> None:
    programs = [
        probe("a", "vfs_read"),
        probe("b", "vfs_read", "vfs_write", multi=True),
        probe("c", "vfs_read", kind=ProbeKind.KRETPROBE),
    ]
    assert chosen(programs, MODERN) == ["kprobe.multi", "kprobe.multi", "perf link"]


def test_offsets_cannot_be_multi() -> None:
    programs = [probe("a", "vfs_read", "vfs_write", multi=True, offset=4)]
    assert chosen(programs, MODERN) == ["perf link"]


def test_functions_at_addresses_can_be_multi() -> None:
    programs = [probe("a", "same", "same", multi=True, address=4096)]
    assert chosen(programs, MODERN) == ["kprobe.multi"]
    nameless = [probe("a", "", "", multi=True, address=4096)]
    assert chosen(nameless, MODERN) == ["perf link"]


def test_other_kinds_ignore_what_is_wanted_for_functions() -> None:
    programs = [
        probe("a", kind=ProbeKind.BEGIN),
        probe("b", "sched_switch", kind=ProbeKind.TRACEPOINT),
        probe("c", "sched_switch", kind=ProbeKind.RAWTRACEPOINT),
        probe("d", "", kind=ProbeKind.INTERVAL),
    ]
    expected = ["test run", "perf link", "raw tracepoint", "perf link"]
    for wanted in ("auto", "tracefs", "multi", "kprobe"):
        assert chosen(programs, MODERN, wanted) == expected


def test_what_the_user_wants() -> None:
    programs = [probe("a", "vfs_read"), probe("b", "vfs_read", "vfs_write", multi=True)]
    assert chosen(programs, MODERN, "multi") == ["kprobe.multi"] * 2
    assert chosen(programs, MODERN, "kprobe") == ["perf link"] * 2
    assert chosen(programs, MODERN, "tracefs") == ["tracefs"] * 2
    with pytest.raises(HostError, match=r"no kprobe\.multi"):
        chosen(programs, DEBIAN_6_1, "multi")


def test_only_features_that_matter_are_asked_for() -> None:
    asked: list[str] = []

    def has(name: str) -> bool:
        asked.append(name)
        return True

    plan = Plan(name="test", arch="", programs=(probe("a", kind=ProbeKind.BEGIN),))
    assert choose(plan, has) == {"a": Mechanism.TEST_RUN}
    assert asked == []


def reasons(programs: list[Program], has: frozenset[str], wanted: str = "auto") -> list[str]:
    plan = Plan(name="test", arch="", programs=tuple(programs))
    found = choose(plan, lambda name: name in has, wanted)
    return [
        reason(plan, one, found[one.name], lambda name: name in has, wanted) for one in programs
    ]


def test_the_choice_has_a_reason() -> None:
    one, many = probe("a", "vfs_read"), probe("b", "vfs_read", "vfs_write", multi=True)
    back = probe("c", "vfs_read", kind=ProbeKind.KRETPROBE)
    assert reasons([one], MODERN) == ["one function"]
    assert reasons([one, back], MODERN) == ["this kernel has no kprobe.session"] * 2
    assert reasons([one, back], MODERN | {"kprobe_session"}) == ["one function"] * 2
    assert reasons([many], MODERN) == ["one link for all functions"]
    assert reasons([many], DEBIAN_6_1) == ["this kernel has no kprobe.multi"]
    assert reasons([one, many], MODERN)[0].startswith("another block on one of its functions")
    inside = probe("d", "vfs_read", "vfs_write", multi=True, offset=4)
    assert reasons([inside], MODERN) == ["kprobe.multi takes plain function names only"]
    assert reasons([one], OLD) == ["this kernel has no perf links"]
    assert reasons([one], frozenset()) == ["this kernel refuses kprobes as perf events"]
    assert reasons([one], MODERN, "multi") == ["--attach multi"]
    assert reasons([one], MODERN, "tracefs") == ["--attach tracefs"]
    assert reasons([many], MODERN, "kprobe") == ["--attach kprobe"]
    session = Program(
        name="e", kind=ProbeKind.KPROBE, label="e", targets=one.targets, session="c"
    )  # fmt: skip
    assert reasons([session], MODERN) == ["one link for entry and return"]
    assert reasons([probe("f", "t", kind=ProbeKind.TRACEPOINT)], MODERN) == [""]
