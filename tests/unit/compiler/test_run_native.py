# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""Whole specifications on the running kernel: what they print, in text and JSON."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest


def output(run: Any, spec: str, *options: str, **more: Any) -> str:
    """Standard output of a run that says nothing else."""
    ran = run(spec, *options, **more)
    assert (ran.status, ran.err) == (0, "")
    return str(ran.out)


def printed(run: Any, body: str, **more: Any) -> list[str]:
    """The lines that a begin block prints."""
    text = output(run, f"config = {{ print_maps_on_exit = false }} begin {{ {body} }}", **more)
    assert text.endswith("\n\n"), text
    return text[:-2].splitlines()


def test_example_of_section_10_2(run: Any) -> None:
    spec = (
        'begin { @c["x"] = 3; @c["y"] = 1; @b = 7; @s[1, "a"] = stats(4); @s[1, "a"] = stats(8);'
        ' @t["a", (1, -2)] = count(); printf("hi\\n"); }'
    )
    assert output(run, spec) == (
        "hi\n\n\n@b: 7\n@c[y]: 1\n@c[x]: 3\n@s[1, a]: { .count = 2, .average = 6, .total = 12 }\n"
        "@t[a, (1, -2)]: 1\n"
    )


def test_example_of_section_10_3(run: Any) -> None:
    spec = (
        "begin { @n = count(); @n = count(); @s[comm] = sum(-5); @a = avg(3); @a = avg(4);"
        " @lo = min(7); @lo = min(-2); @hi = max(7); @st = stats(-3); }"
    )
    (comm,) = printed(run, "print(comm);")
    assert output(run, spec) == (
        f"\n\n@a: 3\n@hi: 7\n@lo: -2\n@n: 2\n@s[{comm}]: -5\n"
        "@st: { .count = 1, .average = -3, .total = -3 }\n"
    )


def test_print_with_top_and_div(run: Any) -> None:
    fill = "".join(
        f'@m["{key}"] = avg({n}); ' for key, n in zip("abcd", (10, 20, 30, 40), strict=True)
    )
    assert printed(run, fill + "print(@m, 2, 10);") == ["@m[c]: 3", "@m[d]: 4"]


HIST = """@[bash]:
[512, 1K)              2 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|
[1K, 2K)               2 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|
[2K, 4K)               0 |                                                    |
[4K, 8K)               1 |@@@@@@@@@@@@@@@@@@@@@@@@@@                          |

@[sh]:
(..., 0)               1 |@@@@@@@@@@@@@@@@@@@@@@@@@@                          |
[0]                    0 |                                                    |
[1]                    0 |                                                    |
[2, 4)                 2 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|
[4, 8)                 1 |@@@@@@@@@@@@@@@@@@@@@@@@@@                          |
[8, 16)                0 |                                                    |
[16, 32)               1 |@@@@@@@@@@@@@@@@@@@@@@@@@@                          |

@f:
[6]                    1 |@@@@@@@@@@@@@@@@@                                   |
[7]                    0 |                                                    |
[8, 10)                3 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|
[10, 12)               1 |@@@@@@@@@@@@@@@@@                                   |
[12, 14)               0 |                                                    |
[14, 16)               0 |                                                    |
[16, 20)               1 |@@@@@@@@@@@@@@@@@                                   |

@l:
(..., 0)               1 |@@@@@@@@@@@@@@@@@                                   |
[0, 10)                1 |@@@@@@@@@@@@@@@@@                                   |
[10, 20)               3 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|
[20, 30)               0 |                                                    |
[30, ...)              2 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@                  |

"""


def test_examples_of_histograms(run: Any) -> None:
    """Sections 10.5 and 10.6; values pass through variables, so that the probe computes."""
    keys = {"bash": (900, 1000, 1500, 1800, 5000), "sh": (-1, 2, 3, 7, 20)}
    body = "".join(
        f'$v = {value}; @["{key}"] = hist($v); ' for key, values in keys.items() for value in values
    )
    body += "".join(f"$v = {value}; @f = hist($v, 2); " for value in (6, 8, 9, 9, 11, 17))
    body += "".join(
        f"$v = {value}; @l = lhist($v, 0, 30, 10); " for value in (-3, 5, 15, 15, 16, 30, 250)
    )
    assert output(run, f"begin {{ {body} }}") == "\n\n" + HIST


