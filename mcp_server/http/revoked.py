"""Event streams end with the key that opened them: at its time, or once anybody has revoked it.

A thread of this process watches the keys while such a stream is open; each stream has a timer for its key's own end.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...memory.conditions import timestamp
from ...memory.keys import Key, over
from ...memory.scope import KEYS_WORKSPACE
from ..errors import DOMAIN
from ..runtime import Runtime
from .stop import Moment, served_until

log = logging.getLogger(__name__)

PATHS = ("/mcp", "/sse")
"""Whose streams last until somebody ends them. A completion's stream ends by itself, and is not cut off."""
WATCH_SECONDS = 20.0
RETRY_SECONDS = 0.5

Stream = tuple[asyncio.AbstractEventLoop, Moment]


class Revoked:
    """Ends the streams of keys in the store of *runtime*. Safe to use from several threads."""

    def __init__(self, runtime: Runtime, clock: Callable[[], float] = time.time) -> None:
        self._runtime, self._clock = runtime, clock
        self._open: dict[str, list[Stream]] = {}
        self._watching = False
        self._lock = threading.Lock()

    async def serve(self, key: Key, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """*app*'s answer to a request that *key* was shown with, as far as the key lasts if it is an event stream."""
        end = Moment()
        with ExitStack() as stack:

            async def followed(message: Message) -> None:
                if message["type"] == "http.response.start" and _is_stream(message):
                    stack.enter_context(self._following(key, end))
                await send(message)

            await served_until(end, app, scope, receive, followed)

    @contextmanager
    def _following(self, key: Key, end: Moment) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        stream = loop, end
        timer = None
        if key.expires_at is not None:
            timer = loop.call_later(max(0.0, timestamp(key.expires_at, "expires_at") - self._clock()), end.set)
        with self._lock:
            self._open.setdefault(key.id, []).append(stream)
            begin, self._watching = not self._watching, True
        # The key may have been revoked since it was looked at, and the watch may have told of it.
        work = self._watch if begin else partial(self._looked, [key.id])
        threading.Thread(target=work, name="memoryops-keys", daemon=True).start()
        try:
            yield
        finally:
            if timer is not None:
                timer.cancel()
            with self._lock:
                self._open[key.id].remove(stream)
                if not self._open[key.id]:
                    del self._open[key.id]

    def _watch(self) -> None:
        """What the thread does: it ends when no stream is open any more, and nothing else ends it."""
        since: int | None = None
        while keys := self._wanted():
            try:
                store = self._runtime.ops().store
                since = store.info().last_seq if since is None else since
                if self._looked(keys):
                    events = store.watch(KEYS_WORKSPACE, since, timeout=WATCH_SECONDS)
                    since = events[-1].seq if events else since
                    continue
            except Exception as error:
                _told(error)
            threading.Event().wait(RETRY_SECONDS)

    def _wanted(self) -> list[str]:
        with self._lock:
            self._watching = bool(self._open)
            return list(self._open)

    def _looked(self, keys: list[str]) -> bool:
        """End the streams of those of *keys* that are over; whether the store could be asked."""
        try:
            found = over(self._runtime.ops().store, keys, self._clock())
        except Exception as error:
            _told(error)
            return False
        for id in found:
            with self._lock:
                streams = list(self._open.get(id, ()))
            for loop, end in streams:
                with suppress(RuntimeError):  # that loop is closed, and its streams with it
                    loop.call_soon_threadsafe(end.set)
        return True


def _told(error: Exception) -> None:
    """While the store is away nobody hears that a key is over; when it is back, those that are end."""
    defect = None if isinstance(error, DOMAIN) else error
    log.warning("keys are not watched now", exc_info=defect, extra={"error": type(error).__name__})


def _is_stream(start: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/event-stream") for name, value in start["headers"]
    )
