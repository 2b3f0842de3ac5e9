# SPDX-License-Identifier: MIT
"""kptrace: trace a live Linux kernel with probe specifications in the bpftrace language.

The map of the package, in the order in which data meets it::

    source      spec text, spans, line and column
    errors      diagnostics, the exception tree, exit codes
    types       the one type model: what a value is, how large, how it is named
    lang        text -> tree            (pure: no kernel, no root)
    kernel      facts about one kernel  (read-only, from any root directory)
    compiler    tree + facts -> plan + C
    plan        the hinge: programs, maps, events, ledger counters (frozen, JSON both ways)
    runtime     plan + object -> records (needs privileges)
    histogram   immutable histograms, quantiles with their error
    series      time series: slots of the kernel's rings -> values
    decoding    bytes of one value -> the value, by its type
    aggregate   map dumps -> snapshot
    session     load, attach, activate, read, aggregate, detach
    output      snapshot or records -> bytes
    cli         the commands; the only code that prints diagnostics and picks exit codes

Imports go one way only; ``setup.cfg`` holds the contract and ``make check`` enforces it.
"""

__version__ = "0.1.0"
