"""A thread that does something every so many minutes until it is told to stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future

from ..stores.errors import StoreError

log = logging.getLogger(__name__)


class Sweeper:
    """Calls *sweep* at intervals, on one daemon thread at a time."""

    def __init__(self, sweep: Callable[[], int]) -> None:
        self._sweep = sweep
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopped: Future[None] = Future()

    def start(self, minutes: float) -> Future[None]:
        """Begin, unless it runs already. The future is done when it has stopped; cancelling it stops it."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return self._stopped
            stop, stopped = threading.Event(), Future[None]()
            self._stop, self._stopped = stop, stopped
            stopped.add_done_callback(lambda done: stop.set())
            args = (60 * minutes, stop, stopped)
            self._thread = threading.Thread(target=self._run, args=args, name="memoryops-ttl", daemon=True)
            self._thread.start()
            return stopped

    def stop(self, timeout: float | None = None) -> bool:
        """Whether no sweeper runs any more, after waiting *timeout* seconds at most."""
        with self._lock:
            thread = self._thread
            self._stop.set()
        if thread is not None:
            thread.join(timeout)
        return thread is None or not thread.is_alive()

    def _run(self, seconds: float, stop: threading.Event, stopped: Future[None]) -> None:
        while not stop.wait(seconds):
            try:
                self._sweep()
            except StoreError as error:  # the next round may find the store well again
                log.warning("the sweep of what has expired failed: %s", error)
        if stopped.set_running_or_notify_cancel():
            stopped.set_result(None)
