"""A defect of ours is answered like any refusal: with an id, in the form of its path, readable by a page, and silent
about its cause."""

from __future__ import annotations

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from memoryops.mcp_server.gateway.errors import of_problem
from memoryops.mcp_server.http.cors import cors
from memoryops.mcp_server.http.metrics import Metrics
from memoryops.mcp_server.http.observed import Observed
from memoryops.mcp_server.http.problem import Caught

PAGE = "https://app.example.org"


async def broken(request: Request) -> Response:
    content = "what somebody stored"
    raise ValueError(content)


@pytest.mark.parametrize(("path", "openais"), [("/v1/chat/completions", True), ("/v1/items", False)])
def test_it_is_answered(path: str, openais: bool, caplog: pytest.LogCaptureFixture) -> None:
    observed = Middleware(Observed, metrics=Metrics(), shapes={"/v1/chat/completions": of_problem})
    app = Starlette(routes=[Route(path, broken)], middleware=[observed, *cors({PAGE}), Middleware(Caught)])

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            return await client.get(path, headers={"Origin": PAGE})

    reply = anyio.run(ask)
    assert reply.status_code == 500
    assert ("error" in reply.json()) == openais
    assert ("detail" in reply.json()) == (not openais)
    assert reply.headers["x-request-id"]
    assert reply.headers["access-control-allow-origin"] == PAGE
    assert "what somebody stored" not in reply.text
    assert "a defect of ours" in caplog.text
