# SPDX-License-Identifier: MIT
"""The expressions of the grammar (language §2), one method for each production."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod

from kptrace.lang import nodes as n
from kptrace.lang.cursor import MAX_DEPTH, Cursor
from kptrace.lang.lexer import Kind, SpecSyntaxError, Token
from kptrace.source import Span

BUILTIN_VALUE = re.compile(r"args|ctx|kstack|nsecs|pid|tid|ustack|arg[0-9]+|true|false")
"""Identifiers that are always values (language §1): never a type, a field or a parameter."""

PRECEDENCE = {
    op: level
    for level, ops in enumerate(
        ("||", "&&", "|", "^", "&", "== !=", "< > <= >=", "<< >>", "+ -", "* / %"), 1
    )
    for op in ops.split()
}
"""Binary operators, lowest first (language §2.1)."""

_PREFIX = ("!", "~", "-", "*", "++", "--", "&")

MAX_CHAIN = 500
# "(x)->y", "(x) != y" and "(x) && y" are no casts, whatever their first character may be elsewhere
_CAST_FOLLOWS = re.compile(r'[0-9a-zA-Z_$@"(~*]|-(?!>)|!(?!=)|&(?!&)')
_C_KEYWORDS = ("struct", "union", "enum")


def _has_address(node: n.Expr) -> bool:
    """A variable or a whole map."""
    return isinstance(node, n.Variable) or (isinstance(node, n.Map) and node.keys is None)


class ExpressionParser(Cursor, ABC):
    """Parses expressions; what a block contains is the statement parser's business."""

    @abstractmethod
    def block(self) -> n.Block:
        """A block in braces."""

    def variable(self) -> n.Variable:
        token = self.expect_kind(Kind.VARIABLE, "a variable")
        return n.Variable(span=token.span, name=token.text)

    def condition(self) -> n.Expr:
        """cond = "(" expr ")" | unary ;"""
        if self.accept("("):
            value = self.expression()
            self.expect(")")
            return value
        return self.unary()

    def expression(self) -> n.Expr:
        """expr = ternary ;"""
        self.enter(self.peek().span)
        value = self.ternary()
        self.depth -= 1
        return value

    def ternary(self) -> n.Expr:
        """ternary = binary [ "?" ( ternary ":" ternary | ":" ternary ) ] ;"""
        condition = self.binary(1)
        if not self.accept("?"):
            return condition
        then = None if self.at(":") else self.expression()
        self.expect(":")
        otherwise = self.expression()
        span = condition.span.to(otherwise.span)
        return n.Ternary(span=span, condition=condition, then=then, otherwise=otherwise)

    def binary(self, lowest: int) -> n.Expr:
        """binary = unary { binop unary } ;  precedence climbing, all left-associative"""
        left = self.unary()
        chain = 0
        while True:
            token = self.peek()
            level = PRECEDENCE.get(token.text, 0) if token.kind is Kind.PUNCTUATION else 0
            if level < lowest or self.closes_predicate(token):
                return left
            chain += 1
            if chain > MAX_CHAIN:
                raise self.problem(f"more than {MAX_CHAIN} operators in one expression")
            self.advance()
            right = self.binary(level + 1)
            span = left.span.to(right.span)
            left = n.Binary(span=span, op=token.text, left=left, right=right)

    def closes_predicate(self, token: Token) -> bool:
        """``/`` before ``{`` is never division (language §2.2)."""
        if token.text != "/":
            return False
        following = self.lexer.skip(token.span.end)
        return self.source.text.startswith("{", following)

    def unary(self) -> n.Expr:
        """unary = ( "!" | "~" | "-" | "*" ) unary | ( "++" | "--" ) unary | "&" … | postfix ;"""
        token = self.peek()
        if token.kind is not Kind.PUNCTUATION or token.text not in _PREFIX:
            return self.postfix()
        self.advance()
        self.enter(token.span)
        operand = self.unary()
        self.depth -= 1
        span = token.span.to(operand.span)
        if token.text in ("++", "--"):
            return self.increment(token.text, True, operand, span)
        if token.text == "&" and not _has_address(operand):
            message = "address-of operator (&) can only be used on a map or variable"
            raise self.problem(message, span)
        return n.Unary(span=span, op=token.text, operand=operand)

    def increment(self, op: str, prefix: bool, target: n.Expr, span: Span) -> n.Increment:
        if not isinstance(target, n.Variable | n.Map):
            raise self.problem("increment/decrement requires a variable or map", span)
        return n.Increment(span=span, op=op, prefix=prefix, target=target)

    def postfix(self) -> n.Expr:
        """postfix = primary { "." ident | "->" ident | "." int | "[" expr "]" | "++" | "--" }"""
        value = self.primary()
        chain = 0
        while self.at(".", "->", "[", "++", "--"):
            chain += 1
            if chain > MAX_DEPTH:
                raise self.problem(f"nested more than {MAX_DEPTH} levels deep")
            token = self.advance()
            if token.text in ("++", "--"):
                value = self.increment(token.text, False, value, self.since(value.span.start))
            elif token.text == "[":
                index = self.expression()
                self.expect("]")
                span = self.since(value.span.start)
                value = n.Index(span=span, operand=value, index=index)
            else:
                value = self.member(value, token)
        return value

    def member(self, operand: n.Expr, dot: Token) -> n.Expr:
        token = self.advance()
        span = self.since(operand.span.start)
        if token.kind is Kind.INTEGER and dot.text == ".":
            return n.TupleIndex(span=span, operand=operand, index=int(token.value))
        if token.kind is not Kind.IDENTIFIER:
            raise self.problem("expected a field name", token.span)
        return n.Member(span=span, operand=operand, name=token.text, name_span=token.span)

    def primary(self) -> n.Expr:
        """primary = literal | variable | map | call | "(" … ")" | "if" … | block | … ;"""
        token = self.peek()
        match token.kind:
            case Kind.INTEGER:
                self.advance()
                return n.Integer(span=token.span, value=int(token.value), text=token.text)
            case Kind.STRING:
                self.advance()
                return n.String(span=token.span, value=str(token.value))
            case Kind.VARIABLE:
                return self.variable()
            case Kind.POSITIONAL:
                self.advance()
                return n.Positional(span=token.span, number=int(token.value))
            case Kind.MAP:
                return self.map_access()
            case Kind.IDENTIFIER:
                return self.identifier()
        if token.text == "(":
            return self.parenthesised()
        if token.text == "{":
            return self.block()
        raise self.problem("expected an expression")

    def map_access(self) -> n.Map:
        token = self.advance()
        keys = None
        # "@x [1]" is an access too; blanks do not matter.
        if self.accept("["):
            keys = self.expressions("]")
        return n.Map(span=self.since(token.span.start), name=token.text, keys=keys)

    def expressions(self, closer: str) -> tuple[n.Expr, ...]:
        found = [self.expression()]
        while self.accept(","):
            found.append(self.expression())
        self.expect(closer)
        return tuple(found)

    def identifier(self) -> n.Expr:
        token = self.advance()
        start = token.span.start
        following = self.peek()
        called = following.text == "(" and following.kind is Kind.PUNCTUATION
        match token.text:
            case "true" | "false":
                return n.Boolean(span=token.span, value=token.text == "true")
            case "if":
                return self.if_(start)
            case "sizeof" | "typeinfo" if called:
                self.advance()
                operand = self.type_or_expression()
                self.expect(")")
                return n.Sizeof(span=self.since(start), keyword=token.text, operand=operand)
            case "offsetof" if called:
                return self.offsetof(start)
            case "comptime":
                self.enter(token.span)
                operand = self.unary()
                self.depth -= 1
                return n.Comptime(span=self.since(start), operand=operand)
        if not called:
            return n.Name(span=token.span, name=token.text)
        self.advance()
        arguments: list[n.Expr | n.Typeof] = []
        while not self.at(")"):
            arguments.append(self.argument())
            if not self.accept(","):
                break
            if self.at(")"):
                raise self.problem("expected an expression")
        self.expect(")")
        return n.Call(span=self.since(start), name=token.text, arguments=tuple(arguments))

    def argument(self) -> n.Expr | n.Typeof:
        """arg = expr | typeof ;"""
        return self.typeof() if self.at("typeof") else self.expression()

    def offsetof(self, start: int) -> n.Offsetof:
        """ "offsetof" "(" tyex "," ident { "." ident } ")" """
        self.advance()
        operand = self.type_or_expression()
        self.expect(",")
        path = [self.expect_kind(Kind.IDENTIFIER, "a field name").text]
        while self.accept("."):
            path.append(self.expect_kind(Kind.IDENTIFIER, "a field name").text)
        self.expect(")")
        return n.Offsetof(span=self.since(start), operand=operand, path=tuple(path))

    def if_(self, start: int) -> n.If:
        """ "if" cond block [ "else" ( block | "if" … ) ]"""
        self.enter(self.since(start))
        condition = self.condition()  # which may be an if again
        self.depth -= 1
        then = self.block()
        otherwise: n.Block | n.If | None = None
        if self.accept("else"):
            nested = self.accept("if")
            if nested:
                self.enter(nested.span)
                otherwise = self.if_(nested.span.start)
                self.depth -= 1
            else:
                otherwise = self.block()
        return n.If(span=self.since(start), condition=condition, then=then, otherwise=otherwise)

    def parenthesised(self) -> n.Expr:
        """ "(" ")" | "(" expr ")" | tuple | record | cast"""
        start = self.advance().span.start
        if self.accept(")"):
            return n.TupleLiteral(span=self.since(start), elements=())
        token = self.peek()
        if token.kind is Kind.IDENTIFIER and not BUILTIN_VALUE.fullmatch(token.text):
            if self.lexer.token(token.span.end).text == "=":
                return self.record(start)
            cast = self.cast(start)
            if cast is not None:
                return cast
        first = self.expression()
        if self.accept(")"):
            return first
        if not self.accept(","):
            raise self.problem("expected ')'")
        elements = [first]
        while not self.at(")"):
            elements.append(self.expression())
            if not self.accept(","):
                break
        self.expect(")")
        return n.TupleLiteral(span=self.since(start), elements=tuple(elements))

    def record(self, start: int) -> n.RecordLiteral:
        fields: dict[str, n.Expr] = {}
        while True:
            name = self.expect_kind(Kind.IDENTIFIER, "a field name")
            if name.text in fields:
                message = f"Named argument list already contains name: {name.text}"
                raise self.problem(message, name.span)
            self.expect("=")
            fields[name.text] = self.expression()
            if not self.accept(","):
                break
        self.expect(")")
        return n.RecordLiteral(span=self.since(start), fields=tuple(fields.items()))

    def cast(self, start: int) -> n.Cast | None:
        """A cast if the parentheses hold a type and an operand follows (language §2.2)."""
        before = self.offset
        kind: n.TypeName | n.Typeof
        if self.at("typeof"):  # nothing else starts so: going back would take exponential time
            kind = self.typeof()
            self.expect(")")
        else:
            try:
                kind = self.type_name()
            except SpecSyntaxError:
                self.offset = before
                return None
            if not self.accept(")"):
                self.offset = before
                return None
            following = self.lexer.skip(self.offset)
            if not _CAST_FOLLOWS.match(self.source.text, following):
                self.offset = before
                return None
        self.enter(kind.span)
        operand = self.unary()
        self.depth -= 1
        return n.Cast(span=self.since(start), type=kind, operand=operand)

    # --- types ---

    def type_or_typeof(self) -> n.TypeName | n.Typeof:
        """vtype = type | typeof ;"""
        if self.at("typeof"):
            return self.typeof()
        return self.type_name()

    def typeof(self) -> n.Typeof:
        token = self.expect("typeof")
        start = token.span.start
        self.expect("(")
        self.enter(token.span)
        operand = self.type_or_expression()
        self.depth -= 1
        self.expect(")")
        return n.Typeof(span=self.since(start), operand=operand)

    def type_name(self) -> n.TypeName:
        """type = ( ident | ( "struct" | "union" | "enum" ) ident ) { "*" | "[" [ integer ] "]" }"""
        token = self.expect_kind(Kind.IDENTIFIER, "a type")
        keyword, name = "", token.text
        if name in _C_KEYWORDS:
            keyword = name
            name = self.expect_kind(Kind.IDENTIFIER, f"a {keyword} name").text
        suffixes: list[str | int] = []
        while self.at("*", "["):
            if self.accept("*"):
                suffixes.append("*")
                continue
            self.advance()
            size = -1
            if self.peek().kind is Kind.INTEGER:
                size = int(self.advance().value)
            self.expect("]")
            suffixes.append(size)
        span = self.since(token.span.start)
        return n.TypeName(span=span, keyword=keyword, name=name, suffixes=tuple(suffixes))

    def type_or_expression(self) -> n.TypeName | n.Typeof | n.Expr:
        """tyex = type | expr | typeof ;  a bare identifier is left to the checker as a type"""
        if self.at("typeof"):
            return self.typeof()
        before = self.offset
        token = self.peek()
        if token.kind is Kind.IDENTIFIER and not BUILTIN_VALUE.fullmatch(token.text):
            try:
                kind = self.type_name()
                if self.at(")", ","):
                    return kind
            except SpecSyntaxError:
                pass
        self.offset = before
        return self.expression()
