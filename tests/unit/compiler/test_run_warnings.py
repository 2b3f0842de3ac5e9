# SPDX-License-Identifier: MIT
# ruff: noqa: E501 (a specification reads best on one line)
"""Run-time warnings on the running kernel (language §15.3): text, place, what the helper returned."""

from __future__ import annotations

from typing import Any

FULL = (
    "Map full; can't update element. Try increasing max_map_keys config or manually setting the"
    " max entries in a map declaration e.g. `let @a = hash(5000)`"
)
NO_KEY = "Can't delete map element because it does not exist."


def test_full_maps(run: Any) -> None:
    """Told at the statement that was refused, once for each map and CPU."""
    spec = (
        "config = { max_map_keys = 1 }\nbegin {\n  @a[1] = 1; @a[2] = 1; @a[3]++;\n"
        "  @b[1] = count(); @b[2] = count();\n}"
    )
    err = run(spec).err
    assert err.startswith(
        f"stdin:3:14-24: WARNING: {FULL}\n"
        "Additional Info - helper: map_update_elem, retcode: -7\n"
        "  @a[1] = 1; @a[2] = 1; @a[3]++;\n"
        "             ~~~~~~~~~~\n"
        f"stdin:4:20-36: WARNING: {FULL}\n"
        "Additional Info - helper: map_update_elem, retcode: -7\n"
        "  @b[1] = count(); @b[2] = count();\n"
        "                   ~~~~~~~~~~~~~~~~\n"
        "Losses:"
    )
    assert "  @a: 2 updates dropped at 1 keys\n" in err


def test_missing_key(run: Any) -> None:
    """Only where the result of delete() is not used."""
    spec = (
        "begin { @a[1] = 1; delete(@a, 7); if (!delete(@a, 8)) { print(1); } _ = delete(@a, 9); }"
    )
    ran = run(spec)
    assert ran.lines[0] == "1"
    assert ran.err == (
        f"stdin:1:20-33: WARNING: {NO_KEY}\n"
        "Additional Info - helper: map_delete_elem, retcode: -2\n"
        f"{spec}\n{' ' * 19}{'~' * 13}\n"
    )
    assert run(spec, "-f", "json").lines[0] == (
        f'{{"type": "helper_error", "msg": "{NO_KEY}", "helper": "map_delete_elem", "retcode": -2,'
        ' "filename": "stdin", "line": 1, "col": 20}'
    )


def test_division(run: Any) -> None:
    ran = run("begin { $z = 0; print(5 / $z); }", "-f", "json")
    assert ran.lines[:2] == [
        '{"type": "runtime_error", "msg": "Divide or modulo by 0 detected. This can lead to'
        ' unexpected results. 1 is being used as the result.", "filename": "stdin", "line": 1, "col": 23}',
        '{"type": "value", "data": 1}',
    ]
    assert run("begin { $z = 0; print(5 % $z); }", "--no-warnings").err == ""


def test_many_keys_of_a_small_aggregation(run: Any) -> None:
    ran = run(
        "config = { max_map_keys = 200000 } begin { @n[1] = count(); @s[1] = sum(5); @a[1] = avg(7); }"
    )
    assert (ran.out, ran.err) == ("\n\n@a[1]: 7\n@n[1]: 1\n@s[1]: 5\n", "")
