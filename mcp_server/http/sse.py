"""The older transport: a stream of events at one path, messages to the server at another."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import anyio
from mcp.server.sse import SseServerTransport
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse, jsonrpc_message_adapter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from ..protocol import MemoryServer
from ..streams import Incoming, Stream
from .problem import problem
from .stop import Stop

MESSAGES = "/messages/"


class Sse:
    """*stream* and *messages* are the two endpoints. When the server stops, a stream ends as soon as its calls
    are answered."""

    def __init__(self, server: MemoryServer, stop: Stop, security: TransportSecuritySettings, limit: int) -> None:
        self._server, self._stop = server, stop
        self._transport = SseServerTransport(MESSAGES, security, limit)

    async def stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """`GET /sse`: one connection, for as long as the client stays."""
        if scope["method"] != "GET":
            await _only("GET")(scope, receive, send)
            return
        async with self._transport.connect_sse(scope, receive, send) as (incoming, outgoing):
            calls = _Calls()
            async with anyio.create_task_group() as group:
                group.start_soon(self._end, calls, group.cancel_scope)
                await self._server.speak(_Incoming(incoming, calls), _Outgoing(outgoing, calls))
                group.cancel_scope.cancel()

    async def _end(self, calls: _Calls, scope: anyio.CancelScope) -> None:
        await self._stop.asked.wait()
        await calls.answered()
        scope.cancel()

    async def messages(self, scope: Scope, receive: Receive, send: Send) -> None:
        """`POST /messages/?session_id=…`: one message. What is no JSON-RPC ends here; the SDK would tell its log."""
        if scope["method"] != "POST":
            await _only("POST")(scope, receive, send)
            return
        body = await Request(scope, receive).body()
        try:
            jsonrpc_message_adapter.validate_json(body, by_name=False)
        except ValidationError:
            refused = problem(400, "the body is no JSON-RPC message", "Send one JSON-RPC 2.0 message a request")
            await refused(scope, receive, send)
            return
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):  # accepted, and then the client had left
            await self._transport.handle_post_message(scope, _again(body, receive), send)


def _only(method: str) -> Any:
    return problem(405, "this path does not take that method", f"Use {method}", {"Allow": method})


def _again(body: bytes, receive: Receive) -> Receive:
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed


class _Calls:
    """The requests of one connection that have no answer yet."""

    def __init__(self) -> None:
        self._open: set[str | int] = set()
        self._changed = anyio.Event()

    def began(self, id: str | int) -> None:
        self._open.add(id)

    def ended(self, id: str | int | None) -> None:
        self._open.discard(id if id is not None else "")
        if not self._open:
            self._changed.set()
            self._changed = anyio.Event()

    async def answered(self) -> None:
        while self._open:
            await self._changed.wait()


class _Incoming(Incoming):
    def __init__(self, inner: Any, calls: _Calls) -> None:
        super().__init__(inner)
        self._calls = calls

    async def receive(self) -> SessionMessage | Exception:
        item = await super().receive()
        message = item.message if isinstance(item, SessionMessage) else None
        if isinstance(message, JSONRPCRequest):
            self._calls.began(message.id)
        elif isinstance(message, JSONRPCNotification) and message.method == "notifications/cancelled":
            self._calls.ended((message.params or {}).get("requestId"))
        return item


class _Outgoing(Stream):
    def __init__(self, inner: Any, calls: _Calls) -> None:
        super().__init__(inner)
        self._calls = calls

    async def send(self, item: SessionMessage) -> None:
        await self._inner.send(item)
        if isinstance(item.message, JSONRPCResponse | JSONRPCError):
            self._calls.ended(item.message.id)
