"""What is refused before the gateway sees it: in OpenAI's shape below its paths, as problems elsewhere, and as the real
client raises it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from memoryops.mcp_server.http.access import BODY_LIMIT
from memoryops.stores.embedded.ending import stop_owner

from ..http.conftest import Served, serving
from .upstream import Upstream

CHAT = "/v1/chat/completions"
GATEWAY = (CHAT, "/v1/embeddings", "/v1/models/gpt-4o")
REST = ("/v1/items", "/v1/search", "/v1/usage", "/mcp")
BODY: dict[str, Any] = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture(scope="module")
def limited(upstream_server: Upstream) -> Iterator[Served]:
    """A gateway on which the key `spent` may ask twice an hour."""
    folder = Path(tempfile.mkdtemp(prefix="mo-", dir="/tmp" if os.name == "posix" else None))
    settings = {"UPSTREAM_BASE": upstream_server.url, "RATE_LIMIT_REQUESTS": "2", "RATE_LIMIT_WINDOW": "3600"}
    try:
        with serving(folder, API_KEYS="spent,spent-too", **settings) as server:
            yield server
    finally:
        stop_owner(folder)
        shutil.rmtree(folder, ignore_errors=True)


def is_openais(reply: httpx2.Response) -> bool:
    """Whether *reply* is an error in OpenAI's shape; otherwise it is a problem document."""
    if reply.headers["content-type"] == "application/json":
        error = reply.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["message"]
        return True
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["status"] == reply.status_code
    return False


@pytest.mark.parametrize("path", [*GATEWAY, *REST])
def test_each_path_has_its_own_shape(gateway: Served, path: str) -> None:
    method = "GET" if "models" in path or "usage" in path else "POST"
    with httpx2.Client(base_url=gateway.base, timeout=60) as stranger:
        without_key = stranger.request(method, path)
        of_a_page = stranger.request(method, path, headers={"Origin": "https://evil.example"})
    assert (without_key.status_code, of_a_page.status_code) == (401, 403)
    for reply in (without_key, of_a_page):
        assert is_openais(reply) == (path in GATEWAY)
        assert reply.headers["x-request-id"]
    if path in GATEWAY:
        types = [reply.json()["error"]["type"] for reply in (without_key, of_a_page)]
        assert types == ["authentication_error", "permission_error"]


@pytest.mark.parametrize(("path", "openais"), [(CHAT, True), ("/v1/items", False)])
def test_a_body_that_is_too_large(gateway: Served, path: str, openais: bool) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)
    connection.putrequest("POST", path)
    fields = {"Content-Type": "application/json", "Content-Length": str(BODY_LIMIT + 1), **gateway.headers}
    for name, value in fields.items():
        connection.putheader(name, value)
    connection.endheaders()
    reply = connection.getresponse()
    document = json.loads(reply.read())
    connection.close()
    assert reply.status == 413
    if openais:
        assert document["error"]["type"] == "invalid_request_error"
        assert "bytes" in document["error"]["message"]
    else:
        assert "bytes" in document["detail"]


def test_over_a_limit(limited: Served) -> None:
    with httpx2.Client(base_url=limited.base, timeout=60, headers={"X-API-Key": "spent"}) as http:
        assert [http.post(CHAT, json=BODY).status_code for _ in range(2)] == [200, 200]
        for path in (CHAT, "/v1/items"):
            refused = http.post(path, json=BODY)
            assert refused.status_code == 429
            assert 1 <= int(refused.headers["retry-after"]) <= 3600
            assert is_openais(refused) == (path == CHAT)
        assert http.post(CHAT, json=BODY).json()["error"]["type"] == "rate_limit_error"


def test_openais_client_raises_its_own_errors(limited: Served) -> None:
    def client(key: str) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{limited.base}/v1", api_key=key, max_retries=0)

    with pytest.raises(openai.AuthenticationError, match="key"):
        client("none-of-ours").chat.completions.create(**BODY)
    with pytest.raises(openai.AuthenticationError):
        client("none-of-ours").embeddings.create(model="m", input="a")
    chats = client("spent-too").chat.completions
    for _ in range(2):
        chats.create(**BODY)
    with pytest.raises(openai.RateLimitError, match="2 requests of 3,600 seconds") as caught:
        chats.create(**BODY)
    assert int(caught.value.response.headers["retry-after"]) > 0
    assert caught.value.type == "rate_limit_error"
    with pytest.raises(openai.RateLimitError):
        chats.create(**BODY, stream=True)
