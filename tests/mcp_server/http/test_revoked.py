"""An event stream that is open when its key ends is ended, whole, within a second."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import httpx2
import pytest
from mcp.client.subscriptions import SubscriptionLost

from memoryops.memory.keys import NewKey
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.memory.settings import Settings

from .conftest import Served

PATIENCE = 5.0
"""Seconds; a second and what a busy machine takes besides."""


@pytest.fixture
def admin(served: Served) -> Iterator[MemoryOps]:
    """The server's folder, opened by this process."""
    settings = Settings(data_dir=served.folder, encoder="hashing:64")
    with MemoryOps.open(settings=settings, scope=Scope(role="admin")) as ops:
        yield ops


async def sse(served: Served, key: str, opened: anyio.Event) -> None:
    await _read(served, key, "/sse", {}, opened)


async def session(served: Served, key: str, opened: anyio.Event) -> None:
    info = {"name": "test", "version": "1"}
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})
    headers = {**_accept(key), "Content-Type": "application/json"}
    async with httpx2.AsyncClient(base_url=served.base, timeout=60) as http:
        id = (await http.post("/mcp", content=body, headers=headers)).headers["mcp-session-id"]
    await _read(served, key, "/mcp", {"Mcp-Session-Id": id}, opened)


async def listen(served: Served, key: str, opened: anyio.Event) -> None:
    """A subscription of the newer protocol: the answer to a POST that does not end."""
    async with (
        replace(served, token=key).client("http", "2026-07-28") as client,
        client.listen(resource_subscriptions=["memory://state"]) as events,
    ):
        opened.set()
        with suppress(SubscriptionLost):  # the client may listen anew, and hears then that its key is over
            async for _ in events:
                pass


async def _read(served: Served, key: str, path: str, more: dict[str, str], opened: anyio.Event) -> None:
    async with (
        httpx2.AsyncClient(base_url=served.base, timeout=60) as http,
        http.stream("GET", path, headers={**_accept(key), **more}) as stream,
    ):
        assert stream.status_code == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
        opened.set()
        async for _ in stream.aiter_bytes():
            pass


def _accept(key: str) -> dict[str, str]:
    return {"X-API-Key": key, "Accept": "application/json, text/event-stream"}


STREAMS = pytest.mark.parametrize("stream", [sse, session, listen], ids=lambda each: str(each.__name__))
Stream = Callable[..., Any]


def seconds_open(served: Served, key: NewKey, stream: Stream, end: Callable[[], float]) -> float:
    """How long after *end*, which gives the time from which the key is over, a *stream* of *key* was open."""

    async def talk() -> float:
        opened = anyio.Event()
        ended: list[float] = []

        async def follow() -> None:
            await stream(served, key.secret, opened)
            ended.append(time.time())

        with anyio.fail_after(30):
            async with anyio.create_task_group() as group:
                group.start_soon(follow)
                await opened.wait()
                await anyio.sleep(0.3)
                assert not ended, "it was ended too early"
                over = await anyio.to_thread.run_sync(end)
        return ended[0] - over

    return anyio.run(talk)


@STREAMS
def test_a_revoked_key_ends_its_streams(served: Served, admin: MemoryOps, stream: Stream) -> None:
    key = admin.keys.create()

    def revoke() -> float:
        admin.keys.revoke(key.key.id)
        return time.time()

    assert seconds_open(served, key, stream, revoke) < PATIENCE
    assert httpx2.get(f"{served.base}/sse", headers=_accept(key.secret)).status_code == 401


@STREAMS
def test_a_key_that_expires_ends_its_streams(served: Served, admin: MemoryOps, stream: Stream) -> None:
    due = datetime.now(UTC) + timedelta(seconds=2)
    key = admin.keys.create(expires_at=due.isoformat())
    assert seconds_open(served, key, stream, due.timestamp) < PATIENCE


def test_others_streams_stay_open(served: Served, admin: MemoryOps) -> None:
    one, other = admin.keys.create(), admin.keys.create()
    ended: list[str] = []

    async def follow(key: NewKey, opened: anyio.Event) -> None:
        await sse(served, key.secret, opened)
        ended.append(key.key.id)

    async def talk() -> None:
        opened = [anyio.Event(), anyio.Event()]
        with anyio.fail_after(30):
            async with anyio.create_task_group() as group:
                for key, each in zip((one, other), opened, strict=True):
                    group.start_soon(follow, key, each)
                    await each.wait()
                await anyio.to_thread.run_sync(admin.keys.rotate, one.key.id)
                while not ended:
                    await anyio.sleep(0.05)
                await anyio.sleep(0.5)
                group.cancel_scope.cancel()

    anyio.run(talk)
    assert ended == [one.key.id]
