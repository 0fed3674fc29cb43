"""The store as a whole: what it can do, what it says of itself, purge and close."""

from collections.abc import Callable

import pytest

from memoryops.stores.errors import StoreUnavailable, Unsupported
from memoryops.stores.ports import Delete, PointStore, Put


def test_info_counts_what_is_there(store: PointStore, workspace: str) -> None:
    before = store.info()
    puts = [
        Put("records", "r", {}),
        Put("memory", "p", {}, "x"),
        Put("memory", "q", {}, "y"),
        Put("records", "s", {}, unique="u"),
    ]
    written = store.write(workspace, puts)
    written = store.write(workspace, [Delete("memory", "q"), Put("records", "r", {})])
    after = store.info()
    assert (after.passages - before.passages, after.records - before.records) == (1, 2)
    assert after.last_seq == written.seq
    assert after.pending_embeddings == 0
    assert (after.dimension, after.fingerprint) == (64, "hashing-v1-64")
    assert after.adapter == store.capabilities.name
    assert after.encoder.startswith("hashing")
    assert after.schema >= 1
    assert after.location


def test_purge_as_the_capabilities_say(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("memory", "a", {}, "secret"), Put("memory", "b", {}, "kept")])
    store.write(workspace, [Delete("memory", "a")])
    if store.capabilities.purge:
        store.purge()
    else:
        with pytest.raises(Unsupported):
            store.purge()
    assert [point.id for point in store.scroll(workspace, "memory").points] == ["b"]
    assert store.write(workspace, [Put("memory", "c", {}, "new")]).revs == {"c": 1}


def test_a_closed_store_says_so(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", "a", {})])
    store.close()
    store.close()
    calls: list[Callable[[], object]] = [
        lambda: store.write(workspace, [Put("records", "b", {})]),
        lambda: store.get(workspace, "records", ["a"]),
        lambda: store.scroll(workspace, "records"),
        lambda: store.count(workspace, "records"),
    ]
    for call in calls:
        with pytest.raises(StoreUnavailable):
            call()
