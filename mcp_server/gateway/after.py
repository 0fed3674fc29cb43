"""What happens when a reply has ended: beside the requests, in order to hold none up."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from starlette.requests import HTTPConnection

from ...memory.usage import Spent
from ..errors import DOMAIN, answer
from ..http.caller import caller_of
from ..http.metrics import Metrics
from ..workers import Workers
from .account import Shown, cost
from .exchange import Exchange
from .ledger import Ledger
from .passing import SMALL
from .recalling import Recalling

log = logging.getLogger(__name__)

Spend = Callable[[HTTPConnection, int], Coroutine[Any, Any, None]]

MOST = 500
"""How many ended requests may wait; more than that are not accounted for, which the log says."""
TO_END = 5.0
"""Seconds that those have when the server stops."""


class After:
    """Reads what ended requests said, notes what they took, and remembers them. *spend* is told the tokens of each."""

    def __init__(
        self, workers: Workers, recalling: Recalling, ledger: Ledger, metrics: Metrics, spend: Spend | None = None
    ) -> None:
        self._workers, self._recalling, self._ledger, self._metrics = workers, recalling, ledger, metrics
        self._spend = spend
        self._open: set[asyncio.Task[None]] = set()

    def soon(self, exchange: Exchange) -> None:
        """Settle *exchange* when there is time. Called on the event loop."""
        if len(self._open) >= MOST:
            log.warning("too many requests end at once; one is not accounted for")
            return
        self._begin(self._settle(exchange))

    def embedded(self, request: HTTPConnection, spent: Spent) -> None:
        """Account for texts that *request* had embedded. Called on the event loop."""
        caller = caller_of(request)
        self._ledger.note(caller.scope.workspace, replace(spent, key=caller.key, user=caller.scope.user))
        self._metrics.tokens.labels("in").inc(spent.tokens_in)
        self._metrics.cost.labels(spent.upstream).inc(spent.cost_usd or 0.0)
        if self._spend is not None:
            self._begin(self._spend(request, spent.tokens_in))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """What is open when the server stops has some seconds to end."""
        yield
        if self._open:
            await asyncio.wait(self._open, timeout=TO_END)

    def _count(self, exchange: Exchange, shown: Shown, tokens_in: int, tokens_out: int) -> None:
        upstream = exchange.route.upstream.name
        self._metrics.chats.labels(upstream, str(exchange.status)).inc()
        for direction, tokens in (("in", tokens_in), ("out", tokens_out), ("saved", shown.saved)):
            self._metrics.tokens.labels(direction).inc(tokens)
        self._metrics.cost.labels(upstream).inc(cost(exchange.llm, tokens_in, tokens_out) or 0.0)

    async def _remembered(self, exchange: Exchange) -> None:
        """Keep what was said. The answer is long with its caller, so whatever fails here is told in the log alone."""
        try:
            await self._workers.run(None, lambda: self._recalling.remember(exchange))
        except DOMAIN as error:
            self._metrics.lost.inc()
            log.warning("an exchange was not remembered", extra={"kind": answer(error).kind})
        except Exception:
            self._metrics.lost.inc()
            log.exception("an exchange was not remembered, which is a defect of ours")

    async def _settle(self, exchange: Exchange) -> None:
        milliseconds = round(1000 * (time.perf_counter() - exchange.started), 1)
        assert exchange.counting is not None
        shown = await exchange.counting
        if exchange.copy.size <= SMALL:
            exchange.read()
        else:
            await self._workers.run(None, exchange.read)
        if exchange.scope is not None:
            await self._remembered(exchange)
        tokens_in, tokens_out = exchange.spent(shown)
        scope = exchange.scope or exchange.caller.scope
        self._ledger.note(
            scope.workspace,
            Spent(
                key=exchange.caller.key,
                user=scope.user,
                model=exchange.route.model or "",
                upstream=exchange.route.upstream.name,
                status=exchange.status,
                tokens_before=shown.before,
                tokens_after=shown.after,
                tokens_saved=shown.saved,
                tokens_in=tokens_in,
                tokens_out=tokens_out,
                cost_usd=cost(exchange.llm, tokens_in, tokens_out),
                saved_usd=exchange.llm.cost(shown.saved),
                memory=shown.status,
                milliseconds=milliseconds,
            ),
        )
        self._count(exchange, shown, tokens_in, tokens_out)
        if self._spend is not None and exchange.connection is not None:
            await self._spend(exchange.connection, tokens_in + tokens_out)
        fields = {
            "request": exchange.request_id,
            "model": exchange.route.model,
            "tokens": tokens_in + tokens_out,
            "duration_ms": milliseconds,
        }
        log.info("chat_completion_request", extra=fields)
