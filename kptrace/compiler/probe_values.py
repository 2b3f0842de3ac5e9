# SPDX-License-Identifier: MIT
"""Values that a probe offers: args, argN, retval, probe, func, stacks (language §6.4, §16.1)."""

from __future__ import annotations

from kptrace import types
from kptrace.compiler import arch, fold, tree
from kptrace.compiler.builtins import BUILTINS
from kptrace.compiler.checker import CheckerBase
from kptrace.compiler.scope import FEATURE
from kptrace.errors import did_you_mean
from kptrace.kernel.btf import Param
from kptrace.lang import nodes as n
from kptrace.plan import TRAMPOLINE_KINDS, ProbeKind, Target
from kptrace.source import Span
from kptrace.types import UINT64, Type

_CALLS = (ProbeKind.KPROBE, ProbeKind.KRETPROBE)
_STACK_MODES = ("bpftrace", "perf", "raw", "build_id")
MAX_STACK = 1024
MAX_BUILD_ID_STACK = 1000  # of 32 bytes each, in scratch memory of 32 KiB
NO_BTF = "no-btf"
"""Code of findings that BTF would cure."""


def _slots(params: tuple[Param, ...]) -> int:
    """How many 64-bit slots a trampoline keeps for parameters; a struct by value can take two."""
    return sum(max(1, -(-types.size_of(one.type) // 8)) for one in params)


def _inside(target: Target) -> bool:
    """Whether a kprobe need not stand at the entry of its function: by offset, or by address."""
    return bool(target.offset) or not target.name


class ProbeValues(CheckerBase):
    """The part of the checker that knows the attach point."""

    def no_btf(self, span: Span, what: str) -> tree.Bad:
        reason = self.facts.kernel.btf_problem
        self.report.error(
            span, f"No BTF for {what}: {reason}", code=NO_BTF,
            hints=("types of the kernel are known only where the kernel has BTF",),
        )  # fmt: skip
        return self.bad(span)

    def builtin(self, span: Span, name: str) -> tree.Expr:
        row = BUILTINS[name]
        if row.probes is not None and self.unit.kind not in row.probes:
            message = f"The {name} builtin can not be used with '{self.unit.kind.value}' probes"
            self.report.error(span, message, code="probe")
            return self.bad(span)
        kind: Type = row.type
        one_place = self.facts.kernel.fixed_symbols and len(self.unit.targets) == 1
        if name == "func" and one_place:
            return self.function(span)
        btf = self.facts.kernel.btf
        if name == "curtask" and btf is not None:
            task = btf.type_named("struct", "task_struct")
            kind = types.Pointer(task) if task is not None else kind
        return tree.Builtin(span=span, type=kind, name=name)

    def function(self, span: Span) -> tree.Expr:
        """The address of the one probed function: a constant where the kernel shows it."""
        target = self.unit.targets[0]
        address = target.address
        if not address:
            found = self.facts.kernel.symbols.lookup(target.name, target.group or None)
            address = found[0].address if found else 0
        if address:
            return tree.Const(span=span, type=types.KSYM, value=address)
        return tree.Builtin(span=span, type=types.KSYM, name="func")

    def argument(self, span: Span, number: int) -> tree.Expr:
        """argN: a register of the probed function, or the N-th raw tracepoint argument."""
        kind = self.unit.kind
        if kind is ProbeKind.RAWTRACEPOINT:
            prototype = self.unit.prototype
            if prototype is not None and number >= len(prototype.params):
                message = f"{self.unit.targets[0].probe} has {len(prototype.params)} arguments"
                self.report.error(span, message, code="probe")
                return self.bad(span)
            return tree.RawArgument(span=span, type=UINT64, index=number)
        if kind is not ProbeKind.KPROBE:
            message = (
                f"The arg{number} builtin can only be used with 'kprobes', 'uprobes' and 'usdt'"
                " probes"
            )
            self.report.error(span, message, code="probe")
            return self.bad(span)
        machine = self.facts.kernel.arch
        if number >= len(arch.of(machine).arguments):
            self.report.error(span, f"{machine} doesn't support arg{number}", code="probe")
            return self.bad(span)
        return tree.Register(span=span, type=UINT64, index=number)

    def trampoline_slot(self, node: n.Member, kind: Type, index: int) -> tree.Expr:
        """A parameter of the function that called the program: one 64-bit slot for each."""
        if isinstance(kind, types.Struct | types.Array | types.String):
            message = f"Can't read parameter {node.name}: it is not passed in a register"
            self.report.error(node.name_span, message, code="probe")
            return self.bad(node.span)
        return tree.RawArgument(span=node.span, type=kind, index=index)

    def fexit_result(self, span: Span) -> tree.Expr:
        """What the function returned: in the slot behind its parameters."""
        prototype = self.unit.prototype
        name = self.unit.targets[0].name
        if self.unit.targets[0].bpf_id:  # how many slots its parameters take is not to be known
            if not self.facts.has("get_func_ret"):
                message = "Missing required kernel feature: get_func_ret"
                self.report.error(span, message, code=FEATURE)
                return self.bad(span)
            text = "(__s32)func_ret(ctx)"
            return tree.Inline(span=span, type=types.INT32, c=text, pieces=("func_ret",))
        if prototype is None:
            return self.no_btf(span, name)
        if isinstance(prototype.result, types.Void | types.Struct | types.Array):
            returned = types.type_name(prototype.result)
            message = f"{name} has no return value that a probe can read: it returns '{returned}'"
            self.report.error(span, message, code="probe")
            return self.bad(span)
        return tree.RawArgument(span=span, type=prototype.result, index=_slots(prototype.params))

    def retval(self, span: Span) -> tree.Expr:
        if self.unit.kind is ProbeKind.FEXIT:
            return self.fexit_result(span)
        if self.unit.kind is ProbeKind.KRETPROBE:
            return tree.Register(span=span, type=UINT64, index=-1)
        tail = ""
        if self.unit.kind is ProbeKind.TRACEPOINT:
            tail = " (try to use args.ret instead)"
        message = (
            "The retval builtin can only be used with 'kretprobe' and 'uretprobe' and 'fentry'"
            f" probes{tail}"
        )
        self.report.error(span, message, code="probe")
        return self.bad(span)

    def probe_name(self, span: Span) -> tree.Expr:
        return fold.string(span, self.unit.targets[0].probe)

    def stack(self, call: n.Call, mode: str | None, limit: int | None) -> tree.Expr:
        """``kstack()`` or ``ustack()``."""
        span, user = call.span, call.name == "ustack"
        chosen = mode or self.facts.stack_mode
        if chosen not in _STACK_MODES:
            message = f"Invalid stack mode: {chosen}"
            self.report.error(span, message, code="stack", hints=did_you_mean(chosen, _STACK_MODES))
            return self.bad(span)
        if chosen == "build_id" and not user:
            if mode is not None:
                message = "'build_id' stack mode can only be used for ustack"
                self.report.error(span, message, code="stack")
                return self.bad(span)
            self.report.warning(span, "'build_id' stack mode is for ustack; kstack uses 'raw'")
            chosen = "raw"
        depth = types.MAX_STACK_DEPTH if limit is None else limit
        most, hints = MAX_STACK, tuple[str, ...]()
        if chosen == "build_id":
            most = MAX_BUILD_ID_STACK
            hints = (f"with its build id a frame takes {types.BUILD_ID_FRAME} bytes",)
        if depth > most:
            message = f"{call.name}([int limit]): limit shouldn't exceed {most}, {depth} given"
            self.report.error(span, message, code="stack", hints=hints)
            return self.bad(span)
        return tree.Stack(span=span, type=types.KStack(chosen, depth, user))

    # --- args ---

    def args(self, span: Span) -> tree.Expr:
        kind = self.unit.kind
        known = TRAMPOLINE_KINDS | {
            ProbeKind.KPROBE,
            ProbeKind.TRACEPOINT,
            ProbeKind.RAWTRACEPOINT,
        }
        if kind not in known or (kind is ProbeKind.KPROBE and _inside(self.unit.targets[0])):
            if kind in _CALLS:
                message = "args needs the function entry (kprobe without offset)"
            else:
                message = (
                    "The args builtin can only be used with tracepoint, rawtracepoint,"
                    f" fentry/fexit, and uprobe probes ({kind.value} used here)"
                )
            self.report.error(span, message, code="probe")
            return self.bad(span)
        if self.unit.targets[0].bpf_id:
            message = "The args builtin cannot be used for 'fentry/fexit:bpf' probes"
            self.report.error(span, message, code="probe")
            return self.bad(span)
        # only a step on the way to a field; it never reaches the generator
        return tree.RawArgument(span=span, type=types.Args(), index=-1)

    def args_field(self, node: n.Member) -> tree.Expr:
        if self.unit.kind is ProbeKind.TRACEPOINT:
            return self.tracepoint_field(node)
        return self.parameter(node)

    def tracepoint_field(self, node: n.Member) -> tree.Expr:
        target = self.unit.targets[0]
        if self.unit.format is None:
            message = f"The fields of {target.probe} are not known: its format cannot be read"
            self.report.error(node.span, message, code="probe")
            return self.bad(node.span)
        found = self.unit.format.field(node.name)
        if found is None:
            message = f"Can't find function parameter {node.name}"
            names = [one.name for one in self.unit.format.fields if not one.common]
            hints: tuple[str, ...] = did_you_mean(node.name, names)
            hints = hints or (f"it has: {', '.join(names)}",)
            self.report.error(node.name_span, message, code="unknown-name", hints=hints)
            return self.bad(node.span)
        if found.common:
            message = "BPF does not support accessing common tracepoint fields"
            self.report.error(node.name_span, message, code="probe")
            return self.bad(node.span)
        if isinstance(found.type, types.Struct):
            return self.context_place(node.span, found.type, found.offset)
        return tree.ContextField(
            span=node.span,
            type=found.type,
            name=found.name,
            offset=found.offset,
            size=found.size,
            data_loc=found.data_loc,
            relative=found.relative,
        )

    def context_place(self, span: Span, kind: Type, offset: int) -> tree.Place:
        """A part of the record as memory: the kernel lets a program read it like any other."""
        base = tree.ContextAddress(span=span, type=types.Pointer(kind), offset=offset)
        return tree.Place(span=span, type=kind, base=base, user=False, steps=())

    def args_record(self, node: n.Expr) -> tree.Expr:
        """``args`` as a value: the record of all fields."""
        if self.unit.kind is ProbeKind.TRACEPOINT:
            listed = self.unit.format.fields if self.unit.format is not None else ()
            names = [one.name for one in listed if not one.common]
        else:
            names = [one.name for one in self.unit.prototype.params] if self.unit.prototype else []
        members = [
            n.Member(span=node.span, operand=node, name=name, name_span=node.span) for name in names
        ]
        made = tuple(self.value(one) for one in members)
        if not made or any(isinstance(one, tree.Bad) for one in made):
            return self.bad(node.span)
        kind = types.Record(tuple(names), tuple(one.type for one in made))
        return tree.TupleMake(span=node.span, type=kind, elements=made)

    def parameter(self, node: n.Member) -> tree.Expr:
        """A parameter by its BTF name: of a raw tracepoint, or of the probed function."""
        prototype = self.unit.prototype
        target = self.unit.targets[0]
        if prototype is None:
            btf = self.facts.kernel.btf
            reason = self.facts.kernel.btf_problem if btf is None else ""
            message = f"No BTF prototype for {target.name}: use argN, or a tracepoint"
            why = (reason,) if reason else ()
            self.report.error(node.span, message, code=NO_BTF, hints=why)
            return self.bad(node.span)
        names = [one.name for one in prototype.params]
        if node.name not in names:
            message = f"Can't find function parameter {node.name}"
            hints = did_you_mean(node.name, names) or (f"{target.name} has: {', '.join(names)}",)
            self.report.error(node.name_span, message, code="unknown-name", hints=hints)
            return self.bad(node.span)
        index = names.index(node.name)
        kind = prototype.params[index].type
        if self.unit.kind is ProbeKind.RAWTRACEPOINT:
            return tree.RawArgument(span=node.span, type=kind, index=index)
        if self.unit.kind in TRAMPOLINE_KINDS:
            return self.trampoline_slot(node, kind, _slots(prototype.params[:index]))
        registers = arch.of(self.facts.kernel.arch).arguments
        # A struct by value shifts the registers of what follows, or comes in memory.
        by_value = any(
            isinstance(one.type, types.Struct | types.Array)
            for one in prototype.params[: index + 1]
        )
        if by_value or index >= len(registers):
            message = f"Can't read parameter {node.name}: it is not passed in a register"
            self.report.error(node.name_span, message, code="probe")
            return self.bad(node.span)
        return tree.Register(span=node.span, type=kind, index=index)
