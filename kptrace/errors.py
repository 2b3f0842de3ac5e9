# SPDX-License-Identifier: MIT
"""What can go wrong, how it is told, and which exit status it has.

::

    KptraceError            1  failed while running
    ├── SpecError           2  bad specification: carries its diagnostics
    ├── UsageError          2  bad command line
    ├── HostError           3  this host cannot: privilege, kernel, missing package
    ├── AttachError         4  a probe cannot be attached
    │   └── CandidateError     by one of the candidates of a hook
    ├── RunError            1  loading or running failed
    ├── CaptureError        1  a file is no capture, or not one that can be read
    └── BundleError         1  the same of a bundle
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, IntEnum
from typing import NoReturn

from kptrace.records import dataclass
from kptrace.source import Span


class Exit(IntEnum):
    """Exit statuses (documented in the README)."""

    OK = 0
    FAILED = 1
    USAGE = 2
    HOST = 3
    ATTACH = 4
    BUDGET = 5
    LOST = 6


class Severity(str, Enum):
    ERROR = "ERROR"
    WARNING = "WARNING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """A second place that explains a diagnostic, such as one side of a comparison."""

    span: Span
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding about a specification or a host.

    ``code`` is a short stable name for machines (``unknown-name``); ``span`` is absent where
    there is no text to point at.
    """

    code: str
    message: str
    severity: Severity = Severity.ERROR
    span: Span | None = None
    contexts: tuple[Context, ...] = ()
    hints: tuple[str, ...] = ()


_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Controls of C0 and C1, those of the direction of text, and halves of surrogate pairs."""


def printable(text: str, keep: str = "") -> str:
    """Text of strangers for a terminal: what would control it is shown as an escape sequence.

    For all that is not output of a specification. Characters of ``keep`` stay, such as newlines.
    The result can be encoded as UTF-8.
    """
    return _UNPRINTABLE.sub(lambda one: one[0] if one[0] in keep else _escape(one[0]), text)


def _escape(one: str) -> str:
    code = ord(one)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, by surrogateescape
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


_COLORS = {Severity.ERROR: "\033[31m", Severity.WARNING: "\033[33m"}
_RESET = "\033[0m"
_LAYOUT = "\n\t"
"""Messages have lines: what the verifier said, for example."""


def severity_tag(severity: Severity, *, color: bool) -> str:
    """``ERROR`` or ``WARNING``, red or yellow where colour is wanted."""
    return f"{_COLORS[severity]}{severity.value}{_RESET}" if color else severity.value


def render(diagnostic: Diagnostic, *, color: bool = False) -> str:
    """The text form of language §15.1, with a final newline."""
    tag = severity_tag(diagnostic.severity, color=color)
    out = [_place(diagnostic.span, tag, diagnostic.message)]
    out += [_place(context.span, tag, context.message) for context in diagnostic.contexts]
    out += [f"HINT: {printable(hint, _LAYOUT)}" for hint in diagnostic.hints]
    out += _expanded_from(diagnostic.span, tag)
    return "\n".join(out) + "\n"


def expanded_from(span: Span, severity: Severity) -> str:
    """The calls that led to a place in a macro, located, innermost first; no final newline."""
    return "\n".join(_expanded_from(span, severity.value))


def _expanded_from(span: Span | None, tag: str) -> list[str]:
    return [_place(call, tag, "expanded from") for call in (span.calls if span else [])]


def _place(span: Span | None, tag: str, message: str) -> str:
    message = printable(message, _LAYOUT)
    if span is None:
        return f"{tag}: {message}"
    return f"{printable(str(span))}: {tag}: {message}\n{span.excerpt()}"


def to_json(diagnostic: Diagnostic) -> dict[str, object]:
    """The machine form: one flat object per diagnostic, keys as mypy names them."""
    span = diagnostic.span
    return {
        "file": span.source.name if span else None,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "message": diagnostic.message,
        "hint": "\n".join(diagnostic.hints) or None,
        "code": diagnostic.code,
        "severity": diagnostic.severity.value.lower(),
        "expanded_from": [str(call) for call in span.calls] if span else [],
    }


class KptraceError(Exception):
    """Base of every failure that a user can meet; ``exit`` is the process's exit status."""

    exit = Exit.FAILED

    def __init__(self, message: str, *, hint: str = "", code: str = "failed") -> None:
        super().__init__(message)
        hints = (hint,) if hint else ()
        self.diagnostics: tuple[Diagnostic, ...] = (
            Diagnostic(code=code, message=message, hints=hints),
        )

    @classmethod
    def of(cls, diagnostics: Iterable[Diagnostic]) -> KptraceError:
        """An exception that carries several diagnostics, in order."""
        found = tuple(diagnostics)
        error = cls(found[0].message if found else "failed")
        error.diagnostics = found
        return error


