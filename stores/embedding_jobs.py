"""How long embedding takes: counted where it happens, told by the store's `info`."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Seconds: upper ends of the classes that jobs are counted in; what took longer is in one more."""


class EmbeddingJobs:
    """The calls of an encoder for what is written, since the store was opened. Safe to use from several threads."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS) + 1)
        self._seconds = 0.0
        self._texts = 0
        self._lock = threading.Lock()

    @contextmanager
    def timed(self, texts: int) -> Iterator[None]:
        """One job, of so many *texts*; one that fails counts as well."""
        began = time.perf_counter()
        try:
            yield
        finally:
            took = time.perf_counter() - began
            with self._lock:
                self._counts[bisect_left(BOUNDS, took)] += 1
                self._seconds += took
                self._texts += texts

    def told(self) -> dict[str, Any]:
        """`texts`, `seconds` in all, and `counts`: how many jobs took up to each of `BOUNDS`, and longer."""
        with self._lock:
            return {"texts": self._texts, "seconds": self._seconds, "counts": list(self._counts)}
