# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""Tests and benches of a specification, run for real (language §14.4)."""

from __future__ import annotations

import re
from typing import Any

SPEC = """
begin { @x = 5; printf("begin\\n"); }
test:good { if (1 + 1 != 2) { return 1; } }
test:bad { printf("why %d\\n", 7); return 1; }
test:error { errorf("oops"); }
test:leaves { exit(0); }
test:leaves_badly { exit(2); }
end { printf("end\\n"); }
interval:ms:1 { printf("never\\n"); }
"""


def plain(text: str) -> str:
    """Without durations, and with colours as words."""
    text = re.sub(r"\(\d+ (ns|μs|ms|s)\)", "(TIME)", text)
    return text.replace("\x1b[32m", "<green>").replace("\x1b[31m", "<red>").replace("\x1b[0m", "<>")


def test_report_of_tests(run: Any) -> None:
    ran = run(SPEC, "--test")
    assert (ran.status, ran.err) == (1, "")
    assert plain(ran.out) == (
        "begin\n"
        "<green>[==========]<> Running 5 tests.\n"
        "<green>[ RUN      ]<> good\n"
        "<green>[       OK ]<> good (TIME)\n"
        "<green>[ RUN      ]<> bad\n"
        "why 7\n"
        "<red>[  FAILED  ]<> bad (TIME)\n"
        "<green>[ RUN      ]<> error\n"
        "stdin:5:14-28: ERROR: oops\n"
        "<red>[  FAILED  ]<> error (TIME)\n"
        "<green>[ RUN      ]<> leaves\n"
        "<green>[       OK ]<> leaves (TIME)\n"
        "<green>[ RUN      ]<> leaves_badly\n"
        "<red>[  FAILED  ]<> leaves_badly (TIME)\n"
        "<green>[==========]<> 5 tests ran.\n"
        "<green>[  PASSED  ]<> 2 tests.\n"
        "<red>[  FAILED  ]<> 3 tests, listed below:\n"
        "<red>[  FAILED  ]<> bad\n"
        "<red>[  FAILED  ]<> error\n"
        "<red>[  FAILED  ]<> leaves_badly\n"
        "end\n"
    )


def test_one_good_test(run: Any) -> None:
    ran = run("test:sum { @n++; }", "--mode", "test")
    assert ran.status == 0
    assert plain(ran.out) == (
        "<green>[==========]<> Running 1 tests.\n"
        "<green>[ RUN      ]<> sum\n"
        "<green>[       OK ]<> sum (TIME)\n"
        "<green>[==========]<> 1 test ran.\n"
        "<green>[  PASSED  ]<> 1 test.\n"
    )


def test_tests_in_json(run: Any) -> None:
    ran = run(SPEC, "--test", "-f", "json")
    results = {}
    for line in ran.json:
        if line["type"] == "test_result":
            results |= line["data"]
    assert {name: one["passed"] for name, one in results.items()} == {
        "good": True, "bad": False, "error": False, "leaves": True, "leaves_badly": False,
    }  # fmt: skip
    assert all(0 < one["duration"] < 10**9 for one in results.values())
    assert results["good"]["output"] == ""
    assert "why 7" in results["bad"]["output"]


def test_benches(run: Any) -> None:
    spec = (
        "bench:add { @b = count(); } bench:skipped { return 1; } bench:leaves { exit(0); }"
        ' bench:prints { printf("%s", comm); } bench:big { $s = str(kptr(curtask), 64); @[$s] = 1; }'
        " interval:ms:1 { exit(9); }"
    )
    ran = run(spec, "--bench")
    assert (ran.status, ran.err) == (0, "")
    head, rule, *rows = ran.lines
    assert head == f"{'Benchmark':41}{'Time(ns)':15}Iterations"
    assert rule == "-" * 66
    assert [row.split()[0] for row in rows] == ["add", "leaves", "prints", "big"]
    for row in rows:
        assert re.fullmatch(r"\w+ +\d+ +\d+", row)
        average, times = int(row[41:56]), int(row[56:])
        assert average * (times + 1) >= 500_000


def test_a_bench_that_fails(run: Any) -> None:
    spec = 'bench:a { errorf("no"); } bench:b { exit(1); } bench:c { }'
    ran = run(spec, "--mode=bench")
    assert ran.status == 1
    assert ran.err == "ERROR: Benchmark 'a' failed.\nERROR: Benchmark 'b' failed.\n"
    assert [line.split()[0] for line in ran.lines[2:]] == ["c"]


def test_long_names_widen_the_table(run: Any) -> None:
    name = "n" * 50
    ran = run(f"bench:{name} {{ }}", "--bench")
    assert ran.lines[0] == f"{'Benchmark':51}{'Time(ns)':15}Iterations"
    assert ran.lines[2].startswith(f"{name} ")


def test_benches_in_json(run: Any) -> None:
    (line,) = run("bench:add { @b = count(); }", "--bench", "-f", "json").json
    assert line["type"] == "benchmark_result"
    assert set(line["data"]["add"]) == {"average", "iters"}


def test_without_the_mode(run: Any) -> None:
    ran = run("test:a { } bench:b { }")
    assert ran.status != 0
    assert ran.err == "ERROR: No probes attached; use --test to run test probes.\n"
    ran = run("bench:b { }")
    assert ran.err == "ERROR: No probes attached; use --bench to run benchmark probes.\n"
    assert run('test:a { } begin { printf("x\\n"); }').out == "x\n\n\n"
    ran = run("test:a { }", "--test", "--bench")
    assert "exclude each other" in ran.err
    assert ran.status == 2


def test_errors_of_the_other_mode_are_told(run: Any) -> None:
    assert "Unknown identifier" in run("test:a { nosuch } bench:b { }", "--bench").err
