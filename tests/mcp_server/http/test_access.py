"""Who may call: the gate before the app, called directly."""

import json
from collections.abc import Iterable
from typing import Any

import anyio
import pytest
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from memoryops.mcp_server.http.access import BODY_LIMIT, Access, Gate
from memoryops.stores.ports import MAX_TEXT_BYTES

TOKEN = "t" * 43
ACCESS = Access(TOKEN, frozenset({"memory.example.org", "proxy:8443"}), frozenset({"https://tools.example.org"}), 100)


class Answer:
    """What came back: *reached* tells whether the app behind the gate saw the request, *body* what it read."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.content = b""
        self.reached = False
        self.body = b""

    @property
    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/problem+json"
        document: dict[str, Any] = json.loads(self.content)
        assert document["status"] == self.status
        return document


def ask(
    method: str = "GET",
    path: str = "/mcp",
    chunks: Iterable[bytes | None] = (),
    access: Access = ACCESS,
    **headers: str | list[str] | None,
) -> Answer:
    """The gate's answer; *headers* without a value are left out. A chunk of None: the client is gone there."""
    given: dict[str, Any] = {"host": "localhost:8765", "authorization": f"Bearer {TOKEN}", **headers}
    answer = Answer()
    messages: list[Message] = []
    for chunk in chunks:
        gone: Message = {"type": "http.disconnect"}
        messages.append(gone if chunk is None else {"type": "http.request", "body": chunk, "more_body": True})
    if not messages or messages[-1]["type"] == "http.request":
        messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answer.reached = True
        more = True
        while more:
            message = await receive()
            answer.body += message.get("body", b"")
            more = message.get("more_body", False)
        await Response("reached")(scope, receive, send)

    async def receive() -> Message:
        if not messages:
            await anyio.sleep_forever()
        return messages.pop(0)

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        answer.content += message.get("body", b"")

    raw = [
        (name.replace("_", "-").encode(), value.encode("latin-1"))
        for name, values in given.items()
        for value in (values if isinstance(values, list) else [values])
        if value is not None
    ]
    scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "headers": raw}
    anyio.run(Gate(app, access), scope, receive, send)
    return answer


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:1", "LOCALHOST:8765", "127.0.0.1", "127.0.0.1:9000", "[::1]", "[::1]:8765",
     "memory.example.org", "memory.example.org:443", "Memory.Example.ORG", "proxy:8443"],
)  # fmt: skip
def test_own_names_are_answered(host: str) -> None:
    assert ask(host=host).reached


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "evil.example:8765", "127.0.0.1.nip.io", "user@localhost", "localhost/",
     "localhost:", "localhost:x", "localhost:80:80", " localhost", "", "::1", "[::1", "0.0.0.0", "proxy", "proxy:80",
     "127.0.0.2", "localhost, evil.example", "xmemory.example.org"],
)  # fmt: skip
def test_other_names_are_refused(host: str) -> None:
    answer = ask(host=host)
    assert answer.status == 421
    assert not answer.reached
    assert "--allow-host" in answer.problem["remedy"]


def test_a_request_has_one_host() -> None:
    assert ask(host=None).status == 421
    assert ask(host=["localhost", "evil.example"]).status == 421


@pytest.mark.parametrize(
    "origin",
    [None, "http://localhost", "http://localhost:6274", "https://127.0.0.1:8000", "http://[::1]:3000",
     "https://tools.example.org", "https://Tools.example.org"],
)  # fmt: skip
def test_own_origins_are_answered(origin: str | None) -> None:
    assert ask(origin=origin).reached


@pytest.mark.parametrize(
    "origin",
    ["null", "", "https://evil.example", "http://localhost.evil.example", "http://evil.example/http://localhost",
     "http://user@localhost", "file://localhost", "http://tools.example.org", "https://tools.example.org:8443",
     "https://tools.example.org.evil", "localhost", "http://localhost http://evil.example"],
)  # fmt: skip
def test_other_origins_are_refused(origin: str) -> None:
    answer = ask(origin=origin)
    assert answer.status == 403
    assert not answer.reached
    assert "--allow-origin" in answer.problem["remedy"]
    assert not any(name.startswith("access-control-") for name in answer.headers)


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN, "Bearer ütf",
     [f"Bearer {TOKEN}", f"Bearer {TOKEN}"]],
)  # fmt: skip
def test_without_the_token_nothing_is_reached(authorization: str | list[str] | None) -> None:
    answer = ask(authorization=authorization)
    assert answer.status == 401
    assert not answer.reached
    assert answer.headers["www-authenticate"].startswith('Bearer realm="memoryops"')
    assert TOKEN not in answer.content.decode()


