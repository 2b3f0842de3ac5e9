# SPDX-License-Identifier: MIT
"""The functions of the language (language §8): one row each with its typing rule.

A row has a rule for the call as a value, for the call as a statement, or both. What runs in the
probe becomes a node of the typed tree, which the C generator knows; what takes effect in the
tracer becomes a `tree.Send`. Rows stand in one file for each topic; this is the whole table.
"""

from __future__ import annotations

from kptrace.compiler import builtins
from kptrace.compiler.functions import aggregations, formatted, maps, memory, output
from kptrace.compiler.functions.aggregations import AGGREGATIONS
from kptrace.compiler.functions.row import Function

FUNCTIONS: dict[str, Function] = {
    **aggregations.ROWS,
    **formatted.ROWS,
    **output.ROWS,
    **maps.ROWS,
    **memory.ROWS,
}

_NOT_YET = frozenset(
    """
    debugf strftime join cat system signal signal_thread override write_user
    buf strncmp strlen strcap strstr strcontains str_concat memcmp strerror
    signal_name syscall_name kaddr percpu_kaddr reg path pton macaddr bswap cgroupid cgroup_path
    container_of is_err socket_cookie has_key find len is_str is_ptr is_array is_integer
    is_unsigned_integer is_literal getopt kfunc_exist kfunc_allowed tseries ustack nsecs pid tid
    comm usym uaddr unwatch skboutput ppid pcomm leader_tid leader_comm
    """.split()
)


def is_unknown_function(name: str) -> bool:
    """Whether a name is no function of the language at all."""
    return name not in _NOT_YET and name not in builtins.NOT_YET


__all__ = ["AGGREGATIONS", "FUNCTIONS", "Function", "is_unknown_function"]
