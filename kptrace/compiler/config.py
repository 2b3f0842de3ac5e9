# SPDX-License-Identifier: MIT
"""The config block and its environment overrides (language §13)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from kptrace.compiler.parameters import FALSE, TRUE
from kptrace.errors import Report, did_you_mean
from kptrace.lang import nodes as n
from kptrace.plan import Config
from kptrace.source import Span

Value = str | int | bool

_PREFIX = "BPFTRACE_"
_LICENSES = (
    "GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL",
)  # fmt: skip
UNSTABLE = ("error", "warn", "enable")
"""What a specification may do with an unstable feature."""

DEFAULTS: dict[str, Value] = {
    "cache_user_symbols": "PER_PID",
    "cpp_demangle": True,
    "lazy_symbolication": True,
    "license": "GPL",
    "log_size": 1000000,
    "max_bpf_progs": 1024,
    "max_cat_bytes": 10240,
    "max_map_keys": 4096,
    "max_probes": 1024,
    "max_strlen": 1024,
    "missing_probes": "error",
    "on_stack_limit": 32,
    "perf_rb_pages": 0,
    "print_maps_on_exit": True,
    "show_debug_info": True,
    "stack_mode": "bpftrace",
    "str_trunc_trailer": "..",
    "unstable_dw_ustack": "warn",
    "unstable_import_statement": "error",
    "unstable_tseries": "warn",
    "unstable_typeinfo": "error",
    "use_blazesym": True,
}
"""Every key. Of those of user symbols, of the verifier's log (whose buffer grows by itself) and of
debug information only the value is checked: nothing here depends on them."""

_CHOICES = {
    "cache_user_symbols": ("PER_PID", "PER_PROGRAM", "NONE"),
    "license": _LICENSES,
    "missing_probes": ("error", "warn", "ignore"),
    "stack_mode": ("bpftrace", "perf", "raw", "build_id"),
    **{key: UNSTABLE for key in DEFAULTS if key.startswith("unstable_")},
}
_RENAMED = {
    "strlen": "max_strlen",
    "map_keys_max": "max_map_keys",
    "cat_bytes_max": "max_cat_bytes",
    "no_cpp_demangle": "cpp_demangle",
}
_NO_EFFECT = (
    "symbol_source", "max_type_res_iterations", "unstable_addr", "unstable_import",
    "unstable_macro", "unstable_map_decl",
)  # fmt: skip
_ZERO_ALLOWED = ("perf_rb_pages", "on_stack_limit", "max_cat_bytes")
_MOST = {"max_map_keys": (1 << 32) - 1}  # the kernel counts them in 32 bits
_ENVIRONMENT_ONLY = ("btf", "kernel_source", "kernel_build", "vmlinux", "color")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The effective configuration: what travels in the plan, and the value of every key.

    ``given``: the keys that the specification or its environment sets.
    """

    plan: Config = field(default_factory=Config)
    values: Mapping[str, Value] = field(default_factory=lambda: dict(DEFAULTS))
    given: frozenset[str] = frozenset()

    def number(self, key: str) -> int:
        return int(self.values[key])

    def word(self, key: str) -> str:
        return str(self.values[key])

    def of_one_program(self) -> Settings:
        """The defaults where symbols of a program serve for all its processes."""
        if "cache_user_symbols" in self.given:
            return self
        return replace(self, values={**self.values, "cache_user_symbols": "PER_PROGRAM"})

    def allow_unstable(self, feature: str, span: Span, report: Report) -> bool:
        """Whether a feature may be used; tells about it where the configuration says so."""
        key = f"unstable_{feature}"
        match self.values[key]:
            case "error":
                message = (
                    f"{feature} feature is not enabled by default. To enable this unstable"
                    f" feature, set the config flag to enable. {key}=enable"
                )
                report.error(span, message, code="unstable")
                return False
            case "warn":
                message = (
                    f"Script is using an unstable feature: {feature}. To prevent this warning you"
                    f" must explicitly enable it in the config e.g. {key}=enable"
                )
                if all(one.message != message for one in report.diagnostics):  # once is enough
                    report.warning(span, message)
        return True


def read(program: n.Program, environment: Mapping[str, str], report: Report) -> Settings:
    """The configuration of a program; an environment variable BPFTRACE_KEY wins over the block."""
    given: dict[str, Value] = {}
    for item in program.items:
        if isinstance(item, n.Config):
            for setting in item.settings:
                _set(given, setting.key, setting.value, setting.span, report)
    for key in (*_RENAMED, *_NO_EFFECT, *DEFAULTS):
        name = _PREFIX + key.upper()
        if name in environment:
            _set(given, name, environment[name], None, report)
    values = DEFAULTS | given
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
        values=values,
        given=frozenset(given),
    )


def _set(
    values: dict[str, Value], written: str, value: Value, span: Span | None, report: Report
) -> None:
    key = written.lower().removeprefix(_PREFIX.lower())
    negated = key == "no_cpp_demangle"
    if key in _RENAMED:
        report.warning(span, f"{written} has been renamed, please use {_RENAMED[key]}")
        key = _RENAMED[key]
    if key in _NO_EFFECT:
        report.warning(span, f"{written} is deprecated and has no effect")
        return
    if key in _ENVIRONMENT_ONLY:
        message = f"{written} can only be set as an environment variable"
        report.error(span, message, code="config")
        return
    if key not in DEFAULTS:
        hints = did_you_mean(key, DEFAULTS)
        message = f"{written}: not a known configuration option"
        report.error(span, message, code="config", hints=hints)
        return
    good = _convert(key, value)
    if good is None:
        choices = _CHOICES.get(key, TRUE + FALSE if isinstance(DEFAULTS[key], bool) else ())
        hints = (f"valid values: {', '.join(choices)}",) if choices else ()
        message = f"Invalid value for {written}: {_text(value)}"
        report.error(span, message, code="config", hints=hints)
        return
    values[key] = not good if negated else good


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _truth(value: Value) -> bool | None:
    text = str(value).lower()
    return True if text in TRUE else False if text in FALSE else None


def _convert(key: str, value: Value) -> Value | None:
    """The value in the type of the key's default; None if it is not one."""
    default = DEFAULTS[key]
    if isinstance(default, bool):
        return _truth(value)
    if isinstance(default, int):
        if isinstance(value, bool):
            return None
        text = str(value)
        if not text.isdecimal() or len(text) >= 19:
            return None
        if int(text) > _MOST.get(key, int(text)):
            return None
        return int(text) if int(text) or key in _ZERO_ALLOWED else None
    if key.startswith("unstable_") and (truth := _truth(value)) is not None:
        return "enable" if truth else "error"
    if key in _CHOICES:
        return str(value) if str(value) in _CHOICES[key] else None
    return value if isinstance(value, str) else None
