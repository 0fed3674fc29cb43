"""What passes through the gateway, and what does not: bytes, headers, errors, streams."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import time
from typing import Any

import httpx2
import pytest
from starlette.responses import Response

from ..http.conftest import Served
from .upstream import CutOff, Seen, Upstream, completion

ODD = (
    b'{ "model" : "gpt-4o-mini","temperature":1.0, "seed":1e2,"messages":[ {"role":"user","content":'
    b'"caf\\u00e9 \\ud83d\\ude00 \xc3\xa9"} ],\n "vendor_field": {"b":1,"a":[null,true,-0.0]} }'
)
CHAT = "/v1/chat/completions"


def chat(**more: Any) -> dict[str, Any]:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}], **more}


def test_an_untouched_request_and_its_reply_pass_byte_for_byte(gateway: Served, upstream: Upstream) -> None:
    said = b'{"id" : "1",  "choices":[],"odd":1.50,"t":"\\u00e9"}\n'
    upstream.script = lambda seen: Response(said, 201, {"x-provider": "a"}, "application/json; charset=utf-8")
    with gateway.http() as http:
        reply = http.post(CHAT, content=ODD, headers={"content-type": "application/json"})
    assert upstream.seen[0].raw == ODD
    assert (reply.status_code, reply.content) == (201, said)
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    assert reply.headers["x-provider"] == "a"
    assert reply.headers["content-length"] == str(len(said))


def test_the_reply_says_what_the_request_took(gateway: Served) -> None:
    with gateway.http() as http:
        headers = http.post(CHAT, json=chat()).headers
    before = int(headers["x-tokens-before"])
    assert before > 0
    assert headers["x-tokens-after"] == headers["x-tokens-before"]
    assert headers["x-tokens-saved"] == "0"
    assert headers["x-compression-ratio"] == "1"
    assert headers["x-compressor"] == "none"
    assert headers["x-memory-items"] == "0"
    assert headers["x-memory-status"] == "skipped"
    assert float(headers["x-cost-usd"]) == pytest.approx((11 * 0.00015 + 7 * 0.0006) / 1000)


def test_a_stream_passes_byte_for_byte_with_the_same_headers(gateway: Served, upstream: Upstream) -> None:
    with gateway.http() as http, http.stream("POST", CHAT, json=chat(stream=True)) as reply:
        assert reply.headers["content-type"].startswith("text/event-stream")
        assert reply.headers["x-memory-status"] == "skipped"
        assert int(reply.headers["x-tokens-before"]) > 0
        received = b"".join(reply.iter_raw())
    with httpx2.Client() as direct:
        sent = direct.post(f"{upstream.url}/chat/completions", json=chat(stream=True)).content
    assert received == sent


@pytest.mark.parametrize("media_type", ["text/event-stream", "application/x-ndjson", ""])
def test_chunks_come_when_they_come(gateway: Served, upstream: Upstream, media_type: str) -> None:
    def script(seen: Seen) -> Response:
        reply = Upstream.streamed(["a", "b", "c", "d"], 0.15)
        reply.headers["content-type"] = media_type
        return reply

    upstream.script = script
    with gateway.http() as http, http.stream("POST", CHAT, json=chat(stream=True)) as reply:
        times = [time.perf_counter() for _ in reply.iter_raw()]
    assert len(times) >= 5
    assert times[4] - times[0] > 0.4


def test_a_client_that_leaves_ends_the_upstreams_work(gateway: Served, upstream: Upstream) -> None:
    upstream.script = lambda seen: upstream.endless()
    with gateway.http() as http, http.stream("POST", CHAT, json=chat(stream=True)) as reply:
        next(reply.iter_raw())
    assert upstream.left.wait(5)


def test_a_client_that_leaves_before_the_answer_leaves_a_gateway_that_serves_on(
    gateway: Served, upstream: Upstream
) -> None:
    async def slow() -> Any:
        await asyncio.sleep(5)
        return completion("late")

    upstream.script = lambda seen: slow()
    body = json.dumps(chat()).encode()
    fields = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": len(body), **gateway.headers}
    head = "".join([f"POST {CHAT} HTTP/1.1\r\n", *(f"{name}: {value}\r\n" for name, value in fields.items()), "\r\n"])
    with socket.create_connection(("127.0.0.1", gateway.port)) as connection:
        connection.sendall(head.encode() + body)
        deadline = time.monotonic() + 5
        while not upstream.seen and time.monotonic() < deadline:
            time.sleep(0.01)
    upstream.script = Upstream.obedient
    with gateway.http() as http:  # the gateway serves on
        assert http.post(CHAT, json=chat()).status_code == 200


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
def test_an_upstreams_error_comes_through(gateway: Served, upstream: Upstream, status: int) -> None:
    said = {"error": {"message": "no", "type": "t", "param": None, "code": "c", "more": 1}}
    upstream.script = lambda seen: Response(json.dumps(said), status, {"retry-after": "7"}, "application/json")
    with gateway.http() as http:
        reply = http.post(CHAT, json=chat())
    assert (reply.status_code, reply.json()) == (status, said)
    assert reply.headers["retry-after"] == "7"
    assert reply.headers["x-memory-status"] == "skipped"


@pytest.mark.parametrize("stream", [False, True])
def test_what_breaks_off_breaks_off_for_the_client_too(gateway: Served, upstream: Upstream, stream: bool) -> None:
    upstream.script = lambda seen: CutOff(b'{"half": ')
    with gateway.http() as http, pytest.raises(httpx2.RemoteProtocolError):
        http.post(CHAT, json=chat(stream=stream))
    upstream.script = Upstream.obedient
    with gateway.http() as http:
        assert http.post(CHAT, json=chat()).status_code == 200


def test_a_compressed_reply_passes_compressed(gateway: Served, upstream: Upstream) -> None:
    packed = gzip.compress(json.dumps(completion("packed")).encode())
    upstream.script = lambda seen: Response(packed, 200, {"content-encoding": "gzip"}, "application/json")
    headers = {"accept-encoding": "br, gzip;q=0.9, zstd"}
    with gateway.http() as http, http.stream("POST", CHAT, json=chat(), headers=headers) as reply:
        assert b"".join(reply.iter_raw()) == packed
    assert upstream.seen[0].headers["accept-encoding"] == "gzip"
    assert float(reply.headers["x-cost-usd"]) == pytest.approx((11 * 0.00015 + 7 * 0.0006) / 1000)


def test_headers_of_one_hop_and_secrets_stay_here(gateway: Served, upstream: Upstream) -> None:
    given = {
        "connection": "x-private, keep-alive", "x-private": "1", "cookie": "a=b", "x-api-key": gateway.token,
        "x-forwarded-for": "10.0.0.1", "te": "trailers", "openai-organization": "org-1", "openai-beta": "assistants=v2",
        "user-agent": "app/1", "x-memory": "off", "authorization": "Bearer sk-mine",
    }  # fmt: skip
    upstream.script = lambda seen: Response(
        json.dumps(completion("x")),
        headers={"set-cookie": "u=1", "access-control-allow-origin": "*", "alt-svc": "h3", "x-memory-status": "forged",
                 "openai-processing-ms": "5", "connection": "x-hop", "x-hop": "1"},
    )  # fmt: skip
    with gateway.http() as http:
        reply = http.post(CHAT, json=chat(), headers=given)
    sent = upstream.seen[0].headers
    assert sent["authorization"] == "Bearer sk-mine"
    assert gateway.token not in str(sent)
    assert not {"x-private", "cookie", "x-api-key", "x-forwarded-for", "te", "x-memory"} & sent.keys()
    assert (sent["openai-organization"], sent["openai-beta"], sent["user-agent"]) == ("org-1", "assistants=v2", "app/1")
    assert sent["accept-encoding"]
    assert not {"set-cookie", "access-control-allow-origin", "alt-svc", "x-hop"} & reply.headers.keys()
    assert reply.headers["x-memory-status"] == "skipped"
    assert reply.headers["openai-processing-ms"] == "5"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"[]", "no JSON object"), (b"{", "no JSON"), (b"\xff", "no JSON"), (b"", "no JSON"),
        (b'{"model": "a", "model": "b"}', "twice"), (b'{"model": 7}', "give a name"), (b"{} {}", "more behind"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "deeply"),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused_as_openai_would(gateway: Served, body: bytes, said: str) -> None:
    with gateway.http() as http:
        reply = http.post(CHAT, content=body, headers={"content-type": "application/json"})
    assert reply.status_code == 400
    error = reply.json()["error"]
    assert said in error["message"]
    assert error["type"] == "invalid_request_error"


def test_a_request_that_comes_back_is_refused(gateway: Served, upstream: Upstream) -> None:
    with gateway.http() as http:
        http.post(CHAT, json=chat())
        via = upstream.seen[0].headers["x-memoryops-via"]
        reply = http.post(CHAT, json=chat(), headers={"x-memoryops-via": f"other,{via}"})
    assert reply.status_code == 508
    assert reply.json()["error"]["code"] == "loop_detected"


def test_many_fields_and_large_bodies_pass(gateway: Served, upstream: Upstream) -> None:
    body = chat(messages=[{"role": "user", "content": "word " * 200_000}], logit_bias={str(n): 1 for n in range(5000)})
    with gateway.http() as http:
        assert http.post(CHAT, json=body).status_code == 200
    assert upstream.seen[0].json == body
