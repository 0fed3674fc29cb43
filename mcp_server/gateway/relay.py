"""Passing a reply on as it comes, for as long as its caller is there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import anyio
from starlette.types import Receive, Send

from .client import Reply
from .errors import UpstreamUnreachable

log = logging.getLogger(__name__)

HELD = 4 * 1024 * 1024
"""Bytes of a plain reply that are read before its head is sent, so that the head can say what it cost."""
COPIED = 4 * 1024 * 1024
"""Bytes of a reply that are kept until it has ended, to remember it and to count its tokens."""

Pairs = list[tuple[bytes, bytes]]


async def while_connected(receive: Receive, work: Callable[[], Awaitable[None]]) -> None:
    """Do *work* until it is done or the caller has left, which cancels it."""
    with anyio.CancelScope() as scope:
        watch = asyncio.ensure_future(_when_gone(receive, scope.cancel))
        try:
            await work()
        finally:
            watch.cancel()


async def _when_gone(receive: Receive, then: Callable[[], None]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    then()


class Copy:
    """What a reply said, kept until it has ended; *cut* where that was too much, so that only its beginning is here."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.size, self.cut, self.whole = 0, False, False

    def add(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if self.size <= COPIED:
            self.chunks.append(chunk)
        else:
            self.cut = True

    @property
    def data(self) -> bytes:
        return b"".join(self.chunks)


async def relay(reply: Reply, send: Send, head: Callable[[Copy], Awaitable[Pairs]], copy: Copy, *, hold: bool) -> None:
    """Send *reply* on, byte for byte. *head* gives its headers; it is asked once, with what has been read by then:
    with *hold* that is the whole of a reply that is not too long.

    A reply that breaks off breaks off for the caller, too: its end is never made up.
    """
    chunks = reply.chunks()
    waiting: list[bytes] = []
    broken = False
    try:
        if hold:
            try:
                async for chunk in chunks:
                    copy.add(chunk)
                    waiting.append(chunk)
                    if copy.size > HELD:
                        break
                else:
                    copy.whole = True
            except UpstreamUnreachable:
                broken = True
        await send({"type": "http.response.start", "status": reply.status, "headers": await head(copy)})
        held, at_end = b"".join(waiting), copy.whole
        if held or at_end:
            await send({"type": "http.response.body", "body": held, "more_body": not at_end})
        if at_end:
            return
        if not broken:
            async for chunk in chunks:
                copy.add(chunk)
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            copy.whole = True
    except UpstreamUnreachable:
        broken = True
    if broken:
        log.warning("an upstream broke off in the middle of its answer", extra={"upstream": reply.upstream})
        return  # the server closes the connection of an answer without an end
    await send({"type": "http.response.body", "body": b"", "more_body": False})
