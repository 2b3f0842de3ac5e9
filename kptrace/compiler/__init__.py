# SPDX-License-Identifier: MIT
"""Tree and facts to plan and C. All passes on one screen:

``parse -> imports -> C definitions -> macros``, then
``settings -> supported -> expand -> check -> generate``

In: a `Source` and the facts of one kernel. Out: a `Compilation`: the plan, the C text in each
dialect, the warnings. Every finding of a specification is told in one run. Nothing here needs a
privilege, attaches or loads; only `clang` starts a process.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from kptrace.compiler import codegen, config, tree
from kptrace.compiler.cdefs import Search, open_definitions
from kptrace.compiler.check import check
from kptrace.compiler.declarations import check_declarations, declarations
from kptrace.compiler.expand import ATTACH, Policy, Unit, expand
from kptrace.compiler.flow import stored_maps
from kptrace.compiler.functions.process import current_process
from kptrace.compiler.imports import load_imports
from kptrace.compiler.keys import check_with_keys
from kptrace.compiler.parameters import Named
from kptrace.compiler.probe_values import NO_BTF
from kptrace.compiler.providers import PROVIDERS
from kptrace.compiler.providers.base import Found, Request
from kptrace.compiler.providers.hooks import Choice, choose
from kptrace.compiler.scope import FEATURE, Facts, any_kfunc, every
from kptrace.compiler.sessions import declaration, pairs
from kptrace.compiler.standard import STANDARD
from kptrace.compiler.storage import map_kind
from kptrace.compiler.support import refuse_unsupported
from kptrace.errors import AttachError, Diagnostic, HostError, Report
from kptrace.kernel import Kernel
from kptrace.kernel.hooks import HOOKS
from kptrace.lang import expand_macros, parse
from kptrace.lang import nodes as n
from kptrace.plan import Plan, ProbeKind
from kptrace.source import Source, Span
from kptrace.types import type_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """``parameters`` are ``$1`` and on, ``named`` those of getopt().

    ``percentiles`` collects hist() at 5 bits of precision.
    ``mode``: compile the ``test`` or the ``bench`` probes instead of those that attach; begin and
    end blocks always. ``pid_filter``: probes count only for one process, which the runtime names.
    ``bpf_programs``: id and name of the BPF programs that are loaded; None: not known.
    ``session``: entry and return of the same functions may share a program and a link.
    ``task_storage``: threads may keep what a map has of them, where the kernel is made for it;
    only libbpf loads that. ``cpid`` is
    the process of the command that runs along (``-c``).
    ``func_ip``: this kernel has the helper bpf_get_func_ip (5.15, commit 9ffd9f3ff719);
    ``percpu_lookup``: it has bpf_map_lookup_percpu_elem (5.19, commit 07343110b293). ``has``: any
    other feature, asked for when a specification needs it; ``calls`` as in `scope.Facts`.
    ``only``: what the names of probes must match. ``search``: where headers of the C part are
    found. ``unsafe`` allows what changes the system or runs commands. ``report_failures``: every
    failed helper is told. ``refused``: why the kernel did not let candidates of hooks attach, by
    hook and candidate.
    """

    parameters: tuple[str, ...] = ()
    named: Mapping[str, str | None] = field(default_factory=dict)
    percentiles: bool = False
    mode: str = ""
    pid_filter: bool = False
    cpid: int | None = None
    session: bool = False
    task_storage: bool = False
    bpf_programs: Callable[[], Sequence[tuple[int, str]] | None] = tuple
    refused: Mapping[tuple[str, str], str] = field(default_factory=dict)
    func_ip: bool = True
    percpu_lookup: bool = True
    has: Callable[[str], bool] = every
    calls: Callable[[ProbeKind, bool, str, str], bool | None] = any_kfunc
    only: re.Pattern[str] | None = None
    unsafe: bool = False
    report_failures: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    search: Search = field(default_factory=Search)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compilation:
    """What the runtime needs, and what the user should hear.

    ``left_out``: kinds of probes that the mode has no use for.
    """

    plan: Plan
    warnings: tuple[Diagnostic, ...]
    generated: codegen.Generated
    left_out: frozenset[ProbeKind] = frozenset()

    def c(self, dialect: str) -> str:
        """The C text; ``core`` or ``bcc``."""
        return self.generated.text(dialect)


MAX_CPUS = 512
"""Assumed where the number of possible CPUs is unknown; the verifier walks loops of this length."""

PERCENTILE_BITS = 5
"""Precision of hist() buckets when percentiles are wanted: error at most 2^-5 (language §16.2)."""


def _fail(report: Report, kernel: Kernel) -> None:
    """Raise what was found; what only this kernel lacks has another exit status."""
    codes = {one.code for one in report.errors}
    found = [*report.errors, *report.warnings]
    if codes == {ATTACH}:
        raise AttachError.of(found)
    lacks = {FEATURE} if kernel.btf is not None else {FEATURE, NO_BTF}
    if codes & lacks and codes <= lacks | {ATTACH}:
        raise HostError.of(found)
    report.check()


def compile_spec(source: Source, kernel: Kernel, options: Options) -> Compilation:
    """All passes. Raises SpecError, AttachError or HostError with everything that was found."""
    report = Report()
    program = parse(source)

    def may_import(span: Span) -> bool:
        settings = config.read(program, options.environment, Report())
        return settings.allow_unstable("import_statement", span, report)

    program = load_imports(program, report, may_import)
    report.check()
    with open_definitions(program, kernel, options.search, report) as own:
        program = expand_macros(program, STANDARD, own.constants, report)
        report.check()
        return _compile(program, kernel.defining(own.types), options, report)


def _compile(program: n.Program, kernel: Kernel, options: Options, report: Report) -> Compilation:
    """The passes after macros are expanded."""
    settings = config.read(program, options.environment, report)
    if options.cpid is not None or kernel.fixed_addresses:
        settings = settings.of_one_program()
    refuse_unsupported(program, report)
    named = Named(given=options.named)
    facts = Facts(
        kernel=kernel,
        parameters=options.parameters,
        named=named,
        max_strlen=settings.number("max_strlen"),
        stack_mode=settings.word("stack_mode"),
        settings=settings,
        hist_bits=PERCENTILE_BITS if options.percentiles else 0,
        percpu_lookup=options.percpu_lookup,
        has=options.has,
        calls=options.calls,
        cpid=options.cpid,
        unsafe=options.unsafe,
    )
    policy = Policy(
        missing=settings.plan.missing_probes,
        max_programs=settings.number("max_bpf_progs"),
        max_probes=settings.plan.max_probes,
        func_ip=options.func_ip,
        parameters=options.parameters,
        only=options.only,
        unsafe=options.unsafe,
        bpf_programs=options.bpf_programs,
        refused=options.refused,
        has=options.has,
        typed=partial(_typed, facts),
    )
    known, warned = len(report.errors), len(report.warnings)
    units = expand(program, kernel, policy, report)
    points = {one.point.span for one in units}
    lost = [one for one in program.probes if points.isdisjoint(at.span for at in one.attach)]
    facts = replace(
        facts,
        lost_maps=frozenset(stored_maps(tuple(lost))),
        lost_probes=len(report.errors) > known,
        lost_told=len(report.warnings) > warned,
    )
    declared = declarations(program, report)
    checked, facts = check_with_keys(units, facts, report)
    check_declarations(declared, checked.maps, map_kind, report)
    if not report.errors:  # else what is asked for may not be known
        named.refuse_unexpected(report)
    _fail(report, kernel)
    wanted = _of_mode(units, options.mode)
    if wanted != units:
        checked = check(wanted, facts, Report())
    session_kfunc = declaration(kernel) if options.session else ""
    generated = codegen.generate(
        wanted,
        checked,
        declared,
        name=program.source.name,
        machine=kernel.arch,
        config=settings.plan,
        on_stack_limit=settings.number("on_stack_limit"),
        cpus=kernel.possible_cpus or MAX_CPUS,
        report_failures=options.report_failures,
        texts=tuple(facts.texts),
        lazy_alloc=kernel.has_function("bpf_mem_alloc_init"),
        task_storage=lambda: options.task_storage and kernel.makes_task_storage,
        sessions=pairs(wanted) if session_kfunc else {},
        session_kfunc=session_kfunc,
        current_pid=current_process(kernel)[0] if options.pid_filter else "",
    )
    for one in generated.programs:
        if one.unit.targets[0].pin and one.warnings:
            message = (
                "a pinned iter probe runs without kptrace, so nobody is told:"
                f" {'; '.join(text.partition('. ')[0] for text in one.warnings)}"
            )
            report.warning(one.unit.point.span, message, code="pin")
    return Compilation(
        plan=generated.plan,
        warnings=tuple(report.warnings),
        generated=generated,
        left_out=frozenset({one.kind for one in units} - {one.kind for one in wanted}),
    )


def resolve(source: Source, kernel: Kernel, options: Options) -> tuple[Unit, ...]:
    """Where the probes of a specification would attach, whatever is in their blocks.

    What this kernel has not is left out. Raises as `compile_spec`.
    """
    report = Report()
    policy = Policy(
        missing="ignore",
        parameters=options.parameters,
        bpf_programs=options.bpf_programs,
        has=options.has,
        typed=partial(_typed, Facts(kernel=kernel, parameters=options.parameters)),
    )
    units = expand(parse(source), kernel, policy, report)
    _fail(report, kernel)
    return units


def hook_choice(
    name: str,
    kernel: Kernel,
    used: frozenset[str] = frozenset(),
    has: Callable[[str], bool] = every,
) -> Choice:
    """How a hook resolves on a kernel, for a block that uses these of its arguments.

    ``has`` as in `Options`.
    """
    probe = parse(Source(name="hook", text=f"hook:{name} {{ }}")).probes[0]
    request = Request(
        kernel=kernel,
        policy=Policy(has=has, typed=partial(_typed, Facts(kernel=kernel))),
        report=Report(),
        probe=probe,
        point=probe.attach[0],
        provider="hook",
        parts=tuple(name.split(":")),
    )
    return choose(request, HOOKS[name], PROVIDERS, used)


def _typed(facts: Facts, request: Request, found: Found, value: n.Expr) -> str:
    """The name of the type that an expression has in a probe; "" where it is wrong there."""
    body = n.Block(
        span=value.span, statements=(n.Discard(span=value.span, value=value),), value=None
    )
    unit = Unit(
        index=0,
        probe=replace(request.probe, predicate=None, body=body),
        point=request.point,
        kind=ProbeKind(found.provider),
        targets=found.targets,
        label="",
        prototype=found.prototype,
        format=found.format,
    )
    report = Report()
    checked = check((unit,), facts, report)
    made = checked.bodies[0][0]
    return (
        "" if report.errors or not isinstance(made, tree.Evaluate) else type_name(made.value.type)
    )


_MODES = {"test": ProbeKind.TEST, "bench": ProbeKind.BENCH}


def _of_mode(units: tuple[Unit, ...], mode: str) -> tuple[Unit, ...]:
    """The units that a mode runs: its own, or all that attach; begin and end blocks always."""
    if not mode:
        return tuple(one for one in units if one.kind not in _MODES.values())
    kept = (ProbeKind.BEGIN, ProbeKind.END, _MODES[mode])
    return tuple(one for one in units if one.kind in kept)
