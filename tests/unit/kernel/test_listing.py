# SPDX-License-Identifier: MIT
"""BTF as C text: what a listing shows of functions, events and types."""

from __future__ import annotations

from pathlib import Path

from kptrace.kernel import listing
from kptrace.kernel.btf import Btf
from kptrace.kernel.libbpf import Kind

REQUEST = """\
struct request {
    int tag;
    const volatile sector_t sector;
    char name[16];
    u8 key[6];
    signed char signs[4];
    _Bool done;
    _Bool flags[3];
    long matrix[2][3];
    unsigned int low:3;
    unsigned int high:13;
    enum color color;
    union {
        struct {
            int inner;
            union {
                long deep;
                char *alias;
            };
        };
        double real;
    };
    union either either;
    struct list list;
    struct elsewhere *elsewhere;
    int (*callback)(struct request *, ...);
    const char *buffer;
    long *protected;
    int *counters;
    __int128 large;
    void *anything;
    char tail[];
};"""


def test_a_struct_with_everything(btf: Btf) -> None:
    text = listing.type_text(btf, "struct", "request")
    assert [*text.replace("long int", "long").splitlines()] == REQUEST.splitlines()


def test_enumerations(btf: Btf) -> None:
    assert listing.type_text(btf, "enum", "color").splitlines() == [
        "enum color {",
        "    RED = 0,",
        "    GREEN = 5,",
        "    LAST = 2147483648,",
        "};",
    ]
    assert "    MINUS = -1,\n" in listing.type_text(btf, "enum", "sign")
    assert "    LARGE_ONE = 1099511627776,\n" in listing.type_text(btf, "enum", "wide")
    assert "    LARGE_MINUS = -1099511627776,\n" in listing.type_text(btf, "enum", "wide_sign")


def test_types_by_wildcard(btf: Btf) -> None:
    assert listing.types(btf, "struct", "*q*") == ["struct request"]
    assert listing.types(btf, "enum", "*") == ["enum color", "enum sign"]
    assert listing.types(btf, "struct", "tiny_device") == ["struct tiny_device"]
    assert listing.types(btf, "struct", "nosuch") == []


def test_functions(btf: Btf) -> None:
    assert {"submit", "use"} <= listing.functions(btf)
    assert [*listing.function_arguments(btf, "submit", "vmlinux")] == [
        "struct request *rq",
        "const char *why",
        "size_t count",
    ]
    assert [*listing.function_result(btf, "submit", "vmlinux")] == ["int retval"]
    assert [*listing.function_arguments(btf, "submit", "tiny")] == ["struct tiny_device *device"]
    assert [*listing.function_arguments(btf, "tiny_log", "")] == [
        "struct tiny_device *device",
        "...",
    ]
    assert [*listing.function_arguments(btf, "nosuch", "")] == []


def test_raw_tracepoints(btf: Btf) -> None:
    assert [*listing.raw_tracepoint_arguments(btf, "block_start", "")] == [
        "struct request *rq",
        "unsigned int bytes",
    ]
    unnamed = [*listing.raw_tracepoint_arguments(btf, "tiny_event", "tiny")]
    assert [one.split()[-1] for one in unnamed] == [f"arg{at}" for at in range(len(unnamed))]
    assert unnamed


def test_an_index_finds_the_same(btf_root: Path) -> None:
    searched, indexed = Btf.open(btf_root), Btf.open(btf_root)
    kinds = (Kind.STRUCT, Kind.FUNC, Kind.ENUM, Kind.TYPEDEF, Kind.INT)
    for kind in kinds:
        names = indexed.core.names(kind)
        assert names
        for name, type_id in names.items():
            assert searched.core.find(name, kind) == type_id
            assert indexed.core.find(name, kind) == type_id
        assert indexed.core.find("nosuch", kind) is None
    searched.close()
    indexed.close()
