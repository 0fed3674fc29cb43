"""Memory's part in a request: whether it is wanted, what it does in the time that it has, and what it keeps."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ...memory.errors import Forbidden, InvalidInput
from ...memory.exchange import Exchanges, Plans, Prepared
from ...memory.scope import Scope
from ...memory.settings import Settings
from ...memory.window import ContextWindow
from ...stores.errors import StoreError
from ..errors import DOMAIN, answer
from ..http.metrics import Metrics
from ..runtime import Runtime
from ..workers import Workers
from .account import Shown, Status
from .body import Body
from .errors import Refused
from .exchange import Exchange
from .headers import first

log = logging.getLogger(__name__)

THREADS = 8
"""Requests that memory works on at once."""
UNKEPT_HOLDS = 60.0
"""Seconds for which requests are told that an exchange could not be kept, unless a later one could."""
ON, OFF = ("on", "true", "1"), ("off", "false", "0")


@dataclass(frozen=True, slots=True)
class Part:
    """What memory made of a request. *shown*: None where it took no part. *messages*: the JSON of those to send, None
    for those that came."""

    shown: Shown | None = None
    messages: str | None = None
    status: Status = "skipped"
    reason: str = "off"


@dataclass(slots=True)
class Recalling:
    """Memory for the requests of a gateway. *unkept*: the kind of error for which the latest exchange could not be
    kept ("": it could), and when that was."""

    runtime: Runtime
    settings: Settings
    metrics: Metrics
    unkept: tuple[str, float] = ("", 0.0)
    workers: Workers = field(default_factory=lambda: Workers(THREADS, "memory"))
    plans: Plans = field(default_factory=Plans)

    async def warm(self) -> None:
        """Open the memory before the first request has to wait for that."""
        with contextlib.suppress(*DOMAIN):  # the request that needs it says what is wrong
            await self.workers.run(None, self.runtime.ops)

    def scope_of(self, exchange: Exchange) -> tuple[Scope | None, str]:
        """Whose memory a request is for; None with the reason where it wants none.

        Raises `Refused` where it names another user than its key's.
        """
        asked = (first(exchange.headers, b"x-memory") or "").lower()
        user = exchange.body.values.get("user")
        mode = self.settings.gateway_memory
        if mode == "off" or asked in OFF:
            return None, "off"
        if mode == "auto" and asked not in ON and user is None:
            return None, "no-user"
        scope = None
        try:
            scope = exchange.caller.scope.narrowed(user=user)
            scope.narrowed(thread=_thread_of(exchange))  # recall reaches over all; still, it has to be one
        except Forbidden as error:
            raise Refused(str(error), "user" if scope is None else None) from error
        except InvalidInput:
            return None, "invalid-user" if scope is None else "invalid-thread"
        return scope, ""

    async def part(self, exchange: Exchange) -> Part:
        """What memory makes of a request. It never fails: where memory cannot take part, the reason is told."""
        scope, reason = self.scope_of(exchange)
        if scope is None:
            return Part(reason=reason)
        exchange.scope = scope
        began = time.perf_counter()
        part = await self._tried(exchange, scope)
        self.metrics.searches.labels(part.status).inc()
        self.metrics.search_seconds.observe(time.perf_counter() - began)
        return part

    async def _tried(self, exchange: Exchange, scope: Scope) -> Part:
        try:
            return await self.workers.run(self.settings.gateway_patience, partial(self._part, exchange, scope))
        except TimeoutError:
            return self._degraded(exchange, "timeout")
        except InvalidInput:
            return Part(reason="unreadable")  # no conversation that could be remembered; its model may read it
        except DOMAIN as error:
            return self._degraded(exchange, answer(error).kind)
        except Exception:
            log.exception("memory failed a request, which is a defect of ours")
            return self._degraded(exchange, "internal")

    def remember(self, exchange: Exchange) -> None:
        """Keep what was said, if the answer came to its end. Blocks; raises as the operations do."""
        said = exchange.read()
        if exchange.scope is not None and said.complete and exchange.status < 300:
            conversation = exchange.body.values.get("messages")
            if isinstance(conversation, list):
                thread = _thread_of(exchange)
                try:
                    kept = self._exchanges(exchange.scope).remember(conversation, said.text, thread=thread)
                except StoreError as error:
                    self.unkept = answer(error).kind, time.monotonic()
                    raise
                added = sum(each.action == "added" for each in kept)
                self.unkept = ("", 0.0) if added else self.unkept
                self.metrics.ingested.inc(added)

    def _degraded(self, exchange: Exchange, reason: str) -> Part:
        log.warning("a request goes without memory", extra={"reason": reason, "request": exchange.request_id})
        return Part(status="degraded", reason=reason)

    def _exchanges(self, scope: Scope) -> Exchanges:
        return Exchanges(self.runtime.ops().with_scope(scope), self.plans)

    def _part(self, exchange: Exchange, scope: Scope) -> Part:
        values = exchange.body.values
        unkept, since = self.unkept
        unkept = unkept if time.monotonic() - since < UNKEPT_HOLDS else ""
        tools = values.get("tools")
        prepared = self._exchanges(scope).prepare(
            values.get("messages"),  # type: ignore[arg-type]  # what it is, is checked there
            tools=tools if isinstance(tools, list) else (),
            window=self._window(exchange),
            budget_tokens=self.settings.gateway_budget,
            answer_tokens=_answer_tokens(values),
            thread=_thread_of(exchange),
        )
        shown = Shown(
            prepared.before,
            prepared.before - prepared.saved + prepared.added,
            prepared.saved,
            prepared.added,
            prepared.compressor,
            prepared.items,
            "degraded" if unkept else "ok",
            unkept,
        )
        return Part(shown, written(exchange.body, prepared) if prepared.changed else None, shown.status, shown.reason)

    def _window(self, exchange: Exchange) -> ContextWindow | None:
        """The window of the model: by the table, else as configured; None where nobody knows it."""
        own = exchange.route.upstream.window or self.settings.window
        if exchange.llm_known:
            return ContextWindow.of(exchange.llm)
        return ContextWindow(own) if own is not None else None


def written(body: Body, prepared: Prepared) -> str:
    """The messages of *prepared* as JSON: those that stay in the very characters that they came in."""
    spans = body.elements("messages")
    pieces = [body.slice(spans[place]) if message is None else _json(message) for place, message in prepared.shown]
    return f"[{', '.join(pieces)}]"


def _thread_of(exchange: Exchange) -> str | None:
    return first(exchange.headers, b"x-thread-id") or None


def _json(message: Mapping[str, Any]) -> str:
    return json.dumps(message)


def _answer_tokens(values: Mapping[str, Any]) -> int:
    for name in ("max_completion_tokens", "max_tokens"):
        value = values.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return min(value, 10**9)
    return 0
