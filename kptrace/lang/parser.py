# SPDX-License-Identifier: MIT
"""Recursive-descent parser: text to tree (language §2).

Each method carries its production. A syntax error ends the root item in which it stands; the
parser goes on with the next item, so one run reports them all.
"""

from __future__ import annotations

import re

from kptrace.errors import Report
from kptrace.lang import nodes as n
from kptrace.lang.attach import read_attach_point
from kptrace.lang.lexer import Kind, Lexer, SpecSyntaxError, Token
from kptrace.source import Source, Span

BUILTIN_VALUE = re.compile(r"args|ctx|kstack|nsecs|pid|tid|ustack|arg[0-9]+")
"""Identifiers that are always values (language §1): never a type, a field or a parameter."""

ASSIGN_OPS = ("=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=")
PRECEDENCE = {
    op: level
    for level, ops in enumerate(
        ("||", "&&", "|", "^", "&", "== !=", "< > <= >=", "<< >>", "+ -", "* / %"), 1
    )
    for op in ops.split()
}
"""Binary operators, lowest first (language §2.1)."""

_PREFIX = ("!", "~", "-", "*", "++", "--", "&")

MAX_DEPTH = 120
MAX_CHAIN = 2000
_CAST_FOLLOWS = re.compile(r'[0-9a-zA-Z_$@"(\-!~*&]')
_NAME_COMMENT = re.compile(r"^[ \t]*//[ \t]*name:[ \t]*([_a-zA-Z][_a-zA-Z0-9]*)[ \t]*$", re.M)
_C_KEYWORDS = ("struct", "union", "enum")


def parse(source: Source) -> n.Program:
    """The tree of a specification; raises SpecError with every syntax error found."""
    return _Parser(source).program()


