"""How a server stops: calls in flight are answered, streams are ended, and the status says how it went."""

import json
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from memoryops.mcp_server.http.access import Access, Gate
from memoryops.mcp_server.http.stop import Stop, Stoppable

Served = Any
Serve = Callable[..., Any]

posix = pytest.mark.skipif(os.name != "posix", reason="there are no such signals here")
HEADERS = [(b"host", b"localhost"), (b"content-type", b"application/json")]
MANY = {"items": [{"content": f"memory number {number} of a call in flight"} for number in range(3000)]}


@posix
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_the_status_tells_the_signal(serve: Serve, number: int, status: int) -> None:
    with serve() as server:
        assert server.stop(number) == status
        assert "Traceback" not in server.said


def ends_cleanly(serve: Serve, talk: Callable[[Served], Awaitable[None]]) -> None:
    """Start a server, *talk* to it until it has ended, and see that it ended without an error."""
    with serve() as server:
        anyio.run(talk, server)
        assert server.process.returncode == 0
        assert "Traceback" not in server.said
        assert " ERROR " not in server.said


@posix
@pytest.mark.parametrize(
    ("transport", "mode"), [("http", "auto"), ("http", "legacy"), ("sse", "auto"), ("sse", "legacy")]
)
def test_a_call_in_flight_is_answered(serve: Serve, transport: str, mode: str) -> None:
    outcome: list[Any] = []

    async def talk(server: Served) -> None:
        begun = anyio.Event()

        async def begin(progress: float, total: float | None, message: str | None) -> None:
            begun.set()

        async def add(client: Client) -> None:
            outcome.append(await client.call_tool("memory_add", MANY, progress_callback=begin))

        with anyio.fail_after(100):
            async with server.client(transport, mode) as client:
                await client.list_tools()  # else the client asks for it to check the result
                async with anyio.create_task_group() as group:
                    group.start_soon(add, client)
                    await begun.wait()
                    server.process.terminate()
                while server.process.poll() is None:
                    await anyio.sleep(0.05)

    ends_cleanly(serve, talk)
    (result,) = outcome
    assert not result.is_error
    assert result.structured_content["added"] == 3000


@posix
def test_open_streams_are_ended(serve: Serve) -> None:
    """Whole: the client sees the end of a response, not a connection that breaks."""

    async def read(server: Served, path: str, headers: dict[str, str], opened: anyio.Event) -> None:
        async with (
            httpx2.AsyncClient(base_url=server.base, headers=server.headers, timeout=60) as http,
            http.stream("GET", path, headers=headers) as stream,
        ):
            assert stream.status_code == 200
            opened.set()
            async for _ in stream.aiter_bytes():
                pass

    async def listen(server: Served, opened: anyio.Event) -> None:
        async with (
            server.client("http", "2026-07-28") as client,
            client.listen(resource_subscriptions=["memory://state"]) as events,
        ):
            opened.set()
            async for _ in events:
                pass

    async def talk(server: Served) -> None:
        async with httpx2.AsyncClient(base_url=server.base, headers=server.headers, timeout=60) as http:
            info = {"name": "test", "version": "1"}
            params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info}
            headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
            body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})
            session = (await http.post("/mcp", content=body, headers=headers)).headers["mcp-session-id"]
        with anyio.fail_after(100):
            async with anyio.create_task_group() as group:
                opened = [anyio.Event() for _ in range(3)]
                group.start_soon(read, server, "/sse", {}, opened[0])
                known = {"Accept": "text/event-stream", "Mcp-Session-Id": session}
                group.start_soon(read, server, "/mcp", known, opened[1])
                group.start_soon(listen, server, opened[2])
                for each in opened:
                    await each.wait()
                server.process.terminate()
            while server.process.poll() is None:
                await anyio.sleep(0.05)

    ends_cleanly(serve, talk)


def stopped(app: ASGIApp, scope: Scope, received: Sequence[Message] = ()) -> list[Message]:
    """What is sent when *app* hears of the end of the server while it waits for a message."""
    messages, sent = list(received), list[Message]()

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        await anyio.sleep_forever()
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    async def run() -> None:
        stop = Stop()
        stop.ask(0.01)
        with anyio.fail_after(60):
            await Stoppable(app, stop)(scope, receive, send)

    anyio.run(run)
    return sent


async def until_gone(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def stream_until_gone(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"event", "more_body": True})
    await until_gone(scope, receive, send)


POST: Scope = {"type": "http", "method": "POST", "path": "/mcp", "headers": []}


def test_a_call_that_does_not_end_is_told_so() -> None:
    body: Message = {"type": "http.request", "body": b"{}", "more_body": False}
    start, end = stopped(until_gone, POST, [body])
    assert start["status"] == 503
    assert b"the server is stopping" in end["body"]


def test_a_response_that_does_not_end_is_completed() -> None:
    *_, event, end = stopped(stream_until_gone, POST)
    assert event["body"] == b"event"
    assert end == {"type": "http.response.body", "body": b"", "more_body": False}


def test_a_body_that_never_comes_holds_nothing_up() -> None:
    start, _ = stopped(Gate(until_gone, Access(None)), {**POST, "headers": HEADERS})
    assert start["status"] == 503


def test_a_second_one_on_the_port_says_so(serve: Serve, cli: Callable[..., Any]) -> None:
    with serve() as server:
        ran = cli("serve", "--port", str(server.port))
    assert ran.status == 1
    assert f"port {server.port} of 127.0.0.1: it is in use; give another with --port" in ran.err


def test_where_it_is_and_how_to_attach_is_told(serve: Serve) -> None:
    with serve() as server:
        assert f"{server.base}/mcp" in server.said
        assert f"{server.base}/sse" in server.said
        assert str(server.folder / "http.token") in server.said
        assert server.token not in server.said
        assert "claude mcp add --transport http memoryops" in server.said


def test_on_every_address_it_goes_by_its_name(serve: Serve) -> None:
    with serve(
        "--host", "0.0.0.0", "--allow-host", "memory.example.org", MEMORYOPS_API_KEYS="a-key-of-its-own"
    ) as server:
        assert "http://memory.example.org:" in server.base
        assert "plain HTTP" in server.said
        known = {**server.headers, "Host": "memory.example.org"}
        assert httpx2.get(f"http://127.0.0.1:{server.port}/sse/", headers=known).status_code == 404
        assert httpx2.get(f"http://127.0.0.1:{server.port}/health").status_code == 200


def test_a_person_has_another_token_and_more_tools(serve: Serve) -> None:
    async def tools(server: Served) -> set[str]:
        async with server.client() as client:
            return {tool.name for tool in (await client.list_tools()).tools}

    with serve() as agents, serve("--human") as persons:
        assert agents.token != persons.token
        assert httpx2.get(f"{persons.base}/mcp", headers=agents.headers).status_code == 401
        assert anyio.run(tools, persons) - anyio.run(tools, agents) >= {"hil_answer", "quarantine_review"}


def test_without_a_token_it_makes_none_and_says_what_that_means(serve: Serve) -> None:
    async def tools(server: Served) -> int:
        async with server.client() as client:
            return len((await client.list_tools()).tools)

    with serve("--no-auth", "--profile", "core") as server:
        assert server.token == ""
        assert anyio.run(tools, server) == 8
        assert not list(server.folder.glob("*.token"))
        assert "every user of this machine" in server.said
