# SPDX-License-Identifier: MIT
"""Recursive-descent parser: text to tree (language §2).

Each method carries its production. A syntax error ends the root item in which it stands; the
parser goes on with the next item, so one run reports them all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kptrace.errors import Report
from kptrace.lang import nodes as n
from kptrace.lang.attach import read_attach_point
from kptrace.lang.expression_parser import BUILTIN_VALUE, ExpressionParser
from kptrace.lang.lexer import Kind, SpecSyntaxError, Token
from kptrace.source import Source

ASSIGN_OPS = ("=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=")
_NAME_COMMENT = re.compile(r"^[ \t]*//[ \t]*name:[ \t]*([_a-zA-Z][_a-zA-Z0-9]*)[ \t]*$", re.M)
_C_KEYWORDS = ("struct", "union", "enum")
_EARLY: dict[type[n.RootItem], str] = {
    n.CDefinition: "C definitions",
    n.Config: "config",
    n.Import: "root imports",
}
_LANDMARK = re.compile(
    r'(?P<string>"(?:[^"\\\n]|\\[^\n])*)(?P<closed>")?|//[^\n]*|/\*.*?(?:\*/|\Z)|[{};]', re.S
)
_PUNCTUATION = re.compile(r"[{};]")
_SEMICOLON = re.compile(r"\s*;")
MAX_ERRORS = 100
"""Syntax errors that one parse collects."""


def parse(source: Source) -> n.Program:
    """The tree of a specification; raises SpecError with every syntax error found."""
    return ProgramParser(source).program()


class ProgramParser(ExpressionParser):
    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self.report = Report()
        self.late = False  # probes or functions have begun
        self.configured = False

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
        while len(self.report.diagnostics) < MAX_ERRORS:
            item_start = self.offset
            try:
                if self.peek().kind is Kind.END:
                    break
            except SpecSyntaxError as problem:
                self.complain(problem)
                self.offset = problem.span.end
                if problem.span.text == "/*":  # an open comment reaches to the end
                    break
                continue
            try:
                item = self.root_item()
                self.check_order(item)
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
        """Go behind the closing brace of the root item in which the error stands.

        A semicolon ends what has no braces; behind the brace of a struct it may be left out.
        """
        self.depth = 0
        depth = 0
        opened = False
        text = self.source.text
        self.offset = len(text)
        for match in _landmarks(text, item_start):
            token = match.group()
            if token == "{":
                depth += 1
                opened = True
            elif token == "}":
                depth -= 1
            ends = depth <= 0 and opened if token != ";" else not opened
            if ends and match.end() > error:
                self.offset = match.end()
                if token == "}" and (more := _SEMICOLON.match(text, self.offset)):
                    self.offset = more.end()
                return

    def check_order(self, item: n.RootItem) -> None:
        """Parts must come in the order of the grammar (language §2.2)."""
        self.late = self.late or isinstance(item, n.Probe | n.Macro | n.Subprogram)
        what = _EARLY.get(type(item))
        if what is None:
            return
        if self.late:
            message = f"{what} must appear before probes and functions"
            self.complain(self.problem(message, item.span))
        if isinstance(item, n.Config):
            if self.configured:
                self.complain(self.problem("duplicate config block", item.span))
            self.configured = True

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
            if token.text == "import" and following.kind in (Kind.STRING, Kind.IDENTIFIER):
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
            if token.kind is Kind.END or (token.text == ";" and depth == 0):
                raise self.problem("expected '}'" if depth else "expected '{'", token.span)
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
                if token.kind is Kind.END:
                    raise self.problem("expected ')'", token.span)
                depth += {"(": 1, ")": -1}.get(token.text, 0)
                if depth == 0:
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
        name = self.macro_name("a macro name").text
        self.expect("(")
        parameters: dict[str, None] = {}  # a set that keeps its order
        while not self.at(")"):
            if self.peek().kind in (Kind.VARIABLE, Kind.MAP):
                token = self.advance()
            else:
                token = self.macro_name("a macro parameter")
            if token.text in parameters:
                raise self.problem(f"duplicate macro parameter: {token.text}", token.span)
            parameters[token.text] = None
            if not self.accept(","):
                break
            if self.at(")"):
                raise self.problem("expected a macro parameter")
        self.expect(")")
        body = self.block()
        return n.Macro(span=self.since(start), name=name, parameters=tuple(parameters), body=body)

    def macro_name(self, what: str) -> Token:
        """An identifier that is not always a value (language §1)."""
        if BUILTIN_VALUE.fullmatch(self.peek().text):
            raise self.problem(f"expected {what}, found the built-in value '{self.peek().text}'")
        return self.expect_kind(Kind.IDENTIFIER, what)

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
        # a comment behind the block before, on its line, does not name this one
        above = self.source.text.find("\n", trivia_start, start) if trivia_start else 0
        names = _NAME_COMMENT.findall(self.source.text, above, start) if above >= 0 else []
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
        # an if or a block that starts a statement ends at its brace: "if (c) { } ++@x;"
        value = self.primary() if self.at("if", "{") else self.expression()
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
            if isinstance(value, n.If) and not has_value(value):
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


def _landmarks(text: str, start: int) -> Iterator[re.Match[str]]:
    """The braces and semicolons outside of strings and comments.

    Where a string is never closed, its line is read once more as if it were none.
    """
    for match in _LANDMARK.finditer(text, start):
        if match["string"] and not match["closed"]:
            yield from _PUNCTUATION.finditer(text, match.start(), match.end())
        elif match.group() in "{};":
            yield match


def has_value(node: n.If) -> bool:
    """Whether an if can stand for a value: both branches end in one."""
    otherwise = node.otherwise
    if node.then.value is None or otherwise is None:
        return False
    return has_value(otherwise) if isinstance(otherwise, n.If) else otherwise.value is not None
