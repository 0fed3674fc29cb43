"""A service in a process of its own, and clients of it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from memoryops.client import MemoryOpsClient
from memoryops.stores.embedded.ending import stop_owner

from ..mcp_server.gateway.upstream import Upstream, running
from ..mcp_server.http.conftest import Served, serving

PERSON, ADMIN = "a-persons-key", "an-admins-key"


@pytest.fixture(scope="session")
def service() -> Iterator[Served]:
    """One service for the whole run: each test has users or threads of its own."""
    folder = Path(tempfile.mkdtemp(prefix="mo-", dir="/tmp" if os.name == "posix" else None))
    keys = f"human={PERSON},admin={ADMIN}"
    try:
        with serving(folder, MEMORYOPS_API_KEYS=keys, MEMORYOPS_COMPRESSORS="extractive,truncate") as server:
            yield server
    finally:
        stop_owner(folder)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def client(service: Served) -> Iterator[MemoryOpsClient]:
    with MemoryOpsClient(service.base, service.token) as opened:
        yield opened


@pytest.fixture(scope="session")
def scripted_server() -> Iterator[Upstream]:
    with running() as server:
        yield server


@pytest.fixture
def scripted(scripted_server: Upstream) -> Upstream:
    """A server that answers as a test's script says."""
    scripted_server.seen.clear()
    scripted_server.left.clear()
    scripted_server.script = Upstream.obedient
    return scripted_server