class _Parser:
    def __init__(self, source: Source) -> None:
        self.lexer = Lexer(source)
        self.source = source
        self.offset = 0  # end of the last consumed token
        self.report = Report()
        self.depth = 0
        self.cached: tuple[int, Token] | None = None

    # --- tokens ---

    def peek(self) -> Token:
        if self.cached is None or self.cached[0] != self.offset:
            self.cached = (self.offset, self.lexer.token(self.offset))
        return self.cached[1]

    def advance(self) -> Token:
        token = self.peek()
        self.offset = token.span.end
        return token

    def at(self, *texts: str) -> bool:
        token = self.peek()
        return token.kind in (Kind.PUNCTUATION, Kind.IDENTIFIER) and token.text in texts

    def accept(self, text: str) -> Token | None:
        return self.advance() if self.at(text) else None

    def expect(self, text: str) -> Token:
        if self.at(text):
            return self.advance()
        raise self.problem(f"expected '{text}'")

    def expect_kind(self, kind: Kind, what: str) -> Token:
        if self.peek().kind is kind:
            return self.advance()
        raise self.problem(f"expected {what}")

    def problem(self, message: str, span: Span | None = None, hint: str = "") -> SpecSyntaxError:
        return SpecSyntaxError(span or self.peek().span, message, hint)

    def since(self, start: int) -> Span:
        return Span(self.source, start, self.offset)

    # --- root ---

    def program(self) -> n.Program:
        """program = [ shebang ] { root_item } ;"""
        shebang = ""
        text = self.source.text
        start = len(text) - len(text.lstrip())
        if text.startswith("#!", start):
            end = text.find("\n", start)
            self.offset = len(text) if end == -1 else end
            shebang = text[start : self.offset].rstrip()
        items: list[n.RootItem] = []
        while True:
            try:
                if self.peek().kind is Kind.END:
                    break
            except SpecSyntaxError as problem:
                self.complain(problem)
                self.offset = problem.span.end
                continue
            item_start = self.offset
            try:
                item = self.root_item()
                self.check_order(item, items)
                items.append(item)
            except SpecSyntaxError as problem:
                self.complain(problem)
                self.recover(item_start, problem.span.start)
        self.report.check()
        return n.Program(source=self.source, items=tuple(items), shebang=shebang)

    def complain(self, problem: SpecSyntaxError) -> None:
        hints = (problem.hint,) if problem.hint else ()
        message = f"syntax: {problem.message}"
        self.report.error(problem.span, message, code="syntax", hints=hints)

    def recover(self, item_start: int, error: int) -> None:
        """Go behind the closing brace of the root item in which the error stands."""
        depth = 0
        opened = False
        self.offset = item_start
        while True:
            try:
                token = self.advance()
            except SpecSyntaxError as problem:
                self.offset = max(problem.span.end, self.offset + 1)
                continue
            if token.kind is Kind.END:
                return
            if token.text == "{" and token.kind is Kind.PUNCTUATION:
                depth += 1
                opened = True
            elif token.text == "}" and token.kind is Kind.PUNCTUATION:
                depth -= 1
            if depth <= 0 and opened and self.offset > error:
                return
            if not opened and token.text == ";" and self.offset > error:
                return

    def check_order(self, item: n.RootItem, before: list[n.RootItem]) -> None:
        """Parts must come in the order of the grammar (language §2.2)."""
        names: dict[type, str] = {
            n.CDefinition: "C definitions",
            n.Config: "config",
            n.Import: "root imports",
        }
        what = names.get(type(item))
        if what is None:
            return
        late = any(isinstance(one, n.Probe | n.Macro | n.Subprogram) for one in before)
        if late:
            message = f"{what} must appear before probes and functions"
            raise self.problem(message, item.span)
        if isinstance(item, n.Config) and any(isinstance(one, n.Config) for one in before):
            raise self.problem("duplicate config block", item.span)

    def root_item(self) -> n.RootItem:
        """root_item = cdef | config | root_import | probe | macro | map_decl | subprog ;"""
        token = self.peek()
        following = self.lexer.token(token.span.end) if token.kind is not Kind.END else token
        if token.text == "#":
            return self.preprocessor_line()
        if token.kind is Kind.IDENTIFIER:
            named = following.kind is Kind.IDENTIFIER
            if token.text in _C_KEYWORDS and (named or following.text == "{"):
                return self.c_definition()
            if token.text == "config" and following.text == "=":
                return self.config()
            if token.text == "import" and following.kind is Kind.STRING:
                return self.import_()
            if token.text == "macro" and named:
                return self.macro()
            if token.text == "fn" and named:
                return self.subprogram()
            if token.text == "let":
                return self.map_declaration()
        return self.probe()

    def preprocessor_line(self) -> n.CDefinition:
        """cdef = "#" … end-of-line ;"""
        start = self.peek().span.start
        end = self.source.text.find("\n", start)
        self.offset = len(self.source.text) if end == -1 else end
        span = self.since(start)
        return n.CDefinition(span=span, text=span.text.rstrip())

    def c_definition(self) -> n.CDefinition:
        """cdef = ( "struct" | "union" | "enum" ) … "{" balanced-C "}" { attribute } [ ";" ] ;"""
        start = self.peek().span.start
        depth = 0
        while True:
            token = self.advance()
            if token.kind is Kind.END:
                raise self.problem("expected '}'", token.span)
            if token.text == "{":
                depth += 1
            elif token.text == "}":
                depth -= 1
                if depth == 0:
                    break
        while self.accept("__attribute__"):
            depth = 0
            while True:
                token = self.advance()
                depth += {"(": 1, ")": -1}.get(token.text, 0)
                if depth == 0 or token.kind is Kind.END:
                    break
        self.accept(";")
        span = self.since(start)
        return n.CDefinition(span=span, text=span.text)

    def config(self) -> n.Config:
        """config = "config" "=" "{" [ cfg { ";" cfg } [ ";" ] ] "}" ;"""
        start = self.advance().span.start
        self.expect("=")
        self.expect("{")
        settings = []
        while not self.at("}"):
            settings.append(self.setting())
            if not self.accept(";"):
                break
        self.expect("}")
        return n.Config(span=self.since(start), settings=tuple(settings))

    def setting(self) -> n.Setting:
        """cfg = ident "=" ( string | integer | "true" | "false" | ident ) ;"""
        key = self.expect_kind(Kind.IDENTIFIER, "a config key")
        self.expect("=")
        token = self.advance()
        value: str | int | bool
        if token.kind in (Kind.STRING, Kind.INTEGER):
            value = token.value
        elif token.kind is Kind.IDENTIFIER:
            value = {"true": True, "false": False}.get(token.text, token.text)
        else:
            raise self.problem("expected a config value", token.span)
        return n.Setting(span=self.since(key.span.start), key=key.text, value=value)

    def import_(self) -> n.Import:
        """root_import = "import" string ";" ;"""
        start = self.advance().span.start
        path = self.expect_kind(Kind.STRING, "a path")
        self.end_of_statement()
        return n.Import(span=self.since(start), path=str(path.value))

    def macro(self) -> n.Macro:
        """macro = "macro" ident "(" [ mparam { "," mparam } ] ")" block ;"""
        start = self.advance().span.start
        name = self.expect_kind(Kind.IDENTIFIER, "a macro name").text
        self.expect("(")
        parameters = []
        while not self.at(")"):
            token = self.advance()
            if token.kind not in (Kind.VARIABLE, Kind.MAP, Kind.IDENTIFIER):
                raise self.problem("expected a macro parameter", token.span)
            parameters.append(token.text)
            if not self.accept(","):
                break
        self.expect(")")
        body = self.block()
        return n.Macro(span=self.since(start), name=name, parameters=tuple(parameters), body=body)

    def subprogram(self) -> n.Subprogram:
        """subprog = "fn" ident "(" … ")" ":" type block ;"""
        start = self.advance().span.start
        name = self.expect_kind(Kind.IDENTIFIER, "a function name").text
        while not self.at("{"):
            if self.advance().kind is Kind.END:
                raise self.problem("expected '{'")
        self.block()
        return n.Subprogram(span=self.since(start), name=name)

    def map_declaration(self) -> n.MapDeclaration:
        """map_decl = "let" map "=" ident "(" integer ")" [ ";" ] ;"""
        start = self.advance().span.start
        if self.peek().kind is not Kind.MAP:
            message = (
                "root-level let statements need to be map declarations, e.g. let @a = hash(2);"
            )
            raise self.problem(message)
        name = self.advance().text
        self.expect("=")
        kind = self.expect_kind(Kind.IDENTIFIER, "a map type")
        self.expect("(")
        size = self.expect_kind(Kind.INTEGER, "a number of entries")
        self.expect(")")
        self.accept(";")
        return n.MapDeclaration(
            span=self.since(start),
            map=name,
            kind=kind.text,
            size=int(size.value),
            kind_span=kind.span,
        )

    def probe(self) -> n.Probe:
        """probe = attach { "," attach } [ "," ] [ "/" expr "/" ] block ;"""
        trivia_start = self.offset
        start = self.lexer.skip(self.offset)
        names = _NAME_COMMENT.findall(self.source.text[trivia_start:start])
        attach = []
        while True:
            point, self.offset = read_attach_point(self.lexer, self.offset)
            attach.append(point)
            if not self.accept(",") or self.at("{", "/"):
                break
        predicate = None
        if self.accept("/"):
            predicate = self.expression()
            self.expect("/")
        body = self.block()
        return n.Probe(
            span=self.since(start),
            attach=tuple(attach),
            predicate=predicate,
            body=body,
            name=names[-1] if names else "",
        )

    # --- statements ---

    def block(self) -> n.Block:
        """block = "{" { stmt } [ expr ] "}" ;"""
        opening = self.expect("{")
        self.enter(opening.span)
        statements: list[n.Statement] = []
        value: n.Expr | None = None
        while not self.at("}"):
            if self.peek().kind is Kind.END:
                raise self.problem("expected '}'", hint=f"the block opens at {opening.span}")
            statement, value = self.statement()
            if statement is not None:
                statements.append(statement)
            if value is not None:
                break
        self.expect("}")
        self.depth -= 1
        return n.Block(
            span=self.since(opening.span.start), statements=tuple(statements), value=value
        )

    def enter(self, span: Span) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.problem(f"nested more than {MAX_DEPTH} levels deep", span)

    def end_of_statement(self) -> None:
        """end = ";" | (* nothing, directly before "}" *) ;"""
        if not self.at("}"):
            self.expect(";")

    def statement(self) -> tuple[n.Statement | None, n.Expr | None]:
        """One statement, or the trailing value of the block."""
        token = self.peek()
        following = self.lexer.token(token.span.end) if token.kind is not Kind.END else token
        if token.text == ";" and token.kind is Kind.PUNCTUATION:
            self.advance()
            return None, None
        if token.kind is Kind.IDENTIFIER:
            keyword = self.keyword_statement(token, following)
            if keyword is not None:
                return keyword, None
        return self.expression_statement()

    def keyword_statement(self, token: Token, following: Token) -> n.Statement | None:
        start = token.span.start
        match token.text:
            case "let" if following.kind is Kind.VARIABLE:
                return self.let()
            case "_" if following.text == "=":
                self.advance()
                self.advance()
                value = self.expression()
                self.end_of_statement()
                return n.Discard(span=self.since(start), value=value)
            case "while":
                self.advance()
                condition = self.condition()
                body = self.block()
                return n.While(span=self.since(start), condition=condition, body=body)
            case "unroll":
                self.advance()
                count = self.condition()
                body = self.block()
                return n.Unroll(span=self.since(start), count=count, body=body)
            case "for" if following.text == "(" or following.kind is Kind.VARIABLE:
                return self.for_()
            case "break" | "continue":
                self.advance()
                self.end_of_statement()
                return n.Jump(span=token.span, keyword=token.text)
            case "return":
                self.advance()
                result = None if self.at(";", "}") else self.expression()
                self.end_of_statement()
                return n.Return(span=self.since(start), value=result)
            case "import" if following.kind is Kind.STRING:
                return self.import_()
        return None

    def let(self) -> n.Let:
        """ "let" variable [ ":" vtype ] [ "=" expr ] end"""
        start = self.advance().span.start
        target = self.variable()
        kind = self.type_or_typeof() if self.accept(":") else None
        value = self.expression() if self.accept("=") else None
        self.end_of_statement()
        return n.Let(span=self.since(start), target=target, type=kind, value=value)

    def variable(self) -> n.Variable:
        token = self.expect_kind(Kind.VARIABLE, "a variable")
        return n.Variable(span=token.span, name=token.text)

    def for_(self) -> n.For:
        """ "for" [ "(" ] variable ":" ( map | primary ".." primary ) [ ")" ] block"""
        start = self.advance().span.start
        parenthesis = self.accept("(")
        variable = self.variable()
        self.expect(":")
        low = self.primary()
        over: n.Map | tuple[n.Expr, n.Expr]
        if self.accept(".."):
            over = (low, self.primary())
        elif isinstance(low, n.Map) and low.keys is None:
            over = low
        else:
            raise self.problem("expected a map or a range", low.span)
        if parenthesis:
            self.expect(")")
        body = self.block()
        return n.For(span=self.since(start), variable=variable, over=over, body=body)

    def expression_statement(self) -> tuple[n.Statement | None, n.Expr | None]:
        """variable assign_op expr end | map [ keys ] assign_op expr end | expr end"""
        start = self.peek().span.start
        value = self.expression()
        if self.at(*ASSIGN_OPS):
            if not isinstance(value, n.Variable | n.Map):
                raise self.bad_target(value)
            op = self.advance().text
            right = self.expression()
            self.end_of_statement()
            return n.Assign(span=self.since(start), target=value, op=op, value=right), None
        if self.accept(";"):
            if isinstance(value, n.If):
                return value, None
            return n.ExpressionStatement(span=value.span, value=value), None
        if self.at("}"):
            if isinstance(value, n.If) and not _has_value(value):
                return value, None
            return None, value
        if isinstance(value, n.If):
            return value, None
        if isinstance(value, n.Block):
            return n.ExpressionStatement(span=value.span, value=value), None
        raise self.problem("expected ';'")

    def bad_target(self, value: n.Expr) -> SpecSyntaxError:
        if isinstance(value, n.Member | n.TupleIndex):
            message = (
                "Tuples and records are immutable once created. Consider creating a new value"
                " and assigning it instead."
            )
            return self.problem(message, value.span)
        return self.problem("invalid assignment target", value.span)

    def condition(self) -> n.Expr:
        """cond = "(" expr ")" | unary ;"""
        if self.accept("("):
            value = self.expression()
            self.expect(")")
            return value
        return self.unary()

    # --- expressions ---

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
        if token.text == "&" and not isinstance(operand, n.Variable | n.Map):
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
                operand = self.unary()
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
        condition = self.condition()
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
        self.expect(",")
        elements = [first]
        while not self.at(")"):
            elements.append(self.expression())
            if not self.accept(","):
                break
        self.expect(")")
        return n.TupleLiteral(span=self.since(start), elements=tuple(elements))

    def record(self, start: int) -> n.RecordLiteral:
        fields: list[tuple[str, n.Expr]] = []
        while True:
            name = self.expect_kind(Kind.IDENTIFIER, "a field name")
            if any(known == name.text for known, _ in fields):
                message = f"Named argument list already contains name: {name.text}"
                raise self.problem(message, name.span)
            self.expect("=")
            fields.append((name.text, self.expression()))
            if not self.accept(","):
                break
        self.expect(")")
        return n.RecordLiteral(span=self.since(start), fields=tuple(fields))

    def cast(self, start: int) -> n.Cast | None:
        """A cast if the parentheses hold a type and an operand follows (language §2.2)."""
        before = self.offset
        kind: n.TypeName | n.Typeof
        try:
            kind = self.type_or_typeof()
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
        start = self.expect("typeof").span.start
        self.expect("(")
        operand = self.type_or_expression()
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


def _has_value(node: n.If) -> bool:
    """Whether an if can stand for a value: both branches end in one."""
    otherwise = node.otherwise
    if node.then.value is None or otherwise is None:
        return False
    return _has_value(otherwise) if isinstance(otherwise, n.If) else otherwise.value is not None
