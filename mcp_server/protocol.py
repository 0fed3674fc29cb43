"""`MemoryServer`: the SDK's server with what it has no hook for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from mcp.server import MCPServer
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context
from mcp.server.subscriptions import ListenHandler, ResourceUpdated, ServerEvent
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    CallToolResult,
    EmptyResult,
    GetPromptResult,
    InputRequiredResult,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    UnsubscribeRequestParams,
)
from pydantic.networks import AnyUrl

from .errors import answer
from .notices import Notices

log = logging.getLogger(__name__)

Request = ServerRequestContext[Any, Any]

LONGEST_NAME = 100
LONGEST_URI = 2000
MOST_SUBSCRIPTIONS = 1000
"""Of one connection."""


class MemoryServer(MCPServer[Any]):
    """One per process, whatever the number of connections. *notices* tells it what changes in the memory."""

    def __init__(self, notices: Notices, **options: Any) -> None:
        super().__init__(subscriptions=notices, **options)
        self.notices = notices
        self._listen = ListenHandler(notices)
        subscribers = Subscribers(notices)
        handlers = self._lowlevel_server
        handlers.add_request_handler("subscriptions/listen", SubscriptionsListenRequestParams, self._on_listen)
        handlers.add_request_handler("resources/subscribe", SubscribeRequestParams, subscribers.add)
        handlers.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, subscribers.remove)

    async def _on_listen(self, ctx: Request, params: SubscriptionsListenRequestParams) -> SubscriptionsListenResult:
        """As the SDK does, but resources are acknowledged only once no later change of theirs can be missed."""
        if not params.notifications.resource_subscriptions:
            return await self._listen(ctx, params)
        hold = self.notices.subscribe(lambda event: None)
        try:
            await self.notices.begun()
            return await self._listen(ctx, params)
        finally:
            hold()

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[Any, Any] | None = None
    ) -> GetPromptResult | InputRequiredResult:
        """As the SDK does, but what is wrong with the call is told as such, and what failed inside is not quoted."""
        prompt = self._prompt_manager.get_prompt(name)
        if prompt is None:
            known = ", ".join(each.name for each in self._prompt_manager.list_prompts())
            raise MCPError(code=INVALID_PARAMS, message=f"there is no prompt {name!r:.100}; use one of {known}")
        takes = prompt.arguments or []
        missing = [each.name for each in takes if each.required and not (arguments or {}).get(each.name)]
        if missing:
            raise MCPError(code=INVALID_PARAMS, message=f"the prompt {name} needs {', '.join(missing)}")
        try:
            return await super().get_prompt(name, arguments, context)
        except ValueError as error:
            log.exception("a prompt failed inside", extra={"prompt": name})
            raise MCPError(code=INTERNAL_ERROR, message=answer(RuntimeError()).text) from error

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """As the SDK does, but an unknown name is not quoted at length."""
        return await super().call_tool(name[:LONGEST_NAME], arguments, context)

    async def read_resource(
        self, uri: AnyUrl | str, context: Context[Any, Any] | None = None
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        """As the SDK does, but nothing is looked for under a URI that no resource has the length of."""
        if len(str(uri)) > LONGEST_URI:
            raise MCPError(code=INVALID_PARAMS, message=f"there is no resource {str(uri)!r:.100}; see resources/list")
        return await super().read_resource(uri, context)

    @asynccontextmanager
    async def background(self) -> AsyncIterator[None]:
        """What a transport enters around all its connections; ends the open listen streams when it is left."""
        try:
            yield
        finally:
            self._listen.close()
            self.notices.end()

    async def speak(self, incoming: Any, outgoing: Any) -> None:
        """Serve one connection over a pair of message streams until *incoming* ends."""
        server = self._lowlevel_server
        await server.run(incoming, outgoing, server.create_initialization_options())


class Subscribers:
    """The clients of the older protocol, which subscribe to one resource at a time."""

    def __init__(self, notices: Notices) -> None:
        self.notices = notices
        self._ends: dict[int, dict[str, Callable[[], None]]] = {}
        self._sending: set[asyncio.Task[None]] = set()

    async def add(self, ctx: Request, params: SubscribeRequestParams) -> EmptyResult:
        """Tell this connection whenever the resource changes, until it ends or unsubscribes."""
        session, uri = ctx.session, str(params.uri)
        connection = session._connection  # the SDK has no public name for what outlives a request
        key = id(connection)
        if key not in self._ends:
            self._ends[key] = {}
            connection.exit_stack.callback(self._leave, key)
        mine = self._ends[key]
        if uri in mine:
            return EmptyResult()
        if len(mine) >= MOST_SUBSCRIPTIONS:
            told = f"this connection has {len(mine)} subscriptions; unsubscribe from some, or read memory://state"
            raise MCPError(code=INVALID_PARAMS, message=told)

        def listener(event: ServerEvent) -> None:
            if isinstance(event, ResourceUpdated) and event.uri == uri:
                task = asyncio.ensure_future(self._tell(session, uri, key))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)

        mine[uri] = self.notices.subscribe(listener)
        await self.notices.begun()
        return EmptyResult()

    async def remove(self, ctx: Request, params: UnsubscribeRequestParams) -> EmptyResult:
        """Tell this connection no more."""
        self._end(id(ctx.session._connection), str(params.uri))
        return EmptyResult()

    async def _tell(self, session: Any, uri: str, key: int) -> None:
        try:
            await session.send_resource_updated(uri)
        except Exception:  # whatever a transport raises for a client that is gone
            log.info("a subscriber is gone")
            self._end(key, uri)

    def _end(self, key: int, uri: str) -> None:
        end = self._ends.get(key, {}).pop(uri, None)
        if end is not None:
            end()

    def _leave(self, key: int) -> None:
        for end in self._ends.pop(key, {}).values():
            end()
