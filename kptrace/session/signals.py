# SPDX-License-Identifier: MIT
"""Signals: the first asks the run to stop, the second ends it, SIGUSR1 is for the run."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopNow(BaseException):
    """A second signal: unwind, detach, print nothing more."""

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number}")
        self.status = 128 + number


class Signals:
    """Handles signals while it is entered; puts the old handlers back.

    Only the main thread of a process can: elsewhere (kptrace as a library) this does nothing.
    """

    def __init__(self) -> None:
        self.stop = False
        self._user_signal = False
        self._previous: dict[int, Any] = {}

    def take_user_signal(self) -> bool:
        asked, self._user_signal = self._user_signal, False
        return asked

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            for number in _STOP:
                if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                    continue  # nohup: the run shall outlive its terminal
                self._previous[number] = signal.signal(number, self._on_stop)
            self._previous[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, self._on_user_signal)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        if self.stop:
            raise StopNow(number)
        self.stop = True

    def _on_user_signal(self, number: int, frame: FrameType | None) -> None:
        self._user_signal = True
