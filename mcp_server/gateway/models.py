"""`GET /v1/models` and `/v1/models/{provider}/{name}`: what can be asked for, by the names under which it can."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from ...memory import embeddings
from ..http.caller import caller_of
from .answers import decoded
from .embeddings import OwnModel
from .errors import GatewayError
from .headers import of_reply, value_of
from .passing import Passing
from .relay import Copy, Pairs, relay, while_connected
from .upstreams import Route, Upstream, path_of

MOST_BYTES = 16 * 1024 * 1024
"""Of one upstream's list."""


class Models:
    """The list of all upstreams' models and our own."""

    def __init__(self, passing: Passing, own: OwnModel) -> None:
        self.passing, self.own = passing, own

    async def __call__(self, request: Request) -> Response:
        found: dict[str, list[Mapping[str, Any]] | GatewayError] = {}

        async def ask(upstream: Upstream) -> None:
            try:
                found[upstream.name] = await self._of(upstream, request)
            except GatewayError as error:
                found[upstream.name] = error

        async with anyio.create_task_group() as group:
            for upstream in self.passing.upstreams.all:
                group.start_soon(ask, upstream)
        lists = [(each.name, found[each.name]) for each in self.passing.upstreams.all]
        failed = {name: error.message for name, error in lists if isinstance(error, GatewayError)}
        data = [model for name, models in lists if not isinstance(models, GatewayError) for model in models]
        data.append(own_entry(await self.own.spec()))
        return JSONResponse({"object": "list", "data": data, **({"unreachable": failed} if failed else {})})

    async def _of(self, upstream: Upstream, request: Request) -> list[Mapping[str, Any]]:
        """The models of *upstream*, under names that lead back to it. Of several, none is shown the caller's own key:
        nothing says for which of them that is."""
        caller, several = caller_of(request), len(self.passing.upstreams.all) > 1
        asking = replace(caller, upstream=None) if several else caller
        reply = await self.passing.ask(request.scope, asking, Route(upstream, None), "models")
        try:
            copy = Copy()
            async for chunk in reply.chunks():
                copy.add(chunk)
        finally:
            await reply.close()
        if reply.status != 200:
            raise GatewayError(f"it answered {reply.status}")
        coding = value_of(reply.headers, b"content-encoding").lower()
        try:
            data = json.loads(decoded(copy.data, coding))["data"]
            models: list[Mapping[str, Any]] = [each for each in data if isinstance(each["id"], str)]
        except (ValueError, RecursionError, KeyError, TypeError) as error:
            raise GatewayError("its answer is no list of models") from error
        if not several:
            return models
        return [{**each, "id": f"{upstream.name}/{each['id']}"} for each in models]


def own_entry(spec: str) -> Mapping[str, Any]:
    """The memory's encoder as a model."""
    return {"id": embeddings.model_name(spec), "object": "model", "created": 0, "owned_by": "memoryops"}


class Model:
    """One model, by a name that may have slashes; an ASGI app."""

    def __init__(self, models: Models) -> None:
        self.own, self.passing = models.own, models.passing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        name: str = request.path_params["model"]
        try:
            spec = await self.own.spec()
            if name in embeddings.names(spec):
                await JSONResponse(own_entry(spec))(scope, receive, send)
                return
            path_of(name)
            route = self.passing.upstreams.route(name)
            await while_connected(receive, lambda: self._passed_on(route, request, send))
        except GatewayError as error:
            await error.response(scope, receive, send)

    async def _passed_on(self, route: Route, request: Request, send: Send) -> None:
        operation = f"models/{path_of(route.model or '')}"
        reply = await self.passing.ask(request.scope, caller_of(request), route, operation)

        async def head(copy: Copy) -> Pairs:
            return of_reply(reply.headers)

        try:
            await relay(reply, send, head, Copy(), hold=False)
        finally:
            await reply.close()
