# SPDX-License-Identifier: MIT
"""``kptrace --info``: what this kernel can do, one feature a line; and features taken away."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from kptrace.cli.host_facts import has_iterators
from kptrace.cli.spec import open_kernel
from kptrace.errors import UsageError, did_you_mean
from kptrace.runtime import features
from kptrace.runtime.loaded import raise_limits

_WORDS = {True: "yes", False: "no", None: "unknown"}


def show_features(form: str) -> int:
    """Print ``name: yes|no``; unknown where this user may not find out."""
    raise_limits()  # below 5.11 the features' programs count against the locked memory
    with open_kernel() as kernel:
        btf = kernel.btf
        found: dict[str, bool | None] = {
            "btf": btf is not None,
            "dpath": btf is not None and btf.function("bpf_d_path", "vmlinux") is not None,
            "iter": has_iterators(kernel),
            **asdict(features.detect()),
        }
    if form == "json":
        click.echo(json.dumps({"features": found}))
    else:
        click.echo("\n".join(f"{name}: {_word(name, can)}" for name, can in found.items()))
    return 0


def _word(name: str, can: bool | None) -> str:
    if can is None and name in features.LOGGED:
        return f"{_WORDS[can]} (not tried, because the kernel writes a trial to its log)"
    return _WORDS[can]


def pretend_missing(names: str) -> None:
    """``--no-feature a,b``: the run goes as if the kernel did not have these."""
    known = features.names()
    wanted = [one for one in names.split(",") if one]
    for one in wanted:
        if one not in known:
            hint = " ".join(did_you_mean(one, known)) or "kptrace --info lists them"
            raise UsageError(f"unknown feature '{one}'", hint=hint, code="usage")
    features.answer(dict.fromkeys(wanted, False))
