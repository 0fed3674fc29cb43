"""The gateway in the OpenAPI document and on the page: what is there, and that it is so."""

from __future__ import annotations

from typing import Any

import httpx2
import jsonschema_rs
import pytest
from starlette.routing import Route

from memoryops.mcp_server.gateway.account import Shown, headers
from memoryops.mcp_server.gateway.app import Gateway
from memoryops.mcp_server.gateway.openapi import HEADERS, PATHS
from memoryops.mcp_server.gateway.usage import PARAMETERS
from memoryops.mcp_server.http.metrics import Metrics
from memoryops.mcp_server.runtime import Runtime
from memoryops.memory.service import MemoryOps
from memoryops.memory.settings import Settings

from ..http.conftest import Served
from .upstream import Upstream


@pytest.fixture(scope="module")
def document(gateway_server: Served) -> Any:
    return httpx2.get(f"{gateway_server.base}/openapi.json", timeout=60).json()


def test_every_route_is_described_and_nothing_else(ops: MemoryOps) -> None:
    routes = [each for each in Gateway(Settings(), Runtime(lambda: ops), Metrics()).routes if isinstance(each, Route)]
    there = {
        (each.path.replace(":path}", "}"), each.methods & {"GET", "POST"} == {"POST"})
        for each in routes
        if each.methods
    }
    assert there == {(path, "post" in entries) for path, entries in PATHS.items()}


def test_the_servers_document_holds_it_beside_rest(document: Any) -> None:
    assert PATHS.keys() | {"/v1/items", "/v1/search"} <= document["paths"].keys()
    names = [entry["operationId"] for path in document["paths"].values() for entry in path.values()]
    assert len(names) == len(set(names))
    for reference in _references(document):
        target = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [each for part in value.values() for each in _references(part)]
    return [each for part in value for each in _references(part)] if isinstance(value, list) else []


@pytest.mark.parametrize("path", [path for path in PATHS if "{" not in path])
def test_the_examples_are_taken_and_the_answers_are_as_described(
    gateway: Served, upstream: Upstream, document: Any, path: str
) -> None:
    ((method, entry),) = document["paths"][path].items()
    if path == "/v1/models":
        upstream.script = lambda seen: {"object": "list", "data": [{"id": "m", "object": "model"}]}
    example = entry["requestBody"]["content"]["application/json"]["example"] if "requestBody" in entry else None
    with gateway.http() as http:
        reply = http.request(method.upper(), path, json=example)
        assert reply.status_code == 200, reply.text
        refused = http.request("POST" if method == "post" else "GET", f"{path}?limit=x&lines=1", content=b"[]",
                               headers={"content-type": "application/json"})  # fmt: skip
    schema = entry["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema_rs.validate({**schema, "components": document["components"]}, reply.json())
    if path != "/v1/models":
        _, _, name = entry["responses"]["400"]["$ref"].rpartition("/")
        (content,) = document["components"]["responses"][name]["content"].values()
        assert refused.status_code == 400
        jsonschema_rs.validate({**content["schema"], "components": document["components"]}, refused.json())


def test_headers_and_parameters_are_those_of_the_code() -> None:
    assert {name.decode() for name, _ in headers(Shown(1, 1, reason="x"), None)} == HEADERS.keys()
    assert {each["name"] for each in PATHS["/v1/usage"]["get"]["parameters"]} == PARAMETERS


def test_the_page_shows_it(gateway: Served) -> None:
    page = httpx2.get(f"{gateway.base}/docs", timeout=60).text
    for path in ("/v1/chat/completions", "/v1/embeddings", "/v1/models/{model}", "/v1/usage", "/v1/items"):
        assert f"<code>{path}</code>" in page
    assert "Where do I live?" in page
