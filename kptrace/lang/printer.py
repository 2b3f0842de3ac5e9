# SPDX-License-Identifier: MIT
"""Tree to text, the parser's inverse: parsing what this prints gives an equal tree.

`Printer` knows the layout and where parentheses are needed. It prints a tree alone; what a source
text has beyond its tree (comments, spellings) is the business of `kptrace.lang.formatter`.
"""

from __future__ import annotations

from kptrace.lang import nodes as n
from kptrace.lang.expression_parser import PRECEDENCE
from kptrace.lang.parser import has_value

_TERNARY, _UNARY, _POSTFIX, _PRIMARY = 0, 11, 12, 13
INDENT = "    "


def to_text(program: n.Program) -> str:
    """The whole specification in canonical layout."""
    return Printer().program(program)


def expression(node: n.Expr) -> str:
    """One expression, with the parentheses that its meaning needs."""
    return Printer().expression(node)


class Printer:
    """Prints each kind of node; a subclass may know more about how something was written."""

    # --- spelling ---

    def string(self, node: n.String) -> str:
        return quote(node.value)

    def accessor(self, node: n.Member) -> str:
        return "."

    def has_parentheses(self, node: n.Expr) -> bool:
        """Whether an operand keeps parentheses that its meaning does not need."""
        return False

    # --- root ---

    def program(self, program: n.Program) -> str:
        items = [self.item(item) for item in program.items]
        head = [program.shebang] if program.shebang else []
        return "\n\n".join([*head, *items]) + "\n"

    def item(self, item: n.RootItem) -> str:
        match item:
            case n.Probe():
                name = f"// name: {item.name}\n" if item.name else ""
                points = ",\n".join(point.text for point in item.attach)
                predicate = f"\n/ {self.expression(item.predicate)} /" if item.predicate else ""
                return f"{name}{points}{predicate}\n{self.block(item.body)}"
            case n.Config():
                lines = [f"{INDENT}{one.key} = {_setting(one.value)};\n" for one in item.settings]
                return "config = {\n" + "".join(lines) + "}"
            case n.Macro():
                return f"{macro_head(item)}\n{self.block(item.body)}"
            case n.MapDeclaration():
                return f"let {item.map} = {item.kind}({item.size});"
            case n.Import():
                return f"import {quote(item.path)};"
            case n.CDefinition():
                return item.text
            case n.Subprogram():
                return item.span.text

    # --- statements ---

    def block(self, node: n.Block, indent: str = "") -> str:
        """A block with its braces; the first brace stands where the caller writes it."""
        inner = indent + INDENT
        lines = [inner + self.statement(one, inner) for one in node.statements]
        if node.value is not None:
            lines.append(inner + self.expression(node.value, inner))
        return "\n".join(["{", *lines, indent + "}"])

    def statement(self, node: n.Statement, indent: str) -> str:
        match node:
            case n.If():
                # without the semicolon an if with values could become the value of its block
                return self.expression(node, indent) + (";" if has_value(node) else "")
            case n.While() | n.Unroll() | n.For():
                return f"{self.head(node, indent)} {self.block(node.body, indent)}"
            case n.Jump():
                return f"{node.keyword};"
            case n.Import():
                return f"import {quote(node.path)};"
        lead, value = self.assignment(node, indent)
        return f"{lead}{self.expression(value, indent)};" if value is not None else f"{lead};"

    def head(self, node: n.While | n.Unroll | n.For, indent: str) -> str:
        """What stands before the block of a loop."""
        match node:
            case n.While():
                return f"while ({self.expression(node.condition, indent)})"
            case n.Unroll():
                return f"unroll ({self.expression(node.count, indent)})"
            case n.For(over=(low, high)):
                over = (
                    f"{self.operand(low, _PRIMARY, indent)}..{self.operand(high, _PRIMARY, indent)}"
                )
            case n.For():
                assert isinstance(node.over, n.Map)
                over = self.expression(node.over, indent)
        return f"for ({node.variable.name} : {over})"

    def assignment(
        self, node: n.Let | n.Assign | n.Discard | n.Return | n.ExpressionStatement, indent: str
    ) -> tuple[str, n.Expr | None]:
        """A statement around one expression: what stands before it, and the expression."""
        match node:
            case n.Let():
                kind = f": {self.type(node.type, indent)}" if node.type else ""
                lead = f"let {node.target.name}{kind}"
                return (lead if node.value is None else f"{lead} = "), node.value
            case n.Assign():
                return f"{self.expression(node.target, indent)} {node.op} ", node.value
            case n.Discard():
                return "_ = ", node.value
            case n.Return():
                return ("return" if node.value is None else "return "), node.value
            case n.ExpressionStatement():
                return "", node.value

    # --- expressions ---

    def operand(self, node: n.Expr, level: int, indent: str) -> str:
        text = self.expression(node, indent)
        if level_of(node) < level or self.has_parentheses(node):
            return f"({text})"
        return text

    def expression(self, node: n.Expr, indent: str = "") -> str:
        """One expression; ``indent`` is for the lines of the blocks in it."""

        def text(one: n.Expr | n.Typeof) -> str:
            return (
                self.type(one, indent)
                if isinstance(one, n.Typeof)
                else self.expression(one, indent)
            )

        match node:
            case n.Integer():
                return node.text
            case n.String():
                return self.string(node)
            case n.Boolean():
                return "true" if node.value else "false"
            case n.Variable() | n.Name():
                return node.name
            case n.Map(name=name, keys=None):
                return name
            case n.Map(name=name, keys=keys):
                return f"{name}[{', '.join(map(text, keys or ()))}]"
            case n.Positional(number=number):
                return f"${number or '#'}"
            case n.Call():
                return f"{node.name}({', '.join(map(text, node.arguments))})"
            case n.TupleLiteral(elements=(one,)):
                return f"({text(one)},)"
            case n.TupleLiteral():
                return f"({', '.join(map(text, node.elements))})"
            case n.RecordLiteral():
                return "(" + ", ".join(f"{name}={text(one)}" for name, one in node.fields) + ")"
            case n.Index():
                inner = self.operand(node.operand, _POSTFIX, indent)
                # "@m[1]" is a map access; indexing the value of "@m" needs parentheses
                if isinstance(node.operand, n.Map) and node.operand.keys is None:
                    inner = f"({inner})"
                return f"{inner}[{text(node.index)}]"
            case n.If():
                return self.if_(node, indent)
            case n.Block():
                return self.block(node, indent)
            case n.Sizeof():
                return f"{node.keyword}({self.type(node.operand, indent)})"
            case n.Offsetof():
                return f"offsetof({self.type(node.operand, indent)}, {'.'.join(node.path)})"
            case _:
                return self.operation(node, indent)

    def operation(
        self,
        node: n.Unary
        | n.Binary
        | n.Ternary
        | n.Increment
        | n.Member
        | n.TupleIndex
        | n.Cast
        | n.Comptime,
        indent: str,
    ) -> str:
        match node:
            case n.Unary():
                inner = self.operand(node.operand, _UNARY, indent)
                # "- -x" must not become "--x"
                gap = " " if node.op in "-&" and inner.startswith(node.op) else ""
                return f"{node.op}{gap}{inner}"
            case n.Binary():
                level = PRECEDENCE[node.op]
                left = self.operand(node.left, level, indent)
                return f"{left} {node.op} {self.operand(node.right, level + 1, indent)}"
            case n.Ternary():
                condition = self.operand(node.condition, 1, indent)
                otherwise = self.operand(node.otherwise, _TERNARY, indent)
                if node.then is None:
                    return f"{condition} ?: {otherwise}"
                return f"{condition} ? {self.operand(node.then, _TERNARY, indent)} : {otherwise}"
            case n.Increment():
                target = self.expression(node.target, indent)
                return f"{node.op}{target}" if node.prefix else f"{target}{node.op}"
            case n.Member():
                operand = self.operand(node.operand, _POSTFIX, indent)
                return f"{operand}{self.accessor(node)}{node.name}"
            case n.TupleIndex():
                return f"{self.operand(node.operand, _POSTFIX, indent)}.{node.index}"
            case n.Cast():
                inner = self.operand(node.operand, _UNARY, indent)
                # "(x)+" is never the start of a cast
                inner = f"({inner})" if inner.startswith("+") else inner
                return f"({self.type(node.type, indent)}){inner}"
            case n.Comptime():
                return f"comptime {self.operand(node.operand, _UNARY, indent)}"

    def if_(self, node: n.If, indent: str) -> str:
        condition = self.expression(node.condition, indent)
        text = f"if ({condition}) {self.block(node.then, indent)}"
        if isinstance(node.otherwise, n.If):
            return f"{text} else {self.if_(node.otherwise, indent)}"
        if node.otherwise is None:
            return text
        return f"{text} else {self.block(node.otherwise, indent)}"

    def type(self, node: n.TypeName | n.Typeof | n.Expr, indent: str) -> str:
        match node:
            case n.TypeName():
                name = f"{node.keyword} {node.name}" if node.keyword else node.name
                gap = " " if node.suffixes[:1] == ("*",) else ""
                suffixes = (
                    one if isinstance(one, str) else "[]" if one < 0 else f"[{one}]"
                    for one in node.suffixes
                )
                return name + gap + "".join(suffixes)
            case n.Typeof():
                return f"typeof({self.type(node.operand, indent)})"
            case n.Name() | n.Index() if _is_like_type(node):
                return f"({self.expression(node, indent)})"
            case _:
                return self.expression(node, indent)


