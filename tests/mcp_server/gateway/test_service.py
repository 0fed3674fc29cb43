"""What is around the chat: models, embeddings, the ledger, health, figures, ids, and errors in OpenAI's shape."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from starlette.responses import Response

from ..http.conftest import Served, serving
from .upstream import Upstream, completion

CHAT = "/v1/chat/completions"
BODY: dict[str, Any] = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
def client(gateway: Served) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.base}/v1", api_key=gateway.token, max_retries=0)


def until(held: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not held() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert held()


def test_models_are_the_upstreams_and_our_own(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.script = lambda seen: {
        "object": "list",
        "data": [{"id": "gpt-4o", "object": "model", "created": 1, "owned_by": "o"}],
    }
    assert [model.id for model in client.models.list()] == ["gpt-4o", "hashing:64"]
    upstream.script = lambda seen: Response(b"no", 500)
    listed = client.models.with_raw_response.list()
    assert "500" in json.loads(listed.text)["unreachable"]["default"]


def test_one_model_is_asked_for_by_a_name_with_slashes(gateway: Served, upstream: Upstream) -> None:
    upstream.script = lambda seen: {"id": "openai/gpt-4", "object": "model"}
    with gateway.http() as http:
        assert http.get("/v1/models/openai/gpt-4").json()["id"] == "openai/gpt-4"
        assert upstream.seen[-1].path == "/v1/models/openai/gpt-4"
        assert http.get("/v1/models/hashing:64").json()["owned_by"] == "memoryops"
        asked = len(upstream.seen)
        assert http.get("/v1/models/a%2F..%2F..%2Fsecret").status_code == 400
        assert len(upstream.seen) == asked


def test_embeddings_are_our_own_by_default_and_the_upstreams_by_name(client: openai.OpenAI, upstream: Upstream) -> None:
    own = client.embeddings.create(model="hashing:64", input=["one", "two"])
    assert [len(each.embedding) for each in own.data] == [64, 64]
    assert own.usage.prompt_tokens > 0
    assert not upstream.seen
    upstream.script = lambda seen: {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        "model": "m",
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
    }
    client.embeddings.create(model="openai/text-embedding-3-large", input="This is a test sentence for embeddings")
    assert upstream.seen[-1].json["model"] == "openai/text-embedding-3-large"


def test_embeddings_are_in_the_ledger_and_count_against_limits(folder: Path, upstream: Upstream) -> None:
    told: dict[str, Any] = {
        "object": "list",
        "data": [],
        "model": "m",
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    }
    upstream.script = lambda seen: told
    with serving(folder, UPSTREAM_BASE=upstream.url, MEMORYOPS_RATE_LIMIT_TPM="30") as server, server.http() as http:

        def embed(model: str) -> int:
            return http.post("/v1/embeddings", json={"model": model, "input": ["one two", "three"]}).status_code

        def used(model: str) -> tuple[Any, ...]:
            found = [each for each in http.get("/v1/usage").json()["usage"] if each["group"] == model]
            return tuple(found[0][name] for name in ("requests", "tokens_in")) if found else ()

        assert embed("hashing:64") == 200
        until(lambda: used("hashing:64") == (1, 3))
        assert embed("m") == 200
        until(lambda: used("m") == (1, 7))
        told.pop("usage")
        assert embed("n") == 200
        until(lambda: used("n") == (1, 3))
        until(lambda: embed("m") == 429)


@pytest.mark.parametrize(
    "body",
    [{"input": []}, {"input": [[1, 2]]}, {"input": 7}, {"input": "a", "dimensions": 3},
     {"input": "a", "encoding_format": "x"}],
)  # fmt: skip
def test_what_cannot_be_embedded_is_refused(gateway: Served, body: Any) -> None:
    with gateway.http() as http:
        reply = http.post("/v1/embeddings", json=body)
    assert reply.status_code == 400
    assert reply.json()["error"]["message"]


def test_the_ledger_has_a_line_for_each_request(gateway: Served) -> None:
    with gateway.http() as http:
        for _ in range(3):
            http.post(CHAT, json={**BODY, "model": "gpt-4o"})

        def sums() -> Any:
            return {each["group"]: each for each in http.get("/v1/usage").json()["usage"]}

        until(lambda: sums().get("gpt-4o", {}).get("requests") == 3)
        assert sums()["gpt-4o"]["tokens_in"] == 33
        assert sums()["gpt-4o"]["cost_usd"] == pytest.approx(3 * (11 * 0.0025 + 7 * 0.01) / 1000)
        page = http.get("/v1/usage", params={"lines": "true", "model": "gpt-4o", "limit": 2}).json()
        assert len(page["lines"]) == 2
        rest = http.get("/v1/usage", params={"lines": "true", "model": "gpt-4o", "cursor": page["next_cursor"]}).json()
        assert len(rest["lines"]) == 1
        table = http.get("/v1/usage", params={"lines": "true", "model": "gpt-4o", "format": "csv"})
        rows = list(csv.DictReader(io.StringIO(table.text)))
        assert [row["status"] for row in rows] == ["200"] * 3
        assert http.get("/v1/usage", params={"by": "day,model"}).json()["usage"]
        for wrong in (
            {"by": "colour"},
            {"format": "xml"},
            {"since": "yesterday"},
            {"limit": "x", "lines": "1"},
            {"a": "b"},
        ):
            refused = http.get("/v1/usage", params=wrong)
            assert (refused.status_code, refused.json()["kind"]) == (400, "invalid")


def test_health_needs_no_key_and_readiness_tries_a_write_and_a_search(gateway: Served) -> None:
    with httpx2.Client(base_url=gateway.base, timeout=60) as anybody:
        for path in ("/health", "/healthz", "/v1/admin/health"):
            assert anybody.get(path).json() == {"status": "ok"}
        for path in ("/readyz", "/health/detailed", "/v1/admin/readiness"):
            said = anybody.get(path).json()
            assert said["status"] == "ready", said
            assert set(said["checks"]) == {"write", "search"}
        assert anybody.get("/metrics").status_code == 401
        assert anybody.get("/v1/usage").status_code == 401


def test_metrics_count_what_happens(gateway: Served) -> None:
    with gateway.http() as http:
        http.post(CHAT, json=BODY)
        http.get("/nothing/here/at/all")

        def page() -> str:
            return http.get("/metrics").text

        until(lambda: 'memoryops_gateway_tokens_total{direction="in"}' in page())
        for series in (
            'memoryops_http_requests_total{method="POST",route="/v1/chat/completions",status="200"}',
            'memoryops_http_request_seconds_bucket{le="0.5",method="POST",route="/v1/chat/completions"}',
            'memoryops_gateway_requests_total{status="200",upstream="default"}',
            "memoryops_rate_limit_hits_total",
            "memoryops_messages_ingested_total",
            "memoryops_search_seconds_count",
            "memoryops_store_pending_embeddings",
            "process_resident_memory_bytes",
        ):
            assert series in page(), series
        assert "nothing/here" not in page()


def test_refusals_before_the_route_have_openais_shape_too(gateway: Served) -> None:
    with httpx2.Client(base_url=gateway.base, timeout=60) as anybody:
        refused = anybody.post(CHAT, json=BODY)
        assert refused.status_code == 401
        assert refused.json()["error"]["type"] == "authentication_error"
        assert refused.headers["www-authenticate"].startswith("Bearer")
        elsewhere = anybody.post("/mcp", json={})
        assert elsewhere.headers["content-type"] == "application/problem+json"
    with gateway.http() as http:
        assert http.get(CHAT).json()["error"]["message"]
        assert http.post(CHAT, content=b"{}", headers={"content-type": "text/plain"}).json()["error"]["message"]
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=f"{gateway.base}/v1", api_key="wrong", max_retries=0).models.list()


def test_a_request_has_an_id_that_no_stranger_forges_headers_with(gateway: Served) -> None:
    with gateway.http() as http:
        assert http.get("/healthz", headers={"x-request-id": "mine-1"}).headers["x-request-id"] == "mine-1"
        made = http.get("/healthz", headers={"x-request-id": "a b; c"}).headers["x-request-id"]
        assert len(made) == 32


def test_without_an_upstream_it_says_so_and_embeds_on(folder: Path) -> None:
    with serving(folder, MEMORYOPS_LOG_LEVEL="INFO", MEMORYOPS_LOG_FORMAT="json") as server, server.http() as http:
        reply = http.post(CHAT, json=BODY)
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "no_upstream")
        assert "MEMORYOPS_UPSTREAM_BASE" in reply.json()["error"]["message"]
        assert [each["id"] for each in http.get("/v1/models").json()["data"]] == ["hashing:64"]
        assert len(http.post("/v1/embeddings", json={"input": "a"}).json()["data"][0]["embedding"]) == 64
        assert (
            http.post("/v1/embeddings", json={"input": "a", "model": "x"}).json()["error"]["code"] == "model_not_found"
        )
        lines = [json.loads(line) for line in server.said.splitlines() if line.startswith("{")]
        asked = [line for line in lines if line.get("path") == CHAT]
        assert asked[0]["status"] == 503
        assert asked[0]["request"] == reply.headers["x-request-id"]
        assert "Hello" not in server.said


def test_several_upstreams_and_the_callers_own_key(folder: Path, upstream: Upstream, tmp_path: Path) -> None:
    other = upstream.url.replace("/v1", "/b/v1")
    entries = [
        {"name": "one", "base": upstream.url, "api_key": "k1"},
        {"name": "two", "base": other, "api_key": "k2", "forward_auth": False},
        {"name": "dead", "base": "http://127.0.0.1:9/v1"},
    ]
    path = tmp_path / "upstreams.json"
    path.write_text(json.dumps({"upstreams": entries, "default_model": "two/m"}), encoding="utf-8")
    settings = {"MEMORYOPS_UPSTREAMS_FILE": str(path)}
    with serving(folder, "--no-auth", **settings) as server, server.http() as http:
        http.post(CHAT, json={**BODY, "model": "two/gpt-x"})
        assert upstream.seen[-1].path == "/b/v1/chat/completions"
        assert upstream.seen[-1].json == {**BODY, "model": "gpt-x"}
        assert upstream.seen[-1].headers["authorization"] == "Bearer k2"
        http.post(CHAT, json={"messages": BODY["messages"]})
        assert upstream.seen[-1].json["model"] == "m"
        http.post(CHAT, json=BODY, headers={"authorization": "Bearer sk-mine"})
        assert (upstream.seen[-1].path, upstream.seen[-1].headers["authorization"]) == (
            "/v1/chat/completions",
            "Bearer sk-mine",
        )
        http.post(CHAT, json={**BODY, "model": "two/x"}, headers={"authorization": "Bearer sk-mine"})
        assert upstream.seen[-1].headers["authorization"] == "Bearer k2"
        reply = http.post(CHAT, json={**BODY, "model": "dead/x"})
        assert (reply.status_code, reply.json()["error"]["code"]) == (502, "upstream_unreachable")
        assert reply.headers["x-memory-status"] == "skipped"
        until(lambda: http.get("/readyz").status_code == 200)  # an owner that is just starting outlives the test


def test_no_secret_of_ours_is_handed_on(folder: Path, upstream: Upstream) -> None:
    """Not as a second key beside the first, and not where none is asked for."""
    settings = {"UPSTREAM_BASE": upstream.url, "UPSTREAM_API_KEY": "sk-up", "MEMORYOPS_API_KEYS": "my-key,admin=boss"}

    def asked(base: str, **headers: str) -> str:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        assert httpx2.post(f"{base}{CHAT}", json=BODY, headers=given, timeout=60).status_code == 200
        return upstream.seen[-1].headers["authorization"]

    with serving(folder, **settings) as server:
        for secret in (server.token, "boss"):
            for shown in (f"Bearer {secret}", f"Basic {secret}", secret):
                assert asked(server.base, x_api_key="my-key", authorization=shown) == "Bearer sk-up"
        assert asked(server.base, x_api_key="my-key", authorization="Bearer sk-mine") == "Bearer sk-mine"
        token = server.token
    with serving(folder, "--no-auth", **settings) as server:
        assert asked(server.base, authorization=f"Bearer {token}") == "Bearer sk-up"
        assert asked(server.base, authorization="Bearer sk-mine") == "Bearer sk-mine"


def test_a_list_of_models_shows_no_upstream_the_key_for_another(
    folder: Path, upstream: Upstream, tmp_path: Path
) -> None:
    path = tmp_path / "upstreams.json"
    entries = [{"name": "one", "base": upstream.url}, {"name": "two", "base": upstream.url, "api_key": "k2"}]
    path.write_text(json.dumps({"upstreams": entries}), encoding="utf-8")
    upstream.script = lambda seen: {"object": "list", "data": []}
    with serving(folder, "--no-auth", MEMORYOPS_UPSTREAMS_FILE=str(path)) as server, server.http() as http:
        http.get("/v1/models", headers={"authorization": "Bearer sk-mine"})
        assert {each.headers.get("authorization") for each in upstream.seen} == {None, "Bearer k2"}
        http.get("/v1/models/one/m", headers={"authorization": "Bearer sk-mine"})
        assert upstream.seen[-1].headers["authorization"] == "Bearer sk-mine"


@pytest.mark.parametrize(
    "more",
    [{"model": "two\r\nlines"}, {"model": "m" * 1000}, {"model": " "}, {"messages": [None]},
     {"messages": [{"role": "user", "content": "one"}, 7]}, {"messages": [["role"]]}],
)  # fmt: skip
def test_what_only_an_upstream_may_understand_passes(gateway: Served, upstream: Upstream, more: Any) -> None:
    upstream.script = lambda seen: completion("understood")
    body = json.dumps({**BODY, "user": f"odd {hash(str(more))}", **more}).encode()
    said = len(gateway.said)
    with gateway.http() as http:
        reply = http.post(CHAT, content=body, headers={"content-type": "application/json"})
    assert (reply.status_code, upstream.seen[-1].raw) == (200, body)
    assert reply.headers.get("x-memory-reason") == ("unreadable" if "messages" in more else None)
    assert "a defect of ours" not in gateway.said[said:]


def test_a_completions_tokens_count_against_its_callers_limit(folder: Path, upstream: Upstream) -> None:
    with serving(folder, UPSTREAM_BASE=upstream.url, MEMORYOPS_RATE_LIMIT_TPM="10") as server, server.http() as http:
        assert http.post(CHAT, json=BODY).status_code == 200
        until(lambda: http.post(CHAT, json=BODY).status_code == 429)
        refused = http.post(CHAT, json=BODY)
        assert refused.json()["error"]["type"] == "rate_limit_error"
        assert int(refused.headers["retry-after"]) > 0
        assert len(upstream.seen) < 100
