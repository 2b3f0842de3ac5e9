# SPDX-License-Identifier: MIT
"""decode.py EVENTS ROUNDS SPEC: millions of events split and millions decoded into the values of
their fields, and thousands of lines printed, a second of CPU time; a line for each round.

The ring is made up of records of the specification's only event; the lines go to /dev/null.
"""

from __future__ import annotations

import os
import struct
import sys
import time

from kptrace.compiler import Options, compile_spec
from kptrace.decoding import BLOCK, column_decoder
from kptrace.kernel import Kernel
from kptrace.output.text import TextFormat
from kptrace.output.values import Style
from kptrace.perf_records import PAYLOAD, Decoder, Records, Run, in_order
from kptrace.plan import Event
from kptrace.session.events import Handlers
from kptrace.session.sink import Sink
from kptrace.source import Source

_SAMPLE = 9  # PERF_RECORD_SAMPLE


def _ring(event: Event, count: int) -> memoryview:
    """Records as perf writes them: header, raw size, and the payload padded to 8 bytes.

    What the fields hold changes every few records, as with some processes on one CPU.
    """
    size = (PAYLOAD + event.size + 7) // 8 * 8
    head = struct.pack("=IHHI", _SAMPLE, 0, size, size - PAYLOAD)
    rests = [bytes([1 + number]) * (event.size - 16) for number in range(7)]
    records = [
        head + struct.pack("=QII", 10**15 + 500 * place, event.id, 0) + rests[place // 64 % 7]
        for place in range(count)
    ]
    return memoryview(b"".join([one.ljust(size, b"\0") for one in records]))


def main() -> None:
    count, rounds = int(sys.argv[1]), int(sys.argv[2])
    with Kernel() as kernel:
        plan = compile_spec(Source(name="spec", text=sys.argv[3]), kernel, Options()).plan
    (event,) = plan.events
    style = Style(resolver=None, trailer=b"..", texts=plan.texts, color=False)
    form = TextFormat(style=style)
    ring = _ring(event, count)
    decoder = Decoder({event.id: event.size})
    kinds = [one.type for one in event.fields]
    offsets = [PAYLOAD + one.offset for one in event.fields]
    columns = column_decoder(kinds, offsets, len(ring) // count)
    with open(os.devnull, "wb") as out:
        handlers = Handlers(plan, form, style, Sink(output=out.fileno()), None)
        for number in range(rounds + 1):
            parts: list[Records] = []
            start = time.process_time()
            decoder.decode(ring, parts)
            run = in_order(parts)
            split = time.process_time()
            assert isinstance(run, Run)
            for place in range(0, count, BLOCK):
                list(map(tuple, columns(run[place : place + BLOCK].data)))
            decoded = time.process_time()
            for place in range(0, count, BLOCK):
                handlers.handle(run[place : place + BLOCK])
            printed = time.process_time() - decoded + split
            if number:  # the first round compiles the format
                ends = (split, 1e6), (decoded, 1e6), (printed, 1e3)
                print(*[count / (end - start) / scale for end, scale in ends])


if __name__ == "__main__":
    main()
