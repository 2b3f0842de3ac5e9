# SPDX-License-Identifier: MIT
from __future__ import annotations

from typing import Any

import pytest

from kptrace import types
from kptrace.output.values import Style, key_renderer, text_value
from kptrace.types import (
    INT8,
    INT64,
    UINT8,
    Array,
    Enum,
    Inet,
    KStack,
    KSym,
    Pointer,
    String,
    Tuple,
    Type,
)

STATE = Enum("state", 4, False, (("RUNNING", 0), ("SLEEPING", 1), ("RESTING", 1)))


def inet(family: int, *address: int) -> bytes:
    return family.to_bytes(8, "little") + bytes(address).ljust(16, b"\0")


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (INT64, -5, b"-5"),
        (types.UINT64, (1 << 64) - 1, b"18446744073709551615"),
        (types.BOOL, True, b"true"),
        (types.BOOL, False, b"false"),
        (Pointer(INT8), 0xFFFF888003C4A000, b"0xffff888003c4a000"),
        (Pointer(INT8), 0, b"0x0"),
        (STATE, 0, b"RUNNING"),
        (STATE, 1, b"SLEEPING"),
        (STATE, 2, b"2"),
        (String(16), b"bash", b"bash"),
        (String(4), b"bash", b"bash.."),
        (String(4), b"\xff\x01\n", b"\xff\x01\n"),
        (Array(INT8, 3), (1, 2, 3), b"[1,2,3]"),
        (Array(Array(INT8, 2), 2), ((1, 2), (3, 4)), b"[[1,2],[3,4]]"),
        (Array(INT8, 0), (), b"[]"),
        (
            Tuple((INT8, String(4), Tuple((INT8, INT8)))),
            (1, b"abc", (2, 3)),
            b"(1, abc, (2, 3))",
        ),
        (Tuple(()), (), b"()"),
        (Inet(), inet(2, 127, 0, 0, 1), b"127.0.0.1"),
        (Inet(), inet(10, *bytes(15), 1), b"::1"),
        (Inet(), inet(10, 0x20, 1, 0xD, 0xB8, *bytes(11), 0xFF), b"2001:db8::ff"),
        (Inet(), inet(0), b""),
        (KSym(), 0x1010, b"vfs_read"),
        (KSym(), 0xFF0, b"0xff0"),
        (KStack(), 7, b"\n        vfs_read+1\n        ksys_read+111\n"),
        (KStack(limit=1), 7, b"\n        vfs_read+1\n"),
        (KStack(), 9, b"\n        0xffff0001\n"),
        (KStack("perf"), 7, b"\n\t1001 vfs_read+1\n\t206f ksys_read+111\n"),
        (KStack("raw"), 7, b"\n1001\n206f\n"),
        (KStack(), 0, b"\n"),
        (KStack(), 1234, b"\n"),
    ],
)
def test_text(style: Style, kind: Type, value: Any, text: bytes) -> None:
    assert text_value(kind, value, style) == text


def test_trailer_is_configurable(style: Style) -> None:
    other = Style(resolver=style.resolver, trailer="…".encode())
    assert text_value(String(2), b"ab", other) == "ab…".encode()


@pytest.mark.parametrize(
    ("kind", "key", "text"),
    [
        (Tuple((String(16), INT8)), (b"bash", 3), b"bash, 3"),
        (Tuple((String(2), Tuple((INT8, INT8)))), (b"a", (1, 2)), b"a, (1, 2)"),
        (Tuple((Tuple((INT8,)), INT8)), ((1,), 2), b"(1), 2"),
        (String(16), b"(idle)", b"idle"),
        (String(16), b"(idle", b"(idle"),
        (String(16), b"(", b"("),
        (INT64, -3, b"-3"),
        (UINT8, 3, b"3"),
        (types.BOOL, True, b"true"),
        (Pointer(INT8), 0x1F, b"0x1f"),
    ],
)
def test_key_text(style: Style, kind: Type, key: Any, text: bytes) -> None:
    assert key_renderer(kind, style)(key) == text


def test_a_type_without_text_is_a_fault(style: Style) -> None:
    with pytest.raises(TypeError, match="hist_t"):
        text_value(types.Hist(0, 0), 1, style)
