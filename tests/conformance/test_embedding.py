"""The embedding state of an item, and texts too long to be embedded at once."""

import time

from memoryops.stores.embedding import INLINE_CHARS
from memoryops.stores.embedding_jobs import BOUNDS
from memoryops.stores.ports import Delete, PointStore, Put, Query

LONG = "heron " * (2 * INLINE_CHARS // 6) + "lighthouse"


def wait_until_ready(store: PointStore, workspace: str, item: str) -> None:
    deadline = time.monotonic() + 20
    while (state := store.embedding(workspace, item)) != "ready":
        assert state == "pending"
        assert time.monotonic() < deadline, store.info()
        time.sleep(0.02)


def test_none_without_passages(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", "r", {"item": "i"}, "text")])
    assert store.embedding(workspace, "i") == "none"
    assert store.embedding(workspace, "no such item") == "none"
    assert store.embedding(workspace) == "none"
    (point,) = store.get(workspace, "records", ["r"])
    assert point is not None
    assert point.embedding == "none"


def test_short_passages_are_ready_at_once(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("memory", f"p{n}", {"item": "i"}, f"words {n}") for n in range(3)])
    assert store.embedding(workspace, "i") == "ready"
    assert store.embedding(workspace) == "ready"
    assert all(point and point.embedding == "ready" for point in store.get(workspace, "memory", ["p0", "p2"]))
    store.write(workspace, [Delete("memory", f"p{n}") for n in range(3)])
    assert store.embedding(workspace, "i") == "none"


def test_a_long_passage_is_found_by_keyword_at_once_and_by_meaning_when_ready(
    store: PointStore, workspace: str
) -> None:
    written = store.write(
        workspace, [Put("memory", "p", {"item": "i"}, LONG), Put("memory", "q", {"item": "i"}, "short")]
    )
    (hit,) = store.search(workspace, Query("lighthouse", dense=False))
    assert hit.point.text == LONG
    assert hit.sparse
    wait_until_ready(store, workspace, "i")
    dense = {found.point.id: found.dense for found in store.search(workspace, Query("heron", sparse=False))}
    assert dense.keys() == {"p", "q"}
    assert dense["p"] is not None
    assert dense["p"] > 0.5
    (point,) = store.get(workspace, "memory", ["p"])
    assert point is not None
    assert (point.embedding, point.rev, point.seq) == ("ready", 1, written.seq)


def test_a_passage_that_waits_has_no_dense_score(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("memory", f"p{n}", {"item": "i"}, f"{LONG} {n}") for n in range(5)])
    for hit in store.search(workspace, Query("lighthouse")):
        assert hit.sparse
        assert hit.dense is None or hit.dense > 0
    wait_until_ready(store, workspace, "i")
    assert all(hit.dense is not None for hit in store.search(workspace, Query("lighthouse")))


def test_a_passage_rewritten_while_it_waits(store: PointStore, workspace: str) -> None:
    for n in range(5):
        store.write(workspace, [Put("memory", "p", {"item": "i"}, f"{LONG} {n}")])
    store.write(workspace, [Put("memory", "p", {"item": "i"}, "zebra")])
    wait_until_ready(store, workspace, "i")
    time.sleep(0.1)
    (hit,) = store.search(workspace, Query("zebra"))
    assert hit.dense is not None
    assert hit.dense > 0.99


def test_what_embedding_took_is_told(store: PointStore, workspace: str) -> None:
    before = store.info().details["embedding_jobs"]
    store.write(workspace, [Put("memory", f"p{n}", {"item": "i"}, f"words {n}") for n in range(3)])
    store.write(workspace, [Put("memory", "long", {"item": "j"}, LONG)])
    wait_until_ready(store, workspace, "j")
    after = store.info().details["embedding_jobs"]
    assert after["texts"] - before["texts"] >= 4
    assert sum(after["counts"]) - sum(before["counts"]) >= 2
    assert len(after["counts"]) == len(BOUNDS) + 1
    assert after["seconds"] > before["seconds"]
