"""The ledger's lines on their way to the store: collected, and written some at a time beside the requests."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import anyio

from ...memory.usage import Spent
from ..errors import DOMAIN, answer
from ..runtime import Runtime
from ..workers import Workers

log = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between two writes."""
MOST = 20_000
"""Lines that may wait while the store is away; of more than that the oldest are lost, which the log says."""
TO_END = 3.0
"""Seconds that the last write has when the server stops."""


class Ledger:
    """Takes lines on the event loop, and writes them in a thread."""

    def __init__(self, runtime: Runtime, workers: Workers, days: float) -> None:
        self._runtime, self._workers, self._days = runtime, workers, days
        self._waiting: deque[tuple[str, Spent]] = deque(maxlen=MOST)
        self.lost = 0

    def note(self, workspace: str, spent: Spent) -> None:
        """Take a line of *workspace*. Called on the event loop."""
        if len(self._waiting) == MOST:
            self.lost += 1
        self._waiting.append((workspace, replace(spent, at=time.time()) if spent.at is None else spent))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Writes every second, and once more at the end."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._write_on)
            yield
            group.cancel_scope.cancel()
        with anyio.move_on_after(TO_END):
            await self.flush()

    async def flush(self) -> None:
        """Write what waits. What cannot be written waits on."""
        if not self._waiting:
            return
        lines = list(self._waiting)
        self._waiting.clear()
        try:
            await self._workers.run(None, lambda: self._write(lines))
        except DOMAIN as error:
            log.warning("the ledger cannot be written now", extra={"kind": answer(error).kind, "lines": len(lines)})
            self._waiting.extendleft(reversed(lines[-(MOST - len(self._waiting)) :]))

    async def _write_on(self) -> None:
        while True:
            await anyio.sleep(EVERY)
            await self.flush()
            if self.lost:
                log.error("the ledger lost lines", extra={"lines": self.lost})
                self.lost = 0

    def _write(self, lines: list[tuple[str, Spent]]) -> None:
        ops = self._runtime.ops()
        for workspace in dict.fromkeys(name for name, _ in lines):
            some = [spent for name, spent in lines if name == workspace]
            ops.with_scope(replace(ops.scope, workspace=workspace, user=None, thread=None)).usage.add(
                some, days=self._days
            )
