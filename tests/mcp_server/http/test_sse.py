"""What can befall a connection of the older transport between two of its steps."""

import json
from typing import Any

import anyio
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import Message

from memoryops import MemoryOps
from memoryops.mcp_server.http.sse import Sse
from memoryops.mcp_server.http.stop import Stop
from memoryops.mcp_server.runtime import Runtime
from memoryops.mcp_server.server import build_server


def scope(method: str, path: str, query: str = "") -> dict[str, Any]:
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    return {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": headers}


def test_a_message_whose_client_leaves_while_it_is_accepted_ends_quietly(ops: MemoryOps) -> None:
    security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    sse = Sse(build_server(Runtime(lambda: ops)), Stop(), security, 10_000)
    ping = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).encode()

    async def talk() -> None:
        left, ended, told = anyio.Event(), anyio.Event(), anyio.Event()
        said: list[Message] = []
        answers: list[Message] = []

        async def leave() -> Message:
            await left.wait()
            return {"type": "http.disconnect"}

        async def hear(message: Message) -> None:
            said.append(message)
            if b"session_id=" in message.get("body", b""):
                told.set()

        async def connect() -> None:
            await sse.stream(scope("GET", "/sse"), leave, hear)
            ended.set()

        async def body() -> Message:
            return {"type": "http.request", "body": ping, "more_body": False}

        async def accept_late(message: Message) -> None:
            answers.append(message)
            left.set()
            await ended.wait()

        async with anyio.create_task_group() as group:
            group.start_soon(connect)
            await told.wait()
            address = b"".join(each.get("body", b"") for each in said).decode()
            session = address.partition("session_id=")[2].split()[0]
            await sse.messages(scope("POST", "/messages/", f"session_id={session}"), body, accept_late)
        assert answers[0]["status"] == 202

    anyio.run(talk)
