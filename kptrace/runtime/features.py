# SPDX-License-Identifier: MIT
"""What this kernel can do, found out by doing it; versions say nothing on a patched kernel.

Each test makes the smallest thing that needs the feature and throws it away again. True and
False are answers; None means that it could not be found out, mostly for want of rights, or of
memory and descriptors just then.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path

from kptrace.kernel import Kernel
from kptrace.kernel.files import is_shortage
from kptrace.records import dataclass
from kptrace.runtime import bpf, perf_event
from kptrace.runtime.bpf import AttachType, MapType, ProgType

_RETURN_0 = struct.pack("<BBhi", 0xB7, 0, 0, 0) + struct.pack("<BBhi", 0x95, 0, 0, 0)
_HELPER_GET_FUNC_IP = 173
_HELPER_FOR_EACH_MAP_ELEM = 164
_HELPER_PROBE_WRITE_USER = 36
_HELPER_OVERRIDE_RETURN = 58
_HELPER_LOOP = 181
_HELPER_GET_SOCKET_COOKIE = 46
_HELPER_GET_FUNC_RET = 184
_HELPER_LOOKUP_PERCPU_ELEM = 195
_HELPER_KTIME_GET_TAI_NS = 208
_NO_RIGHT = (errno.EPERM, errno.EACCES)
_BPF_STACK = 512
_BTF = Path("/sys/kernel/btf/vmlinux")
_SOME_FUNCTION = "vfs_read"

# No kernel has it. Asking for it tells a kernel with kprobe.multi (ESRCH) from one without FPROBE
# (EOPNOTSUPP) and one before 5.18 (EINVAL), and patches no function.
_NO_FUNCTION = "kptrace: no function"

_TEST_FUNCTION = "bpf_fentry_test1"
"""Only test runs of trampolines call it (net/bpf/test_run.c, since 5.5, faeb2dce084a)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """One field per test; the names are those of the feature listing."""

    kprobe: bool | None  # the kprobe PMU
    kprobe_multi: bool | None
    kprobe_session: bool | None
    fentry: bool | None  # functions call programs; tried with the kernel's own test function
    perf_link: bool | None
    miss_count: bool | None  # the kernel counts the hits that kprobes and their programs miss
    get_func_ip: bool | None  # bpf_get_func_ip in kprobe programs
    get_func_ret: bool | None  # bpf_get_func_ret in fexit programs
    socket_cookie: bool | None  # bpf_get_socket_cookie in tracing programs
    lookup_percpu_elem: bool | None  # bpf_map_lookup_percpu_elem
    loop: bool | None  # bpf_loop
    for_each_map_elem: bool | None  # bpf_for_each_map_elem
    tai: bool | None  # bpf_ktime_get_tai_ns
    override: bool | None  # bpf_override_return
    write_user: bool | None  # bpf_probe_write_user; see `LOGGED`
    test_run: bool | None  # running a raw tracepoint program by hand
    map_batch: bool | None
    large_key: bool | None  # keys of hash maps that are larger than the BPF stack
    ringbuf: bool | None


LOGGED = frozenset({"write_user"})
"""Features whose trial is written to the kernel's log ("... is installing a program with
bpf_probe_write_user helper that may corrupt user memory!"; nothing since Linux 6.10). Only a
specification that needs one has it tried."""

_answers: dict[str, bool | None] = {}


def names() -> tuple[str, ...]:
    """All features that can be asked for."""
    return tuple(field.name for field in fields(Features))


def answer(answers: Mapping[str, bool | None]) -> None:
    """From now on these features are not tried: another kernel is asked about, or less of this."""
    _answers.update(answers)
    has.cache_clear()


@functools.cache
def has(name: str) -> bool | None:
    """Whether this kernel has one feature, named as a field of `Features`. Cached."""
    if name in _answers:
        return _answers[name]
    try:
        return _TESTS[name]()
    except OSError as error:
        return None if is_shortage(error) or error.errno in _NO_RIGHT else False


def may_have(name: str) -> bool:
    """Whether this kernel has a feature, or may have it: where rights are missing one can hope."""
    return has(name) is not False


def detect() -> Features:
    """All features but those of `LOGGED`; each test takes about a millisecond."""
    return Features(
        **{name: _answers.get(name) if name in LOGGED else has(name) for name in names()}
    )


@contextlib.contextmanager
def _closing(fd: int) -> Iterator[int]:
    try:
        yield fd
    finally:
        os.close(fd)


def _kprobe() -> bool:
    return perf_event.KPROBE_PMU.exists()


def _multi(attach_type: AttachType) -> bool:
    with (
        _closing(
            bpf.prog_load(ProgType.KPROBE, _RETURN_0, expected_attach_type=attach_type)
        ) as program,
        contextlib.suppress(ProcessLookupError),  # it got as far as looking for the function
    ):
        os.close(bpf.link_kprobe_multi(program, symbols=[_NO_FUNCTION], attach_type=attach_type))
    return True