def test_percentiles_example(run: Any) -> None:
    """Section 16.2: rows at the hist's own precision, figures from the finer buckets."""
    values = (1100, 1500, 1700, 1900, 2047, 2100, 2500, 3000, 4000, 5000, 9000, 20000)
    body = "".join(f"@ns = hist((uint64){value}); " for value in values)
    lines = output(run, f"begin {{ {body} }}", "--percentiles=50,90,99,99.9").splitlines()
    assert lines[-2] == (
        "p50 2111  p90 9215  p99 20000  p99.9 20000  min 1100  max 20000  mean 4487  n 12"
        "  (error <= 3.1%)"
    )
    assert [line.split()[2] for line in lines[3:8]] == ["5", "4", "1", "1", "1"]


def test_bucket_borders(run: Any) -> None:
    """H(n) of section 5.4 for every precision, at the borders of 64-bit numbers."""
    values = (
        -(1 << 63),
        -1,
        0,
        1,
        2,
        31,
        32,
        33,
        63,
        64,
        65,
        (1 << 62) - 1,
        1 << 62,
        (1 << 63) - 1,
    )
    body = "".join(
        f"$v = (int64){value}; " + "".join(f"@h{bits} = hist($v, {bits}); " for bits in range(6))
        for value in values
    )
    ran = run(f"begin {{ {body} }}", "-f", "json", "--no-warnings")
    for line in ran.json:
        ((name, buckets),) = line["data"].items()
        bits = int(name[2:])
        counts = {one.get("min"): one["count"] for one in buckets if one["count"]}
        expected: dict[int | None, int] = {}
        for value in values:
            low = None
            if value >= 0:
                drop = max(value.bit_length() - 1 - bits, 0)
                low = value >> drop << drop
            expected[low] = expected.get(low, 0) + 1
        assert counts == expected, name
    assert len(ran.json) == 6


def test_integers_and_increments(run: Any) -> None:
    assert printed(
        run,
        "$u = (uint8)200; print($u++); print($u); print(++$u); print($u++ << 40); print($u * 70000);"
        " $n = 40; print(1 << $n); print(-1 >> $n); $i = (int8)-128; print(--$i); print($i);"
        " print((int16)$n << 20); print($n ? (int64)2147483647 + $n : 0);"
        " print(($n > 1) + ($n > 2)); print(!$n); print(~(uint8)$n);"
        " let $later; $later++; print($later); let $zero: uint16 = 0; print($zero);",
    ) == [
        "200", "201", "202", str(202 << 40), str(203 * 70000), str(1 << 40), str((1 << 24) - 1),
        "-129", "-129", str(40 << 20), str((1 << 31) - 1 + 40), "true", "false",
        str((1 << 64) - 41), "1", "0",
    ]  # fmt: skip


def test_one_type_over_the_whole_spec(run: Any) -> None:
    text = output(
        run,
        "begin { @x = 1; print(@x); @m[1] = 1; @hi = max(5); @total = sum(1); }"
        " end { @x = 70000; @m[(uint64)-1] = 2; @hi = max((uint64)-1); @total = sum((uint64)-2); }",
    )
    assert text == (
        "@x: 1\n\n\n@hi: 18446744073709551615\n@m[1]: 1\n@m[18446744073709551615]: 2\n"
        "@total: 18446744073709551615\n@x: 70000\n"
    )


def test_division_by_zero(run: Any) -> None:
    ran = run("begin { $z = 0; $n = 7; print($n / $z); print($n % $z); print($n / 2 * 2); }")
    assert ran.lines[:3] == ["1", "1", "6"]
    message = "Divide or modulo by 0 detected. This can lead to unexpected results. 1 is being used"
    assert ran.err.count(message) == 2
    assert "stdin:1:31-38: WARNING: " in ran.err


def test_short_circuit(run: Any) -> None:
    assert printed(
        run,
        "$x = 0; $zero = 0; if ($zero && $x++) { print(9); } if ($zero == 0 || $x++) { print($x); }"
        " if ($zero || ++$x) { print($x); } print($zero ? $x++ : $x); @n[1] = 5;"
        " print(@n[2] || @n[1]); print(@n[1] ? @n[1] : @n[2]); print(@n[3] ?: 8); print($x);",
    ) == ["0", "1", "1", "true", "5", "8", "1"]


