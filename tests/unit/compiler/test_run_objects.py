# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""Arrays, structs, bit fields and addresses on the running kernel (language §3.4, §3.7, §10.1)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest


def lines(run: Any, body: str, *options: str) -> list[str]:
    ran = run(f"config = {{ print_maps_on_exit = false }} begin {{ {body} }}", *options)
    assert (ran.status, ran.err) == (0, "")
    return [line for line in ran.lines if line]


def warned(run: Any, body: str) -> tuple[list[str], str]:
    ran = run(f"config = {{ print_maps_on_exit = false }} begin {{ {body} }}")
    assert ran.status == 0, ran.err
    return [line for line in ran.lines if line], ran.err


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("print((uint8[8])12345);", "[57,48,0,0,0,0,0,0]"),
        ("print((int8[8])-1);", "[-1,-1,-1,-1,-1,-1,-1,-1]"),
        ("print((uint8[4])(uint32)16909060);", "[4,3,2,1]"),
        ("print((uint8[])12345);", "[57,48]"),
        ("print((uint16[])(uint64)4295098370);", "[2,2,1,0]"),
        ("print((bool[])(uint16)256);", "[false,true]"),
        ("print((bool[1])true);", "[true]"),
        ("print((uint8[1])(nsecs > 0));", "[1]"),
        ('print((int8[])"abc");', "[97,98,99,0]"),
        ('print((int8[4])"abc");', "[97,98,99,0]"),
        ("print((uint32)(uint8[4])(uint32)70000);", "70000"),
        ("$a = (uint8[8])12345; print((uint64)$a + 1);", "12346"),
        ("$a = (uint8[8])12345; print($a[1]);", "48"),
        ("$a = (uint8[8])(uint64)pid; $i = nsecs % 1; print($a[$i] == (pid & 255));", "true"),
        ("@a[1] = (uint8[4])(uint32)7; print(@a[1]); print(@a[2]);", "[7,0,0,0]"),
        ("@a[(uint8[4])(uint32)7] = 1; print(@a);", "@a[[7,0,0,0]]: 1"),
        ("print(((uint8[4])(uint32)7, 1));", "([7,0,0,0], 1)"),
        ("$t = (1, (uint8[4])(uint32)7); print($t.1[0]);", "7"),
        ("$a = nsecs > 0 ? (uint8[2])(uint16)7 : (uint8[2])(uint16)8; print($a);", "[7,0]"),
        ('printf("%s|%12s|\\n", (uint8[2])(uint16)7, (uint8[2])(uint16)8);', "[7,0]|       [8,0]|"),
        ('print((bool)"x"); ', "true"),
        ("print((bool)comm);", "true"),
        ('print((string[8])"abc");', "abc"),
        ("print(sizeof((string[20])comm));", "20"),
        ("print(comm[0] == ((string[20])comm)[0]);", "true"),
        ('$s = "hello"; print($s[1]);', "101"),
        ('$s = "hello"; $i = nsecs % 1 + 4; print($s[$i]);', "111"),
        ('print("abc"[1]);', "98"),
        ("$s = comm; @s[1] = comm; print($s[0] == @s[1][0]);", "true"),
        ("$x = (uint16)7; $p = &$x; print(*$p);", "7"),
        ('$x = "abc"; $p = &$x; print(str($p));', "abc"),
        ("@m[1] = 1; print((uint64)&@m != 0);", "true"),
        ('$t = (1, "x"); print(*&$t);', "(1, x)"),
        ('$b = buf("abc", 3); print(*&$b);', "abc"),
        ("$a = (uint8[4])(uint32)16777343; @a = $a; print((ntop($a), ntop(@a), ntop(2, $a)));", "(127.0.0.1, 127.0.0.1, 127.0.0.1)"),
        ("$a = (uint8[4])(uint32)7; $p = &$a; print(((*$p)[0], $p[0][3]));", "(7, 0)"),
        ("$p = curtask; $pp = &$p; print((*$pp).pid == $pp->pid);", "true"),
        ("$p = curtask; $p++; $q = $p - 1; print($q == curtask);", "true"),
    ],
)  # fmt: skip
def test_arrays_and_casts(run: Any, body: str, expected: str) -> None:
    assert lines(run, body)[0] == expected


