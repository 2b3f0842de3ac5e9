# SPDX-License-Identifier: MIT
"""bpf(2): the commands that tracing needs. Every call raises OSError with the kernel's errno."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import struct
from collections.abc import Iterator
from ctypes import c_char, c_uint32, c_uint64
from enum import IntEnum

from kptrace.records import dataclass
from kptrace.runtime import syscall, uapi


class Command(IntEnum):
    MAP_CREATE = 0
    MAP_LOOKUP = 1
    MAP_UPDATE = 2
    MAP_DELETE = 3
    MAP_GET_NEXT_KEY = 4
    PROG_LOAD = 5
    OBJ_PIN = 6
    PROG_TEST_RUN = 10
    PROG_GET_NEXT_ID = 11
    PROG_GET_FD_BY_ID = 13
    OBJ_GET_INFO_BY_FD = 15
    RAW_TRACEPOINT_OPEN = 17
    BTF_GET_FD_BY_ID = 19
    MAP_LOOKUP_BATCH = 24
    LINK_CREATE = 28
    ITER_CREATE = 33


class MapType(IntEnum):
    HASH = 1
    ARRAY = 2
    PERF_EVENT_ARRAY = 4
    PERCPU_HASH = 5
    PERCPU_ARRAY = 6
    LRU_PERCPU_HASH = 10
    RINGBUF = 27


PERCPU_TYPES = frozenset({MapType.PERCPU_HASH, MapType.PERCPU_ARRAY, MapType.LRU_PERCPU_HASH})


class ProgType(IntEnum):
    KPROBE = 2
    TRACEPOINT = 5
    PERF_EVENT = 7
    RAW_TRACEPOINT = 17
    TRACING = 26


class AttachType(IntEnum):
    NONE = 0
    TRACE_RAW_TP = 23
    TRACE_FENTRY = 24
    TRACE_FEXIT = 25
    TRACE_ITER = 28
    PERF_EVENT = 41
    TRACE_KPROBE_MULTI = 42
    TRACE_KPROBE_SESSION = 56


KPROBE_MULTI_RETURN = 1
"""Flag of a kprobe.multi link: run at function return."""

_EXISTING = 2  # BPF_EXIST


_LINK_KPROBE_MULTI_MISSED = 2  # index into words: addrs, count+flags, missed, cookies
_LINK_PERF_EVENT_MISSED = 4  # type, func_name, name_len+offset, addr, missed
_LINK_TYPE_KPROBE_MULTI = 8


def _call(command: Command, attributes: ctypes.Structure) -> int:
    return syscall.syscall(
        syscall.numbers().bpf, command, ctypes.byref(attributes), ctypes.sizeof(attributes)
    )


def _address(buffer: ctypes.Array[c_char] | None) -> int:
    return 0 if buffer is None else ctypes.addressof(buffer)


# Maps


@dataclass(frozen=True, slots=True, kw_only=True)
class MapInfo:
    """A map's shape as the kernel has it. ``value_size`` is of one CPU's value."""

    type: int
    key_size: int
    value_size: int
    max_entries: int


def map_create(
    map_type: MapType, key_size: int, value_size: int, max_entries: int, flags: int = 0
) -> int:
    """A new map; returns its file descriptor."""
    return _call(
        Command.MAP_CREATE,
        uapi.MapCreate(
            map_type=map_type,
            key_size=key_size,
            value_size=value_size,
            max_entries=max_entries,
            map_flags=flags,
        ),
    )


def map_info(fd: int) -> MapInfo:
    info = uapi.MapInfo()
    _object_info(fd, info)
    return MapInfo(
        type=info.type,
        key_size=info.key_size,
        value_size=info.value_size,
        max_entries=info.max_entries,
    )


def map_lookup(fd: int, key: bytes, value: ctypes.Array[c_char]) -> bool:
    """Copy one value into the buffer; False when the key is missing."""
    name = ctypes.create_string_buffer(key, len(key))
    attributes = uapi.Element(map_fd=fd, key=_address(name), value=_address(value))
    try:
        _call(Command.MAP_LOOKUP, attributes)
    except FileNotFoundError:
        return False
    return True


def map_update(fd: int, key: bytes, value: bytes, *, existing: bool = False) -> None:
    """Create or replace one entry. Per-CPU values: all possible CPUs, each padded to 8 bytes.

    ``existing``: only replace; ENOENT when the key is missing.
    """
    name = ctypes.create_string_buffer(key, len(key))
    content = ctypes.create_string_buffer(value, len(value))
    attributes = uapi.Element(map_fd=fd, key=_address(name), value=_address(content))
    attributes.flags = _EXISTING if existing else 0
    _call(Command.MAP_UPDATE, attributes)


def map_delete(fd: int, key: bytes) -> bool:
    """Remove one entry; False when the key is missing."""
    name = ctypes.create_string_buffer(key, len(key))
    try:
        _call(Command.MAP_DELETE, uapi.Element(map_fd=fd, key=_address(name)))
    except FileNotFoundError:
        return False
    return True


def map_keys(fd: int, key_size: int) -> Iterator[bytes]:
    """Every key. A key that is deleted meanwhile makes the kernel start again from the first."""
    previous: ctypes.Array[c_char] | None = None
    following = ctypes.create_string_buffer(key_size)
    while True:
        attributes = uapi.Element(map_fd=fd, key=_address(previous), value=_address(following))
        try:
            _call(Command.MAP_GET_NEXT_KEY, attributes)
        except FileNotFoundError:
            return
        yield following.raw
        previous, following = following, previous or ctypes.create_string_buffer(key_size)


class BatchCursor:
    """Where a `map_lookup_batch` stands. Hash maps keep a u32 bucket in it, arrays a u32 key."""

    def __init__(self, key_size: int) -> None:
        size = max(key_size, 4)
        self._buffers = (ctypes.create_string_buffer(size), ctypes.create_string_buffer(size))
        self.started = False

    def attributes(self) -> tuple[int, int]:
        source = _address(self._buffers[0]) if self.started else 0
        return source, _address(self._buffers[1])

    def advance(self) -> None:
        self._buffers = (self._buffers[1], self._buffers[0])
        self.started = True


def map_lookup_batch(
    fd: int,
    cursor: BatchCursor,
    keys: ctypes.Array[c_char],
    values: ctypes.Array[c_char],
    count: int,
) -> tuple[int, bool]:
    """Up to ``count`` entries into the buffers; returns how many, and whether these were the last.

    ENOSPC: one hash bucket holds more than ``count`` entries; nothing was consumed.
    """
    source, target = cursor.attributes()
    attributes = uapi.Batch(
        in_batch=source,
        out_batch=target,
        keys=_address(keys),
        values=_address(values),
        count=count,
        map_fd=fd,
    )
    try:
        _call(Command.MAP_LOOKUP_BATCH, attributes)
    except FileNotFoundError:
        return attributes.count, True
    cursor.advance()
    return attributes.count, False


# Programs and links


def prog_load(
    prog_type: ProgType,
    instructions: bytes,
    *,
    expected_attach_type: AttachType = AttachType.NONE,
    license: bytes = b"GPL",
    attach_btf_id: int = 0,
) -> int:
    """Load instructions (8 bytes each) and return the program's file descriptor.

    ``attach_btf_id``: the core kernel's function that a tracing program is for.
    """
    code = ctypes.create_string_buffer(instructions, len(instructions))
    license_text = ctypes.create_string_buffer(license)
    attributes = uapi.ProgLoad(
        prog_type=prog_type,
        insn_cnt=len(instructions) // 8,
        insns=_address(code),
        license=_address(license_text),
        expected_attach_type=expected_attach_type,
        attach_btf_id=attach_btf_id,
    )
    for _ in range(4):  # the verifier gives up with EAGAIN when a signal is pending
        with contextlib.suppress(BlockingIOError):
            return _call(Command.PROG_LOAD, attributes)
    return _call(Command.PROG_LOAD, attributes)


def knows_helper(
    prog_type: ProgType,
    helper: int,
    *,
    expected_attach_type: AttachType = AttachType.NONE,
    target: int = 0,
) -> bool:
    """Whether programs of a type may call a helper, whatever arguments it wants.

    ``target``: the BTF id of the function that a tracing program is for.
    The verifier looks the helper up before it looks at the arguments, and its log tells which of
    the two it refused. OSError where it was not asked at all, for want of rights.
    """
    call = struct.pack("<BBhi", 0x85, 0, 0, helper)
    log = _trial(prog_type, call, expected_attach_type, target)
    # "unknown func bpf_loop#181", "invalid func unknown#181", and in newer kernels
    # "program of this type cannot use helper bpf_loop#181"
    return not re.search(rb"(?:unknown|invalid) func|cannot use helper", log)


def knows_kfunc(
    prog_type: ProgType,
    name: str,
    function: int,
    *,
    expected_attach_type: AttachType = AttachType.NONE,
    target: int = 0,
) -> bool:
    """Whether programs of a type may call a function of the kernel, whatever arguments it wants.

    ``function`` and ``target``, what the program is loaded for, are ids in the kernel's BTF. The
    verifier writes the call down when it comes to it; kernels without such calls (before 5.13,
    e6ac2450d6de) do not know the name. OSError where it was not asked at all.
    """
    call = struct.pack("<BBhi", 0x85, 2 << 4, 0, function)  # the register says: no helper
    log = _trial(prog_type, call, expected_attach_type, target)
    refused = re.search(rb"is not allowed|must be sleepable|require CAP_SYS_BOOT", log)
    return f"call {name}#".encode() in log and not refused


def _trial(
    prog_type: ProgType,
    call: bytes,
    expected_attach_type: AttachType = AttachType.NONE,
    target: int = 0,
) -> bytes:
    """The verifier's log about a program that does nothing but call; OSError if it wrote none."""
    instructions = call + struct.pack("<BBhi", 0xB7, 0, 0, 0) + struct.pack("<BBhi", 0x95, 0, 0, 0)
    code = ctypes.create_string_buffer(instructions, len(instructions))
    license_text = ctypes.create_string_buffer(b"GPL")
    log = ctypes.create_string_buffer(4096)
    attributes = uapi.ProgLoad(
        prog_type=prog_type,
        insn_cnt=len(instructions) // 8,
        insns=_address(code),
        license=_address(license_text),
        log_level=1,
        log_size=len(log),
        log_buf=_address(log),
        expected_attach_type=expected_attach_type,
        attach_btf_id=target,
    )
    try:
        os.close(_call(Command.PROG_LOAD, attributes))
    except OSError:
        if not log.value:
            raise
    return log.value


