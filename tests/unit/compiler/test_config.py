# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (messages in one piece)
"""The config block and the environment over it (language §13)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from kptrace.compiler.config import DEFAULTS, Settings, read
from kptrace.errors import Report
from kptrace.lang.parser import parse
from kptrace.source import Source, Span


def settings(
    block: str = "", environment: Mapping[str, str] | None = None
) -> tuple[Settings, list[str]]:
    text = f"config = {{ {block} }} begin {{ }}" if block else "begin { }"
    report = Report()
    made = read(parse(Source(name="x", text=text)), environment or {}, report)
    return made, [f"{one.severity.value}: {one.message}" for one in report.diagnostics]


def test_defaults() -> None:
    made, told = settings()
    assert (dict(made.values), told) == (DEFAULTS, [])


@pytest.mark.parametrize(
    ("block", "key", "value"),
    [
        ("max_strlen = 64", "max_strlen", 64),
        ("MAX_STRLEN = 64", "max_strlen", 64),
        ("bpftrace_max_strlen = 64", "max_strlen", 64),
        ("BPFTRACE_MAX_STRLEN = 64", "max_strlen", 64),
        ("print_maps_on_exit = off", "print_maps_on_exit", False),
        ("print_maps_on_exit = 1", "print_maps_on_exit", True),
        ("unstable_tseries = enable", "unstable_tseries", "enable"),
        ("unstable_tseries = true", "unstable_tseries", "enable"),
        ("unstable_typeinfo = 0", "unstable_typeinfo", "error"),
        ("cache_user_symbols = NONE", "cache_user_symbols", "NONE"),
        ("max_cat_bytes = 0", "max_cat_bytes", 0),
    ],
)
def test_values(block: str, key: str, value: object) -> None:
    made, told = settings(block)
    assert (made.values[key], told) == (value, [])


def test_the_environment_wins() -> None:
    environment = {"BPFTRACE_MAX_STRLEN": "7", "BPFTRACE_NO_CPP_DEMANGLE": "1", "MAX_PROBES": "3"}
    made, told = settings("max_strlen = 64; max_probes = 9", environment)
    assert (made.number("max_strlen"), made.number("max_probes")) == (7, 9)
    assert made.values["cpp_demangle"] is False
    assert told == ["WARNING: BPFTRACE_NO_CPP_DEMANGLE has been renamed, please use cpp_demangle"]
    assert settings(environment={"BPFTRACE_MAX_PROBES": "x"})[1] == [
        "ERROR: Invalid value for BPFTRACE_MAX_PROBES: x"
    ]


@pytest.mark.parametrize("value", ["enable", "warn", "error"])
def test_unstable_features(value: str) -> None:
    made, _ = settings(f"unstable_tseries = {value}")
    report = Report()
    allowed = made.allow_unstable("tseries", Span(Source(name="x", text=""), 0, 0), report)
    told = [one.message for one in report.diagnostics]
    assert allowed == (value != "error")
    assert (
        told
        == {
            "enable": [],
            "warn": [
                "Script is using an unstable feature: tseries. To prevent this warning you must"
                " explicitly enable it in the config e.g. unstable_tseries=enable"
            ],
            "error": [
                "tseries feature is not enabled by default. To enable this unstable feature, set the"
                " config flag to enable. unstable_tseries=enable"
            ],
        }[value]
    )


def test_config_as_a_value(run: Any) -> None:
    ran = run(
        "config = { max_strlen = 64; print_maps_on_exit = false } begin { print(config.max_strlen);"
        " print(config.print_maps_on_exit); print(config.str_trunc_trailer); @x = config; }",
        environment={"BPFTRACE_MAX_STRLEN": "7"},
    )
    assert (ran.status, ran.out, ran.err) == (0, "7\nfalse\n..\n\n\n", "")
    assert run("begin { print(config); }").out.startswith("{ .cache_user_symbols = PER_PID, ")


@pytest.mark.parametrize(
    ("value", "colored"), [("always", True), ("never", False), ("auto", False)]
)
def test_color(run: Any, value: str, colored: bool) -> None:
    spec = 'begin { $z = 0; print(1 / $z); errorf("e"); let $never; }'
    err = run(spec, environment={"BPFTRACE_COLOR": value}).err
    assert ("\033[33mWARNING\033[0m: Variable" in err) == colored
    assert ("\033[33mWARNING\033[0m: Divide" in err) == colored
    assert ("\033[31mERROR\033[0m: e" in err) == colored
    assert err.count("WARNING") == 2


def test_unknown_color(run: Any) -> None:
    ran = run("begin { }", environment={"BPFTRACE_COLOR": "red"})
    assert ran.status == 2
    assert ran.err.startswith("ERROR: Invalid value for BPFTRACE_COLOR: red\n")
