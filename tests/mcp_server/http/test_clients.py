"""The SDK's own clients, over both transports and in both eras of the protocol."""

import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import CallToolResult
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

Served = Any
Serve = Callable[..., Any]

WAYS = [("http", "auto"), ("http", "2026-07-28"), ("http", "legacy"), ("sse", "auto"), ("sse", "legacy")]


def content(result: CallToolResult) -> dict[str, Any]:
    assert not result.is_error, result.content
    assert isinstance(result.structured_content, dict)
    return result.structured_content


async def add(client: Client, text: str) -> str:
    return str(content(await client.call_tool("memory_add", {"content": text}))["results"][0]["id"])


async def found(client: Client, query: str) -> list[str]:
    return [hit["content"] for hit in content(await client.call_tool("memory_search", {"query": query}))["hits"]]


@pytest.mark.parametrize(("transport", "mode"), WAYS)
def test_a_client_adds_finds_and_reads(served: Served, transport: str, mode: str) -> None:
    text = f"Die Fähre fährt um 6:25 ({transport}, {mode}).\r\n"

    async def talk() -> None:
        async with served.client(transport, mode) as client:
            known = HANDSHAKE_PROTOCOL_VERSIONS if mode == "legacy" else MODERN_PROTOCOL_VERSIONS
            assert client.protocol_version in known
            assert "memory_search" in [tool.name for tool in (await client.list_tools()).tools]
            id = await add(client, text)
            assert text.strip() in await found(client, "Wann fährt die Fähre?")
            assert content(await client.call_tool("memory_retrieve", {"id": id}))["content"] == text

    anyio.run(talk)


@pytest.mark.parametrize(("transport", "mode"), WAYS)
def test_progress_comes_while_a_call_runs(served: Served, transport: str, mode: str) -> None:
    heard: list[float] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        heard.append(done)

    async def talk() -> None:
        async with served.client(transport, mode) as client:
            items = [{"content": f"{transport} {mode} {number}"} for number in range(300)]
            content(await client.call_tool("memory_add", {"items": items}, progress_callback=progress))

    anyio.run(talk)
    assert heard
    assert heard == sorted(heard)


@pytest.mark.parametrize(("transport", "mode"), WAYS)
def test_a_failure_is_an_answer(served: Served, transport: str, mode: str) -> None:
    async def talk() -> None:
        async with served.client(transport, mode) as client:
            result = await client.call_tool("memory_retrieve", {"id": "nobody"})
            assert result.is_error
            assert "nobody" in str(result.content)
            assert await add(client, "and the connection lives on")

    anyio.run(talk)


def test_the_largest_text_passes_however_json_writes_it(served: Served) -> None:
    text = "\x1b" * (10 * 1024 * 1024 - 1) + "."  # six bytes each in JSON

    async def talk() -> None:
        async with served.client() as client:
            id = await add(client, text)
            page = content(await client.call_tool("memory_retrieve", {"id": id, "offset": len(text) - 3}))
            assert page["content"] == "\x1b\x1b."

    anyio.run(talk)


def test_all_servers_on_one_folder_see_each_others_writes_at_once(serve: Serve) -> None:
    async def talk(first: Served, second: Served) -> None:
        env = {**os.environ, "MEMORYOPS_DATA_DIR": str(first.folder), "MEMORYOPS_ENCODER": "hashing:64"}
        stdio = StdioServerParameters(command=sys.executable, args=["-P", "-m", "memoryops.mcp_server.server"], env=env)
        async with (
            Client(stdio, read_timeout_seconds=60) as one,
            Client(stdio, read_timeout_seconds=60) as two,
            first.client("http") as three,
            first.client("sse", "legacy") as four,
            second.client("http", "legacy") as five,
        ):
            clients = [one, two, three, four, five]
            for number, writer in enumerate(clients):
                await add(writer, f"written by client {number}")
                for reader in clients:
                    assert f"written by client {number}" in await found(reader, f"client {number}")

    with serve() as first, serve() as second:
        assert first.port != second.port
        assert first.token == second.token
        anyio.run(talk, first, second)


def test_many_connections_wait_and_none_keeps_another_from_working(served: Served) -> None:
    """More than the forty threads that anyio gives: open streams, half-sent bodies, and calls at the same time."""
    common = f"Host: localhost:{served.port}\r\nAuthorization: Bearer {served.token}\r\n"
    slow = f"POST /mcp HTTP/1.1\r\n{common}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{"
    stream = f"GET /sse HTTP/1.1\r\n{common}\r\n"

    async def talk() -> None:
        async with served.client() as client:
            async with anyio.create_task_group() as calls:
                for number in range(60):
                    calls.start_soon(add, client, f"beside many connections {number}")
            assert await found(client, "beside many connections")

    with ExitStack() as open_ones:
        for head in (slow, stream) * 60:
            connection = open_ones.enter_context(socket.create_connection(("127.0.0.1", served.port), timeout=60))
            connection.sendall(head.encode())
            if head is stream:
                assert b"200 OK" in connection.recv(1000)
        anyio.run(talk)


async def questions(person: Client) -> AsyncIterator[str]:
    """The ids of all that wait for an answer."""
    arguments: dict[str, Any] = {"status": "pending", "limit": 100}
    while "cursor" not in arguments or arguments["cursor"] is not None:
        page = content(await person.call_tool("hil_list", arguments))
        for each in page["requests"]:
            yield each["id"]
        arguments["cursor"] = page.get("next_cursor")


def test_sixty_clients_that_wait_for_a_person_keep_nobody_from_searching(serve: Serve) -> None:
    """More than the forty threads that anyio gives; the person answers through another server."""
    asked = [f"May I go on with part {number}?" for number in range(60)]
    answers: list[str] = []

    async def ask(client: Client, question: str) -> None:
        result = await client.call_tool("hil_request", {"question": question, "wait": 45})
        answers.append(content(result)["answer"])

    async def talk(agents: Served, persons: Served) -> None:
        async with agents.client() as waiting, agents.client("sse") as other, persons.client() as person:
            await add(other, "A search beside them")
            async with anyio.create_task_group() as group:
                for question in asked:
                    group.start_soon(ask, waiting, question)
                pending: list[str] = []
                while len(pending) < len(asked):
                    assert "A search beside them" in await found(other, "search beside them")
                    pending = [id async for id in questions(person)]
                assert not answers
                for id in pending:
                    content(await person.call_tool("hil_answer", {"id": id, "answer": f"yes to {id}"}))

    with serve() as agents, serve("--human") as persons:
        anyio.run(talk, agents, persons)
    assert len(set(answers)) == len(asked)
