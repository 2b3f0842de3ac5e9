# SPDX-License-Identifier: MIT
"""Tree to text, the parser's inverse: parsing what this prints gives an equal tree."""

from __future__ import annotations

from kptrace.lang import nodes as n
from kptrace.lang.expression_parser import PRECEDENCE
from kptrace.lang.parser import has_value

_TERNARY, _UNARY, _POSTFIX, _PRIMARY = 0, 11, 12, 13
_INDENT = "    "


def to_text(program: n.Program) -> str:
    """The whole specification in canonical layout."""
    items = [_item(item) for item in program.items]
    head = [program.shebang] if program.shebang else []
    return "\n\n".join([*head, *items]) + "\n"


def _item(item: n.RootItem) -> str:
    match item:
        case n.Probe():
            name = f"// name: {item.name}\n" if item.name else ""
            points = ",\n".join(point.text for point in item.attach)
            predicate = f"\n/ {expression(item.predicate)} /" if item.predicate else ""
            return f"{name}{points}{predicate}\n{block(item.body)}"
        case n.Config():
            lines = [f"{_INDENT}{one.key} = {_setting(one.value)};\n" for one in item.settings]
            return "config = {\n" + "".join(lines) + "}"
        case n.Macro():
            return f"macro {item.name}({', '.join(item.parameters)})\n{block(item.body)}"
        case n.MapDeclaration():
            return f"let {item.map} = {item.kind}({item.size});"
        case n.Import():
            return f"import {_quote(item.path)};"
        case n.CDefinition():
            return item.text
        case n.Subprogram():
            return item.span.text


def _setting(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else _quote(value)


def block(node: n.Block, indent: str = "") -> str:
    """A block with its braces; the first brace stands where the caller writes it."""
    inner = indent + _INDENT
    lines = [inner + _statement(one, inner) for one in node.statements]
    if node.value is not None:
        lines.append(inner + expression(node.value, indent=inner))
    return "\n".join(["{", *lines, indent + "}"])


def _statement(node: n.Statement, indent: str) -> str:
    def text(value: n.Expr) -> str:
        return expression(value, indent=indent)

    match node:
        case n.Let():
            kind = f" : {_type(node.type)}" if node.type else ""
            value = f" = {text(node.value)}" if node.value is not None else ""
            return f"let {node.target.name}{kind}{value};"
        case n.Assign():
            return f"{text(node.target)} {node.op} {text(node.value)};"
        case n.Discard():
            return f"_ = {text(node.value)};"
        case n.ExpressionStatement():
            return f"{text(node.value)};"
        case n.If():
            # without the semicolon an if with values could become the value of its block
            return text(node) + (";" if has_value(node) else "")
        case n.While():
            return f"while ({text(node.condition)}) {block(node.body, indent)}"
        case n.Unroll():
            return f"unroll ({text(node.count)}) {block(node.body, indent)}"
        case n.For():
            if isinstance(node.over, tuple):
                low, high = node.over
                over = f"{_operand(low, _PRIMARY, indent)}..{_operand(high, _PRIMARY, indent)}"
            else:
                over = text(node.over)
            return f"for {node.variable.name} : {over} {block(node.body, indent)}"
        case n.Jump():
            return f"{node.keyword};"
        case n.Return():
            return "return;" if node.value is None else f"return {text(node.value)};"
        case n.Import():
            return f"import {_quote(node.path)};"


def _operand(node: n.Expr, level: int, indent: str) -> str:
    text = expression(node, indent=indent)
    return f"({text})" if _level(node) < level else text


def _level(node: n.Expr) -> int:
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


def expression(node: n.Expr, *, indent: str = "") -> str:
    """One expression, with the parentheses that its meaning needs."""

    def operand(one: n.Expr, level: int) -> str:
        return _operand(one, level, indent)

    def text(one: n.Expr | n.Typeof) -> str:
        return _type(one) if isinstance(one, n.Typeof) else expression(one, indent=indent)

    match node:
        case n.Integer():
            return node.text
        case n.String():
            return _quote(node.value)
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
            return "(" + ", ".join(f"{name} = {text(one)}" for name, one in node.fields) + ")"
        case n.Unary():
            inner = operand(node.operand, _UNARY)
            # "- -x" must not become "--x"
            gap = " " if node.op in "-&" and inner.startswith(node.op) else ""
            return f"{node.op}{gap}{inner}"
        case n.Binary():
            level = PRECEDENCE[node.op]
            return f"{operand(node.left, level)} {node.op} {operand(node.right, level + 1)}"
        case n.Ternary(then=None):
            return f"{operand(node.condition, 1)} ?: {operand(node.otherwise, _TERNARY)}"
        case n.Ternary():
            then = operand(node.then, _TERNARY) if node.then is not None else ""
            condition = operand(node.condition, 1)
            return f"{condition} ? {then} : {operand(node.otherwise, _TERNARY)}"
        case n.Increment():
            target = text(node.target)
            return f"{node.op}{target}" if node.prefix else f"{target}{node.op}"
        case n.Member():
            return f"{operand(node.operand, _POSTFIX)}.{node.name}"
        case n.TupleIndex():
            return f"{operand(node.operand, _POSTFIX)}.{node.index}"
        case n.Index():
            inner = operand(node.operand, _POSTFIX)
            # "@m[1]" is a map access; indexing the value of "@m" needs parentheses
            if isinstance(node.operand, n.Map) and node.operand.keys is None:
                inner = f"({inner})"
            return f"{inner}[{text(node.index)}]"
        case n.Cast():
            inner = operand(node.operand, _UNARY)
            # "(x)+" is never the start of a cast
            return f"({_type(node.type)})" + (f"({inner})" if inner.startswith("+") else inner)
        case n.If():
            return _if(node, indent)
        case n.Block():
            return block(node, indent)
        case n.Sizeof():
            return f"{node.keyword}({_type(node.operand)})"
        case n.Offsetof():
            return f"offsetof({_type(node.operand)}, {'.'.join(node.path)})"
        case n.Comptime():
            return f"comptime {operand(node.operand, _UNARY)}"


def _if(node: n.If, indent: str) -> str:
    condition = expression(node.condition, indent=indent)
    text = f"if ({condition}) {block(node.then, indent)}"
    if isinstance(node.otherwise, n.If):
        return f"{text} else {_if(node.otherwise, indent)}"
    return text if node.otherwise is None else f"{text} else {block(node.otherwise, indent)}"


def _type(node: n.TypeName | n.Typeof | n.Expr) -> str:
    match node:
        case n.TypeName():
            name = f"{node.keyword} {node.name}" if node.keyword else node.name
            suffixes = (
                one if isinstance(one, str) else "[]" if one < 0 else f"[{one}]"
                for one in node.suffixes
            )
            return name + "".join(suffixes)
        case n.Typeof():
            return f"typeof({_type(node.operand)})"
        case n.Name() | n.Index() if _is_like_type(node):
            return f"({expression(node)})"
        case _:
            return expression(node)


def _is_like_type(node: n.Expr) -> bool:
    """Whether ``sizeof`` would take an expression for a type: ``x``, ``x[4]``."""
    return isinstance(node, n.Name) or (isinstance(node, n.Index) and _is_like_type(node.operand))


_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def _quote(value: str) -> str:
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
