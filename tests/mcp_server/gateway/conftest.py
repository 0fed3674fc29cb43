"""A gateway in a process of its own, the upstream behind it, and clients before it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from memoryops.stores.embedded.ending import stop_owner

from ..http.conftest import Served, serving
from .upstream import Upstream, running


@pytest.fixture(scope="session")
def upstream_server() -> Iterator[Upstream]:
    with running() as upstream:
        yield upstream


@pytest.fixture
def upstream(upstream_server: Upstream) -> Iterator[Upstream]:
    """The upstream, as if nobody had asked it yet."""
    upstream_server.seen.clear()
    upstream_server.left.clear()
    upstream_server.script = Upstream.obedient
    yield upstream_server
    upstream_server.script = Upstream.obedient


@pytest.fixture(scope="session")
def gateway_server(upstream_server: Upstream) -> Iterator[Served]:
    """One gateway for the whole run: each test has users of its own."""
    folder = Path(tempfile.mkdtemp(prefix="mo-", dir="/tmp" if os.name == "posix" else None))
    try:
        settings = {
            "UPSTREAM_BASE": upstream_server.url,
            "UPSTREAM_API_KEY": "sk-upstream",
            "MEMORYOPS_COMPRESSORS": "extractive,truncate",
            "MEMORYOPS_GATEWAY_PATIENCE": "5",  # machines that run tests are busy
        }
        with serving(folder, **settings) as server:
            yield server
    finally:
        stop_owner(folder)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def gateway(gateway_server: Served, upstream: Upstream) -> Served:
    return gateway_server
