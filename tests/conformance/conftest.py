"""Every test of this folder runs against every adapter, each in a workspace of its own."""

import itertools
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from qdrant_client import QdrantClient

from memoryops.encoders.hashing import HashingEncoder
from memoryops.stores.embedded.client import OwnedStore
from memoryops.stores.embedded.ending import stop_owner
from memoryops.stores.embedded.engine import EmbeddedStore
from memoryops.stores.in_memory import InMemoryStore
from memoryops.stores.ports import PointStore
from memoryops.stores.qdrant import QdrantServerStore

SERVER = os.environ.get("MEMORYOPS_TEST_QDRANT_URL", "")
_numbers = itertools.count(1)


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="mo-", dir="/tmp" if os.name == "posix" else None))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _in_memory() -> Iterator[PointStore]:
    yield InMemoryStore()


@contextmanager
def _embedded() -> Iterator[PointStore]:
    with _folder() as folder:
        store = EmbeddedStore(folder, lambda spec: HashingEncoder(), "hashing:64")
        yield store
        store.close()


@contextmanager
def _owner() -> Iterator[PointStore]:
    with _folder() as folder:
        store = OwnedStore(folder, "hashing:64")
        yield store
        store.close()
        stop_owner(folder)


@contextmanager
def _qdrant_local() -> Iterator[PointStore]:
    client = QdrantClient(":memory:")
    store = QdrantServerStore(client, encoder=HashingEncoder())
    yield store
    store.close()
    client.close()


@contextmanager
def _qdrant_server() -> Iterator[PointStore]:
    prefix = f"test_{uuid.uuid4().hex}"
    key = os.environ.get("MEMORYOPS_TEST_QDRANT_API_KEY")
    store = QdrantServerStore(url=SERVER, api_key=key, encoder=HashingEncoder(), prefix=prefix)
    yield store
    store.close()
    client = QdrantClient(SERVER, api_key=key)
    client.delete_collection(f"{prefix}_memory")
    client.delete_collection(f"{prefix}_records")


ADAPTERS = {
    "in_memory": _in_memory,
    "embedded": _embedded,
    "owner": _owner,
    "qdrant_local": _qdrant_local,
    "qdrant_server": _qdrant_server,
}
NEEDS_SERVER = pytest.mark.skipif(not SERVER, reason="MEMORYOPS_TEST_QDRANT_URL names no server")


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=[NEEDS_SERVER] if name == "qdrant_server" else []) for name in ADAPTERS],
)
def store(request: pytest.FixtureRequest) -> Iterator[PointStore]:
    """One adapter, opened once for the tests of a module."""
    with ADAPTERS[request.param]() as opened:
        yield opened


@pytest.fixture
def workspace() -> str:
    """A workspace that no other test uses."""
    return f"workspace {next(_numbers)}"