class SpecError(KptraceError):
    """The specification is wrong; nothing ran."""

    exit = Exit.USAGE


class UsageError(KptraceError):
    """The command line is wrong."""

    exit = Exit.USAGE


class HostError(KptraceError):
    """The host cannot do it: privilege, kernel feature or package is missing."""

    exit = Exit.HOST


class AttachError(KptraceError):
    """A probe cannot be attached; everything attached before it was detached again."""

    exit = Exit.ATTACH


class CandidateError(AttachError):
    """The kernel refused places that hooks were found at, or programs for them; others may serve.

    ``candidates``: why, by the names of the hook and of the candidate.
    """

    def __init__(
        self, diagnostics: Sequence[Diagnostic], candidates: Mapping[tuple[str, str], str]
    ) -> None:
        super().__init__(diagnostics[0].message)
        self.diagnostics = tuple(diagnostics)
        self.candidates = dict(candidates)


class RunError(KptraceError):
    """Loading or running failed."""

    exit = Exit.FAILED


class CaptureError(KptraceError):
    """A file is no capture, is one of another format, or is damaged where nothing can be read."""

    exit = Exit.FAILED


class BundleError(KptraceError):
    """A file is no bundle, is one of another format, or is damaged: nothing of it runs."""

    exit = Exit.FAILED


_PRIVATE = re.compile(r"(\$\w+)#\d+\b")
"""A macro's own variable, renamed for one expansion; messages name it as it was written."""


class Report:
    """Collects diagnostics so that one run tells all of them."""

    def __init__(self) -> None:
        self.diagnostics: list[Diagnostic] = []
        self._told: set[Diagnostic] = set()

    def error(
        self,
        span: Span | None,
        message: str,
        *,
        code: str = "spec",
        hints: tuple[str, ...] = (),
        contexts: tuple[Context, ...] = (),
    ) -> None:
        self._add(Severity.ERROR, span, message, code, hints, contexts)

    def warning(
        self,
        span: Span | None,
        message: str,
        *,
        code: str = "warning",
        hints: tuple[str, ...] = (),
        contexts: tuple[Context, ...] = (),
    ) -> None:
        if span is not None and span.source.foreign:
            return
        self._add(Severity.WARNING, span, message, code, hints, contexts)

    def _add(
        self,
        severity: Severity,
        span: Span | None,
        message: str,
        code: str,
        hints: tuple[str, ...],
        contexts: tuple[Context, ...],
    ) -> None:
        diagnostic = Diagnostic(
            code=code,
            severity=severity,
            span=span,
            message=_PRIVATE.sub(r"\1", message),
            hints=tuple(_PRIVATE.sub(r"\1", hint) for hint in hints),
            contexts=contexts,
        )
        # The checker may visit a node once per attach point; one finding is told once.
        if diagnostic not in self._told:
            self._told.add(diagnostic)
            self.diagnostics.append(diagnostic)

    @property
    def errors(self) -> list[Diagnostic]:
        return [one for one in self.diagnostics if one.severity is Severity.ERROR]

    @property
    def warnings(self) -> list[Diagnostic]:
        return [one for one in self.diagnostics if one.severity is Severity.WARNING]

    def fail(self) -> NoReturn:
        """Raise everything collected: errors first, then warnings."""
        raise SpecError.of([*self.errors, *self.warnings])

    def check(self) -> None:
        """Raise if an error was collected."""
        if self.errors:
            self.fail()


def did_you_mean(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """A hint with the nearest known names, or nothing when none is near."""
    import difflib  # only for who has mistyped

    near = difflib.get_close_matches(name, list(known), n=3, cutoff=0.7)
    if not near:
        return ()
    return ("did you mean " + " or ".join(f"'{one}'" for one in near) + "?",)
