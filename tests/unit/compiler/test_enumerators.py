# SPDX-License-Identifier: MIT
"""Enumerators of the kernel whose value its BTF cannot tell as a whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kptrace.compiler import Options, compile_spec
from kptrace.kernel import Kernel
from kptrace.kernel.btf import Btf
from kptrace.source import Source
from kptrace.types import Enum


@pytest.mark.parametrize("cut", [False, True])
def test_cut_enumerator(golden_kernel: Kernel, monkeypatch: pytest.MonkeyPatch, cut: bool) -> None:
    known = Enum(name="wide", size=8, signed=False, variants=(("LARGE", 7),))
    monkeypatch.setattr(Btf, "enumerator", lambda *_: (replace(known, cut=cut), 7))
    source = Source(name="a.bt", text="begin { print(LARGE); }")
    made = compile_spec(source, golden_kernel, Options())
    told = [one.message for one in made.warnings]
    assert told == ["this kernel's BTF has only the lower 32 bits of 'LARGE'"] * cut
