# SPDX-License-Identifier: MIT
"""The config block and its environment overrides (language §13)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kptrace.compiler.parameters import FALSE, TRUE
from kptrace.errors import Report, did_you_mean
from kptrace.lang import nodes as n
from kptrace.plan import Config
from kptrace.source import Span

Value = str | int | bool
_LICENSES = (
    "GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL",
)  # fmt: skip
_DEFAULTS: dict[str, Value] = {
    "license": "GPL",
    "max_bpf_progs": 1024,
    "max_cat_bytes": 10240,
    "max_map_keys": 4096,
    "max_probes": 1024,
    "max_strlen": 1024,
    "missing_probes": "error",
    "on_stack_limit": 32,
    "perf_rb_pages": 0,
    "print_maps_on_exit": True,
    "stack_mode": "bpftrace",
    "str_trunc_trailer": "..",
}
_CHOICES = {
    "license": _LICENSES,
    "missing_probes": ("error", "warn", "ignore"),
    "stack_mode": ("bpftrace", "perf", "raw", "build_id"),
}
_RENAMED = {
    "strlen": "max_strlen",
    "map_keys_max": "max_map_keys",
    "cat_bytes_max": "max_cat_bytes",
}
_NO_EFFECT = frozenset(
    """
    symbol_source max_type_res_iterations unstable_addr unstable_import unstable_macro
    unstable_map_decl use_blazesym cache_user_symbols cpp_demangle no_cpp_demangle
    lazy_symbolication log_size show_debug_info unstable_tseries unstable_dw_ustack
    unstable_typeinfo unstable_import_statement
    """.split()
)
_ZERO_ALLOWED = ("perf_rb_pages", "on_stack_limit")
_ENVIRONMENT_ONLY = ("btf", "kernel_source", "kernel_build", "vmlinux", "color")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The effective configuration: what the compiler needs, and what travels in the plan."""

    plan: Config
    max_bpf_progs: int
    max_strlen: int
    on_stack_limit: int
    stack_mode: str


def read(program: n.Program, environment: Mapping[str, str], report: Report) -> Settings:
    """The configuration of a program; an environment variable BPFTRACE_KEY wins over the block."""
    values = dict(_DEFAULTS)
    for item in program.items:
        if isinstance(item, n.Config):
            for setting in item.settings:
                _set(values, setting.key, setting.value, setting.span, report)
    for key in _DEFAULTS:
        text = environment.get(f"BPFTRACE_{key.upper()}")
        if text is not None:
            _set(values, key, text, None, report)
    return Settings(
        plan=Config(
            perf_rb_pages=int(values["perf_rb_pages"]),
            print_maps_on_exit=bool(values["print_maps_on_exit"]),
            str_trunc_trailer=str(values["str_trunc_trailer"]),
            max_probes=int(values["max_probes"]),
            max_map_keys=int(values["max_map_keys"]),
            missing_probes=str(values["missing_probes"]),
            license=str(values["license"]),
            max_cat_bytes=int(values["max_cat_bytes"]),
        ),
        max_bpf_progs=int(values["max_bpf_progs"]),
        max_strlen=int(values["max_strlen"]),
        on_stack_limit=int(values["on_stack_limit"]),
        stack_mode=str(values["stack_mode"]),
    )


def _set(
    values: dict[str, Value], written: str, value: Value, span: Span | None, report: Report
) -> None:
    key = written.lower().removeprefix("bpftrace_")
    if key in _RENAMED:
        report.warning(span, f"{written} has been renamed, please use {_RENAMED[key]}")
        key = _RENAMED[key]
    if key in _ENVIRONMENT_ONLY:
        message = f"{written} can only be set as an environment variable"
        report.error(span, message, code="config")
        return
    if key in _NO_EFFECT:
        return
    if key not in _DEFAULTS:
        hints = did_you_mean(key, _DEFAULTS)
        message = f"{written}: not a known configuration option"
        report.error(span, message, code="config", hints=hints)
        return
    good = _convert(key, value)
    if good is None:
        choices = _CHOICES.get(key, ())
        hints = (f"valid values: {', '.join(choices)}",) if choices else ()
        message = f"Invalid value for {written}: {value}"
        report.error(span, message, code="config", hints=hints)
        return
    values[key] = good


def _convert(key: str, value: Value) -> Value | None:
    """The value in the type of the key's default; None if it is not one."""
    default = _DEFAULTS[key]
    if isinstance(default, bool):
        text = str(value).lower()
        return True if text in TRUE else False if text in FALSE else None
    if isinstance(default, int):
        if isinstance(value, bool):
            return None
        text = str(value)
        if not text.isdecimal() or len(text) >= 19:
            return None
        return int(text) if int(text) or key in _ZERO_ALLOWED else None
    if key in _CHOICES:
        return str(value) if str(value) in _CHOICES[key] else None
    return value if isinstance(value, str) else None