def test_strings(run: Any) -> None:
    assert printed(
        run,
        '$a = "abc"; print($a); print($a == "abc"); print($a != "abd"); print($a == "abcd");'
        ' print("ab" + "cd"); print("foo" + 1); print("a" < "b"); $b = $a == "x" ? "yes" : "longer";'
        ' print($b); @s = "x"; printf("%s\\n", @s); @s = "longest one"; printf("%s\\n", @s); @s = "y"; printf("%s\\n", @s);'
        ' print(str($1)); print($1); print($2); print($#); print(str("hello", 3)); print(str(5));'
        ' printf("[%-6s|%6s|%s]\\n", "ab", "cd", "\\x01\\"\\\\"); print(@none["k"] == ""); @none["z"] = "q";',
        words=("0x10", "text"),
    ) == [
        "abc", "true", "true", "false", "abcd", "oo", "true", "longer", "x", "longest one", "y",
        "0x10", "16", "text", "2", "hel", "5", '[ab    |    cd|\x01"\\]', "true",
    ]  # fmt: skip


def test_truncated_strings_show_their_trailer(run: Any) -> None:
    spec = (
        'config = { max_strlen = 8; str_trunc_trailer = "~" } begin { $t = curtask;'
        ' printf("%s\\n", str($t.comm)); printf("%s\\n", str($t.comm, 4)); print($t.comm == comm); }'
    )
    (comm,) = printed(run, "print(comm);")
    shown = comm if len(comm) < 8 else comm[:8] + "~"
    assert output(run, spec) == f"{shown}\n{comm[:3]}\ntrue\n\n\n"


def test_tuples(run: Any) -> None:
    assert printed(
        run,
        '$t = (1, "two", (3, -4)); print($t); print($t.1); print($t.2.1); print($t.2); print(());'
        ' print((5,)); $s = (1, 2); $c = 1; $s = $c ? ($s.1, $s.0) : $s; print($s);'
        ' @v = (1, "x"); @v = (300, "longer"); printf("%s\\n", @v); @v = (2, "y"); print(@v.1);'
        ' @m[1, "a"] = 1; @m[2, "bcd"] = 2; @m[(1, "a")] = 3; print(@m[1, "a"]); print(@m);',
    ) == [
        "(1, two, (3, -4))", "two", "-4", "(3, -4)", "()", "(5)", "(2, 1)", "(300, longer)", "y",
        "3", "@m[2, bcd]: 2", "@m[1, a]: 3",
    ]  # fmt: skip


def test_equal_tuples_are_one_key(run: Any) -> None:
    """Padding is zero, whatever was on the stack before."""
    spec = (
        "begin { @junk[kstack(20)] = 1; $t = ((int8)1, (uint64)2); @k[$t] = 1; }"
        ' end { printf("%s %lld %s\\n", "aaaaaaaaaaaa", -1, "bbbbbbbbbb"); $u = ((int8)1, (uint64)2);'
        " @k[$u] = 2; @k[1, 2] = 3; delete(@junk, kstack(20)); clear(@junk); }"
    )
    ran = run(spec)
    assert ran.out.endswith("\n@k[1, 2]: 3\n"), ran
    assert ran.out.count("@k[") == 1


def test_map_order_and_actions(run: Any) -> None:
    assert printed(
        run,
        '@m["a"] = 2; @m["b"] = 1; @m["c"] = 2; print(@m); print(@m, 1); clear(@m); print(@m);'
        ' @n[1] = count(); @n[1] = count(); zero(@n); print(@n); @x = 5; print(@x, 1, 2);'
        ' clear(@x); print(@x); @k[-1] = 1; @k[1] = 1; print(@k); @b[1 == 1] = 1; print(@b);',
    ) == [
        "@m[b]: 1", "@m[a]: 2", "@m[c]: 2", "@m[c]: 2", "@n[1]: 0", "@x: 2", "@x: 0",
        "@k[-1]: 1", "@k[1]: 1", "@b[true]: 1",
    ]  # fmt: skip


def test_delete(run: Any) -> None:
    ran = run(
        "begin { @a[1] = 1; @b[1, 2] = 1; if (delete(@a, 1)) { print(1); } if (!delete(@a, 1))"
        " { print(2); } delete(@b[1, 2]); delete(@b, (1, 2)); @c = 1; print(delete(@c)); }"
    )
    assert ran.lines[:3] == ["1", "2", "true"]
    assert ran.err.count("Can't delete map element because it does not exist.") == 1


def test_full_map(run: Any) -> None:
    ran = run("config = { max_map_keys = 2 } begin { @a[1] = 1; @a[2] = 1; @a[3] = 1; @a[1] = 5; }")
    assert ran.lines[2:] == ["@a[2]: 1", "@a[1]: 5"]
    assert "WARNING: Map full; can't update element." in ran.err
    assert re.search(r"@a: 1 updates? dropped at 2 keys", ran.err)


