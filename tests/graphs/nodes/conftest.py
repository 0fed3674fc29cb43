"""Real stores, as for the tests of the operations and with a Qdrant server's adapter beside them."""

from collections.abc import Iterator

import pytest

from memoryops.stores.ports import PointStore
from tests.conformance.conftest import ADAPTERS
from tests.memory.conftest import clock, fresh, make, ops, person, timed, workspace

__all__ = ["clock", "fresh", "make", "ops", "person", "store", "timed", "workspace"]


@pytest.fixture(scope="module", params=["in_memory", "embedded", "qdrant_local"])
def store(request: pytest.FixtureRequest) -> Iterator[PointStore]:
    """A store, opened once for the tests of a module."""
    with ADAPTERS[request.param]() as opened:
        yield opened
