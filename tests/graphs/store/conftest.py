"""Every test of this folder that asks for `store` runs over LangGraph's own stores and over ours on each adapter."""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langgraph.store.base import BaseStore, IndexConfig
from langgraph.store.memory import InMemoryStore as OfficialMemory
from langgraph.store.sqlite import SqliteStore as OfficialSqlite
from qdrant_client import QdrantClient

from memoryops.encoders.hashing import HashingEncoder
from memoryops.graphs import QdrantStore
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.stores.embedded.engine import EmbeddedStore
from memoryops.stores.in_memory import InMemoryStore
from memoryops.stores.ports import PointStore
from memoryops.stores.qdrant import QdrantServerStore

_numbers = itertools.count(1)

OURS = ("fake", "embedded", "qdrant_local")
OFFICIAL = ("official_memory", "official_sqlite")
Make = Callable[..., QdrantStore]


class OurEncoder(Embeddings):
    """The encoder that our stores have here, for LangGraph's own."""

    def __init__(self) -> None:
        self.encoder = HashingEncoder()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [list(map(float, vector)) for vector in self.encoder.embed(texts)]

    def embed_query(self, text: str) -> list[float]:
        return list(map(float, self.encoder.embed_query(text)))


@contextmanager
def _points(kind: str) -> Iterator[PointStore]:
    if kind == "fake":
        yield InMemoryStore()
    elif kind == "embedded":
        folder = Path(tempfile.mkdtemp(prefix="mo-"))
        store = EmbeddedStore(folder, lambda spec: HashingEncoder(), "hashing:64")
        yield store
        store.close()
        shutil.rmtree(folder, ignore_errors=True)
    else:
        client = QdrantClient(":memory:")
        server = QdrantServerStore(client, encoder=HashingEncoder())
        yield server
        server.close()
        client.close()


@pytest.fixture(scope="session")
def adapters() -> Iterator[Callable[[str], PointStore]]:
    """Our adapters by name, each opened once."""
    opened: dict[str, PointStore] = {}
    with ExitStack() as stack:

        def get(kind: str) -> PointStore:
            if kind not in opened:
                opened[kind] = stack.enter_context(_points(kind))
            return opened[kind]

        yield get


@contextmanager
def _official(kind: str, fields: list[str]) -> Iterator[BaseStore]:
    if kind == "official_memory":
        index: IndexConfig = {"dims": 64, "embed": OurEncoder(), "fields": fields}
        yield OfficialMemory(index=index)
        return
    with OfficialSqlite.from_conn_string(":memory:") as store:  # Python may be built without its vectors' extension
        store.setup()
        yield store


@pytest.fixture(params=[*OFFICIAL, *OURS])
def store(request: pytest.FixtureRequest, adapters: Callable[[str], PointStore]) -> Iterator[BaseStore]:
    """An empty store that searches the field `text` of its values, with the same encoder everywhere."""
    fields = ["text"]
    if request.param in OFFICIAL:
        with _official(request.param, fields) as official:
            yield official
        return
    ops = MemoryOps(adapters(request.param), Scope(f"store {next(_numbers)}"))
    yield QdrantStore(ops, index={"fields": fields})


@pytest.fixture(params=OURS)
def make(request: pytest.FixtureRequest, adapters: Callable[[str], PointStore]) -> Make:
    """`make(index=…, ttl=…, user="anna")`: a store of ours in the test's own workspace."""
    workspace = f"store {next(_numbers)}"

    def build(workspace: str = workspace, index: Any = None, ttl: Any = None, **scope: Any) -> QdrantStore:
        return QdrantStore(MemoryOps(adapters(request.param), Scope(workspace, **scope)), index=index, ttl=ttl)

    return build


@pytest.fixture
def ours(make: Make) -> QdrantStore:
    """An empty store of ours as it is made by default."""
    return make()