def test_declared_without_a_value_is_zero(run: Any) -> None:
    body = (
        "let $a : int32[3]; print($a); let $b : int32[2][3]; print($b); let $s : string; print($s);"
        ' $s = "abc"; print(sizeof($s)); let $l : struct list_head; print($l);'
    )
    out, err = warned(run, body)
    assert out == ["[0,0,0]", "[[0,0],[0,0],[0,0]]", "4", "{ .next = 0x0, .prev = 0x0 }"]
    assert "Variable used before it was assigned: $a" in err


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("print(sizeof(((int8)1,(int64)2,(int16)3,(int64)4)));", "32"),
        ("$x = (uint16)1; print((sizeof($x), sizeof(comm), sizeof(\"abc\"), sizeof(char)));", "(2, 16, 4, 1)"),
        ("print((sizeof(string[10]), sizeof(int32[5]), sizeof(int32*[5]), sizeof(buffer[4]), sizeof(inet)));", "(10, 20, 40, 8, 24)"),
        ("print((sizeof(size_t), sizeof(void *), sizeof(struct task_struct *), sizeof(kstack)));", "(8, 8, 8, 1024)"),
        ("$x = (uint16)1; let $y : typeof($x) = 5; print((typeof($y))70000);", "4464"),
        ("print(sizeof(typeof(typeof(int32))));", "4"),
        ("@m = (uint16)1; print(sizeof(@m)); ", "2"),
        ("print(offsetof(struct list_head, prev));", "8"),
        ("print(offsetof(*curtask, pid) == offsetof(struct task_struct, pid));", "true"),
        ("print(offsetof(struct file, f_path.dentry) == offsetof(struct file, f_path) + offsetof(struct path, dentry));", "true"),
        ("print(sizeof(struct list_head[3]));", "48"),
    ],
)  # fmt: skip
def test_sizes(run: Any, body: str, expected: str) -> None:
    ran = run(f"config = {{ print_maps_on_exit = false }} begin {{ {body} }}")
    assert ran.lines[0] == expected, ran.err


def test_struct_by_value(run: Any) -> None:
    body = (
        "$l = curtask.tasks; print($l); print($l.next == curtask.tasks.next);"
        " @l = $l; print(@l.prev == $l.prev); @t[1] = (1, $l); print(@t[1].1.next == $l.next);"
        " @k[$l] = 1; print(@k[$l]); $p = &$l; print($p.next == $l.next);"
    )
    head, *rest = lines(run, body)
    assert re.fullmatch(r"\{ \.next = 0x[0-9a-f]+, \.prev = 0x[0-9a-f]+ \}", head)
    assert rest == ["true", "true", "true", "1", "true"]


def test_missing_struct_is_zero(run: Any) -> None:
    assert lines(run, "@l[1] = curtask.tasks; print(@l[2]); print(@l[2].next);") == [
        "{ .next = 0x0, .prev = 0x0 }",
        "0x0",
    ]


def test_whole_dereferenced_struct(run: Any) -> None:
    body = (
        "print(*curtask.fs); $f = *curtask.fs; print($f.users == curtask.fs.users); print($f.root);"
    )
    whole, same, root = lines(run, body)
    assert whole.startswith("{ .users = ")
    assert f".root = {root}" in whole
    assert same == "true"


def test_big_struct_goes_through_scratch(run: Any) -> None:
    first, comm = lines(run, "print(*curtask); $t = *curtask; print($t.comm);")
    assert f".comm = {comm}," in first
    assert len(first) > 5000


def test_struct_json(run: Any) -> None:
    body = "print(curtask.tasks); @l = (uint8[2])(uint16)258; print(@l); print(curtask.comm);"
    made = [json.loads(line) for line in lines(run, body, "-f", "json")]
    # addresses of the kernel are not exactly doubles, mostly: then they are strings (§11.2)
    assert set(made[0]["data"]) == {"next", "prev"}
    assert made[1] == {"type": "map", "data": {"@l": [2, 1]}}


def test_bit_fields(run: Any) -> None:
    """sched_task fork policy bits of a normal task, in place and in a copy."""
    body = (
        "$t = *curtask; print((curtask.in_execve, $t.in_execve, curtask.sched_contributes_to_load"
        " == $t.sched_contributes_to_load));"
        ' printf("%d\\n", curtask.in_iowait + $t.in_iowait);'
    )
    assert lines(run, body) == ["(0, 0, true)", "0"]


