# SPDX-License-Identifier: MIT
"""Integer expressions on the running kernel, against a reference evaluator of language §3.2-3.4."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from kptrace.types import BOOL, INT64, UINT64, Bool, Int

INTS = [Int(size, signed) for size in (1, 2, 4, 8) for signed in (True, False)]
SHIFTS = ("<<", ">>")
ARITHMETIC = ("+", "-", "*", "&", "|", "^", "/", "%")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


def wrap(value: int, kind: Int) -> int:
    value &= (1 << kind.size * 8) - 1
    return value - (1 << kind.size * 8) if kind.signed and value >> (kind.size * 8 - 1) else value


def name_of(kind: Int) -> str:
    return f"{'' if kind.signed else 'u'}int{kind.size * 8}"


@dataclass(frozen=True, kw_only=True)
class Term:
    """An expression's text and what the language says that it is."""

    text: str
    kind: Int | Bool
    value: int
    literal: bool = False

    @property
    def flexible(self) -> bool:
        return self.literal and self.value >= 0

    @property
    def integer(self) -> Int:
        return self.kind if isinstance(self.kind, Int) else Int(1, False)

    @property
    def shown(self) -> str:
        if isinstance(self.kind, Bool):
            return "true" if self.value else "false"
        return str(self.value)


def literal(value: int) -> Term:
    sizes = (size for size in (1, 2, 4, 8) if -(1 << size * 8 - 1) <= value < 1 << size * 8 - 1)
    size = next(sizes, 0)
    kind = Int(size, True) if size else UINT64
    text = str(value) if value >= 0 else f"({value})"
    return Term(text=text, kind=kind, value=value, literal=True)


def promoted(left: Term, right: Term) -> Int:
    a, b = left.integer, right.integer
    size = max(a.size, b.size)
    if a.signed == b.signed:
        return Int(size, a.signed)
    if left.flexible != right.flexible:
        return Int(size, (b if left.flexible else a).signed)
    signed, unsigned = (a, b) if a.signed else (b, a)
    return signed if signed.size > unsigned.size else Int(min(2 * size, 8), True)


def arithmetic(op: str, left: Term, right: Term) -> Term:
    signed = left.integer.signed or right.integer.signed
    if left.flexible != right.flexible:
        signed = (right if left.flexible else left).integer.signed
    kind = INT64 if signed or op == "-" else UINT64
    a, b = left.value, right.value
    ua, ub = wrap(a, UINT64), wrap(b, UINT64)
    match op:
        case "/" | "%":
            value = 1 if ub == 0 else ua // ub if op == "/" else ua % ub
        case "<<":
            value = ua << b
        case ">>":
            value = ua >> b
        case _:
            value = {"+": a + b, "-": a - b, "*": a * b, "&": a & b, "|": a | b, "^": a ^ b}[op]
    return Term(text=f"({left.text} {op} {right.text})", kind=kind, value=wrap(value, kind))


def comparison(op: str, left: Term, right: Term) -> Term:
    wide = Int(8, promoted(left, right).signed)
    a, b = wrap(left.value, wide), wrap(right.value, wide)
    value = {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b, "==": a == b, "!=": a != b}[op]
    return Term(text=f"({left.text} {op} {right.text})", kind=BOOL, value=int(value))