def test_builtins(run: Any) -> None:
    lines = printed(
        run,
        "print(pid); print(tid == pid); print(uid); print(gid); print(nsecs > elapsed);"
        " print(cpu < 4096); print(rand <= 4294967295); print(probe); print(curtask.tgid == pid);"
        ' printf("%s\\n", ntop(0x0100007f)); print(ntop(2, 0x0100007f)); time("%Y\\n");'
        " print(cgroup > 0);"
        " print(elapsed < 60000000000); print(pid());",
    )
    pid = lines[0]
    assert lines == [
        pid, "true", str(os.getuid()), str(os.getgid()), "true", "true", "true", "begin", "true",
        "127.0.0.1", "127.0.0.1", lines[11], "true", "true", pid,
    ]  # fmt: skip
    assert int(pid) > 1
    assert re.fullmatch("20[0-9][0-9]", lines[11])


def test_exit_and_end(run: Any) -> None:
    ran = run(
        'begin { printf("a\\n"); if (1) { exit(300 + 7); } printf("b\\n"); }'
        ' interval:ms:1 { printf("c\\n"); } end { printf("d\\n"); }'
    )
    assert (ran.status, ran.out) == ((300 + 7) & 0xFF, "a\nd\n\n\n")


def test_order_of_begin_blocks_and_intervals(run: Any) -> None:
    text = output(
        run,
        'begin { printf("1\\n"); } begin { printf("2\\n"); }'
        ' interval:ms:10 { @n++; if (@n == 3) { exit(); } } end { printf("3\\n"); }'
        ' end { printf("4\\n"); }',
    )
    assert text.startswith("1\n2\n3\n4\n\n\n@n: ")


def test_predicates(run: Any) -> None:
    text = output(
        run, "begin / 1 == 2 / { print(1); } begin /pid > 0/ { print(2); } end/0/{print(3)}"
    )
    assert text == "2\n\n\n"


def test_json(run: Any) -> None:
    """Section 11: every message, blanks exactly as the language has them."""
    spec = (
        'begin { @b = 7; @c["y"] = 1; @c["x"] = 3; @t["bash", 2] = 5; @a = avg(6); @s = stats(6);'
        ' @h = hist(2); @h = hist(8); @h = hist(9); @d = 18446744073709551615; @e["a b", (1, 2)] = 1;'
        ' @o = true; print((1, 2, "x", (4, 5))); printf("hi %d\\n", 5); time("%%\\n"); print(@c);'
        ' print("q\\"\\\\\\n\\x01"); print(-1); }'
    )
    lines = output(run, spec, "-f", "json").splitlines()
    if lines[-1].startswith('{"type": "losses"'):
        lines.pop()
    assert lines == [
        '{"type": "value", "data": [1,2,"x",[4,5]]}',
        '{"type": "printf", "data": "hi 5\\n"}',
        '{"type": "time", "data": "%\\n"}',
        '{"type": "map", "data": {"@c": {"y": 1, "x": 3}}}',
        '{"type": "value", "data": "q\\"\\\\\\n\\u0001"}',
        '{"type": "value", "data": -1}',
        '{"type": "stats", "data": {"@a": 6}}',
        '{"type": "map", "data": {"@b": 7}}',
        '{"type": "map", "data": {"@c": {"y": 1, "x": 3}}}',
        '{"type": "map", "data": {"@d": "18446744073709551615"}}',
        '{"type": "map", "data": {"@e": {"ab,(1,2)": 1}}}',
        '{"type": "hist", "data": {"@h": [{"min": 2, "max": 3, "count": 1},'
        '{"min": 4, "max": 7, "count": 0},{"min": 8, "max": 15, "count": 2}]}}',
        '{"type": "map", "data": {"@o": true}}',
        '{"type": "stats", "data": {"@s": {"count": 1, "average": 6, "total": 6}}}',
        '{"type": "map", "data": {"@t": {"bash,2": 5}}}',
    ]
    assert all(json.loads(line) for line in lines)


def test_names_that_meet(run: Any) -> None:
    text = output(
        run,
        'begin { @a[1] = 1; @a_update = 2; @a_slot = count(); @a_full = 3; $x = "s"; $x_0 = 4;'
        " print(($x, $x_0)); }",
    )
    assert text == "(s, 4)\n\n\n@a[1]: 1\n@a_full: 3\n@a_slot: 1\n@a_update: 2\n"


