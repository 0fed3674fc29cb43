"""The client library: a service is started as `memoryops serve` starts it, and used from here, also asynchronously."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio

from memoryops.client import AsyncMemoryOpsClient, MemoryOpsClient, errors

SERVE = [sys.executable, "-P", "-m", "memoryops.mcp_server.cli.main", "serve", "--port", "0", "--json"]


@contextmanager
def service() -> Iterator[tuple[str, str]]:
    """A service of this example's own: its URL and token. One that runs anyway needs neither: `MemoryOpsClient()`."""
    with subprocess.Popen(SERVE, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None
        place = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
        yield place["url"].removesuffix("/mcp"), Path(place["token_file"]).read_text(encoding="ascii").strip()
        process.terminate()


async def together(url: str, token: str) -> None:
    """The same, awaited: ten agents reach for one task."""
    async with AsyncMemoryOpsClient(url, token) as memory:
        task = await memory.tasks.create("Grease the rudder", priority=9)
        claims: list[str] = []

        async def claim(agent: str) -> None:
            try:
                await memory.tasks.claim(task.id, agent=agent)
                claims.append(agent)
            except errors.Taken:
                pass

        async with anyio.create_task_group() as group:
            for number in range(10):
                group.start_soon(claim, f"agent {number}")
        print("got it:", len(claims), "of 10")


with service() as (url, token):
    with MemoryOpsClient(url, token) as memory:
        added = memory.add("The ferry to the island leaves at 6:25.", tags=["pier"], idempotency_key="ferry-1")
        again = memory.add("The ferry to the island leaves at 6:25.", tags=["pier"], idempotency_key="ferry-1")
        print("once:", added.id == again.id)
        print("found:", memory.search("When does the ferry leave?", limit=1).hits[0].content)
        memory.add_many([{"content": f"Berth {number} is free."} for number in range(1, 8)])
        print("on all pages:", len(list(memory.search.each("free berth", limit=3))) >= 7)
        try:
            memory.retrieve("nobody")
        except errors.NotFound as error:
            print("refused:", error.kind, error.status)
    anyio.run(together, url, token)
