# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""C definitions on the running kernel: their types over real memory, and their constants."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from kptrace import types
from kptrace.kernel import Kernel

QUIET = "config = { print_maps_on_exit = false } "


def printed(run: Any, definitions: str, body: str, *options: str, **more: Any) -> list[str]:
    ran = run(f"{definitions}\n{QUIET} begin {{ {body} }}", *options, **more)
    assert (ran.status, ran.err) == (0, "")
    return str(ran.out[:-2]).splitlines()


def offset_in_task(field: str) -> int:
    with Kernel() as kernel:
        assert kernel.btf is not None
        task = kernel.btf.type_named("struct", "task_struct")
        assert isinstance(task, types.Struct)
        found = kernel.btf.field(task, field)
        assert found is not None
        return found.bit_offset // 8


def test_fields_are_read_at_their_offsets(run: Any) -> None:
    spec = (
        f"struct mine {{ char before[{offset_in_task('pid')}]; "
        "struct { int thread; union { int process; short low; }; } ids; }"
    )
    body = (
        "$p = (struct mine *)curtask;"
        " print((tid(init) == $p->ids.thread, pid(init) == $p->ids.process));"
    )
    body = body.replace("(init)", "")
    assert printed(run, spec, body) == ["(true, true)"]


def test_pointers_between_own_types(run: Any) -> None:
    place = offset_in_task("group_leader")
    spec = (
        f"struct mine {{ char before[{place}]; struct other *leader; }};\n"
        f"struct other {{ char before[{offset_in_task('pid')}]; int pid; }} __attribute__((packed));"
    )
    body = "print(pid == ((struct mine *)curtask)->leader->pid);"
    assert printed(run, spec, body) == ["true"]


def test_a_full_char_array_ends_in_nul(run: Any) -> None:
    spec = (
        f"struct mine {{ char before[{offset_in_task('comm')}]; char start[3]; char rest[13]; }};"
    )
    body = "$p = (struct mine *)curtask; print($p->start); @start = $p->start; print(@start); print(comm);"
    start, again, whole = printed(run, spec, body)
    assert (start, again) == (whole[:3], f"@start: {whole[:3]}")


def test_a_definition_hides_the_type_of_the_kernel(run: Any) -> None:
    spec = "struct task_struct { int only; };"
    ran = run(f"{spec} begin {{ print(((struct task_struct *)curtask)->pid); }}")
    assert ran.status == 2
    assert (
        "Struct/union of type 'struct task_struct' does not contain a field named 'pid'" in ran.err
    )


def test_enumerators_and_macros(run: Any) -> None:
    spec = (
        '#define TWO (1 + 1)\n#define FOUR (TWO * TWO)\n#define NAME "x"\n#define SHIFT(n) (1 << n)\n'
        "#ifdef BPFTRACE_HAVE_BTF\n#define BTF 1\n#endif\n"
        "enum color { RED = 1, GREEN = 5 };\nenum { ALONE = 77 };"
    )
    body = "print((TWO * 3, FOUR, NAME, BTF)); print((RED, GREEN, ALONE)); print((enum color)5); print((uint64)ALONE + 1);"
    assert printed(run, spec, body) == ["(6, 4, x, 1)", "(RED, GREEN, ALONE)", "GREEN", "78"]


def test_an_enumerator_of_64_bits_is_whole_or_refused(run: Any) -> None:
    ran = run(f"enum big {{ WIDE = 0xffffffffff }};\n{QUIET} begin {{ print((uint64)WIDE); }}")
    if ran.status:
        assert ran.status == 2
        assert "this clang does not tell the value of 'WIDE', which has 64 bits" in ran.err
    else:
        assert ran.out.split() == ["1099511627775"]
    # not in use: no complaint
    assert printed(run, "enum big { WIDE = 0xffffffffff };", "print(5);") == ["5"]


@pytest.mark.skipif(not Path("/usr/include/linux/in.h").exists(), reason="no UAPI headers")
def test_headers_of_the_system(run: Any) -> None:
    spec = "#include <linux/types.h>\n#include <linux/in.h>\n"
    body = (
        "print((IPPROTO_TCP, INADDR_LOOPBACK)); print((__be32)-1);"
        " $a = (struct sockaddr_in *)0; print($a->sin_port);"
    )
    assert printed(run, spec, body) == ["(IPPROTO_TCP, 2130706433)", "4294967295", "0"]


def test_search_path_and_first_header(run: Any, tmp_path: Path) -> None:
    (tmp_path / "own.h").write_text("typedef unsigned char own_t;\nenum own { OWN = 5 };\n")
    (tmp_path / "first.h").write_text("#define FIRST 3\n")
    body = "print(((own_t)258, OWN, FIRST));"
    options = ("-I", str(tmp_path), "--include", str(tmp_path / "first.h"))
    assert printed(run, '#include "own.h"', body, *options) == ["(2, OWN, 3)"]


def test_the_answer_is_kept_until_a_header_changes(run: Any, tmp_path: Path) -> None:
    header = tmp_path / "own.h"
    header.write_text("#define N 1\nstruct own { int x; };\n")
    log = tmp_path / "log"
    wrapper = tmp_path / "clang"
    wrapper.write_text(f'#!/bin/sh\necho run >> {log}\nexec {shutil.which("clang")} "$@"\n')
    wrapper.chmod(0o755)
    options = ("-I", str(tmp_path))
    environment = {"KPTRACE_CLANG": str(wrapper)}

    def once() -> list[str]:
        return printed(run, '#include "own.h"', "print(N);", *options, environment=environment)

    assert once() == ["1"]
    runs = len(log.read_text().split())
    assert runs >= 2
    assert once() == ["1"]
    assert len(log.read_text().split()) == runs
    header.write_text("#define N 23\n")
    assert once() == ["23"]


def test_without_clang_it_says_so(run: Any) -> None:
    ran = run(
        "struct never_seen_before { int a; }; begin { }",
        environment={"KPTRACE_CLANG": "/nonexistent"},
    )
    assert ran.status == 3
    assert "clang is needed to read C definitions, and it is not installed" in ran.err
