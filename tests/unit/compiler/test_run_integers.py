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
    text = f"({left.text} {op} {right.text})"
    if isinstance(left.kind, Bool) and isinstance(right.kind, Bool):
        return Term(text=text, kind=BOOL, value=int(value != 0))
    return Term(text=text, kind=kind, value=wrap(value, kind))


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


def variables_of_every_type() -> list[Term]:
    """Two of every type, with values that differ between signed and unsigned."""
    return [
        Term(text=f"$v{index}", kind=kind, value=wrap(value, kind))
        for index, (kind, value) in enumerate(
            (kind, value) for kind in INTS for value in (-3, 0x71E5D4C372A19047)
        )
    ]


def check_terms(run, variables: list[Term], terms: list[Term]) -> None:  # type: ignore[no-untyped-def]
    declared = "".join(
        f"{one.text} = ({name_of(one.integer)}){literal(one.value).text}; " for one in variables
    )
    prints = "".join(f"print({one.text});\n" for one in terms)
    ran = run(f"begin {{ {declared}{prints}}}", "--no-warnings")
    assert ran.status == 0, ran.err
    got = ran.lines[: len(terms)]
    wrong = [
        f"{one.text} is {one.shown}, got {x}"
        for one, x in zip(terms, got, strict=True)
        if one.shown != x
    ]
    assert not wrong, [
        *wrong[:5],
        [f"{one.text} {name_of(one.integer)} {one.value}" for one in variables],
    ]


@pytest.mark.parametrize("op", [*ARITHMETIC, *SHIFTS, *COMPARISONS])
def test_every_operator_on_every_pair_of_types(run, op: str) -> None:  # type: ignore[no-untyped-def]
    variables = variables_of_every_type()
    rights = [*variables, literal(0), literal(5), literal(-5)]
    if op in SHIFTS:
        rights = [literal(0), literal(1), literal(31), literal(63)]
    elif op in ARITHMETIC:
        rights.append(literal((1 << 64) - 1))
    make = comparison if op in COMPARISONS else arithmetic
    terms = [make(op, left, right) for left in variables for right in rights]
    if op not in SHIFTS:
        terms += [
            make(op, literal(value), right) for value in (0, 200, -200) for right in variables
        ]
    check_terms(run, variables, terms)


def test_every_cast_and_every_choice(run) -> None:  # type: ignore[no-untyped-def]
    """A value of each type cast to each; `?:` between each pair of types, either way."""
    variables = variables_of_every_type()
    casts = [
        Term(text=f"(({name_of(kind)}){one.text})", kind=kind, value=wrap(one.value, kind))
        for one in variables
        for kind in INTS
    ]
    bools = [
        Term(text=f"((bool){one.text})", kind=BOOL, value=int(one.value != 0)) for one in variables
    ]
    choices = [
        Term(
            text=f"({condition} ? {left.text} : {right.text})",
            kind=promoted(left, right),
            value=wrap((left if taken else right).value, promoted(left, right)),
        )
        for condition, taken in (("pid != 0", True), ("pid == 0", False))
        for left in variables[::2]
        for right in [*variables[1::2], literal(7), literal(-7), literal(70000)]
    ]
    check_terms(run, variables, casts + bools + choices)


class Folded:
    """Random expressions of literals only: exact arithmetic (§3.5), or an error."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def term(self, depth: int) -> tuple[str, int | bool]:
        if depth == 0 or self.random.random() < 0.1:
            value = self.random.choice(
                (0, 1, 2, 3, 7, 63, 127, 128, 255, 256, 40000, 1 << 31, 1 << 32, 1 << 62, 1 << 63)
            )
            return str(value), value
        if self.random.random() < 0.2:
            text, value = self.term(depth - 1)
            match self.random.choice("!" if isinstance(value, bool) else "-~!"):
                case "-":
                    return f"(-{text})", self.in_range(-value)
                case "!":
                    return f"(!{text})", not value
                case _:
                    return f"(~{text})", (~value if value < 0 else ~value & (1 << 64) - 1)
        op = self.random.choice((*ARITHMETIC, *SHIFTS, *COMPARISONS, "&&", "||"))
        (a, left), (b, right) = self.term(depth - 1), self.term(depth - 1)
        return f"({a} {op} {b})", self.in_range(self.value(op, left, right))

    @staticmethod
    def in_range(value: int | bool) -> int | bool:
        if not -(1 << 63) <= value < 1 << 64:
            raise ValueError
        return value

    @staticmethod
    def value(op: str, a: int, b: int) -> int | bool:
        """Raises ValueError where the language has an error."""
        if isinstance(a, bool) and isinstance(b, bool) and op not in (*COMPARISONS, "&&", "||"):
            raise ValueError  # what it gives is the business of other tests
        match op:
            case "/" | "%":
                if b == 0:
                    raise ValueError
                quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
                return quotient if op == "/" else a - b * quotient
            case "<<" | ">>":
                if not 0 <= b <= 63:
                    raise ValueError
                return a << b if op == "<<" else a >> b
            case "&&" | "||":
                return bool(a and b) if op == "&&" else bool(a or b)
            case "&" | "|" | "^":
                return {"&": a & b, "|": a | b, "^": a ^ b}[op]
            case "+" | "-" | "*":
                return {"+": a + b, "-": a - b, "*": a * b}[op]
        table = {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b, "==": a == b, "!=": a != b}
        return table[op]


def test_literals_fold_exactly(run) -> None:  # type: ignore[no-untyped-def]
    maker = Folded(1)
    terms: list[tuple[str, int | bool]] = []
    while len(terms) < 150:
        try:
            text, value = maker.term(maker.random.choice((1, 1, 2, 3)))
        except ValueError:
            continue
        terms.append((text, value))
    ran = run("begin { " + "".join(f"print({text});\n" for text, _ in terms) + "}", "--no-warnings")
    assert ran.status == 0, ran.err
    shown = [str(value).lower() if isinstance(value, bool) else str(value) for _, value in terms]
    wrong = [
        f"{text} is {right}, got {got}"
        for (text, _), right, got in zip(terms, shown, ran.lines, strict=False)
        if right != got
    ]
    assert not wrong, wrong[:5]


def test_reference_knows_the_rules() -> None:
    """The reference itself, on the examples that the language gives."""
    pid, minus = Term(text="p", kind=Int(4, False), value=5), literal(-1)
    assert comparison("<", pid, minus).value == 0  # uint32 and int8 promote to int64
    assert arithmetic("-", pid, literal(6)).shown == "-1"
    assert arithmetic("/", minus, Term(text="t", kind=INT64, value=2)).value == (1 << 63) - 1
    assert arithmetic(">>", Term(text="s", kind=INT64, value=-8), literal(1)).value == (1 << 63) - 4
    assert arithmetic("+", pid, literal(1)).kind == UINT64