class Maker:
    """Random expressions over the variables of one specification; never all literal."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        edges = {
            kind: [
                wrap(value, kind) for value in (0, 1, -1, 1 << kind.size * 8 - 1, 0x5A5A5A5A5A5A)
            ]
            for kind in INTS
        }
        self.variables = [
            Term(text=f"$v{index}", kind=kind, value=self.random.choice(edges[kind]))
            for index, kind in enumerate(INTS + INTS)
        ]

    def declarations(self) -> str:
        return "".join(
            f"{one.text} = ({name_of(one.integer)}){literal(one.value).text}; "
            for one in self.variables
        )

    def leaf(self) -> Term:
        if self.random.random() < 0.7:
            return self.random.choice(self.variables)
        choices = (0, 1, 2, 7, 100, 200, 40000, 70000, 1 << 31, 1 << 40, (1 << 64) - 1, -1, -200)
        return literal(self.random.choice(choices))

    def variable(self, depth: int) -> Term:
        """An expression that is not a literal."""
        made = self.term(depth)
        return self.random.choice(self.variables) if made.literal else made

    def pair(self, depth: int) -> tuple[Term, Term]:
        left, right = self.variable(depth), self.term(depth)
        return (left, right) if self.random.random() < 0.5 else (right, left)

    def term(self, depth: int) -> Term:
        if depth == 0:
            return self.leaf()
        match self.random.randrange(9):
            case 0 | 1 | 2:
                return arithmetic(self.random.choice(ARITHMETIC), *self.pair(depth - 1))
            case 3:
                amount = literal(self.random.choice((0, 1, 7, 31, 32, 33, 63)))
                left = self.variable(depth - 1)
                if self.random.random() < 0.5:
                    left, six = self.term(depth - 1), self.random.choice(self.variables)
                    amount = arithmetic("&", six, literal(63))
                return arithmetic(self.random.choice(SHIFTS), left, amount)
            case 4:
                return comparison(self.random.choice(COMPARISONS), *self.pair(depth - 1))
            case 5:
                left, right = self.pair(depth - 1)
                op = self.random.choice(("&&", "||"))
                both = (left.value and right.value) if op == "&&" else (left.value or right.value)
                return Term(
                    text=f"({left.text} {op} {right.text})", kind=BOOL, value=int(bool(both))
                )
            case 6:
                kind = self.random.choice(INTS)
                operand = self.variable(depth - 1)
                text = f"(({name_of(kind)}){operand.text})"
                return Term(text=text, kind=kind, value=wrap(operand.value, kind))
            case 7:
                return self.one_operand(depth)
            case _:
                condition = self.variable(depth - 1)
                then, otherwise = self.pair(depth - 1)
                if isinstance(then.kind, Bool) != isinstance(otherwise.kind, Bool):
                    return condition
                text = f"({condition.text} ? {then.text} : {otherwise.text})"
                chosen = (then if condition.value else otherwise).value
                if isinstance(then.kind, Bool):
                    return Term(text=text, kind=BOOL, value=chosen)
                kind = promoted(then, otherwise)
                return Term(text=text, kind=kind, value=wrap(chosen, kind))

    def one_operand(self, depth: int) -> Term:
        operand = self.variable(depth - 1)
        op = self.random.choice("!-~")
        text = f"({op}{operand.text})"
        if op == "!":
            return Term(text=text, kind=BOOL, value=int(not operand.value))
        if isinstance(operand.kind, Bool):
            return operand
        kind = Int(8, operand.kind.signed)
        value = -operand.value if op == "-" else ~operand.value
        return Term(text=text, kind=kind, value=wrap(value, kind))


@pytest.mark.parametrize("seed", range(6))
def test_expressions(run, seed: int) -> None:  # type: ignore[no-untyped-def]
    maker = Maker(seed)
    terms = [maker.variable(depth) for depth in (1, 1, 2, 2, 3) for _ in range(24)]
    prints = "".join(f"print({one.text}); " for one in terms)
    ran = run(f"begin {{ {maker.declarations()}{prints}}}", "--no-warnings")
    assert ran.status == 0, ran.err
    values = {one.text: f"{name_of(one.integer)} {one.value}" for one in maker.variables}
    wrong = [
        f"{one.text} is {one.shown}, got {got}"
        for one, got in zip(terms, ran.lines, strict=False)
        if one.shown != got
    ]
    assert not wrong, [*wrong[:5], values]
    assert ran.lines[len(terms) :] == ["", ""]


def test_reference_knows_the_rules() -> None:
    """The reference itself, on the examples that the language gives."""
    pid, minus = Term(text="p", kind=Int(4, False), value=5), literal(-1)
    assert comparison("<", pid, minus).value == 0  # uint32 and int8 promote to int64
    assert arithmetic("-", pid, literal(6)).shown == "-1"
    assert arithmetic("/", minus, Term(text="t", kind=INT64, value=2)).value == (1 << 63) - 1
    assert arithmetic(">>", Term(text="s", kind=INT64, value=-8), literal(1)).value == (1 << 63) - 4
    assert arithmetic("+", pid, literal(1)).kind == UINT64
