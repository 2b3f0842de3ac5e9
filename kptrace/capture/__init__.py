# SPDX-License-Identifier: MIT
"""Captures: what a run collected, in a file that is read anywhere (design §9).

In: frames of bytes from a run. Out: the same, on any machine: reading needs no kernel, no
privileges, no compiler. What the frames mean for the output is the session's business.

::

    frames     the container: whole frames, or told to be missing
    header     whose capture it is
    checks     a plan from a file, believed only as far as it can be true
    content    what is in the frames
    states     what aggregations of several captures add up to
    writer     a file that grows
    reader     a file that is read, also while it grows
"""

from __future__ import annotations

from kptrace.capture.frames import Frame, Kind, Packing
from kptrace.capture.header import Clocks, Header, Host, Specification
from kptrace.capture.reader import Capture
from kptrace.capture.writer import Writer

__all__ = [
    "Capture",
    "Clocks",
    "Frame",
    "Header",
    "Host",
    "Kind",
    "Packing",
    "Specification",
    "Writer",
]
