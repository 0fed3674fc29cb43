"""CORS, as browsers ask for it: a preflight without a key, then the request with one."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from memoryops.mcp_server.gateway.account import Shown, headers
from memoryops.mcp_server.http.cors import ANY, EXPOSED, cors_origins
from memoryops.memory.errors import InvalidInput
from memoryops.stores.embedded.ending import stop_owner

from .conftest import Served, serving

PAGE = "https://app.example.org"
OTHER = "https://evil.example"
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    folder = Path(tempfile.mkdtemp(prefix="mo-", dir="/tmp" if os.name == "posix" else None))
    try:
        with serving(folder, MEMORYOPS_CORS_ORIGINS=f"{PAGE}, http://localhost:6274") as server:
            yield server
    finally:
        stop_owner(folder)
        shutil.rmtree(folder, ignore_errors=True)


def preflight(served: Served, path: str, method: str, wanted: str, origin: str = PAGE) -> httpx2.Response:
    asked = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": wanted}
    return httpx2.request("OPTIONS", f"{served.base}{path}", headers=asked, timeout=60)


def lists(value: str) -> set[str]:
    return {each.strip().lower() for each in value.split(",")}


@pytest.mark.parametrize(
    ("path", "method", "wanted"),
    [
        ("/v1/items", "POST", "content-type,x-api-key,idempotency-key"),
        ("/v1/items/1", "PATCH", "authorization,content-type"),
        ("/v1/keys/1", "DELETE", "x-api-key"),
        ("/v1/chat/completions", "POST", "authorization,content-type,x-stainless-lang,x-memory,x-thread-id"),
        ("/mcp", "POST", "authorization,content-type,mcp-protocol-version,mcp-session-id,mcp-method,mcp-name"),
        ("/mcp", "GET", "authorization,mcp-session-id,last-event-id"),
        ("/sse", "GET", "authorization"),
    ],
)
def test_a_preflight_of_a_named_origin_is_granted(served: Served, path: str, method: str, wanted: str) -> None:
    reply = preflight(served, path, method, wanted)
    assert reply.status_code == 200
    assert reply.headers["access-control-allow-origin"] == PAGE
    assert method in reply.headers["access-control-allow-methods"]
    assert lists(wanted) <= lists(reply.headers["access-control-allow-headers"])
    assert "access-control-allow-credentials" not in reply.headers
    assert "origin" in lists(reply.headers["vary"])


@pytest.mark.parametrize("origin", [OTHER, "null", f"{PAGE}:8443", PAGE.replace("https", "http"), f"{PAGE}.evil"])
def test_one_of_another_origin_is_not(served: Served, origin: str) -> None:
    reply = preflight(served, "/v1/items", "POST", "x-api-key", origin)
    assert reply.status_code == 400
    assert "access-control-allow-origin" not in reply.headers
    with served.http() as http:
        refused = http.get("/v1/state", headers={"Origin": origin})
    assert refused.status_code == 403
    assert "access-control-allow-origin" not in refused.headers


def test_a_page_stores_and_reads_refusals_too(served: Served) -> None:
    with served.http() as http:
        stored = http.post("/v1/items", json={"content": "from a page"}, headers={"Origin": PAGE})
        assert stored.status_code == 201
        state = http.get("/v1/state", headers={"Origin": PAGE})
    for reply in (stored, state):
        assert reply.headers["access-control-allow-origin"] == PAGE
        assert "x-request-id" in lists(reply.headers["access-control-expose-headers"])
    for path, kind in (("/v1/state", "application/problem+json"), ("/v1/models", "application/json")):
        refused = httpx2.get(f"{served.base}{path}", headers={"Origin": PAGE})
        assert (refused.status_code, refused.headers["content-type"]) == (401, kind)
        assert refused.headers["access-control-allow-origin"] == PAGE


def test_a_page_speaks_mcp(served: Served) -> None:
    accept = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json", "Origin": PAGE}
    with served.http() as http:
        opened = http.post("/mcp", content=json.dumps(INITIALIZE), headers=accept)
    assert opened.status_code == 200
    assert opened.headers["mcp-session-id"]
    assert "mcp-session-id" in lists(opened.headers["access-control-expose-headers"])


def test_who_is_no_page_notices_nothing(served: Served) -> None:
    with served.http() as http:
        assert "access-control-allow-origin" not in http.get("/v1/state").headers


def test_every_header_of_ours_is_one_that_a_page_may_read() -> None:
    ours = {name.decode() for name, _ in headers(Shown(1, 1, reason="x"), None)}
    assert ours <= set(EXPOSED)


def test_origins_are_exact_or_all() -> None:
    assert cors_origins(None, auth=True) == frozenset()
    assert cors_origins(" https://A.example , http://localhost:1 ", auth=False) == {
        "https://a.example",
        "http://localhost:1",
    }
    assert cors_origins("*", auth=True) == {ANY}


@pytest.mark.parametrize(
    ("given", "auth"),
    [("example.org", True), ("https://a/b", True), ("*,https://a", True), ("*", False), ("null", True)],
)
def test_what_is_no_origin_or_opens_everything_is_refused(given: str, auth: bool) -> None:
    with pytest.raises(InvalidInput, match="MEMORYOPS_CORS_ORIGINS"):
        cors_origins(given, auth=auth)


def test_every_page_with_a_key(serve: Callable[..., Any]) -> None:
    with serve(MEMORYOPS_CORS_ORIGINS="*") as server:
        assert preflight(server, "/v1/items", "POST", "x-api-key", OTHER).headers["access-control-allow-origin"] == "*"
        assert httpx2.get(f"{server.base}/v1/state", headers={"Origin": OTHER}).status_code == 401
        with server.http() as http:
            reply = http.get("/v1/models", headers={"Origin": OTHER})
            assert (reply.status_code, reply.headers["access-control-allow-origin"]) == (200, "*")
            assert "access-control-allow-credentials" not in reply.headers
