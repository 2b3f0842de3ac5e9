# SPDX-License-Identifier: MIT
"""One run of a specification: load, begin, attach, activate, read, detach, end, results.

In: a plan, a way to load it, and an output format or a file for a capture. Out: bytes in a sink or
the file, and a `Result`. Compiling, choosing a backend and explaining errors are the command
line's business.

::

    run        the phases; state, process, signals, ready, trials: what they need
    printing   where a run goes: an outlet, of which the output is one
    events     what is done when an event arrives; actions: what that does outside
    recording  the other outlet, a capture; answers: what names mean here, noted for later
    stored     the maps of a capture; merging: those of many, added up; hosts: side by side
    replay     from a capture to the output, as if it happened now
    sink       where bytes go

What replay needs imports nothing of the runtime: a report runs without kernel and privileges.
"""
