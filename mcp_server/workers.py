"""Blocking work for the event loop: in threads, so many at once, each waited for so long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import anyio

T = TypeVar("T")


class Workers:
    """At most *most* calls run at once, those included that nobody waits for any longer: work that hangs holds up
    its successors, which are given up in time, and never takes more than *most* threads.
    """

    def __init__(self, most: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(most, thread_name_prefix=name)

    async def run(self, seconds: float | None, work: Callable[[], T]) -> T:
        """What *work* gives. Raises `TimeoutError` after *seconds* (None: never): then it goes on by itself if it has
        begun, and never begins if it has not."""
        future = self._pool.submit(work)
        try:
            with anyio.fail_after(seconds):
                return await asyncio.wrap_future(future)
        finally:
            future.cancel()

    def close(self) -> None:
        """Begin nothing more; what runs is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)