def test_long_chains_of_operators(run: Any) -> None:
    assert printed(run, f"$x = 1; print({'$x+' * 499}1);") == ["500"]


def test_aggregations_as_values(run: Any) -> None:
    assert printed(
        run,
        "@n = count(); @n = count(); let $x = @n; $y = @n + 1; @s[1] = sum(-5); @m = max(7);"
        " print($x); print($y); print((@s[1], @m > 6)); @keys[@n] = 1; print(@keys);",
    ) == ["2", "3", "(-5, true)", "@keys[2]: 1"]


def test_notification_for_harnesses(run: Any) -> None:
    text = output(
        run,
        "interval:ms:20 { exit(); }",
        environment={"__BPFTRACE_NOTIFY_PROBES_ATTACHED": "1"},
    )
    assert text == "__BPFTRACE_NOTIFY_PROBES_ATTACHED\n\n\n"


READS = 997


def workload(spec: str, script: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run a specification; once its probes count, a script; then end it with SIGINT."""
    command = [sys.executable, "-m", "kptrace", "run", "-q", *options, "-e", spec]
    environment = {**os.environ, "__BPFTRACE_NOTIFY_PROBES_ATTACHED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as tracer:
        assert tracer.stdout is not None
        assert tracer.stdout.readline() == "__BPFTRACE_NOTIFY_PROBES_ATTACHED\n"
        subprocess.run([sys.executable, "-c", script], check=True)
        tracer.send_signal(2)
        out, err = tracer.communicate(timeout=60)
    return subprocess.CompletedProcess(command, tracer.returncode, out, err)


@pytest.mark.skipif(os.geteuid() != 0, reason="tracing needs root")
@pytest.mark.skipif(
    not os.path.exists("/sys/kernel/tracing/events/syscalls/sys_enter_getpgid"),
    reason="this kernel has no system call tracepoints",
)
class TestWorkloads:
    """Known numbers of system calls, prime, by a process that names itself; the process that they
    ask about cannot exist, Linux ends at 4194304."""

    SCRIPT = (
        "import ctypes, os; libc = ctypes.CDLL(None)\n"
        "libc.prctl(15, b'workload', 0, 0, 0)\n"
        f"for i in range({READS}): libc.syscall(121, 5000001 + i % 2)\n"  # getpgid on x86-64
        "for i in range(13):\n"
        "    try: os.open(f'/nonexistent/{i % 3}', 0)\n"
        "    except OSError: pass\n"
    )

    @pytest.mark.skipif(os.uname().machine != "x86_64", reason="the script has x86-64's numbers")
    def test_tracepoints(self) -> None:
        done = workload(
            'tracepoint:syscalls:sys_enter_getpgid /comm == "workload"/'
            " { @calls = count(); @pids[args.pid] = count(); @sum = sum(args.pid); }"
            ' tracepoint:syscalls:sys_exit_getpgid /comm == "workload" && args.ret < 0/'
            " { @errors[args.ret] = count(); }"
            ' tracepoint:syscalls:sys_enter_openat /comm == "workload"/'
            " { @files[str(args.filename)] = count(); }"
            ' rawtracepoint:sys_enter /comm == "workload" && arg1 == 121/ { @raw[probe] = count(); }',
            self.SCRIPT,
        )
        assert (done.returncode, done.stderr) == (0, "")
        lines = done.stdout.splitlines()
        total = 5000001 * READS + READS // 2
        for line in (
            f"@calls: {READS}",
            "@pids[5000002]: 498",
            "@pids[5000001]: 499",
            f"@sum: {total}",
            f"@errors[-3]: {READS}",
            "@files[/nonexistent/1]: 4",
            "@files[/nonexistent/2]: 4",
            "@files[/nonexistent/0]: 5",
            f"@raw[rawtracepoint:sys_enter]: {READS}",
        ):
            assert line in lines, done.stdout

    @pytest.mark.skipif(os.uname().machine != "x86_64", reason="the script has x86-64's numbers")
    def test_events_keep_their_number_and_order(self) -> None:
        done = workload(
            'tracepoint:syscalls:sys_enter_getpgid /comm == "workload"/'
            ' { @i++; printf("%d %d\\n", @i, args.pid); }',
            self.SCRIPT,
        )
        numbers = [line.split() for line in done.stdout.splitlines() if line[:1].isdigit()]
        assert numbers == [[str(i + 1), str(5000001 + i % 2)] for i in range(READS)]
