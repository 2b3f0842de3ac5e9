# SPDX-License-Identifier: MIT
"""A run that its own events drown still does what it was told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

FLOOD = """
config = { perf_rb_pages = 1 }
interval:us:100 { for $k : 0..300 { printf("%d %s\\n", $k, comm) } }
interval:ms:300 { @asked = count(); exit(7); }
"""


def test_exit_is_heard_over_a_flood(kptrace: Callable[..., Any]) -> None:
    """Its event finds the buffer full: the run ends all the same, and tells its losses."""
    done = kptrace("-q", "-f", "json", "--duration", "15", "-e", FLOOD)
    assert done.status == 7, done.error
    last = done.output.splitlines()[-1]
    assert '"type": "losses"' in last
    assert '"events": 0' not in last
