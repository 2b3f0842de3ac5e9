# SPDX-License-Identifier: MIT
"""``kptrace fmt``: one layout for every specification, with its comments and spellings kept.

The tree decides the layout. Comments are printed where they stand between statements, parts of a
probe, or root items; a comment inside an expression keeps the text of its statement as it was
written. What a tree does not have (``->``, escapes, parentheses for the reader, blank lines
between statements) is taken from the source.
"""

from __future__ import annotations

from collections.abc import Iterator

from kptrace.lang import nodes as n
from kptrace.lang.comments import Comment, Comments, in_parentheses, whole
from kptrace.lang.expression_parser import PRECEDENCE
from kptrace.lang.parser import has_value, parse
from kptrace.lang.printer import INDENT, Printer, macro_head
from kptrace.source import Source, Span

WIDTH = 100
"""Columns; a longer call, sum or choice is broken over several lines."""


def format_text(source: Source) -> str:
    """The specification in canonical layout. Raises SpecError for what does not parse."""
    source = Source(name=source.name, text=source.text.replace("\r\n", "\n"))
    program = parse(source)
    return _Formatter(program).run()


class _Formatter(Printer):
    def __init__(self, tree: n.Program) -> None:
        self.tree = tree
        self.text = tree.source.text
        self.comments = Comments(tree)
        self.lines: list[str] = []
        self.at = 0  # end of what was printed last, in the source

    def run(self) -> str:
        if self.tree.shebang:
            self.lines.append(self.tree.shebang)
            self.at = self.text.index(self.tree.shebang) + len(self.tree.shebang)
        apart = False  # an empty line must stand before what comes next
        for at, item in enumerate(self.tree.items):
            large = isinstance(item, n.Probe | n.Macro | n.Config) or "\n" in item.span.text
            apart = apart or (large and at > 0)
            for one in self.comments.before(item.span.start):
                if apart:
                    self.separate()
                apart = False
                self.own_line(one, "")
            if apart:
                self.separate()
            self.blank(item.span.start)
            self.root_item(item)
            self.tail(len(self.text))
            apart = large
        for one in self.comments.before(len(self.text)):
            if apart:
                self.separate()
            apart = False
            self.own_line(one, "")
        return "\n".join(self.lines) + "\n" if self.lines else ""

    # --- lines ---

    def put(self, indent: str, text: str, span: Span | None = None) -> None:
        self.lines.append(indent + text)
        if span is not None:
            self.at = span.end

    def separate(self) -> None:
        if self.lines and self.lines[-1]:
            self.lines.append("")

    def blank(self, offset: int) -> None:
        """An empty line where the source has one before an offset; several become one."""
        if self.at and self.text.count("\n", self.at, offset) > 1:
            self.separate()

    def own_line(self, comment: Comment, indent: str) -> None:
        self.blank(comment.start)
        self.lines.append(indent + comment.text)
        self.at = comment.end

    def tail(self, limit: int) -> None:
        """Comments behind the last line, on its line of the source."""
        for comment in self.comments.on_line(self.at, limit):
            self.lines[-1] += f" {comment.text}"
            self.at = comment.end

    def unit(self, span: Span, printed: str) -> str:
        """What was printed, or the text as it is where that has comments inside."""
        start, end = whole(self.text, span.start, span.end)
        if not self.comments.inside(start, end):
            return printed
        self.comments.drop(start, end)
        return self.text[start:end]

    # --- root ---

    def root_item(self, item: n.RootItem) -> None:
        match item:
            case n.Probe():
                self.probe(item)
            case n.Config():
                self.config(item)
            case n.Macro():
                head = Span(item.span.source, item.span.start, item.body.span.start)
                self.put("", self.unit(head, macro_head(item)).rstrip())
                self.put("", "{")
                self.body(item.body, "")
                self.put("", "}", item.span)
            case n.MapDeclaration():
                size = item.span.text.rpartition("(")[2].partition(")")[0].strip()
                text = self.unit(item.span, f"let {item.map} = {item.kind}({size});")
                self.put("", _ended(text), item.span)
            case n.Import():
                self.put("", self.import_(item), item.span)
            case n.CDefinition() | n.Subprogram():
                self.put("", item.span.text.rstrip(), item.span)

    def import_(self, node: n.Import) -> str:
        path = node.span.text[len("import") :].strip().removesuffix(";").rstrip()
        return _ended(self.unit(node.span, f"import {path};"))

    def probe(self, probe: n.Probe) -> None:
        body = probe.body.span.start
        for at, point in enumerate(probe.attach):
            for one in self.comments.before(point.span.start):
                self.own_line(one, "")
            last = at == len(probe.attach) - 1
            self.put("", point.text + ("" if last else ","), point.span)
            following = probe.attach[at + 1].span.start if not last else body
            self.tail(following if probe.predicate is None or not last else self.slash(probe))
        if probe.predicate is not None:
            for one in self.comments.before(self.slash(probe)):
                self.own_line(one, "")
            printed = self.wrapped(probe.predicate, "", 4)
            self.put("", f"/ {self.unit(probe.predicate.span, printed)} /", probe.predicate.span)
            self.tail(body)
        for one in self.comments.before(body):
            self.own_line(one, "")
        self.put("", "{")
        self.body(probe.body, "")
        self.put("", "}", probe.span)

    def slash(self, probe: n.Probe) -> int:
        """Where the predicate begins, without its slash."""
        assert probe.predicate is not None
        return whole(self.text, probe.predicate.span.start, probe.predicate.span.end)[0]

    def config(self, config: n.Config) -> None:
        start = config.settings[0].span.start if config.settings else config.span.end - 1
        self.put("", "config = {")
        self.at = self.text.index("{", config.span.start) + 1
        self.tail(start)
        for at, setting in enumerate(config.settings):
            for one in self.comments.before(setting.span.start):
                self.own_line(one, INDENT)
            if at:
                self.blank(setting.span.start)
            value = setting.span.text.partition("=")[2].strip()
            text = self.unit(setting.span, f"{setting.key} = {value}")
            self.put(INDENT, f"{text};", setting.span)
            last = at == len(config.settings) - 1
            self.tail(config.span.end if last else config.settings[at + 1].span.start)
        for one in self.comments.before(config.span.end):
            self.own_line(one, INDENT)
        self.put("", "}", config.span)

    # --- statements ---

    def body(self, block: n.Block, indent: str) -> None:
        """The lines between braces; the caller prints the braces."""
        inner = indent + INDENT
        end = block.span.end - 1
        parts: list[n.Statement | n.Expr] = [*block.statements]
        if block.value is not None:
            parts.append(block.value)
        starts = [whole(self.text, one.span.start, one.span.end)[0] for one in parts]
        early = self.comments.before(block.span.start)  # written before the brace
        self.at = block.span.start + 1
        if not early:
            self.tail(starts[0] if starts else end)
        head = len(self.lines)
        for one in early:
            self.lines.append(inner + one.text)
        for at, part in enumerate(parts):
            for one in self.comments.before(starts[at]):
                self.comment_in_block(one, inner, head)
            if len(self.lines) > head:
                self.blank(starts[at])
            last = at == len(parts) - 1
            self.part(part, inner, value=part is block.value, last=last)
            self.tail(end if last else starts[at + 1])
        for one in self.comments.before(end):
            self.comment_in_block(one, inner, head)
        self.at = block.span.end

    def comment_in_block(self, comment: Comment, indent: str, head: int) -> None:
        if len(self.lines) == head:  # no empty line at the start of a block
            self.at = comment.start
        self.own_line(comment, indent)

    def part(self, node: n.Statement | n.Expr, indent: str, *, value: bool, last: bool) -> None:
        """One statement of a block, or its value."""
        match node:
            case n.If():
                self.branches(node, indent)
                # without the semicolon an if with values could become the value of its block
                self.lines[-1] += ";" if has_value(node) and not value else ""
                self.at = node.span.end
            case n.While() | n.Unroll() | n.For():
                self.put(indent, f"{self.head(node, indent)} {{")
                self.body(node.body, indent)
                self.put(indent, "}", node.span)
            case n.Block() | n.ExpressionStatement(value=n.Block()):
                inner = node if isinstance(node, n.Block) else node.value
                assert isinstance(inner, n.Block)
                self.put(indent, "{")
                self.body(inner, indent)
                self.put(indent, "}" if value or not last else "};", node.span)
            case _:
                text = self.unit(node.span, self.simple(node, indent))
                self.put(indent, text if value else _ended(text), node.span)

    def branches(self, node: n.If, indent: str) -> None:
        lead = indent
        one: n.If | n.Block | None = node
        while isinstance(one, n.If):
            condition = self.unit(one.condition.span, self.wrapped(one.condition, indent, 8))
            self.lines.append(f"{lead}if ({condition}) {{")
            self.body(one.then, indent)
            lead = f"{indent}}} else "
            one = one.otherwise
        if one is not None:
            self.lines.append(lead + "{")
            self.body(one, indent)
        self.lines.append(indent + "}")

    def head(self, node: n.While | n.Unroll | n.For, indent: str) -> str:
        match node:
            case n.While():
                condition = self.unit(node.condition.span, self.expression(node.condition, indent))
                return f"while ({condition})"
            case n.Unroll():
                return f"unroll ({self.unit(node.count.span, self.expression(node.count, indent))})"
            case n.For():
                return super().head(node, indent)

    def simple(self, node: n.Statement | n.Expr, indent: str) -> str:
        match node:
            case n.Let() | n.Assign() | n.Discard() | n.Return() | n.ExpressionStatement():
                lead, value = self.assignment(node, indent)
                if value is None:
                    return f"{lead};"
                return lead + self.wrapped(value, indent, len(lead) + 1) + ";"
            case n.Import():
                return self.import_(node)
            case n.Jump() | n.While() | n.Unroll() | n.For():
                return self.statement(node, indent)
            case _:
                return self.wrapped(node, indent, 0)

    # --- expressions ---

    def string(self, node: n.String) -> str:
        return node.span.text

    def accessor(self, node: n.Member) -> str:
        between = self.text[node.operand.span.end : node.name_span.start]
        return "->" if "->" in between else "."

    def has_parentheses(self, node: n.Expr) -> bool:
        if not isinstance(node, n.Binary | n.Ternary):
            return False
        return in_parentheses(self.text, *whole(self.text, node.span.start, node.span.end))

    def wrapped(self, node: n.Expr, indent: str, around: int) -> str:
        """An expression, on several lines if it is too long; ``around`` columns are taken."""
        flat = self.expression(node, indent)
        if "\n" in flat or len(indent) + around + len(flat) <= WIDTH:
            return flat
        inner = indent + INDENT
        match node:
            case n.Call(arguments=arguments) if arguments:
                texts = [
                    self.type(one, inner)
                    if isinstance(one, n.Typeof)
                    else self.wrapped(one, inner, 2)
                    for one in arguments
                ]
                pieces = [f"{text}, " for text in texts[:-1]] + [texts[-1] + ")"]
                return _filled(f"{node.name}(", pieces, indent, around)
            case n.Binary():
                first, *rest = self.chain(node, PRECEDENCE[node.op], indent)
                return _filled(first, rest, indent, around)
            case n.Ternary(then=then) if then is not None:
                return f"\n{inner}".join(self.choices(node, indent))
            case _:
                return flat

    def chain(self, node: n.Expr, level: int, indent: str) -> Iterator[str]:
        """``a``, ``+ b ``, ``- c ``: the operands of one level, each behind its operator."""
        if not isinstance(node, n.Binary) or PRECEDENCE[node.op] != level:
            yield self.operand(node, level, indent) + " "
            return
        if self.has_parentheses(node.left):
            yield self.operand(node.left, level, indent) + " "
        else:
            yield from self.chain(node.left, level, indent)
        yield f"{node.op} {self.operand(node.right, level + 1, indent)} "

    def choices(self, node: n.Ternary, indent: str) -> Iterator[str]:
        """``c ? a``, ``: d ? b``, ``: e``: the branches of a chain of choices."""
        lead = ""
        one: n.Expr = node
        while isinstance(one, n.Ternary) and one.then is not None:
            if lead and self.has_parentheses(one):
                break
            condition = self.operand(one.condition, 1, indent)
            yield f"{lead}{condition} ? {self.operand(one.then, 0, indent)}"
            lead, one = ": ", one.otherwise
        yield lead + self.operand(one, 0, indent)


def _ended(text: str) -> str:
    return text if text.endswith(";") else f"{text};"


def _filled(first: str, pieces: list[str], indent: str, around: int) -> str:
    """As many pieces on each line as fit; the first line begins behind ``around`` columns."""
    lines = [first]
    taken = len(indent) + around
    for piece in pieces:
        last = lines[-1].rpartition("\n")[2]
        offset = taken if last == lines[0] else 0
        fits = "\n" not in lines[-1] and offset + len(last) + len(piece.rstrip()) <= WIDTH
        if fits or not last.strip():
            lines[-1] += piece
        else:
            lines[-1] = lines[-1].rstrip()
            lines.append(indent + INDENT + piece)
    return "\n".join(lines).rstrip()