def macro_head(node: n.Macro) -> str:
    """What stands before the block of a macro."""
    return f"macro {node.name}({', '.join(node.parameters)})"


def level_of(node: n.Expr) -> int:
    """How tightly an expression binds; atoms bind tightest."""
    match node:
        case n.Ternary():
            return _TERNARY
        case n.Binary():
            return PRECEDENCE[node.op]
        case n.Unary() | n.Cast() | n.Comptime():
            return _UNARY
        case n.Increment():
            return _UNARY if node.prefix else _POSTFIX
        case n.If() | n.Block():
            return _TERNARY
        case n.Member() | n.TupleIndex() | n.Index():
            return _POSTFIX
        case _:
            return _PRIMARY


def _setting(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else quote(value)


def _is_like_type(node: n.Expr) -> bool:
    """Whether ``sizeof`` would take an expression for a type: ``x``, ``x[4]``."""
    return isinstance(node, n.Name) or (isinstance(node, n.Index) and _is_like_type(node.operand))


_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def quote(value: str) -> str:
    """A string literal with this value."""
    out = []
    for character in value:
        if character in _ESCAPES:
            out.append(_ESCAPES[character])
        elif "\udc80" <= character <= "\udcff":  # a byte that is not UTF-8
            out.append(f"\\x{ord(character) - 0xDC00:02x}")
        elif ord(character) < 0x20:
            out.append(f"\\x{ord(character):02x}")
        else:
            out.append(character)
    return '"' + "".join(out) + '"'
