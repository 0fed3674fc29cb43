"""The app: what is at which path, and what stands in front of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import anyio
from anyio.abc import TaskStatus
from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ..protocol import MemoryServer
from .access import Access, Gate
from .cors import cors
from .metrics import Metrics
from .observed import Observed, Shape
from .problem import Caught, from_defect, from_starlette
from .sse import MESSAGES, Sse
from .stop import Stop, Stoppable

_OURS = TransportSecuritySettings(enable_dns_rebinding_protection=False)
"""`Gate` checks hosts and origins for all paths; the SDK's own check knows no name but those of loopback."""


def build_app(
    server: MemoryServer,
    access: Access,
    stop: Stop | None = None,
    routes: Sequence[BaseRoute] = (),
    running: Sequence[Callable[[], AbstractAsyncContextManager[None]]] = (),
    metrics: Metrics | None = None,
    shapes: Mapping[str, Shape] | None = None,
) -> Starlette:
    """One app for all transports of *server*, and for *routes* beside them, with what has to be *running* meanwhile.

    It may be started once: the SDK's session manager belongs to it. *stop* ends what is open when the server
    stops; what runs beside the connections ends first, and with it the clients' subscriptions. *metrics* count the
    requests; *shapes* as in `Observed`.
    """
    stop = stop or Stop()
    streamable = server.streamable_http_app(transport_security=_OURS, max_request_body_size=access.body_limit)
    sse = Sse(server, stop, _OURS, access.body_limit)

    async def beside(*, task_status: TaskStatus[None]) -> None:
        async with server.background():
            task_status.started()
            await stop.asked.wait()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with (
            streamable.router.lifespan_context(streamable),
            anyio.create_task_group() as group,
            AsyncExitStack() as stack,
        ):
            for each in running:
                await stack.enter_async_context(each())
            await group.start(beside)
            yield
            stop.asked.set()

    app = Starlette(
        routes=[
            Route("/health", _health),
            *streamable.routes,
            Route("/mcp/", _Endpoint(server.session_manager.handle_request)),
            Route("/sse", _Endpoint(sse.stream)),
            Route(MESSAGES, _Endpoint(sse.messages)),
            *routes,
        ],
        middleware=[
            Middleware(Observed, metrics=metrics or Metrics(), shapes=dict(shapes or {})),
            *cors(access.cors),
            Middleware(Caught),
            Middleware(Stoppable, stop=stop),
            Middleware(Gate, access=access),
            *streamable.user_middleware,
        ],
        exception_handlers={HTTPException: from_starlette, Exception: from_defect},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


class _Endpoint:
    """An ASGI app as a route's endpoint: Starlette takes a bare function for one that wants a request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})