def prog_test_run(fd: int) -> int:
    """Run a raw tracepoint program once, here and now, with an empty context.

    Since 5.10 (1b4d60ec162f). Returns the program's own return value.
    """
    attributes = uapi.TestRun(prog_fd=fd)
    _call(Command.PROG_TEST_RUN, attributes)
    return int(attributes.retval)


def raw_tracepoint_open(fd: int, name: str = "") -> int:
    """Attach a raw tracepoint program; the returned file descriptor is the attachment.

    Without a name: a program that was loaded for its target. LINK_CREATE can do that only since
    5.16 (not in 5.10), this call since 5.5 (fec56f5890d9).
    """
    text = ctypes.create_string_buffer(name.encode()) if name else None
    return _call(Command.RAW_TRACEPOINT_OPEN, uapi.RawTracepoint(name=_address(text), prog_fd=fd))


def link_perf_event(program_fd: int, event_fd: int) -> int:
    """Attach a program to a perf event by a link. Since 5.15 (b89fbfbb854c); before: EINVAL."""
    return _call(
        Command.LINK_CREATE,
        uapi.LinkCreate(prog_fd=program_fd, target_fd=event_fd, attach_type=AttachType.PERF_EVENT),
    )


def link_iterator(program_fd: int) -> int:
    """A link from which iterators can be made. Since 5.8 (de4e05cac46d)."""
    return _call(
        Command.LINK_CREATE, uapi.LinkCreate(prog_fd=program_fd, attach_type=AttachType.TRACE_ITER)
    )


