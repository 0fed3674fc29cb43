"""Who subscribed is told what changed, whoever changed it: both kinds of subscription."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client
from mcp.client.subscriptions import ResourceUpdated
from mcp.shared.exceptions import MCPDeprecationWarning
from mcp_types import ResourceUpdatedNotification

from memoryops.mcp_server.runtime import Runtime
from memoryops.mcp_server.server import build_server
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.memory.settings import Settings
from memoryops.stores.errors import StoreUnavailable

Connect = Callable[..., Client]


def person(ops: MemoryOps) -> MemoryOps:
    return ops.with_scope(replace(ops.scope, role="human"))


def test_a_stream_tells_what_changed(connect: Connect, ops: MemoryOps) -> None:
    asked = ops.hil.request("Deploy?")
    uris = [f"memory://hil/{asked.id}", "memory://hil/pending"]

    async def run() -> set[str]:
        seen: set[str] = set()
        async with connect() as client, client.listen(resource_subscriptions=uris) as events:
            await anyio.to_thread.run_sync(ops.add, "nobody subscribed to this")
            await anyio.to_thread.run_sync(person(ops).hil.answer, asked.id, "yes")
            async for event in events:
                assert isinstance(event, ResourceUpdated)
                seen.add(event.uri)
                if len(seen) == 2:
                    break
        return seen

    assert anyio.run(run) == set(uris)


def test_a_client_of_the_older_protocol_is_told_until_it_unsubscribes(connect: Connect, ops: MemoryOps) -> None:
    item = ops.add("first").id
    uri = f"memory://items/{item}"
    task = ops.tasks.create("t").id
    told: list[str] = []
    came = anyio.Event()

    async def handle(message: Any) -> None:
        nonlocal came
        if isinstance(message, ResourceUpdatedNotification):
            told.append(str(message.params.uri))
            came.set()

    async def run() -> None:
        nonlocal came
        async with connect(mode="legacy", message_handler=handle) as client:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", MCPDeprecationWarning)  # the older protocol is what is tested here
                for wanted in (uri, uri, f"memory://tasks/{task}"):
                    await client.subscribe_resource(wanted)
                await anyio.to_thread.run_sync(lambda: ops.update(item, {"content": "second"}))
                await came.wait()
                await client.unsubscribe_resource(uri)
                came = anyio.Event()
                await anyio.to_thread.run_sync(lambda: ops.update(item, {"content": "third"}))
                await anyio.to_thread.run_sync(lambda: ops.tasks.update(task, status="done"))
                await came.wait()

    anyio.run(run)
    assert told == [uri, f"memory://tasks/{task}"]


def test_the_capability_is_declared(connect: Connect, era: str) -> None:
    async def run() -> None:
        async with connect(mode="legacy" if era == "legacy" else "auto") as client:
            capabilities = client.server_capabilities
            assert capabilities.completions is not None
            assert capabilities.resources is not None
            assert capabilities.resources.subscribe is True

    anyio.run(run)


def test_nothing_is_lost_while_the_store_is_away(ops: MemoryOps) -> None:
    """The watch goes on where it stopped."""
    asked = ops.hil.request("Deploy?")
    away = anyio.Event()
    failures = iter([StoreUnavailable("the owner is gone"), StoreUnavailable("the owner is gone")])

    def open_memory() -> MemoryOps:
        error = next(failures, None)
        if error is not None:
            raise error
        return ops

    async def run() -> None:
        client = Client(build_server(Runtime(open_memory)))
        async with client, client.listen(resource_subscriptions=["memory://hil/pending"]) as events:
            away.set()
            await anyio.to_thread.run_sync(person(ops).hil.answer, asked.id, "yes")
            async for event in events:
                assert event == ResourceUpdated("memory://hil/pending")
                break

    anyio.run(run)
    assert away.is_set()


@pytest.mark.timeout(120)
def test_an_answer_from_another_process_is_told(folder: Path) -> None:
    """Two clients of the owner process: one server that watches, one person that answers."""
    settings = Settings(data_dir=folder, encoder="hashing:64")
    scope = Scope()
    with (
        MemoryOps.open(settings=settings, scope=scope) as ops,
        MemoryOps.open(settings=settings, scope=replace(scope, role="human")) as human,
    ):
        asked = ops.hil.request("Deploy?")

        async def run() -> None:
            client = Client(build_server(Runtime(lambda: ops)))
            async with client, client.listen(resource_subscriptions=[f"memory://hil/{asked.id}"]) as events:
                await anyio.to_thread.run_sync(human.hil.answer, asked.id, "yes")
                async for event in events:
                    assert event == ResourceUpdated(f"memory://hil/{asked.id}")
                    break

        anyio.run(run)
