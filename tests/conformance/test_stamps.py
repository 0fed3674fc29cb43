"""Stamps: a number that tells, for nothing, whether what was read may have changed."""

import pytest

from memoryops.stores.filters import Eq
from memoryops.stores.ports import Delete, DeleteWhere, Patch, PointStore, Put
from memoryops.stores.qdrant import QdrantServerStore


@pytest.fixture(autouse=True)
def _stamped(store: PointStore, workspace: str) -> None:
    if isinstance(store, QdrantServerStore):
        assert store.stamp(workspace) is None
        pytest.skip("a server does not tell for nothing")


def test_each_write_changes_it_before_it_returns(store: PointStore, workspace: str) -> None:
    seen = [store.stamp(workspace)]
    for change in (
        Put("records", "a", {"type": "task"}),
        Put("memory", "p", {}, "x"),
        Patch("records", Eq("type", "task"), {"type": "done"}),
        Delete("records", "a"),
        DeleteWhere("memory", Eq("kind", "none")),
    ):
        store.write(workspace, [change], durable=False)
        seen.append(store.stamp(workspace))
    assert None not in seen and len(set(seen)) == len(seen)


def test_reading_does_not_change_it(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", "a", {})])
    before = store.stamp(workspace)
    store.get(workspace, "records", ["a"])
    store.scroll(workspace, "records")
    store.watch(workspace, 0)
    store.sweep()
    assert store.stamp(workspace) == before