def _fentry() -> bool | None:
    os.close(bpf.prog_load(ProgType.RAW_TRACEPOINT, _RETURN_0))  # else it is the rights
    from kptrace.kernel.libbpf import Kind

    with Kernel() as kernel:
        found = kernel.btf and kernel.btf.find(_TEST_FUNCTION, "vmlinux", Kind.FUNC)
    if not found:
        return None
    try:
        with _closing(
            bpf.prog_load(
                ProgType.TRACING,
                _RETURN_0,
                expected_attach_type=AttachType.TRACE_FENTRY,
                attach_btf_id=found[1],
            )
        ) as program:
            os.close(bpf.raw_tracepoint_open(program))
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _timer_link() -> Iterator[int]:
    an_hour = 3600 * 10**9
    with (
        _closing(bpf.prog_load(ProgType.PERF_EVENT, _RETURN_0)) as program,
        _closing(perf_event.open_timer(an_hour)) as event,
        _closing(bpf.link_perf_event(program, event)) as link,
    ):
        yield link


def _perf_link() -> bool:
    with _timer_link():
        return True


def _miss_count() -> bool:
    with _timer_link() as link:
        return bpf.link_missed(link) is not None


def _calls(kind: ProgType, helper: int) -> bool:
    """A helper without arguments, or with the context only."""
    call = struct.pack("<BBhi", 0x85, 0, 0, helper)
    os.close(bpf.prog_load(kind, call + _RETURN_0))
    return True


def _for_trampolines(helper: int) -> bool:
    """Whether programs of trampolines may call it, which the kernel wants to be for a function."""
    from kptrace.kernel.libbpf import BtfFile, Kind

    with contextlib.closing(BtfFile(_BTF)) as btf:
        target = btf.find(_SOME_FUNCTION, Kind.FUNC)
    return bpf.knows_helper(
        ProgType.TRACING,
        helper,
        expected_attach_type=AttachType.TRACE_FEXIT,
        target=target or 0,
    )


def _lookup_percpu_elem() -> bool:
    with _closing(bpf.map_create(MapType.PERCPU_ARRAY, 4, 8, 1)) as fd:
        code = (
            (0x62, 0x0A, -8, 0),  # *(u32 *)(r10 - 8) = 0
            (0x18, 0x11, 0, fd),  # r1 = map
            (0x00, 0x00, 0, 0),
            (0xBF, 0xA2, 0, 0),  # r2 = r10
            (0x07, 0x02, 0, -8),  # r2 += -8
            (0xB7, 0x03, 0, 0),  # r3 = 0
            (0x85, 0x00, 0, _HELPER_LOOKUP_PERCPU_ELEM),
        )
        call = b"".join(struct.pack("<BBhi", *one) for one in code)
        os.close(bpf.prog_load(ProgType.RAW_TRACEPOINT, call + _RETURN_0))
    return True


def _test_run() -> bool:
    with _closing(bpf.prog_load(ProgType.RAW_TRACEPOINT, _RETURN_0)) as program:
        bpf.prog_test_run(program)
    return True


def _map_batch() -> bool:
    with _closing(bpf.map_create(MapType.PERCPU_HASH, 4, 8, 1)) as fd:
        buffer = ctypes.create_string_buffer(4096)
        bpf.map_lookup_batch(fd, bpf.BatchCursor(4), buffer, buffer, 1)
    return True


def _large_key() -> bool:
    os.close(bpf.map_create(MapType.HASH, _BPF_STACK + 8, 8, 1))
    return True


def _ringbuf() -> bool:
    os.close(bpf.map_create(MapType.RINGBUF, 0, 0, os.sysconf("SC_PAGE_SIZE")))
    return True


_TESTS: dict[str, Callable[[], bool | None]] = {
    "kprobe": _kprobe,
    "kprobe_multi": lambda: _multi(AttachType.TRACE_KPROBE_MULTI),
    "kprobe_session": lambda: _multi(AttachType.TRACE_KPROBE_SESSION),
    "fentry": _fentry,
    "perf_link": _perf_link,
    "miss_count": _miss_count,
    "get_func_ip": lambda: _calls(ProgType.KPROBE, _HELPER_GET_FUNC_IP),
    "get_func_ret": lambda: _for_trampolines(_HELPER_GET_FUNC_RET),
    "socket_cookie": lambda: _for_trampolines(_HELPER_GET_SOCKET_COOKIE),
    "lookup_percpu_elem": _lookup_percpu_elem,
    "loop": lambda: bpf.knows_helper(ProgType.KPROBE, _HELPER_LOOP),
    "for_each_map_elem": lambda: bpf.knows_helper(ProgType.KPROBE, _HELPER_FOR_EACH_MAP_ELEM),
    "override": lambda: bpf.knows_helper(ProgType.KPROBE, _HELPER_OVERRIDE_RETURN),
    "write_user": lambda: bpf.knows_helper(ProgType.KPROBE, _HELPER_PROBE_WRITE_USER),
    "tai": lambda: _calls(ProgType.RAW_TRACEPOINT, _HELPER_KTIME_GET_TAI_NS),
    "test_run": _test_run,
    "map_batch": _map_batch,
    "large_key": _large_key,
    "ringbuf": _ringbuf,
}