def iterator(link_fd: int) -> int:
    """One run over all objects; happens while it is read."""
    return _call(Command.ITER_CREATE, uapi.IterCreate(link_fd=link_fd))


def pin(fd: int, path: str) -> None:
    """Give an object a name on a BPF file system, which keeps it when nobody has it open."""
    name = ctypes.create_string_buffer(os.fsencode(path))
    _call(Command.OBJ_PIN, uapi.Pin(pathname=_address(name), bpf_fd=fd))


def link_kprobe_multi(
    program_fd: int,
    *,
    symbols: list[str] | None = None,
    addresses: list[int] | None = None,
    at_return: bool = False,
    attach_type: AttachType = AttachType.TRACE_KPROBE_MULTI,
) -> int:
    """Attach a program to many functions by one link. Since 5.18 (0dcac2725406).

    Exactly one of symbols and addresses. Fails as a whole: ESRCH when one symbol is unknown or
    not traceable, EOPNOTSUPP on a kernel without CONFIG_FPROBE, EINVAL before 5.18.
    """
    attributes = uapi.LinkCreate(prog_fd=program_fd, attach_type=attach_type)
    attributes.multi_flags = KPROBE_MULTI_RETURN if at_return else 0
    if addresses is not None:
        numbers = (c_uint64 * len(addresses))(*addresses)
        attributes.count = len(addresses)
        attributes.addresses = ctypes.addressof(numbers)
    else:
        names = [one.encode() for one in symbols or ()]
        pointers = (ctypes.c_char_p * len(names))(*names)
        attributes.count = len(names)
        attributes.symbols = ctypes.addressof(pointers)
    return _call(Command.LINK_CREATE, attributes)


