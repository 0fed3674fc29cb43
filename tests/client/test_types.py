"""What type checkers see of a method: the signature of its request, and whether its result is awaited."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, assert_type

from memoryops.client import AsyncMemoryOpsClient, MemoryOpsClient
from memoryops.client.models import Added, Found, Hit, Task, TaskPage


def blocking(client: MemoryOpsClient) -> None:
    assert_type(client.add("a text", tags=["db"], priority=8), Added)
    assert_type(client.search("which database", limit=3), Found)
    assert_type(client.search.each("which database"), Iterator[Hit])
    assert_type(client.tasks.list(status=["open"]), TaskPage)
    assert_type(client.raw("id"), str)
    client.add(7)  # type: ignore[arg-type]  # a text is wanted
    client.add("a text", prioritaet=8)  # type: ignore[call-arg]  # no such argument
    client.tasks.update("id", status="finished")  # type: ignore[arg-type]  # no such status


async def awaiting(client: AsyncMemoryOpsClient) -> None:
    started: Coroutine[Any, Any, Added] = client.add("a text")
    assert_type(await started, Added)
    assert_type(await client.tasks.claim("id", agent="me"), Task)
    assert_type(client.tasks.list.each(), AsyncIterator[Task])
    async for task in client.tasks.list.each(status=["open"]):
        assert_type(task, Task)
