# SPDX-License-Identifier: MIT
"""Telling others that the probes are attached."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from kptrace.session.sink import Sink

_NOTIFY_VARIABLE = "__BPFTRACE_NOTIFY_PROBES_ATTACHED"


def announce_ready(sink: Sink, ready_file: str) -> None:
    """Tell whoever asked: a test harness, the service manager, the owner of a ready file."""
    if _NOTIFY_VARIABLE in os.environ:
        sink.flush()  # what was printed before it stands before it
        os.write(1, _NOTIFY_VARIABLE.encode() + b"\n")  # also when the output is a file
    _notify_service_manager()
    if ready_file:
        # whole or not at all: who waits for the file reads it the moment it is there
        draft = f"{ready_file}.{os.getpid()}"
        Path(draft).write_text(f"{os.getpid()}\n")
        os.replace(draft, ready_file)


def _notify_service_manager() -> None:
    """sd_notify(3): one datagram; a leading ``@`` is an abstract socket."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    import socket  # slow

    if address.startswith("@"):
        address = "\0" + address[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"READY=1", address)
