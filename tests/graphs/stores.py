"""The stores that savers are tested on."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from qdrant_client import QdrantClient

from memoryops.encoders.hashing import HashingEncoder
from memoryops.stores.embedded.client import OwnedStore
from memoryops.stores.embedded.ending import stop_owner
from memoryops.stores.embedded.engine import EmbeddedStore
from memoryops.stores.in_memory import InMemoryStore
from memoryops.stores.ports import PointStore
from memoryops.stores.qdrant import QdrantServerStore

STORES = ("in_memory", "in_process", "owner", "qdrant_local")


@contextmanager
def opened(kind: str, clock: Callable[[], float] = time.time) -> Iterator[PointStore]:
    """A store of *kind*, empty; that of an owner process goes by that process's clock."""
    if kind == "in_memory":
        yield InMemoryStore(clock=clock)
    elif kind == "qdrant_local":
        client = QdrantClient(":memory:")
        server = QdrantServerStore(client, encoder=HashingEncoder(), clock=clock)
        yield server
        server.close()
        client.close()
    else:
        folder = Path(tempfile.mkdtemp(prefix="mo-", dir="/tmp" if os.name == "posix" else None))
        store: PointStore
        if kind == "owner":
            store = OwnedStore(folder, "hashing:64")
        else:
            store = EmbeddedStore(folder, lambda spec: HashingEncoder(), "hashing:64", clock=clock)
        yield store
        store.close()
        stop_owner(folder)
        shutil.rmtree(folder, ignore_errors=True)
