"""The log at its most talkative: a line of JSON for each request, with its id, and nothing of what was said."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.responses import Response

from memoryops.mcp_server.gateway.openapi import PATHS
from memoryops.mcp_server.rest.operation import Operation
from memoryops.mcp_server.rest.routes import OPERATIONS, OTHERS
from memoryops.stores.embedded.ending import stop_owner

from ..http.conftest import Served, serving
from .upstream import Seen, Upstream, completion

SECRET = "xylophone-7431"
ADMIN = "key-of-the-admin-7431"
CHAT = "/v1/chat/completions"
ANNOUNCED = 4
"""Lines that say where the server is, for people."""


@pytest.fixture(scope="module")
def talkative(upstream_server: Upstream) -> Iterator[Served]:
    folder = Path(tempfile.mkdtemp(prefix="mo-", dir="/tmp" if os.name == "posix" else None))
    settings = {
        "UPSTREAM_BASE": upstream_server.url,
        "UPSTREAM_API_KEY": f"sk-{SECRET}",
        "API_KEYS": f"admin={ADMIN}",
        "MEMORYOPS_LOG_LEVEL": "DEBUG",
        "MEMORYOPS_LOG_FORMAT": "json",
        "MEMORYOPS_GATEWAY_PATIENCE": "5",
    }
    try:
        with serving(folder, **settings) as server:
            yield server
    finally:
        stop_owner(folder)
        shutil.rmtree(folder, ignore_errors=True)


def with_secret(value: Any) -> Any:
    """*value* with the secret in each of its texts, but for names of models, which the log tells."""
    if isinstance(value, dict):
        return {name: each if name == "model" else with_secret(each) for name, each in value.items()}
    if isinstance(value, list):
        return [with_secret(each) for each in value]
    return f"{value} {SECRET}" if isinstance(value, str) else value


def requests(operation: Operation) -> Iterator[dict[str, Any]]:
    """What is sent to *operation*: as in its example, with the secret in it; what it refuses; what is no JSON."""
    path = operation.path.replace(":path}", "}")
    for name in operation.parameters:
        path = path.replace(f"{{{name}}}", "an-id")
    base = {"method": operation.method, "url": path}
    names = list(operation.query.model_fields) if operation.query is not None else []
    yield {**base, "params": dict.fromkeys(names, SECRET), "json": {SECRET: SECRET}}
    if operation.body is not None:
        yield {**base, "json": dict(operation.example or {})}
        yield {**base, "json": with_secret(dict(operation.example or {})), "headers": {"Idempotency-Key": SECRET}}
        yield {**base, "content": f'{{"{SECRET}'.encode(), "headers": {"Content-Type": "application/json"}}
    else:
        yield {**base, "params": {"q": SECRET, "query": SECRET}}


def to_the_gateway() -> Iterator[dict[str, Any]]:
    chat = {"model": "gpt-4o-mini", "user": SECRET, "messages": [{"role": "user", "content": f"It is {SECRET}"}]}
    for more in ({}, {"stream": True}, {"messages": SECRET}, {"messages": [{SECRET: 1}]}, {"model": 7, "x": SECRET}):
        yield {"method": "POST", "url": CHAT, "json": {**chat, **more}, "headers": {"x-thread-id": SECRET}}
    for given in (f"a text with {SECRET}", [[SECRET]], {SECRET: 1}):
        yield {"method": "POST", "url": "/v1/embeddings", "json": {"input": given, "user": SECRET}}
    yield {"method": "POST", "url": CHAT, "content": SECRET.encode(), "headers": {"Content-Type": "application/json"}}
    yield {"method": "GET", "url": "/v1/usage", "params": {"by": SECRET, "since": SECRET}}
    yield {"method": "GET", "url": "/v1/models", "headers": {"Origin": f"https://{SECRET}.example"}}
    yield {"method": "GET", "url": "/v1/models", "headers": {"X-API-Key": SECRET}}


def lines_of(served: Served) -> list[dict[str, Any]]:
    return [json.loads(line) for line in served.said.splitlines() if line.startswith("{")]


def test_nothing_that_was_said_is_in_it(talkative: Served, upstream: Upstream) -> None:
    def script(seen: Seen) -> Any:
        if len(upstream.seen) % 3 == 2:
            return Response(f'{{"error": "{SECRET}"}}', 500)
        return Upstream.streamed([SECRET] * 3) if seen.json.get("stream") else completion(SECRET)

    upstream.script = script
    sent = [each for operation in OPERATIONS + OTHERS for each in requests(operation)] + list(to_the_gateway())
    statuses: list[int] = []
    ids: set[str] = set()
    with httpx2.Client(base_url=talkative.base, timeout=60) as http:
        for each in sent:
            headers = {"X-API-Key": ADMIN, **each.pop("headers", {})}
            reply = http.request(**each, headers=headers)
            statuses.append(reply.status_code)
            ids.add(reply.headers["x-request-id"])
    assert {200, 201, 400, 401, 403, 404, 422} <= set(statuses)
    time.sleep(1.5)  # what happens after the replies, and the ledger
    log = talkative.said + (talkative.folder / "owner.log").read_text(encoding="utf-8")
    for word in (SECRET, ADMIN, talkative.token):
        assert word not in log, [line for line in log.splitlines() if word in line][:3]
    assert len([line for line in talkative.said.splitlines() if not line.startswith("{")]) == ANNOUNCED
    lines = [line for line in lines_of(talkative) if line["message"] == "request"]
    assert ids <= {line["request"] for line in lines}
    assert all({"timestamp", "level", "logger", "method", "path", "status"} <= line.keys() for line in lines)
    told = [line for line in lines_of(talkative) if line["message"] == "chat_completion_request"]
    assert told
    for line in told:
        assert {"timestamp", "level", "logger", "message", "model", "tokens", "duration_ms", "request"} <= line.keys()
        assert line["request"] in ids


def test_every_path_was_asked() -> None:
    asked = {each["url"] for each in to_the_gateway()}
    assert {path for path in PATHS if "{" not in path} <= asked
