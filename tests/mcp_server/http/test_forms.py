"""Questions to a person over HTTP: shown in the asking client only where the server allows it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client import ClientRequestContext
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ElicitRequestParams, ElicitResult


async def fill_in(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
    return ElicitResult(action="accept", content={"answer": "yes"})


async def ask(served: Any, transport: str, mode: str) -> dict[str, Any]:
    async with httpx2.AsyncClient(headers=served.headers, timeout=60) as http:
        connection: Any = (
            sse_client(f"{served.base}/sse", served.headers)
            if transport == "sse"
            else streamable_http_client(f"{served.base}/mcp", http_client=http)
        )
        async with Client(connection, mode=mode, elicitation_callback=fill_in, read_timeout_seconds=60) as client:
            told = await client.call_tool("hil_request", {"question": "Deploy now?", "options": ["yes", "no"]})
    assert told.structured_content is not None
    return dict(told.structured_content)


@pytest.mark.parametrize("arguments", [(), ("--elicitation",)])
def test_forms_are_shown_only_where_the_server_allows_it(
    serve: Callable[..., AbstractContextManager[Any]], arguments: tuple[str, ...]
) -> None:
    with serve(*arguments) as served:
        for transport, mode in (("http", "legacy"), ("http", "2026-07-28"), ("sse", "legacy"), ("sse", "2026-07-28")):
            told = anyio.run(ask, served, transport, mode)
            assert told["status"] == ("answered" if arguments else "pending"), (transport, mode)
            if arguments:
                assert told["answered_by"].startswith("a form shown by the client")