def test_enum_field_prints_its_name(run: Any) -> None:
    (text,) = lines(run, "print(curtask.mm.mm_mt.ma_flags >= 0); ")
    assert text == "true"


def test_out_of_bounds_at_run_time(run: Any) -> None:
    out, err = warned(
        run, "$a = (uint8[4])(uint32)7; $i = nsecs % 1 + 4; print($a[$i] >= 0); print(1);"
    )
    assert out == ["true", "1"]
    assert "Array access out of bounds. This can lead to unexpected results." in err


def test_index_in_kernel_memory(run: Any) -> None:
    out, err = warned(
        run,
        "$i = nsecs % 1; print(curtask.comm[$i] == comm[0]); $j = nsecs % 1 + 99; print(curtask.comm[$j]);",
    )
    assert out[0] == "true"
    assert "Array access out of bounds" in err


def test_args_as_a_value(run: Any) -> None:
    spec = (
        "tracepoint:sched:sched_switch { $a = args; if ($a.prev_pid == args.prev_pid) { print(args);"
        " @last[cpu] = args; @name = $a.prev_comm; exit(); } }"
    )
    ran = run(spec)
    assert ran.status == 0, ran.err
    first = ran.lines[0]
    assert first.startswith("{ .prev_comm = ")
    assert any(line.startswith("@last[") and "]: { .prev_comm = " in line for line in ran.lines)


def test_raw_tracepoint_args_as_a_value(run: Any) -> None:
    ran = run("rawtracepoint:sched_switch { print(args); exit(); }")
    assert ran.status == 0, ran.err
    assert re.match(r"\{ \.preempt = (true|false), \.prev = 0x", ran.lines[0])


def test_array_in_a_tracepoint_record(run: Any) -> None:
    spec = (
        "tracepoint:raw_syscalls:sys_enter { $i = nsecs % 1; print(args.args[0] =="
        " args.args[$i]); print(args.args); $a = args.args; print($a[0] == args.args[0]); exit(); }"
    )
    ran = run(spec)
    assert ran.status == 0, ran.err
    assert ran.lines[0] == "true"
    assert re.fullmatch(r"\[\d+(,\d+){5}\]", ran.lines[1])
    assert ran.lines[2] == "true"


DEFINED = (
    "struct foo { int a; char b[4]; int c:3; int d:5; union { int u; short v; }; struct { int x; } in; };"
    " struct pk { char c; int i; long l; } __attribute__((packed));"
)


def test_structs_of_the_specification(run: Any) -> None:
    """Full strings end in NUL, bit fields are unsigned, packed members are where they are."""
    body = (
        '$x = "abcdabcdefghijklmnopqrstuvwxyz"; $g = *(struct foo *)&$x; print($g); print(($g.b,'
        " $g.d, $g.in.x, ((struct foo *)&$x).b)); $k = *(struct pk *)&$x; print($k); print($k.l);"
        " @k[1] = $k; print(@k[1].i); print(sizeof((1, $k)));"
    )
    ran = run(f"{DEFINED} config = {{ print_maps_on_exit = false }} begin {{ {body} }}")
    assert (ran.status, ran.err) == (0, "")
    assert ran.lines[:6] == [
        "{ .a = 1684234849, .b = abcd, .c = 5, .d = 12, .u = 1818978921, .v = 27241,"
        " .in = { .x = 1886350957 } }",
        "(abcd, 12, 1886350957, abcd)",
        "{ .c = 97, .i = 1633968994, .l = 7595434461045744482 }",
        "7595434461045744482",
        "1633968994",
        "14",
    ]


def test_typeinfo(run: Any) -> None:
    ran = run(
        "config = { unstable_typeinfo = enable; print_maps_on_exit = false } begin {"
        ' print(typeinfo(pid)); print((typeinfo(struct list_head).btf_id > 0, typeinfo(comm).base_type == "string"));'
        " print(typeinfo(curtask).full_type); }"
    )
    assert (ran.status, ran.err) == (0, "")
    assert ran.lines[:3] == [
        "{ .btf_id = 0, .base_type = int, .full_type = uint32 }",
        "(true, true)",
        "struct task_struct *",
    ]