def test_a_token_in_the_query_does_not_count() -> None:
    assert ask(path=f"/mcp?token={TOKEN}&access_token={TOKEN}", authorization=None).status == 401


@pytest.mark.parametrize(
    "path", ["/", "/mcp", "/sse", "/messages/", "/health/", "/healthx", "//health", "/nothing", "/v1/items"]
)
def test_every_path_but_a_few_wants_the_token(path: str) -> None:
    assert ask(path=path, authorization=None).status == 401
    assert ask(path=path).reached
    assert ask(path=path, authorization=f"bearer  {TOKEN}").reached


def test_health_wants_no_token_but_is_checked_like_the_rest() -> None:
    assert ask(path="/health", authorization=None).reached
    assert ask(path="/health", authorization=None, host="evil.example").status == 421
    assert ask(path="/health", authorization=None, origin="null").status == 403


def test_without_a_token_to_ask_for_the_other_checks_stay() -> None:
    open_to_all = Access(None)
    assert ask(authorization=None, access=open_to_all).reached
    assert ask(access=open_to_all, host="memory.example.org").status == 421
    assert ask(access=open_to_all, origin="https://tools.example.org").status == 403
    assert ask("POST", access=open_to_all, content_type="text/plain").status == 415


@pytest.mark.parametrize(
    "kind",
    [None, "", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json",
     "application/json, text/plain", "multipart/form-data; boundary=x"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_what_is_no_json_is_refused(method: str, kind: str | None) -> None:
    answer = ask(method, content_type=kind)
    assert answer.status == 415
    assert not answer.reached


def test_json_is_taken_uncompressed() -> None:
    assert ask("POST", content_type="application/json", chunks=[b"{}"]).body == b"{}"
    assert ask("POST", content_type="Application/JSON; charset=utf-8", content_encoding="identity").reached
    assert ask("POST", content_type="application/json", content_encoding="gzip").status == 415


class TestBody:
    def post(self, *chunks: bytes | None, length: str | None = None) -> Answer:
        return ask("POST", chunks=chunks, content_type="application/json", content_length=length)

    def test_the_whole_of_it_arrives(self) -> None:
        assert self.post(b"a" * 60, b"b" * 40).body == b"a" * 60 + b"b" * 40
        assert self.post().body == b""

    def test_too_large_by_its_own_word(self) -> None:
        answer = self.post(length="101")
        assert answer.status == 413
        assert not answer.reached
        assert "101 bytes" in answer.problem["detail"]
        assert "100 bytes" in answer.problem["detail"]

    def test_too_large_without_a_word(self) -> None:
        answer = self.post(b"a" * 60, b"b" * 41, b"never asked for" * 1000)
        assert answer.status == 413
        assert not answer.reached

    def test_one_that_breaks_off_is_answered_by_nobody(self) -> None:
        answer = self.post(b"{", None)
        assert not answer.reached
        assert answer.status == 0

    def test_one_that_stalls_is_given_up(self) -> None:
        received = iter([{"type": "http.request", "body": b"{", "more_body": True}])
        sent: list[Message] = []

        async def receive() -> Message:
            for message in received:
                return message
            await anyio.sleep_forever()
            raise AssertionError

        async def send(message: Message) -> None:
            sent.append(message)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            raise AssertionError("reached")

        headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": "/mcp", "headers": headers}
        anyio.run(Gate(app, Access(None, body_patience=0.01)), scope, receive, send)
        assert sent[0]["status"] == 408
        assert (b"connection", b"close") in sent[0]["headers"]

    def test_the_limit_holds_the_largest_text_in_the_longest_form(self) -> None:
        assert len(json.dumps("\x01" * 1000)) == 6002
        assert 6 * MAX_TEXT_BYTES + 1024 * 1024 < BODY_LIMIT


def test_a_websocket_is_closed() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("reached")

    async def receive() -> Message:
        raise AssertionError

    anyio.run(Gate(app, ACCESS), {"type": "websocket", "path": "/mcp", "headers": []}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]
