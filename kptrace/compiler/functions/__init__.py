# SPDX-License-Identifier: MIT
"""The functions of the language (language §8): one row each with its typing rule.

A row has a rule for the call as a value, for the call as a statement, or both. What runs in the
probe becomes a node of the typed tree, which the C generator knows; what takes effect in the
tracer becomes a `tree.Send`. Rows stand in one file for each topic; this is the whole table.
"""

from __future__ import annotations

from kptrace.compiler.functions import (
    addresses,
    aggregations,
    buffers,
    compile_time,
    configuration,
    formatted,
    late,
    lookups,
    maps,
    memory,
    output,
    parameters,
    process,
    strings,
    tasks,
    unsafe,
)
from kptrace.compiler.functions.aggregations import AGGREGATIONS
from kptrace.compiler.functions.row import Function

FUNCTIONS: dict[str, Function] = {
    **aggregations.ROWS,
    **buffers.ROWS,
    **compile_time.ROWS,
    **formatted.ROWS,
    **output.ROWS,
    **late.ROWS,
    **configuration.ROWS,
    **parameters.ROWS,
    **maps.ROWS,
    **lookups.ROWS,
    **memory.ROWS,
    **addresses.ROWS,
    **process.ROWS,
    **strings.ROWS,
    **tasks.ROWS,
    **unsafe.ROWS,
}

LATER = {
    "usym": "kptrace traces the kernel only",
    "uaddr": "kptrace traces the kernel only",
    "unwatch": "there are no watchpoints",
    "skboutput": "kptrace writes no packet captures",
}
"""Functions of the language that kptrace does not have, and why."""

__all__ = ["AGGREGATIONS", "FUNCTIONS", "LATER", "Function"]
