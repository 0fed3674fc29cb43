"""How open requests learn that the server stops: streams end at once, calls get time to finish."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .problem import problem


class Moment(asyncio.Event):
    """An event that ends the scopes which were opened `until` it comes; no task has to wait for that."""

    def __init__(self) -> None:
        super().__init__()
        self._scopes: set[anyio.CancelScope] = set()

    def set(self) -> None:
        super().set()
        for scope in self._scopes:
            scope.cancel()

    @contextmanager
    def until(self) -> Iterator[None]:
        """What waits inside is left when the moment comes."""
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            try:
                if self.is_set():
                    scope.cancel()
                yield
            finally:
                self._scopes.discard(scope)


class Stop:
    """Two moments: *asked*, from which nothing new begins, and *over*, at which everything ends."""

    def __init__(self) -> None:
        self.asked, self.over = Moment(), Moment()

    def ask(self, grace: float) -> None:
        """Begin to stop; it is over in *grace* seconds. Called on the event loop."""
        self.asked.set()
        asyncio.get_running_loop().call_later(grace, self.over.set)


class Stoppable:
    """Tells *app*, when the server stops, what it would hear from a client that leaves, and ends the response.

    A stream of notifications ends when the stop is *asked*, anything else when it is *over*. The SDK's own way is
    to break off all event streams, those that carry the answer of a call among them.
    """

    def __init__(self, app: ASGIApp, stop: Stop) -> None:
        self.app, self.stop = app, stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        end = self.stop.asked if _is_notifications(scope) else self.stop.over
        if not await served_until(end, self.app, scope, receive, send):
            stopping = problem(503, "the server is stopping", "Repeat the call when it has started again")
            await stopping(scope, receive, send)


async def served_until(end: Moment, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> bool:
    """Serve *app*, which hears that its client leaves once *end* is set; a response that is not complete then is
    completed. False where none was begun by then."""
    started = complete = False

    async def watched(message: Message) -> None:
        nonlocal started, complete
        started = True
        complete = message["type"] == "http.response.body" and not message.get("more_body", False)
        await send(message)

    await app(scope, lambda: _receive_until(end, receive), watched)
    if end.is_set() and started and not complete:
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    return started or not end.is_set()


def _is_notifications(scope: Scope) -> bool:
    return bool(scope["method"] == "GET" and scope["path"].startswith("/mcp"))


async def _receive_until(end: Moment, receive: Receive) -> Message:
    """The next message, or that the client has left once *end* is set."""
    message: Message | None = None
    with end.until():
        message = await receive()
    return message or {"type": "http.disconnect"}
