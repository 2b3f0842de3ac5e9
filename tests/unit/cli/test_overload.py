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


BURST = 'config = { perf_rb_pages = 1 } begin { for $k : 0..20000 { printf("%d\\n", $k) } exit() }'


def test_a_larger_buffer_loses_nothing(kptrace: Callable[..., Any]) -> None:
    """The option wins over the configuration."""
    small, large = kptrace("-q", "-e", BURST), kptrace("-q", "--buffer", "4M", "-e", BURST)
    assert small.status == large.status == 0
    assert "Total lost event count" in small.error
    assert (large.output.count("\n"), large.error) == (20002, "")


def test_a_buffer_that_the_host_cannot_spare(kptrace: Callable[..., Any]) -> None:
    for options in (("--buffer", "99999G"), ()):
        text = "begin { exit() }" if options else "config = { perf_rb_pages = 999999999 } begin { }"
        done = kptrace("-q", *options, "-e", text)
        assert (done.status, done.output) == (3, "")
        assert "are more than a quarter of the memory that is available" in done.error
        assert "HINT: at most --buffer " in done.error
