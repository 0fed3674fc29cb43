"""Memories that the graphs of this folder run on, each test in a workspace of its own."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from memoryops.encoders.hashing import HashingEncoder
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.stores.embedded.engine import EmbeddedStore
from memoryops.stores.in_memory import InMemoryStore
from memoryops.stores.ports import PointStore

_numbers = itertools.count(1)


@pytest.fixture(scope="module", params=["in_memory", "embedded"])
def store(request: pytest.FixtureRequest) -> Iterator[PointStore]:
    if request.param == "in_memory":
        yield InMemoryStore()
        return
    folder = Path(tempfile.mkdtemp(prefix="mo-", dir="/tmp" if os.name == "posix" else None))
    store = EmbeddedStore(folder, lambda spec: HashingEncoder(), "hashing:64")
    yield store
    store.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def ops(store: PointStore) -> MemoryOps:
    return MemoryOps(store, Scope(f"test {next(_numbers)}"))


@pytest.fixture
def quick() -> MemoryOps:
    """A memory for tests of the graph alone, where the store makes no difference."""
    return MemoryOps(InMemoryStore(), Scope(f"test {next(_numbers)}"))


@pytest.fixture(params=[False, True], ids=["add_messages", "delta"])
def delta(request: pytest.FixtureRequest) -> bool:
    """Whether the messages of the state are kept as a DeltaChannel."""
    return bool(request.param)
