"""Real stores for the tests of the operations, each test in a workspace of its own."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from memoryops.encoders.hashing import HashingEncoder
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.stores.embedded.client import OwnedStore
from memoryops.stores.embedded.ending import stop_owner
from memoryops.stores.embedded.engine import EmbeddedStore
from memoryops.stores.in_memory import InMemoryStore
from memoryops.stores.ports import PointStore

_numbers = itertools.count(1)

Make = Callable[..., MemoryOps]


class Clock:
    """The time as the test sets it; it begins as it is and goes on only when told."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now

    def goes_on(self, seconds: float) -> None:
        self.now += seconds


@contextmanager
def _opened(kind: str, clock: Callable[[], float] = time.time) -> Iterator[PointStore]:
    if kind == "in_memory":
        yield InMemoryStore(clock=clock)
        return
    folder = Path(tempfile.mkdtemp(prefix="mo-", dir="/tmp" if os.name == "posix" else None))
    store = EmbeddedStore(folder, lambda spec: HashingEncoder(), "hashing:64", clock=clock)
    yield store
    store.close()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module", params=["in_memory", "embedded"])
def store(request: pytest.FixtureRequest) -> Iterator[PointStore]:
    """A store, opened once for the tests of a module."""
    with _opened(request.param) as opened:
        yield opened


@pytest.fixture
def workspace() -> str:
    return f"test {next(_numbers)}"


@pytest.fixture
def make(store: PointStore, workspace: str) -> Make:
    """`make(role="human", thread="t", screening="off")`: the test's workspace seen from such a scope."""

    def build(*, screening: str = "flag", clock: Callable[[], float] = time.time, **scope: Any) -> MemoryOps:
        return MemoryOps(store, Scope(workspace, **scope), screening=screening, clock=clock)

    return build


@pytest.fixture
def ops(make: Make) -> MemoryOps:
    """The test's workspace, seen by an agent."""
    return make()


@pytest.fixture
def person(make: Make) -> MemoryOps:
    """The test's workspace, seen by a person."""
    return make(role="human")


@pytest.fixture
def fresh(store: PointStore) -> Make:
    """Each call gives a workspace that nobody has used: for the examples of a property test."""

    def build(**scope: Any) -> MemoryOps:
        return MemoryOps(store, Scope(f"example {next(_numbers)}", **scope))

    return build


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["in_memory", "embedded"])
def timed(request: pytest.FixtureRequest, clock: Clock, workspace: str) -> Iterator[MemoryOps]:
    """An empty memory of its own whose store and operations both go by *clock*."""
    with _opened(request.param, clock) as opened:
        yield MemoryOps(opened, Scope(workspace), clock=clock)


@pytest.fixture
def owned(data_dir: Path) -> Iterator[Callable[[], OwnedStore]]:
    """Each call gives one more client of the owner of *data_dir*."""
    clients: list[OwnedStore] = []

    def connect() -> OwnedStore:
        clients.append(OwnedStore(data_dir, "hashing:64", patience=5.0))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()
    stop_owner(data_dir)
