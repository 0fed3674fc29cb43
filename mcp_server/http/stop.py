"""How open requests learn that the server stops: streams end at once, calls get time to finish."""

from __future__ import annotations

import asyncio

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .problem import problem


class Stop:
    """Two moments: *asked*, from which nothing new begins, and *over*, at which everything ends."""

    def __init__(self) -> None:
        self.asked, self.over = asyncio.Event(), asyncio.Event()

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


async def served_until(end: asyncio.Event, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> bool:
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


async def _receive_until(end: asyncio.Event, receive: Receive) -> Message:
    """The next message, or that the client has left once *end* is set."""
    message: Message = {"type": "http.disconnect"}

    async def leave() -> None:
        await end.wait()
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(leave)
        message = await receive()
        group.cancel_scope.cancel()
    return message
