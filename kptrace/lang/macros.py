# SPDX-License-Identifier: MIT
"""Macro calls replaced by macro bodies: tree to tree (language §12.1).

In: a `Program` with macros. Out: the same without them, or every misuse at once. A body's own
variables get names that nobody else can write (``$x#3``), its places remember the call that
brought them here (`Span.via`). What no macro answers stays as it is: the checker knows the
functions of the language.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

from kptrace.errors import Report
from kptrace.lang import nodes as n
from kptrace.lang.constants import parse_constant
from kptrace.lang.lexer import SpecSyntaxError
from kptrace.lang.rewrite import with_parts
from kptrace.source import Span

MAX_EXPANSIONS = 10_000
"""Macros may call macros, so a few lines could otherwise grow without limit."""

MAX_VISITED = 2_500
"""Levels of macro bodies inside each other's trees; the visit recurses."""
MAX_DEPTH = 1_000
"""Levels of the tree that comes out; arguments pasted into arguments can make it deep."""

_Argument: TypeAlias = n.Expr | n.Typeof
_N = TypeVar("_N", bound=n.Node)


def expand_macros(
    program: n.Program,
    standard: Collection[str],
    constants: Mapping[str, str],
    report: Report,
) -> n.Program:
    """The program without macros and macro calls.

    ``standard`` are the functions and built-ins of the language, which answer the calls that no
    macro does. ``constants`` are object-like C macros and their text (language §12.5).
    """
    table = _table(program, report)
    items: tuple[n.RootItem, ...]
    items = tuple(one for one in program.items if not isinstance(one, n.Macro))
    if table or constants:
        expander = _Expander(table, standard, constants, report)
        items = tuple(expander.item(one) for one in items)
    return replace(program, items=items)


def _table(program: n.Program, report: Report) -> dict[str, list[n.Macro]]:
    """The definitions of each name."""
    table: dict[str, list[n.Macro]] = {}
    for item in program.items:
        if isinstance(item, n.Macro):
            known = table.setdefault(item.name, [])
            if any(_kinds(one) == _kinds(item) for one in known):
                message = f"Redefinition of macro: {item.name}"
                report.error(item.span, message, code="macro")
                continue
            known.append(item)
            _check_control_flow(item.body, report, loop=False)
    return table


def _kinds(macro: n.Macro) -> list[str]:
    """What each parameter takes: ``$`` a variable, ``@`` a map, nothing: anything."""
    return [one[0] if one[0] in "$@" else "" for one in macro.parameters]


def _check_control_flow(node: object, report: Report, *, loop: bool) -> None:
    """A macro cannot leave what it is called from; its own loops it can."""
    match node:
        case n.Return():
            message = "'return' statement is not allowed in a macro"
            report.error(node.span, message, code="macro")
        case n.Jump() if not loop:
            message = f"'{node.keyword}' statement is not allowed in a macro"
            report.error(node.span, message, code="macro")
        case n.Node():
            loop = loop or isinstance(node, n.While | n.For | n.Unroll)
            for one in _fields(node):
                _check_control_flow(one, report, loop=loop)
        case tuple():
            for one in node:
                _check_control_flow(one, report, loop=loop)


def _fields(node: n.Node) -> list[object]:
    return [getattr(node, one.name) for one in dataclasses.fields(node)]


def _depth(root: n.Node) -> int:
    """Levels of a tree."""
    deepest = 0
    left: list[tuple[object, int]] = [(root, 1)]
    while left:
        node, depth = left.pop()
        deepest = max(deepest, depth)
        if isinstance(node, n.Node):
            left += [(one, depth + 1) for one in _fields(node)]
        elif isinstance(node, tuple):
            left += [(one, depth) for one in node]
    return deepest


