# SPDX-License-Identifier: MIT
"""``python -m kptrace``."""

from kptrace.cli import main

main()
