# SPDX-License-Identifier: MIT
"""Named parameters: ``--name=value`` behind ``--``, read by getopt() (language §14.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from kptrace.compiler import fold
from kptrace.errors import Report
from kptrace.source import Span

Value = bool | int | str

TRUE = ("true", "1", "on", "yes")
FALSE = ("false", "0", "off", "no")
_NUMBER = re.compile(r"-?[0-9]")
_DECIMAL = re.compile(r"-?[0-9]+")
_GIVEN_WITHOUT_VALUE = "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One named parameter as a specification reads it; the default's type is its type."""

    name: str
    default: Value
    description: str = ""


@dataclass(slots=True, kw_only=True)
class Named:
    """``given``: what the command line has, None for ``--name`` without a value."""

    given: Mapping[str, str | None] = field(default_factory=dict)
    read: dict[str, Parameter] = field(default_factory=dict)

    def value(self, wanted: Parameter, span: Span, report: Report) -> Value | None:
        """What ``getopt()`` gives at a place; None after a complaint."""
        name = wanted.name
        known = self.read.setdefault(name, wanted)
        if (type(known.default), known.default) != (type(wanted.default), wanted.default):
            message = (
                f"Command line option '{name}' needs to have the same default value in all places"
                f" it is used. Previous default value: {_text(known.default)}"
            )
            report.error(span, message, code="getopt")
            return None
        if wanted.description and not known.description:
            self.read[name] = wanted
        if name not in self.given:
            return wanted.default
        text = self.given[name]
        value, problem = _convert(text, wanted.default)
        if problem:
            shown = _GIVEN_WITHOUT_VALUE if text is None else text
            message = f"program command line option --{name} {problem} (value: {shown})"
            report.error(None, message, code="parameter")
            return None
        return value

    def refuse_unexpected(self, report: Report) -> None:
        """Report what the command line has and the specification never asks for."""
        unexpected = [f"--{name}" for name in self.given if name not in self.read]
        if not unexpected:
            return
        expected = [
            f"--{one.name}: {one.description}" if one.description else f"--{one.name}"
            for one in self.read.values()
        ]
        report.error(
            None,
            f"unexpected program command line options: {', '.join(unexpected)}",
            code="parameter",
            hints=(f"expected program options: {', '.join(expected)}",) if expected else (),
        )


def _convert(text: str | None, default: Value) -> tuple[Value | None, str]:
    """A given text in the type of the default, or what is wrong with it."""
    if isinstance(default, bool):
        if text is None or text in TRUE:
            return True, ""
        return (False, "") if text in FALSE else (None, "expects a boolean (e.g. 'true')")
    if isinstance(default, str):
        return text, "" if text is not None else "expects a string"
    if text is None:
        return None, "expects an integer"
    value = fold.parameter(text)
    if isinstance(value, int):
        return value, ""
    if not _NUMBER.match(text):
        return None, "invalid integer"
    in_range = not _DECIMAL.fullmatch(text) and not _too_large(text)
    return None, "invalid trailing bytes" if in_range else "value is out of range"


def _too_large(text: str) -> bool:
    """Whether a text that is no 64-bit integer would be a larger one."""
    try:
        int(text, 0)
    except ValueError:
        return False
    return True


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
