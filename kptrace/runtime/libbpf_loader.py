# SPDX-License-Identifier: MIT
"""Object bytes -> Loaded, through the distribution's libbpf.so.1 (core dialect)."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import functools
import mmap
import os
from collections.abc import Callable, Iterator, Mapping
from ctypes import c_bool, c_char_p, c_int, c_size_t, c_uint32, c_void_p

from kptrace.errors import HostError
from kptrace.plan import Plan, Target
from kptrace.runtime import bpf, cpus, verifier
from kptrace.runtime.loaded import Loaded, raise_limits
from kptrace.runtime.mechanism import TARGETED, Mechanism

EVENTS = "events"
"""The C map of the event buffer; its size is the number of possible CPUs of this host."""

_ATTACH_TYPES: dict[Mechanism | None, bpf.AttachType] = {
    Mechanism.MULTI: bpf.AttachType.TRACE_KPROBE_MULTI,
    Mechanism.SESSION: bpf.AttachType.TRACE_KPROBE_SESSION,
}

_LONGEST_MESSAGE = 1 << 24


class _OpenOptions(ctypes.Structure):
    """struct bpf_object_open_opts of libbpf 1.0; a newer library takes a shorter one."""

    _fields_ = (
        ("sz", c_size_t),
        ("object_name", c_char_p),
        ("relaxed_maps", c_bool),
        ("pin_root_path", c_char_p),
        ("_unused", c_uint32),
        ("kconfig", c_char_p),
        ("btf_custom_path", c_char_p),
    )


# int (*)(enum libbpf_print_level, const char *, va_list). On every supported architecture a
# va_list parameter is, or is passed as, one pointer, which vsnprintf takes the same way.
_Print = ctypes.CFUNCTYPE(c_int, c_int, c_char_p, c_void_p)

_SIGNATURES: dict[str, tuple[object, tuple[object, ...]]] = {
    "libbpf_set_print": (c_void_p, (_Print,)),
    "bpf_object__open_mem": (c_void_p, (c_char_p, c_size_t, c_void_p)),
    "bpf_object__load": (c_int, (c_void_p,)),
    "bpf_object__close": (None, (c_void_p,)),
    "bpf_object__next_program": (c_void_p, (c_void_p, c_void_p)),
    "bpf_object__next_map": (c_void_p, (c_void_p, c_void_p)),
    "bpf_program__name": (c_char_p, (c_void_p,)),
    "bpf_program__fd": (c_int, (c_void_p,)),
    "bpf_program__set_expected_attach_type": (c_int, (c_void_p, c_int)),
    "bpf_program__set_attach_target": (c_int, (c_void_p, c_int, c_char_p)),
    "bpf_program__set_autoload": (c_int, (c_void_p, c_bool)),
    "bpf_map__name": (c_char_p, (c_void_p,)),
    "bpf_map__fd": (c_int, (c_void_p,)),
    "bpf_map__set_max_entries": (c_int, (c_void_p, c_uint32)),
}


@functools.cache
def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL("libbpf.so.1", use_errno=True)
    except OSError:
        raise HostError(
            "libbpf.so.1 is not installed",
            hint="install the package libbpf1 (Debian, Ubuntu) or libbpf (Fedora, RHEL, SUSE)",
            code="no-libbpf",
        ) from None
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


def load(
    object_bytes: bytes,
    plan: Plan,
    mechanisms: Mapping[str, Mechanism],
    *,
    btf_custom_path: str | None = None,
) -> Loaded:
    """Load an object into the kernel.

    ``mechanisms`` comes from `mechanism.choose`: the kernel wants to know at load time which
    programs will attach by kprobe.multi, and what a trampoline calls. A program whose function is
    not in BTF any more is left out; attaching tells. ``btf_custom_path``: a BTF file to relocate
    against instead of the running kernel's. Raises HostError where rights or libbpf are missing,
    RunError with the end of the verifier's log where the kernel refuses the programs.
    """
    library = _library()
    raise_limits()
    messages: list[str] = []
    with (
        contextlib.ExitStack() as held,
        _collect(library, messages),
        _opened(library, object_bytes, plan, btf_custom_path, messages) as handle,
    ):
        targets = {one.name: one.targets for one in plan.programs}
        left_out = set()
        for name, program in _each(library, handle, "program"):
            if (kind := _ATTACH_TYPES.get(mechanisms.get(name))) is not None:
                library.bpf_program__set_expected_attach_type(program, kind)
            targeted = mechanisms.get(name) in TARGETED
            if targeted and not _aim(library, program, targets[name][0], held):
                library.bpf_program__set_autoload(program, False)
                left_out.add(name)
        for name, one in _each(library, handle, "map"):
            if name == EVENTS:
                library.bpf_map__set_max_entries(one, cpus.possible())
        if library.bpf_object__load(handle):
            raise verifier.load_error(ctypes.get_errno(), "".join(messages), plan)
        programs: dict[str, int] = {}
        maps: dict[str, int] = {}
        loaded = Loaded(programs, maps)
        try:
            for name, program in _each(library, handle, "program"):
                if name in left_out:
                    continue
                programs[name] = _duplicate(library.bpf_program__fd(program))
            for name, one in _each(library, handle, "map"):
                maps[name] = _duplicate(library.bpf_map__fd(one))
        except BaseException:
            loaded.close()
            raise
        return loaded


def _aim(library: ctypes.CDLL, program: int, target: Target, held: contextlib.ExitStack) -> bool:
    """Tell a program what it is for; False if there is no such thing any more."""
    if not target.bpf_id:
        return not library.bpf_program__set_attach_target(program, 0, target.name.encode())
    try:
        other = bpf.program_fd(target.bpf_id)
    except FileNotFoundError:
        return False
    held.callback(os.close, other)  # wanted until the load is done
    return not library.bpf_program__set_attach_target(program, other, target.name.encode())


def _duplicate(fd: int) -> int:
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)


@contextlib.contextmanager
def _opened(
    library: ctypes.CDLL,
    object_bytes: bytes,
    plan: Plan,
    btf_custom_path: str | None,
    messages: list[str],
) -> Iterator[int]:
    options = _OpenOptions(
        sz=ctypes.sizeof(_OpenOptions),
        object_name=plan.name.encode()[:15],
        btf_custom_path=btf_custom_path.encode() if btf_custom_path else None,
    )
    handle = library.bpf_object__open_mem(object_bytes, len(object_bytes), ctypes.byref(options))
    if not handle:
        raise verifier.load_error(ctypes.get_errno(), "".join(messages), plan)
    try:
        yield handle
    finally:
        library.bpf_object__close(handle)


def _each(library: ctypes.CDLL, handle: int, kind: str) -> Iterator[tuple[str, int]]:
    following: Callable[[int, int | None], int | None]
    following = getattr(library, f"bpf_object__next_{kind}")
    name = getattr(library, f"bpf_{kind}__name")
    current = following(handle, None)
    while current:
        yield name(current).decode(), current
        current = following(handle, current)


@contextlib.contextmanager
def _collect(library: ctypes.CDLL, messages: list[str]) -> Iterator[None]:
    """Gather libbpf's messages (warnings and information, no debug) while the block runs."""
    libc = ctypes.CDLL(None)
    libc.vsnprintf.argtypes = (c_void_p, c_size_t, c_char_p, c_void_p)
    # A verifier log comes as one message of up to 16 MB; untouched pages cost nothing.
    buffer = (ctypes.c_char * _LONGEST_MESSAGE).from_buffer(mmap.mmap(-1, _LONGEST_MESSAGE))

    def receive(level: int, form: bytes, arguments: int) -> int:
        debug = 2
        if level < debug:
            libc.vsnprintf(buffer, len(buffer), form, arguments)
            messages.append(buffer.value.decode(errors="replace"))
        return 0

    callback = _Print(receive)
    previous = library.libbpf_set_print(callback)
    try:
        yield
    finally:
        library.libbpf_set_print(ctypes.cast(previous, _Print))
