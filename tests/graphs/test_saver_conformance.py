"""LangGraph's own suite for savers, on every store and with every serializer."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import ALL_CAPABILITIES, DetectedCapabilities
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from memoryops.graphs import QdrantSaver
from memoryops.graphs.heads import Mode
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.stores.ports import PointStore

from .serdes import encrypted
from .stores import STORES, opened

TESTS = {
    "put": 17,
    "put_writes": 10,
    "get_tuple": 10,
    "list": 16,
    "delete_thread": 5,
    "delete_for_runs": 7,
    "copy_thread": 8,
    "prune": 8,
}
"""How many tests the suite has for each capability: 58 for the base, 23 for the rest."""
SERDES: dict[str, Callable[[], SerializerProtocol]] = {
    "plain": JsonPlusSerializer,
    "encrypted": encrypted,
    "strict": lambda: JsonPlusSerializer(allowed_msgpack_modules=None),
    "encrypted and strict": lambda: encrypted(JsonPlusSerializer(allowed_msgpack_modules=None)),
}
_numbers = itertools.count(1)


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[PointStore]:
    with opened(request.param) as found:
        yield found


@pytest.mark.parametrize("serde", SERDES)
def test_every_capability_is_detected_and_conforms(store: PointStore, serde: str) -> None:
    conforms(store, serde=SERDES[serde]())


@pytest.mark.parametrize("compaction", ["plan", "rewrite"])
def test_with_compaction_too(compaction: Mode) -> None:
    with opened("in_memory") as store:
        conforms(store, compaction=compaction, max_tokens=20)


def conforms(store: PointStore, **settings: Any) -> None:
    @checkpointer_test(name="QdrantSaver")
    async def registered() -> AsyncGenerator[BaseCheckpointSaver[Any], None]:
        yield QdrantSaver(MemoryOps(store, Scope(f"conformance {next(_numbers)}")), **settings)

    report = asyncio.run(validate(registered))
    failures = {name: result.failures for name, result in report.results.items() if result.failures}
    assert not failures
    assert {name: result.tests_passed for name, result in report.results.items()} == TESTS


def test_all_capabilities_there_are_are_detected() -> None:
    with opened("in_memory") as store:
        saver = QdrantSaver(MemoryOps(store))
        assert DetectedCapabilities.from_instance(saver).detected == ALL_CAPABILITIES
