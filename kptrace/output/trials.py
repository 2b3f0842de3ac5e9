# SPDX-License-Identifier: MIT
"""Reports of tests and benches in text (language §14.4)."""

from __future__ import annotations

from collections.abc import Sequence

_NAME, _TIME = 40, 15
_UNITS = ((10**9, "s"), (10**6, "ms"), (10**3, "μs"))


class TextTrials:
    """The text part of `kptrace.output.Format` that is about tests and benches."""

    __slots__ = ()

    def tests_begin(self, count: int) -> bytes:
        return _line("==========", f"Running {count} tests.")

    def test_begin(self, name: str) -> bytes:
        return _line(" RUN      ", name)

    def test_end(self, name: str, duration_ns: int, passed: bool, output: bytes) -> bytes:
        text = f"{name} ({_duration(duration_ns)})"
        if passed:
            return _line("       OK ", text)
        return output + _line("  FAILED  ", text, good=False)

    def tests_end(self, count: int, failed: Sequence[str]) -> bytes:
        text = _line("==========", f"{_tests(count)} ran.")
        text += _line("  PASSED  ", f"{_tests(count - len(failed))}.")
        if failed:
            text += _line("  FAILED  ", f"{_tests(len(failed))}, listed below:", good=False)
            text += b"".join(_line("  FAILED  ", name, good=False) for name in failed)
        return text

    def benches_begin(self, longest: int) -> bytes:
        head = _row("Benchmark", "Time(ns)", "Iterations", longest)
        return head + b"-" * (len(head) - 1) + b"\n"

    def bench(self, name: str, average_ns: int, times: int, longest: int) -> bytes:
        return _row(name, str(average_ns), str(times), longest)


def _line(tag: str, text: str, *, good: bool = True) -> bytes:
    """The tag in green or red, on a terminal or not."""
    return f"\x1b[{32 if good else 31}m[{tag}]\x1b[0m {text}\n".encode("utf-8", "surrogateescape")


def _row(name: str, average: str, times: str, longest: int) -> bytes:
    width = max(_NAME, longest) + 1
    return f"{name:<{width}}{average:<{_TIME}}{times}\n".encode("utf-8", "surrogateescape")


def _tests(count: int) -> str:
    return f"{count} test" if count == 1 else f"{count} tests"


def _duration(nanoseconds: int) -> str:
    """Whole seconds, milliseconds, microseconds or nanoseconds, the largest that is not 0."""
    for size, unit in _UNITS:
        if nanoseconds >= size:
            return f"{nanoseconds // size} {unit}"
    return f"{nanoseconds} ns"
