# SPDX-License-Identifier: MIT
"""One run of a specification: load, begin, attach, activate, read, detach, end, results.

In: a plan, a way to load it, an output format. Out: bytes in a sink, and a `Result`. Compiling,
choosing a backend and explaining errors are the command line's business.
"""

from __future__ import annotations

from kptrace.session.process import Process, open_process
from kptrace.session.run import Options, Result, run
from kptrace.session.sink import Buffering, Sink

__all__ = ["Buffering", "Options", "Process", "Result", "Sink", "open_process", "run"]
