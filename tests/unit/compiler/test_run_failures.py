# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""Run-time warnings about failed helpers, and -k, which tells all of them (language §15.3)."""

from __future__ import annotations

from typing import Any

SPEC = "begin { @m[1] = 1; print(@m[2]); $p = (uint64 *)8; print(*$p); $s = str($p); delete(@m, 5); if (delete(@m, 6)) { } }"


def test_without_k_only_the_delete_is_told(run: Any) -> None:
    ran = run(SPEC)
    assert ran.status == 0
    assert ran.out.startswith("0\n0\n")
    at = SPEC.index("delete")
    assert ran.err == (
        f"stdin:1:{at + 1}-{at + 14}: WARNING: Can't delete map element because it does not exist.\n"
        "Additional Info - helper: map_delete_elem, retcode: -2\n"
        f"{SPEC}\n"
        f"{' ' * at}~~~~~~~~~~~~~\n"
    )


def test_with_k(run: Any) -> None:
    ran = run(SPEC, "-k")
    assert ran.out.startswith("0\n0\n")
    told = [line for line in ran.err.splitlines() if "WARNING" in line or "Additional" in line]
    assert told[0] == "stdin:1:26-31: WARNING: Can't lookup map element because it does not exist."
    assert told[1] == "Additional Info - helper: map_lookup_elem, retcode: 0"
    assert told[2].startswith(f"stdin:1:{SPEC.index('*$p') + 1}-")
    assert told[2].split("WARNING: ")[1] in ("Bad address", "Numerical result out of range")
    assert told[3].startswith("Additional Info - helper: probe_read_kernel, retcode: -")
    assert told[4].startswith(f"stdin:1:{SPEC.index('str(') + 1}-")
    assert told[5].startswith("Additional Info - helper: probe_read_kernel_str, retcode: -")
    assert told[7] == "Additional Info - helper: map_delete_elem, retcode: -2"
    assert len(told) == 8


def test_json(run: Any) -> None:
    ran = run(SPEC, "-k", "-f", "json")
    assert ran.err == ""
    found = [one for one in ran.json if one["type"] == "helper_error"]
    assert found[0] == {
        "type": "helper_error",
        "msg": "Can't lookup map element because it does not exist.",
        "helper": "map_lookup_elem",
        "retcode": 0,
        "filename": "stdin",
        "line": 1,
        "col": 26,
    }
    assert [one["helper"] for one in found] == [
        "map_lookup_elem",
        "probe_read_kernel",
        "probe_read_kernel_str",
        "map_delete_elem",
    ]


def test_full_map(run: Any) -> None:
    for kind, use in (("hash", "= 1"), ("percpuhash", "= count()")):
        spec = f"let @a = {kind}(1); begin {{ @a[1] {use}; @a[2] {use}; @a[3] {use}; }}"
        ran = run(spec)
        lines = ran.err.splitlines()
        assert lines[0].endswith("`let @a = hash(5000)`")
        assert "WARNING: Map full; can't update element." in lines[0]
        assert lines[1] == "Additional Info - helper: map_update_elem, retcode: -7"
        assert lines[2] == spec
        assert "map updates dropped  2" in ran.err


def test_k_in_a_tracepoint_verifies(run: Any) -> None:
    spec = "tracepoint:sched:sched_switch { @a[str(args.next_comm)] = count(); @b[args.prev_pid] = @b[args.next_pid]; @c[curtask.real_parent.comm] = curtask.real_parent.pid; } interval:ms:50 { exit(); }"
    ran = run(spec, "-k")
    assert ran.status == 0
    assert "helper: map_lookup_elem, retcode: 0" in ran.err


def test_k_and_no_warnings(run: Any) -> None:
    ran = run(SPEC, "-k", "--no-warnings")
    assert ran.status != 0
    assert ran.err.startswith("ERROR: -k reports failures as warnings: --no-warnings excludes it")
