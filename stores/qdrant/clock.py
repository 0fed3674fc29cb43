"""The order of writes without a server that counts: a hybrid of clock and counter."""

from __future__ import annotations

import threading
import time


class Ticks:
    """Ever higher numbers near the microseconds since the epoch.

    Within a process they never repeat. Between processes they follow their clocks, and each is above all
    that this process has read (`observe`), so that a row's seq only grows; two processes may by chance
    share one. They stay below 2**53, where the server's float comparisons are exact.
    """

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def next(self) -> int:
        with self._lock:
            self._last = max(self._last + 1, time.time_ns() // 1000)
            return self._last

    def observe(self, seq: int) -> None:
        """Numbers from now on are above *seq*."""
        with self._lock:
            self._last = max(self._last, seq)
