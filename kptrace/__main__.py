# SPDX-License-Identifier: MIT
"""``kptrace`` and ``python -m kptrace``: signals that arrive early, then the command line."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Run the command line, whose modules take a tenth of a second to import."""
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # asks for a snapshot; none before the run
    try:
        from kptrace.cli import main as command_line
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    command_line()


if __name__ == "__main__":
    main()