def _object_info(fd: int, info: ctypes.Structure) -> int:
    """Fill a prefix of an info structure; returns how many of its bytes the kernel knows."""
    attributes = uapi.Info(bpf_fd=fd, info_len=ctypes.sizeof(info), info=ctypes.addressof(info))
    _call(Command.OBJ_GET_INFO_BY_FD, attributes)
    return int(attributes.info_len)


def program_ids() -> Iterator[int]:
    """The ids of all loaded programs; EPERM without CAP_SYS_ADMIN."""
    attributes = uapi.ById()
    while True:
        try:
            _call(Command.PROG_GET_NEXT_ID, attributes)
        except FileNotFoundError:
            return
        yield int(attributes.next_id)
        attributes.id = attributes.next_id


def program_fd(number: int) -> int:
    """A program by its id; ENOENT when it has gone."""
    return _call(Command.PROG_GET_FD_BY_ID, uapi.ById(id=number))


def program_function(program_fd: int) -> tuple[int, int]:
    """The BTF of a program, and the id of its function's type in it; (0, 0) without BTF."""
    function = (c_uint32 * 2)()  # struct bpf_func_info: insn_off, type_id
    info = uapi.ProgTypes(
        func_info_rec_size=ctypes.sizeof(function),
        func_info=ctypes.addressof(function),
        nr_func_info=1,
    )
    _object_info(program_fd, info)
    return (int(info.btf_id), int(function[1])) if info.btf_id and function[1] else (0, 0)


def btf_bytes(number: int) -> bytes:
    """The type data of a loaded BTF object."""
    fd = _call(Command.BTF_GET_FD_BY_ID, uapi.ById(id=number))
    try:
        info = uapi.BtfInfo()
        _object_info(fd, info)
        data = ctypes.create_string_buffer(info.btf_size)
        info = uapi.BtfInfo(btf=_address(data), btf_size=len(data))
        _object_info(fd, info)
        return data.raw
    finally:
        os.close(fd)


def recursion_misses(program_fd: int) -> int | None:
    """Runs refused because a program was already active. None before 5.12 (9ed9e9ba2337)."""
    info = uapi.ProgInfo()
    known = _object_info(program_fd, info)
    return int(info.recursion_misses) if known >= ctypes.sizeof(info) else None


def link_missed(link_fd: int) -> int | None:
    """Hits that a kprobe or kprobe.multi link missed; None where the kernel does not tell.

    Both counters came with 6.7 (e2b2cd592a8c, 3acf8ace6823) and lengthened the structure, so
    its length tells whether they exist.
    """
    info = uapi.LinkInfo()
    if _object_info(link_fd, info) < ctypes.sizeof(info):
        return None
    multi = info.type == _LINK_TYPE_KPROBE_MULTI
    return int(info.words[_LINK_KPROBE_MULTI_MISSED if multi else _LINK_PERF_EVENT_MISSED])
