# SPDX-License-Identifier: MIT
"""kptrace finds the features that this kernel has: those whose functions are in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import kernel_has

FUNCTIONS = {
    "kprobe": "perf_kprobe_init",
    "kprobe_multi": "kprobe_multi_link_handler",
    "kprobe_session": "bpf_session_is_return",
    "perf_link": "bpf_perf_link_release",
    "get_func_ip": "bpf_get_func_ip_kprobe",
    "get_func_ret": "get_func_ret",
    "socket_cookie": "bpf_get_socket_ptr_cookie",
    "lookup_percpu_elem": "bpf_map_lookup_percpu_elem",
    "loop": "bpf_loop",
    "for_each_map_elem": "bpf_for_each_map_elem",
    "tai": "bpf_ktime_get_tai_ns",
    "test_run": "bpf_prog_test_run_raw_tp",
    "map_batch": "htab_percpu_map_lookup_batch",
    "ringbuf": "ringbuf_map_alloc",
}


@pytest.fixture(scope="module")
def symbols() -> frozenset[str]:
    return frozenset(line.split()[2] for line in Path("/proc/kallsyms").read_text().splitlines())


@pytest.mark.parametrize("feature", FUNCTIONS)
def test_feature(symbols: frozenset[str], feature: str) -> None:
    assert kernel_has(feature) is (FUNCTIONS[feature] in symbols)