class _TooDeepError(Exception):
    """The visit went deeper than it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """One expansion: where it was called and what its names mean."""

    call: Span | None = None
    arguments: Mapping[str, _Argument] = dataclasses.field(default_factory=dict)
    suffix: str = ""


_NOWHERE = _Frame()


class _Expander:
    """Rewrites trees. A node that does not change stays the same object."""

    def __init__(
        self,
        table: Mapping[str, list[n.Macro]],
        standard: Collection[str],
        constants: Mapping[str, str],
        report: Report,
    ) -> None:
        self.table = table
        self.standard = standard
        self.constants = constants
        self.report = report
        self.expansions = 0
        self.depth = 0
        # what is being expanded, outermost first: a definition (its name and kinds of parameters,
        # or "#define" and its name), and how messages call it
        self.open: dict[tuple[str, ...], str] = {}

    def item(self, node: n.RootItem) -> n.RootItem:
        """One root item, expanded."""
        try:
            made: n.RootItem = self.visit(node, _NOWHERE)
        except _TooDeepError:
            made = node
            self.open.clear()
        if made is node and self.depth == 0:
            return made
        if self.depth or _depth(made) > MAX_DEPTH:
            message = f"macros make this nest more than {MAX_DEPTH} levels deep"
            self.report.error(node.span, message, code="macro")
        self.depth = 0
        return made

    def visit(self, node: Any, frame: _Frame) -> Any:
        """A tree (or a tuple of trees) with the macros in it expanded."""
        made = node
        match node:
            case tuple():
                made = with_parts(node, lambda one: self.visit(one, frame))
            case n.Name():
                made = self.name(node, frame)
            case n.Call():
                made = self.call(node, frame)
            case n.Variable():
                made = self.variable(node, frame)
            case n.Map():
                made = self.map(node, frame)
            case n.TypeName():
                made = self.type_name(node, frame)
            case n.Offsetof():
                made = self.children(self.offsetof(node, frame), frame)
            case n.Node():
                made = self.children(node, frame)
            case Span() if frame.call is not None:
                made = node.expanded(frame.call)
        return made

    def children(self, node: _N, frame: _Frame) -> _N:
        self.depth += 1
        if self.depth > MAX_VISITED:
            raise _TooDeepError
        made: _N = with_parts(node, lambda one: self.visit(one, frame))
        self.depth -= 1
        return made

    # --- names ---

    def name(self, node: n.Name, frame: _Frame) -> n.Node:
        """A parameter, a macro without parameters, a C macro, or what the checker knows."""
        argument = frame.arguments.get(node.name)
        if argument is not None:
            return argument
        macro = self.find(node.name, ())
        here = self.children(node, frame)
        if macro is not None:
            return self.body(macro, (), here.span)
        if node.name in self.constants and node.name not in self.standard:
            return self.constant(node.name, here)
        return here

    def variable(self, node: n.Variable, frame: _Frame) -> n.Node:
        argument = frame.arguments.get(node.name)
        name = argument.name if isinstance(argument, n.Variable) else node.name + frame.suffix
        return replace(node, span=self.visit(node.span, frame), name=name)

    def map(self, node: n.Map, frame: _Frame) -> n.Node:
        argument = frame.arguments.get(node.name)
        made = self.children(node, frame)
        if isinstance(argument, n.Map):
            return replace(made, name=argument.name)
        if frame.call is not None:
            message = (
                f"Unhygienic access to map: {node.name}. Maps must be passed into the macro as"
                " arguments."
            )
            self.report.error(made.span, message, code="macro")
        return made

    def type_name(self, node: n.TypeName, frame: _Frame) -> n.Node:
        """A name in type position is no macro, but it may be a parameter."""
        here = self.children(node, frame)
        argument = None if node.keyword else frame.arguments.get(node.name)
        match argument:
            case None:
                return here
            case n.Name(name=name):
                return replace(here, name=name)
            case n.Typeof(operand=n.TypeName() as inner) if node.suffixes:
                return replace(inner, suffixes=(*inner.suffixes, *node.suffixes))
            case _ if not node.suffixes:
                return argument
        self.report.error(here.span, f"'{node.name}' is not the name of a type", code="macro")
        return here

    def offsetof(self, node: n.Offsetof, frame: _Frame) -> n.Node:
        """The fields of a path may be parameters, too."""
        path = []
        for one in node.path:
            argument = frame.arguments.get(one)
            path.append(argument.name if isinstance(argument, n.Name) else one)
        return replace(node, path=tuple(path))

    # --- calls ---

    def call(self, node: n.Call, frame: _Frame) -> n.Node:
        made = self.children(node, frame)
        macro = self.find(made.name, made.arguments)
        if macro is not None:
            return self.body(macro, made.arguments, made.span)
        if made.name in self.table and made.name not in self.standard:
            message = f"Call to {made.name}() has arguments that do not match any definition."
            hints = tuple(_signature(one) for one in self.table[made.name])
            self.report.error(made.span, message, code="macro", hints=hints)
        return made

    def find(self, name: str, arguments: tuple[_Argument, ...]) -> n.Macro | None:
        """The definition that fits the arguments; of several the one with most ``$`` and ``@``."""
        fitting = [one for one in self.table.get(name, ()) if _fits(one, arguments)]
        if not fitting:
            return None
        return max(fitting, key=lambda one: sum(map(bool, _kinds(one))))

    def body(self, macro: n.Macro, arguments: tuple[_Argument, ...], call: Span) -> n.Node:
        """The body in place of a call."""
        self.expansions += 1
        kinds = _kinds(macro)
        definition = (macro.name, *kinds)
        if definition in self.open:
            names = " > ".join([*self.open.values(), macro.name])
            message = f"Recursive macro call detected. Call chain: {names}"
            self.report.error(call, message, code="macro")
            return n.Block(span=call, statements=(), value=None)
        if self.expansions > MAX_EXPANSIONS:
            if self.expansions == MAX_EXPANSIONS + 1:
                message = f"more than {MAX_EXPANSIONS} macro calls"
                self.report.error(call, message, code="macro")
            return n.Block(span=call, statements=(), value=None)
        passed = map(_passed, kinds, arguments)
        frame = _Frame(
            call=call,
            arguments=dict(zip(macro.parameters, passed, strict=True)),
            suffix=f"#{self.expansions}",
        )
        self.open[definition] = macro.name
        made: n.Block = self.visit(macro.body, frame)
        del self.open[definition]
        if not made.statements and made.value is not None:
            return made.value
        return made

    def constant(self, name: str, node: n.Node) -> n.Node:
        """The expression that an object-like C macro stands for."""
        definition = ("#define", name)
        if definition in self.open:
            self.report.error(node.span, f"Macro recursion: {name}", code="macro")
            return node
        try:
            value = parse_constant(name, self.constants[name])
        except SpecSyntaxError as problem:
            message = f"syntax: {problem.message}"
            self.report.error(problem.span.expanded(node.span), message, code="syntax")
            return node
        self.open[definition] = name
        made: n.Node = self.visit(value, _Frame(call=node.span))
        del self.open[definition]
        return made


def _passed(kind: str, argument: _Argument) -> _Argument:
    """What a parameter stands for: a plain one only the value of a variable or a map."""
    if kind or not isinstance(argument, n.Variable | n.Map):
        return argument
    return n.Block(span=argument.span, statements=(), value=argument)


def _signature(macro: n.Macro) -> str:
    """How a macro is to be called, for a call that is not."""
    special = [
        f"{name} takes a {'variable' if kind == '$' else 'map without key'}"
        for name, kind in zip(macro.parameters, _kinds(macro), strict=True)
        if kind
    ]
    if any(name[0] == "$" for name in macro.parameters):
        special.append("a parameter without $ takes any expression")
    said = f"{macro.name}({', '.join(macro.parameters)})"
    return f"{said}: {', '.join(special)}" if special else f"it is {said}"


def _fits(macro: n.Macro, arguments: tuple[_Argument, ...]) -> bool:
    kinds = _kinds(macro)
    return len(kinds) == len(arguments) and all(
        not kind
        or (kind == "$" and isinstance(one, n.Variable))
        or (kind == "@" and isinstance(one, n.Map) and one.keys is None)
        for kind, one in zip(kinds, arguments, strict=True)
    )
