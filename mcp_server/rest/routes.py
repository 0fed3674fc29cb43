"""All operations, and the routes that answer them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ... import __version__
from ..runtime import Runtime
from . import find, items, people, threads, whole, work
from .dispatch import Endpoint, Limits, paths_of
from .openapi import document
from .operation import Operation, Told, Wait
from .page import HEADERS, page

OPERATIONS: tuple[Operation, ...] = tuple(
    sorted(
        (
            *items.OPERATIONS,
            *find.OPERATIONS,
            *threads.OPERATIONS,
            *work.OPERATIONS,
            *people.OPERATIONS,
            *whole.OPERATIONS,
        ),
        key=lambda each: "{" in each.path,  # a fixed path goes before one that takes any name
    )
)
OTHERS: tuple[Operation, ...] = (*items.OTHERS, *work.OTHERS)
"""What those give under the names and in the forms of other services; no client of ours needs it."""


def rest_routes(
    runtime: Runtime, wait: Wait | None = None, beside: Mapping[str, Any] | None = None, told: Told | None = None
) -> list[Route]:
    """The routes of all operations over *runtime*, of their document and of the page that shows it. *wait* waits for
    a question to be settled; *beside*: part of the document for what others answer; *told* hears what was done."""
    limits = Limits.fresh()
    routes = []
    for path, there in paths_of(OPERATIONS + OTHERS).items():
        endpoints: dict[str, Endpoint] = {each.method: Endpoint(each, runtime, limits, wait, told) for each in there}
        routes.append(Route(path, _answering(endpoints), methods=list(endpoints)))
    shown = cache(lambda: document(OPERATIONS + OTHERS, __version__, beside))

    async def described(request: Request) -> Response:
        return JSONResponse(await anyio.to_thread.run_sync(shown))

    async def paged(request: Request) -> Response:
        text = await anyio.to_thread.run_sync(lambda: page(shown()))
        return Response(text, media_type="text/html; charset=utf-8", headers=HEADERS)

    return [*routes, Route("/openapi.json", described), Route("/docs", paged)]


def _answering(endpoints: Mapping[str, Endpoint]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return await endpoints["GET" if request.method == "HEAD" else request.method](request)

    return answer
