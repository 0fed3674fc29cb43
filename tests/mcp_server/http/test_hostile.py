"""A real server and clients that mean it no good, or vanish: it stays whole, and its log holds no stack trace."""

import json
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import anyio
import pytest

Served = Any
Serve = Callable[..., Any]

JSON = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
MODERN = {**JSON, "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"}


@pytest.fixture(autouse=True)
def _still_whole(served: Served) -> Iterator[None]:
    """After each test a client is served, and nothing was told to the log that a person would have to look at."""
    yield

    async def talk() -> None:
        for transport, mode in (("http", "auto"), ("http", "legacy"), ("sse", "legacy")):
            async with served.client(transport, mode) as client:
                assert not (await client.call_tool("memory_add", {"content": "still here"})).is_error

    anyio.run(talk)
    assert served.process.poll() is None
    assert "Traceback" not in served.said
    assert "File " not in served.said
    assert " ERROR " not in served.said


def connect(served: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", served.port), timeout=60)


def reset(connection: socket.socket) -> None:
    """Close so that the other side sees a reset instead of an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def head(served: Served, first: str, **headers: str) -> bytes:
    given = {"Host": "localhost", **served.headers, **headers}
    lines = [first, *(f"{name.replace('_', '-')}: {value}" for name, value in given.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def initialize() -> dict[str, Any]:
    info = {"name": "test", "version": "1"}
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info}
    return {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}


def modern_call(tool: str, **arguments: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """Headers and body of a call by itself, as the protocol has it since 2026."""
    about = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": tool, "arguments": arguments, "_meta": about}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return {**MODERN, "Mcp-Method": "tools/call", "Mcp-Name": tool}, body


GARBAGE = [
    b"", b"{", b"null", b"[]", b"42", b'"text"', b"\xff\xfe", b"{}", b'{"jsonrpc": "2.0"}', b"[" * 100_000,
    b'{"jsonrpc": "2.0", "id": 1, "method": 7}', b'{"jsonrpc": "2.0", "id": {}, "method": "tools/list"}',
    b'[{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}]', b'{"a": ' * 5000, b"9" * 10_000, b"\x00" * 1000,
    b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"cursor": "\\ud800"}}',
    b'{"jsonrpc": "2.0", "id": 1, "method": "nothing/such", "params": []}',
]  # fmt: skip


@pytest.mark.parametrize("path", ["/mcp", "/mcp/", "/messages/", "/messages/?session_id=x", "/nothing"])
def test_garbage_is_refused(served: Served, path: str) -> None:
    with served.http() as http:
        for garbage in GARBAGE:
            for headers in (JSON, MODERN):
                answer = http.post(path, content=garbage, headers=headers)
                assert 400 <= answer.status_code < 500, (garbage[:50], answer.text)


def test_garbage_inside_sessions_is_refused(served: Served) -> None:
    with served.http() as http, closing(connect(served)) as stream:
        opened = http.post("/mcp", json=initialize(), headers=JSON)
        session = {**JSON, "Mcp-Session-Id": opened.headers["mcp-session-id"]}
        stream.sendall(head(served, "GET /sse HTTP/1.1"))
        said = b""
        while b"session_id=" not in said:
            said += stream.recv(1000)
        place = said.partition(b"data: ")[2].split()[0].decode()
        for garbage in GARBAGE:
            answer = http.post("/mcp", content=garbage, headers=session)
            if b"tools/list" not in garbage and b"nothing/such" not in garbage:
                assert answer.status_code == 400, (garbage[:50], answer.text)
            answer = http.post(place, content=garbage, headers=JSON)
            if b"tools/list" not in garbage and b"nothing/such" not in garbage:
                assert answer.status_code == 400, (garbage[:50], answer.text)
        assert http.post(place, content=json.dumps(initialize()), headers=JSON).status_code == 202


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("HEAD", "/health", 200), ("POST", "/health", 405), ("OPTIONS", "/health", 405),
     ("HEAD", "/sse", 405), ("POST", "/sse", 405), ("OPTIONS", "/sse", 405), ("DELETE", "/sse", 405),
     ("GET", "/messages/", 405), ("HEAD", "/messages/", 405), ("OPTIONS", "/messages/", 405),
     ("PUT", "/mcp", 405), ("OPTIONS", "/mcp", 405), ("HEAD", "/mcp", 405), ("TRACE", "/mcp", 405),
     ("GET", "/mcp", 400), ("DELETE", "/mcp", 400), ("GET", "/", 404), ("GET", "/.env", 404), ("GET", "/sse/", 404),
     ("GET", "/..%2f..%2fetc%2fpasswd", 404), ("GET", "/http.token", 404), ("BREW", "/nothing", 400)],
)  # fmt: skip
def test_methods_and_paths(served: Served, method: str, path: str, status: int) -> None:
    with served.http() as http:
        answer = http.request(method, path, headers={**JSON, "Origin": "http://localhost:3000"})
    assert answer.status_code == status, answer.text
    assert not any(name.startswith("access-control-") for name in answer.headers)


def test_a_method_that_a_path_does_not_take_is_refused_with_those_that_it_takes(served: Served) -> None:
    with served.http() as http:
        answer = http.post("/health", json={})
    assert answer.json()["remedy"] == f"Use {answer.headers['allow']}"


def test_sessions_that_are_none(served: Served) -> None:
    with served.http() as http:
        for session in ("x", "0" * 32, "ü".encode().hex(), "a" * 5000):
            known = {**JSON, "Mcp-Session-Id": session}
            assert http.post("/mcp", json=initialize(), headers=known).status_code == 404
            assert http.post(f"/messages/?session_id={session}", json=initialize()).status_code in (400, 404)


def test_a_session_alone_opens_nothing(served: Served) -> None:
    with served.http() as http:
        session = http.post("/mcp", json=initialize(), headers=JSON).headers["mcp-session-id"]
        del http.headers["Authorization"]
        assert http.post("/mcp", json=initialize(), headers={**JSON, "Mcp-Session-Id": session}).status_code == 401


def test_the_checks_stand_before_all_of_it(served: Served) -> None:
    with served.http() as http:
        assert http.get("/sse", headers={"Host": "evil.example"}).status_code == 421
        assert http.get("/sse", headers={"Origin": "null"}).status_code == 403
        assert http.post("/mcp", content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415
        assert http.get("/sse", headers={"Authorization": "Bearer no"}).status_code == 401
        assert http.get(f"/sse?token={served.token}", headers={"Authorization": ""}).status_code == 401


def test_a_body_beyond_the_limit_is_not_read(served: Served) -> None:
    with closing(connect(served)) as connection:
        length = str(10**12)
        connection.sendall(head(served, "POST /mcp HTTP/1.1", Content_Type="application/json", Content_Length=length))
        assert b"413 " in connection.recv(4000)


def test_a_body_in_chunks_beyond_the_limit_is_refused(served: Served) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(80):
            yield b" " * (1 << 20)

    with served.http() as http:
        answer = http.post("/mcp", content=endless(), headers=JSON)
    assert answer.status_code == 413
    assert "the limit is" in answer.json()["detail"]


@pytest.mark.parametrize(
    "request_line",
    ["POST /mcp HTTP/1.1", "POST /messages/ HTTP/1.1", "PUT /nothing HTTP/1.1"],
)
def test_a_client_that_vanishes_in_its_body(served: Served, request_line: str) -> None:
    for leave in (reset, socket.socket.close):
        connection = connect(served)
        connection.sendall(
            head(served, request_line, Content_Type="application/json", Content_Length="1000") + b'{"jsonrpc"'
        )
        leave(connection)


def test_a_client_that_vanishes_in_its_head(served: Served) -> None:
    for part in (
        b"",
        b"POST /m",
        b"POST /mcp HTTP/1.1\r\nHost: loc",
        b"\x16\x03\x01\x02\x00",
        b"PRI * HTTP/2.0\r\n\r\n",
    ):
        connection = connect(served)
        connection.sendall(part)
        reset(connection)


def test_a_client_that_vanishes_in_mid_call(served: Served) -> None:
    """In both eras; what it asked for may be done or not, but is done whole."""
    many = [{"content": f"of a client that is gone {number}"} for number in range(2000)]
    headers, body = modern_call("memory_add", items=many)
    legacy = {**body, "params": {"name": "memory_add", "arguments": {"items": many}}}
    with served.http() as http:
        session = http.post("/mcp", json=initialize(), headers=JSON).headers["mcp-session-id"]
    for given, sent in ((headers, body), ({**JSON, "Mcp-Session-Id": session}, legacy)):
        content = json.dumps(sent).encode()
        connection = connect(served)
        named = {name.replace("-", "_"): value for name, value in given.items()}
        length = str(len(content))
        connection.sendall(head(served, "POST /mcp HTTP/1.1", Content_Length=length, **named) + content)
        time.sleep(0.1)
        reset(connection)


def test_a_client_that_vanishes_from_its_stream(served: Served) -> None:
    with served.http() as http:
        session = http.post("/mcp", json=initialize(), headers=JSON).headers["mcp-session-id"]
    for asked in (
        head(served, "GET /sse HTTP/1.1"),
        head(served, "GET /mcp HTTP/1.1", Accept="text/event-stream", Mcp_Session_Id=session),
    ):
        connection = connect(served)
        connection.sendall(asked)
        assert b"200 OK" in connection.recv(1000)
        reset(connection)


def test_a_client_that_leaves_before_its_answer_over_sse(served: Served) -> None:
    stream = connect(served)
    stream.sendall(head(served, "GET /sse HTTP/1.1"))
    said = b""
    while b"session_id=" not in said:
        said += stream.recv(1000)
    place = said.partition(b"data: ")[2].split()[0].decode()
    many = [{"content": f"of another that is gone {number}"} for number in range(2000)]
    call = {
        "jsonrpc": "2.0",
        "id": 2,
        "method": "tools/call",
        "params": {"name": "memory_add", "arguments": {"items": many}},
    }
    with served.http() as http:
        assert http.post(place, json=initialize()).status_code == 202
        assert http.post(place, json={"jsonrpc": "2.0", "method": "notifications/initialized"}).status_code == 202
        assert http.post(place, json=call).status_code == 202
        reset(stream)
        assert http.post(place, json=call).status_code in (202, 404)
    time.sleep(0.1)


def test_a_lone_surrogate_is_an_answer(served: Served) -> None:
    headers, body = modern_call("memory_add", content="x")
    with served.http() as http:
        sent = json.dumps(body).replace('"x"', '"\\ud800"')
        answer = http.post("/mcp", content=sent, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["result"]["isError"], answer.text


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (b"GET /", b"a" * 1000),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"a" * 1000),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X: a\r\n" * 200),
        (b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"a" * 1000),
        (b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: a\r\n" * 200),
    ],
)  # fmt: skip
def test_a_head_without_an_end_is_given_up(served: Served, first: bytes, more: bytes) -> None:
    with closing(connect(served)) as stream:
        stream.sendall(first)
        sent = 0
        with pytest.raises(OSError):
            while sent < 20_000_000:
                stream.sendall(more)
                sent += len(more)
        assert sent < 10_000_000
