# SPDX-License-Identifier: MIT
"""decode.py EVENTS ROUNDS SPEC: millions of events decoded, and thousands of lines printed, a
second of CPU time; a line for each round.

The ring is made up of equal records of the specification's only event; the lines go to /dev/null.
"""

from __future__ import annotations

import os
import struct
import sys
import time

from kptrace.compiler import Options, compile_spec
from kptrace.kernel import Kernel
from kptrace.output.text import TextFormat
from kptrace.output.values import Style
from kptrace.plan import Event
from kptrace.runtime.perf_records import Decoder, RawRecord
from kptrace.session.events import Handlers
from kptrace.session.run import _SLICE
from kptrace.session.sink import Sink
from kptrace.source import Source

_SAMPLE = 9  # PERF_RECORD_SAMPLE


def _ring(event: Event, count: int) -> memoryview:
    """Records as perf writes them: header, raw size, and the payload padded to 8 bytes."""
    payload = struct.pack("=QII", 123456789, event.id, 0).ljust(event.size, b"\x01")
    size = (12 + len(payload) + 7) // 8 * 8
    record = struct.pack("=IHHI", _SAMPLE, 0, size, size - 12) + payload
    return memoryview(record.ljust(size, b"\0") * count)


def main() -> None:
    count, rounds = int(sys.argv[1]), int(sys.argv[2])
    with Kernel() as kernel:
        plan = compile_spec(Source(name="spec", text=sys.argv[3]), kernel, Options()).plan
    (event,) = plan.events
    style = Style(resolver=None, trailer=b"..", texts=plan.texts, color=False)
    form = TextFormat(style=style)
    ring = _ring(event, count)
    decoder = Decoder({event.id: event.size})
    with open(os.devnull, "wb") as out:
        handlers = Handlers(plan, form, style, Sink(output=out.fileno()), None)
        for number in range(rounds + 1):
            records: list[RawRecord] = []
            start = time.process_time()
            decoder.decode(ring, records)
            decoded = time.process_time()
            records.sort(key=lambda one: one[0])
            for place in range(0, count, _SLICE):
                handlers.handle(records[place : place + _SLICE])
            printed = time.process_time()
            if number:  # the first round compiles the format
                print(count / (decoded - start) / 1e6, count / (printed - start) / 1e3)


if __name__ == "__main__":
    main()
