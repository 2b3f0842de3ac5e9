# SPDX-License-Identifier: MIT
"""What an object can do besides to look: asked of its instructions, whatever its bundle says.

A table of allowed sections and kernel functions, and one of the helpers that act. What cannot be
read as the compiler writes it is told like what acts.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from kptrace.records import dataclass

_ELF64_LITTLE = b"\x7fELF\x02\x01"
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QQ")
_INSTRUCTION = struct.Struct("<BBxxi")  # operation, registers, number
_SHT_PROGBITS, _SHT_REL = 1, 9
_SHF_EXECINSTR = 4
_LOAD, _CALL = 0x18, 0x85  # of a 64-bit constant, in two instructions; of a function
_HELPER, _LOCAL, _KERNEL = 0, 1, 2
"""What is called: the source register of the call (BPF_PSEUDO_CALL, BPF_PSEUDO_KFUNC_CALL)."""

_ACTING = {
    36: "bpf_probe_write_user",
    49: "bpf_setsockopt",
    58: "bpf_override_return",
    109: "bpf_send_signal",
    117: "bpf_send_signal_thread",
    166: "bpf_sys_bpf",
    168: "bpf_sys_close",
}
"""Helpers by number (enum bpf_func_id, <linux/bpf.h>) that change more than maps and output."""

_FUNCTIONS = frozenset({"bpf_session_is_return"})
"""Functions of the kernel that the compiler calls."""

_SECTIONS = frozenset(
    {".text", "kprobe", "kretprobe", "tracepoint", "raw_tp", "tp_btf", "fentry", "fexit", "iter"}
    | {"perf_event"}
)
"""Kinds of programs that only look; fmod_ret, lsm or struct_ops decide for the kernel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Code:
    """A section of instructions; ``calls``: names of what is outside, by the callers' offsets."""

    section: str
    data: bytes
    calls: dict[int, str]


def acts(program: bytes) -> tuple[str, ...]:
    """What an object may do to the system, for people; nothing for one that only looks."""
    try:
        return tuple(dict.fromkeys(one for code in _code(program) for one in _acts(code)))
    except (ValueError, IndexError, OverflowError, struct.error):
        return ("something that cannot be read",)


def constants(program: bytes) -> tuple[int, ...]:
    """The 64-bit constants in an object's instructions. ValueError for what is no object."""
    found = []
    for code in _code(program):
        for offset in range(0, len(code.data), _INSTRUCTION.size):
            if code.data[offset] == _LOAD:
                low, high = struct.unpack_from("<4xI4xI", code.data, offset)
                found.append(high << 32 | low)
    return tuple(found)


def _acts(code: _Code) -> Iterator[str]:
    if code.section not in _SECTIONS:
        yield f"a program of kind {code.section}"
    for offset in range(0, len(code.data), _INSTRUCTION.size):
        operation, registers, number = _INSTRUCTION.unpack_from(code.data, offset)
        if operation != _CALL:
            continue
        called = registers >> 4
        if called == _HELPER:
            if number in _ACTING:
                yield _ACTING[number]
        elif called != _LOCAL:
            yield "a function of the kernel by its number"
        elif offset in code.calls and code.calls[offset] not in _FUNCTIONS:
            yield f"the kernel's {code.calls[offset]}"


def _code(program: bytes) -> Iterator[_Code]:
    """What libbpf makes programs of."""
    if not program.startswith(_ELF64_LITTLE):
        raise ValueError("no ELF file of 64 bits, little-endian")
    (table,) = struct.unpack_from("<Q", program, 40)
    size, count, names = struct.unpack_from("<HHH", program, 58)
    if size != _SECTION.size or not count:  # the count of large files is elsewhere
        raise ValueError("another form of sections")
    sections = [_SECTION.unpack_from(program, table + size * one) for one in range(count)]
    room = len(program)  # sections that lie over each other are no compiler's
    for index, (name, kind, flags, _, _, length, *_) in enumerate(sections):
        if kind == _SHT_REL or flags & _SHF_EXECINSTR:
            room -= length
        if room < 0:
            raise ValueError("sections that are larger than the object")
        if flags & _SHF_EXECINSTR and kind == _SHT_PROGBITS:
            yield _Code(
                section=_text(_data(program, sections[names]), name),
                data=_data(program, sections[index]),
                calls=dict(_calls(program, sections, index)),
            )


def _calls(
    program: bytes, sections: list[tuple[int, ...]], index: int
) -> Iterator[tuple[int, str]]:
    for one in sections:
        kind, link, target = one[1], one[6], one[7]
        if kind != _SHT_REL or target != index:
            continue
        symbols = _data(program, sections[link])
        texts = _data(program, sections[sections[link][6]])
        for offset, what in _RELOCATION.iter_unpack(_data(program, one)):
            name, _, _, section, *_ = _SYMBOL.unpack_from(symbols, (what >> 32) * _SYMBOL.size)
            if not section:
                yield offset, _text(texts, name)


def _data(program: bytes, section: tuple[int, ...]) -> bytes:
    offset, length = section[4:6]
    if offset + length > len(program):
        raise ValueError("a section behind the end")
    return program[offset : offset + length]


def _text(texts: bytes, start: int) -> str:
    return texts[start : texts.index(b"\0", start)].decode("utf-8", "surrogateescape")
