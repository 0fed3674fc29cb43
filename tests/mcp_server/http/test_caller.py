"""Handlers know who calls: the gate has noted it before they run."""

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from memoryops.mcp_server.http.access import Access, Gate
from memoryops.mcp_server.http.caller import caller_of
from memoryops.memory.scope import Scope


async def _who(request: Request) -> JSONResponse:
    caller = caller_of(request)
    return JSONResponse([caller.scope.workspace, caller.scope.role, caller.key])


def test_whoever_holds_the_local_token_has_its_scope() -> None:
    app = Gate(Starlette(routes=[Route("/who", _who)]), Access("secret", scope=Scope("acme", role="human")))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get("/who", headers={"authorization": "Bearer secret"})

    assert anyio.run(ask).json() == ["acme", "human", None]


def test_without_the_gate_nobody_is_made_up() -> None:
    with pytest.raises(KeyError):
        caller_of(Request({"type": "http", "headers": []}))
