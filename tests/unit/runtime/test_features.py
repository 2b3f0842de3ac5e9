# SPDX-License-Identifier: MIT
"""Feature tests on the running kernel."""

from __future__ import annotations

import os
from typing import Any

import pytest

from kptrace.kernel import Kernel
from kptrace.runtime import bpf, features


@pytest.mark.usefixtures("_descriptors")
def test_features_of_every_supported_kernel(kernel: Kernel) -> None:
    features.has.cache_clear()
    found = features.detect()
    assert found.test_run is True
    assert found.map_batch is True
    assert found.ringbuf is True
    assert None not in (found.kprobe_multi, found.perf_link, found.miss_count)


def test_looking_around_leaves_no_line_in_the_kernels_log(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    knows = bpf.knows_helper

    def noted(kind: bpf.ProgType, helper: int, **more: Any) -> bool:
        asked.append(helper)
        return knows(kind, helper, **more)

    monkeypatch.setattr(bpf, "knows_helper", noted)
    features.has.cache_clear()
    probe_write_user = 36
    assert features.detect().write_user is None
    assert probe_write_user not in asked
    features.has("write_user")
    assert probe_write_user in asked
    features.has.cache_clear()


def test_no_right_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object, **more: object) -> int:
        raise PermissionError(1, os.strerror(1))

    monkeypatch.setattr(bpf, "prog_load", refused)
    features.has.cache_clear()
    assert features.has("test_run") is None
    features.has.cache_clear()


def test_refusal_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments: object, **more: object) -> int:
        raise OSError(22, os.strerror(22))

    monkeypatch.setattr(bpf, "prog_load", refused)
    features.has.cache_clear()
    assert features.has("kprobe_multi") is False
    features.has.cache_clear()
