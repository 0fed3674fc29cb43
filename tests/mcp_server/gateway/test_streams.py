"""Many streams at once: each comes whole, in order, byte for byte. `benchmarks/gateway.py --streams 200` takes more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import anyio
import httpx2
from starlette.responses import Response, StreamingResponse

from ..http.conftest import Served
from .upstream import DONE, Seen, Upstream, event

CHAT = "/v1/chat/completions"
STREAMS, CHUNKS = 50, 40


def words(name: str) -> list[str]:
    return [f"{name}:{number}" for number in range(CHUNKS)]


def sent(name: str) -> bytes:
    """What the upstream sends for the question *name*."""
    parts = [event({"role": "assistant", "content": ""})]
    parts += [event({"content": word if number == 0 else f" {word}"}) for number, word in enumerate(words(name))]
    return b"".join([*parts, event({}, "stop"), DONE])


def test_streams_at_once_come_whole_and_in_order(gateway: Served, upstream: Upstream) -> None:
    async def chunks(name: str) -> AsyncIterator[bytes]:
        while len(upstream.seen) < STREAMS:  # so that all are open together
            await asyncio.sleep(0.01)
        for line in sent(name).splitlines(keepends=True):
            yield line
            await asyncio.sleep(0.005)

    def script(seen: Seen) -> Response:
        return StreamingResponse(chunks(seen.texts[-1].rpartition("\n")[2]), media_type="text/event-stream")

    upstream.script = script
    came: dict[str, bytes] = {}

    async def follow(http: httpx2.AsyncClient, number: int) -> None:
        name = f"stream-{number}"
        body = {"model": "gpt-4o-mini", "stream": True, "messages": [{"role": "user", "content": name}]}
        if number % 2:
            body["user"] = f"streamer {number}"
        async with http.stream("POST", CHAT, json=body) as reply:
            assert reply.status_code == 200
            came[name] = b"".join([chunk async for chunk in reply.aiter_raw()])

    async def all_at_once() -> None:
        limits = httpx2.Limits(max_connections=None)
        async with (
            httpx2.AsyncClient(base_url=gateway.base, headers=gateway.headers, timeout=120, limits=limits) as http,
            anyio.create_task_group() as group,
        ):
            for number in range(STREAMS):
                group.start_soon(follow, http, number)

    anyio.run(all_at_once)
    assert len(came) == STREAMS
    assert [name for name, data in came.items() if data != sent(name)] == []
